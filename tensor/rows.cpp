// # Whole rows at a time
//
// The kernels of rows.h. row_loops.h shares rows among threads; a kernel then works on one row,
// with the vectors of simd.h and the exponentials of functions.h. A row is read several times, from
// the first cache, so that no kernel needs memory beside its result.
//
// Deliberately not here: how an op is recorded for the backward pass (autograd/ops.cpp does it, and
// calls each VJP).
#include "tensor/rows.h"

#include <cmath>

#include "tensor/functions.h"
#include "tensor/loops.h"
#include "tensor/ops.h"
#include "tensor/row_loops.h"

namespace glass {

using std::log, std::sqrt;

namespace {

// The largest number of a row, or 0 in a row of nothing but −∞. A row is shifted by it, so that no
// exponential overflows. A NaN is never the largest; it stays NaN when it is shifted, and then
// makes the row's sum, and so the whole row, NaN. Any shift is right, so intervals are compared by
// their middles, and the shift is a constant (point_near, tensor/decisions.h).
Real shift_of(const Real* x, Index n) {
  const Real result = largest(gather(
      n, repeat(minus_infinity), [](Vec most, Vec v) { return v > most ? v : most; },
      [=](Index i, Index count) { return point_near(load(x + i, count, minus_infinity)); }));
  return result == minus_infinity ? Real(0) : result;
}

// y = exp(x − shift) for a row; `shift` is that of shift_of. Returns the sum of y.
Real exponentials(const Real* x, Index n, Real shift, Real* y) {
  return sum_of(n, [=](Index i, Index count) {
    // At the row's end, the lanes beyond it hold exp(−∞) = 0, which adds nothing.
    const Vec e = exp_of_negative(load(x + i, count, minus_infinity) - shift);
    store(y + i, e, count);
    return e;
  });
}

// v·Φ(v), and its slope Φ(v) + v·φ(v). Far to the left both are 0 and far to the right the slope is
// 1; there Φ(v) and φ(v) are not multiplied by v, since at ±∞ a product of 0 and ∞ would be NaN.
Vec gelu(Vec v, const Normal& at) { return is_far_left(v) ? repeat(Real(-0.0)) : v * at.below; }
Vec gelu_slope(Vec v, const Normal& at) {
  const Vec flat = at.below;
  return is_far(v) ? flat : flat + v * at.density;
}

// y = gelu(x) and its slope for n numbers side by side. Both need Φ(x), which is made once.
void gelu_and_slope(const Real* x, Index n, Real* y, Real* slope) {
  for_vectors(n, [=](Index i, Index count) {
    const Vec v = load(x + i, count, Real(0));
    const Normal at = normal(v);
    store(y + i, gelu(v, at), count);
    store(slope + i, gelu_slope(v, at), count);
  });
}

// A VJP reads g beside x, or beside y: both have one shape.
void expect_alike(std::string_view op, const Tensor& x, const Tensor& g) {
  check<ShapeError>(x.shape() == g.shape(), "{}: both operands must have one shape; got {} and {}",
                    op, x.shape(), g.shape());
}

// 1/x, but 0 for x = 0: so softmax gives all 0 for a row of nothing but −∞.
Real inverse(Real x) { return x == Real(0) ? x : Real(1) / x; }

}  // namespace

// ---- softmax ----

Tensor softmax(const Tensor& x, Axis axis) {
  const auto f = [](Real* y, Index n, const Real* in) {
    const Real scale = inverse(exponentials(in, n, shift_of(in, n), y));
    for (Index i = 0; i < n; ++i) y[i] *= scale;
  };
  return map_rows("softmax", axis, f, x);
}

Tensor softmax_backward(const Tensor& y, const Tensor& g, Axis axis) {
  expect_alike("softmax_backward", y, g);
  const auto f = [](Real* dx, Index n, const Real* out, const Real* upstream) {
    // Σ g y, the mean of g with the weights y.
    const Real mean = sum_of(n, [=](Index i, Index count) {
      return load(out + i, count, Real(0)) * load(upstream + i, count, Real(0));
    });
    for (Index i = 0; i < n; ++i) dx[i] = out[i] * (upstream[i] - mean);
  };
  return map_rows("softmax_backward", axis, f, y, g);
}

// yᵢ = (xᵢ − shift) − ln Σⱼ exp(xⱼ − shift), from left to right: shift + ln Σ would round the small
// logarithm away where the shift is large.
Tensor log_softmax(const Tensor& x, Axis axis) {
  const auto f = [](Real* y, Index n, const Real* in) {
    const Real shift = shift_of(in, n), all = exponentials(in, n, shift, y);
    // In a row of nothing but −∞ the sum is 0; without a logarithm the row stays as it is.
    const Real rest = all == Real(0) ? all : log(all);
    for (Index i = 0; i < n; ++i) y[i] = in[i] - shift - rest;
  };
  return map_rows("log_softmax", axis, f, x);
}

Tensor log_softmax_backward(const Tensor& y, const Tensor& g, Axis axis) {
  expect_alike("log_softmax_backward", y, g);
  const auto f = [](Real* dx, Index n, const Real* out, const Real* upstream) {
    // Σ g.
    const Real all =
        sum_of(n, [=](Index i, Index count) { return load(upstream + i, count, Real(0)); });
    for_vectors(n, [=](Index i, Index count) {
      const Vec part = exp_of_negative(load(out + i, count, Real(0))) * all;
      store(dx + i, load(upstream + i, count, Real(0)) - part, count);
    });
  };
  return map_rows("log_softmax_backward", axis, f, y, g);
}

// ---- functions of one number ----

Tensor exp(const Tensor& x) {
  return map_vectors([](Vec v) { return exp(v); }, x);
}

// y = tanh x, and dx = g (1 − y²).
Tensor tanh(const Tensor& x) {
  return map_vectors([](Vec v) { return tanh(v); }, x);
}
Tensor tanh_backward(const Tensor& y, const Tensor& g) {
  expect_alike("tanh_backward", y, g);
  return map_vectors([](Vec v, Vec upstream) { return upstream * (Real(1) - v * v); }, y, g);
}

// With e = exp(−|v|), which cannot overflow: 1/(1 + e) for v ≥ 0, and e/(1 + e) for v < 0.
Tensor sigmoid(const Tensor& x) {
  return map_vectors(
      [](Vec v) {
        const Vec e = exp_of_negative(-magnitude(v));
        return (is_left(v) ? e : repeat(Real(1))) / (Real(1) + e);
      },
      x);
}
Tensor sigmoid_backward(const Tensor& y, const Tensor& g) {
  expect_alike("sigmoid_backward", y, g);
  return map_vectors([](Vec v, Vec upstream) { return upstream * v * (Real(1) - v); }, y, g);
}

Tensor relu(const Tensor& x) {
  return named("relu", [&] { return map_vectors([](Vec v) { return rectified(v); }, x); });
}
Tensor relu_backward(const Tensor& x, const Tensor& g, double p) {
  expect_alike("relu_backward", x, g);
  check<ShapeError>(0 <= p && p < 1, "relu_backward: p must lie in [0, 1); got {}", p);
  const auto scale = static_cast<Real>(1 / (1 - Constant(p)));
  const auto f = [scale](Vec v, Vec upstream) { return v > Real(0) ? upstream * scale : Vec{}; };
  return named("relu_backward", [&] { return map_vectors(f, x, g); });
}

// ln(1 + eˣ) = max(x, 0) + ln(1 + e^(−|x|)). This exponential cannot overflow, and both parts are
// at least 0, so that no digits cancel.
Tensor softplus(const Tensor& x) {
  return map_vectors(
      [](Vec v) {
        return (is_left(v) ? Vec{} : v) + log_of_one_and(exp_of_negative(-magnitude(v)));
      },
      x);
}

// gelu(x) = x·Φ(x)   D. Hendrycks, K. Gimpel (2016)
Tensor gelu(const Tensor& x) {
  return map_vectors([](Vec v) { return gelu(v, normal(v)); }, x);
}
Tensor gelu(const Tensor& x, Tensor& slope) {
  const Tensor in = x.contiguous();
  Tensor y = empty(x.shape());
  slope = empty(x.shape());
  Real* const y0 = y.data();
  Real* const slope0 = slope.data();
  parallel_for(x.numel(), heavy_grain, [&](Index begin, Index end) {
    gelu_and_slope(in.data() + begin, end - begin, y0 + begin, slope0 + begin);
  });
  return y;
}

// ---- layer_norm ----

// For each row: x̂ = (x − mean) / √(var + eps), and y = x̂ ⊙ weight + bias.
Normalized normalize(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check<ShapeError>(
      x.rank() >= 1 && weight.shape() == Shape{x.size(-1)} && bias.shape() == weight.shape(),
      "layer_norm: needs x [..., V], weight [V] and bias [V]; got {}, {} and {}", x.shape(),
      weight.shape(), bias.shape());
  check<ShapeError>(eps >= 0 && std::isfinite(eps),
                    "layer_norm: eps must be a finite number of at least 0; got {}", eps);
  const Tensor in = x.contiguous(), w = weight.contiguous(), b = bias.contiguous();
  const Index n = x.size(-1), count = x.shape().with(-1, 1).numel();
  Normalized out{empty(x.shape()), empty(Shape{count}), empty(Shape{count})};
  const auto length = static_cast<Real>(n);
  for_rows(count, n, [&, y0 = out.result.data()](Index row) {
    const Real* r = in.data() + row * n;
    // The mean, then the mean square of the differences from it.
    const Real mean =
        sum_of(n, [=](Index i, Index part) { return load(r + i, part, Real(0)); }) / length;
    const Real squares =
        sum_of(n, [=](Index i, Index part) { return square(load(r + i, part, mean) - mean); });
    const Real scale = Real(1) / sqrt(squares / length + static_cast<Real>(eps));
    for (Index i = 0; i < n; ++i)
      y0[row * n + i] = (r[i] - mean) * scale * w.data()[i] + b.data()[i];
    out.mean.data()[row] = mean;
    out.inverse_deviation.data()[row] = scale;
  });
  return out;
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  return normalize(x, weight, bias, eps).result;
}

namespace {

// One row of layer_norm's VJP: what it reads, and what it writes, each `width` numbers.
struct LayerNormRow {
  Index width;
  const Real* x;
  const Real* weight;
  const Real* g;
  Real mean, scale;  // of this row; the scale is 1/σ
  Real* dx;
  Real* dw;  // the gradients of weight and bias: the row's part is added
  Real* db;
};

// With x̂ = (x − mean)/σ and d = g ⊙ w: dx = (d − mean d − x̂ mean(d ⊙ x̂))/σ, and g ⊙ x̂ is added
// to dw, g to db.
void layer_norm_backward_row(const LayerNormRow& row) {
  const Real mean = row.mean, scale = row.scale;
  // Vectors of x̂, g and d. Beyond the row's end all are 0, so sums may include them.
  const auto hat = [=, x = row.x](Index i, Index n) {
    return (load(x + i, n, mean) - mean) * scale;
  };
  const auto up = [g = row.g](Index i, Index n) { return load(g + i, n, Real(0)); };
  const auto d = [up, w = row.weight](Index i, Index n) {
    return up(i, n) * load(w + i, n, Real(0));
  };
  // a = mean d, b = mean(d ⊙ x̂).
  const auto length = static_cast<Real>(row.width);
  const Real a = sum_of(row.width, d) / length;
  const Real b = sum_of(row.width, [=](Index i, Index n) { return d(i, n) * hat(i, n); }) / length;
  // All three results in one pass.
  for_vectors(row.width, [=, dx = row.dx, dw = row.dw, db = row.db](Index i, Index n) {
    store(dx + i, (d(i, n) - a - hat(i, n) * b) * scale, n);
    store(dw + i, load(dw + i, n, Real(0)) + up(i, n) * hat(i, n), n);
    store(db + i, load(db + i, n, Real(0)) + up(i, n), n);
  });
}

void expect_layer_norm_operands(const Tensor& x, const Tensor& weight, const Normalized& row,
                                const Tensor& g) {
  expect_alike("layer_norm_backward", x, g);
  const Index rows = x.rank() == 0 ? 0 : x.shape().with(-1, 1).numel();
  check<ShapeError>(
      x.rank() >= 1 && weight.shape() == Shape{x.size(-1)} && row.mean.shape() == Shape{rows} &&
          row.inverse_deviation.shape() == Shape{rows},
      "layer_norm_backward: needs x [..., V], weight [V] and a mean and a deviation a "
      "row; got {}, {}, {} and {}",
      x.shape(), weight.shape(), row.mean.shape(), row.inverse_deviation.shape());
}

}  // namespace

// The gradients of weight and bias are sums over all rows. Groups of sixteen rows add to one row of
// `weights` and `biases`, one after the other; then these rows are summed as a tree. A thread works
// on whole groups, so the result has the same bits for every number of threads.
std::array<Tensor, 3> layer_norm_backward(const Tensor& x, const Tensor& weight,
                                          const Normalized& row, const Tensor& g) {
  expect_layer_norm_operands(x, weight, row, g);
  const Tensor in = x.contiguous(), w = weight.contiguous(), upstream = g.contiguous();
  const Index width = x.size(-1), count = x.shape().with(-1, 1).numel();
  constexpr Index together = 16;  // rows of a group
  const Shape groups{ceil_div(count, together), width};
  Tensor dx = empty(x.shape()), weights = zeros(groups), biases = zeros(groups);

  // Chunks of whole groups, large enough for a thread.
  const Index grain =
      together * std::max<Index>(1, heavy_grain / together / std::max<Index>(width, 1));
  parallel_for(count, grain, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Index group = r / together;
      layer_norm_backward_row({.width = width,
                               .x = in.data() + r * width,
                               .weight = w.data(),
                               .g = upstream.data() + r * width,
                               .mean = row.mean.data()[r],
                               .scale = row.inverse_deviation.data()[r],
                               .dx = dx.data() + r * width,
                               .dw = weights.data() + group * width,
                               .db = biases.data() + group * width});
    }
  });

  const auto added = [](const Tensor& p) { return p.size(0) == 1 ? p.squeeze(0) : sum(p, 0); };
  return {dx, added(weights), added(biases)};
}

// ---- cross-entropy ----

namespace {

// How many targets count, one per row of logits of `classes`. A ShapeError names a target that is
// no class.
Index count_targets(std::span<const int> targets, int ignored, Index classes) {
  Index count = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == ignored) continue;
    check<ShapeError>(0 <= targets[i] && targets[i] < classes,
                      "cross_entropy: target {} at position {} is outside [0, {})", targets[i], i,
                      classes);
    ++count;
  }
  return count;
}

// What all rows share: their length V, label smoothing s, and 1/n for n targets that count.
struct CrossEntropyTerms {
  Index v;
  double smoothing;
  Real share;   // 1/n
  Real spread;  // s/V
  Real sure;    // 1 − s
};

// One row: writes the slope dz = (p − t)/n and returns the loss −Σᵥ tᵥ ln pᵥ, for the softmax p of
// z.
Real cross_entropy_row(const CrossEntropyTerms& terms, const Real* z, int target, Real* dz) {
  const Index v = terms.v;
  const double smoothing = terms.smoothing;
  const Real& share = terms.share;
  const Real& spread = terms.spread;
  // dz = exp(z − shift) for now; p is that divided by its sum.
  const Real shift = shift_of(z, v);
  const Real all = exponentials(z, v, shift, dz);
  // A row of nothing but −∞ has no class that is possible. Its loss and its slope are 0.
  if (all == Real(0)) {
    std::fill_n(dz, v, Real(0));
    return Real(0);
  }

  // −ln pᵥ = ln all − (zᵥ − shift), for the target and, with smoothing, the mean over all classes.
  const Real rest = log(all);
  Real loss = terms.sure * (rest - (z[target] - shift));
  // Without smoothing, a logit of −∞ must not count: 0 · ∞ would be NaN.
  if (smoothing > 0) {
    const Real below = sum_of(v, [=](Index j, Index n) { return shift - load(z + j, n, shift); });
    loss += static_cast<Real>(smoothing) * (rest + below / static_cast<Real>(v));
  }

  // p/n − t/n, with t = s/V for every class and 1 − s more for the target.
  const Real scale = share / all;
  for (Index j = 0; j < v; ++j) dz[j] = dz[j] * scale - share * spread;
  dz[target] -= share * terms.sure;
  return loss;
}

}  // namespace

CrossEntropy cross_entropy_rows(const Tensor& x, std::span<const int> targets,
                                const CrossEntropyOptions& options) {
  const double smoothing = options.label_smoothing;
  check<ShapeError>(x.rank() >= 1, "cross_entropy: the logits need an axis; got a scalar");
  check<ShapeError>(0 <= smoothing && smoothing <= 1,
                    "cross_entropy: label_smoothing must lie in [0, 1]; got {}", smoothing);
  const Index v = x.size(-1), rows = x.shape().with(-1, 1).numel();
  check<ShapeError>(static_cast<Index>(targets.size()) == rows,
                    "cross_entropy: logits {} need {} targets; got {}", x.shape(), rows,
                    targets.size());
  // 1/n for the mean over the n targets that count, else 1; and s/V.
  const Index count = count_targets(targets, options.ignore_index, v);
  const Index divisor = options.reduce ? std::max<Index>(count, 1) : 1;
  const auto share = static_cast<Real>(1 / Constant(divisor));
  const auto spread = static_cast<Real>(Constant(smoothing) / Constant(v));
  const auto sure = static_cast<Real>(1 - Constant(smoothing));
  const CrossEntropyTerms terms{v, smoothing, share, spread, sure};

  // A row whose target is ignored has the loss 0 and the slope 0.
  const Tensor logits = x.contiguous();
  Tensor slope = empty(x.shape()), losses = zeros(x.shape().erase(-1));
  for_rows(rows, v, [&](Index i) {
    const int target = targets[static_cast<std::size_t>(i)];
    Real* const dz = slope.data() + i * v;
    if (target == options.ignore_index) {
      std::fill_n(dz, v, Real(0));
      return;
    }
    losses.data()[i] = named("cross_entropy", [&] {
      return cross_entropy_row(terms, logits.data() + i * v, target, dz);
    });
  });
  return {options.reduce ? sum(losses) * share : losses, slope};
}

// ---- binary cross-entropy ----

namespace {

// Logits and targets have one shape. Broadcasting would hide the classic mistake: [B, 1] against
// [B] would make B² losses.
void expect_binary_targets(const Tensor& x, const Tensor& t) {
  constexpr const char* op = "binary_cross_entropy_with_logits";
  check<ShapeError>(x.shape() == t.shape(),
                    "{}: needs a target for each logit, in one shape; got logits {} and targets "
                    "{}; reshape() one of them",
                    op, x.shape(), t.shape());
  const Tensor dense = t.contiguous();
  for (Index i = 0; i < t.numel(); ++i) {
    const auto target = static_cast<double>(dense.data()[i]);
    if (0 <= target && target <= 1) [[likely]]
      continue;
    // The element's index along each axis.
    Shape index = t.shape();
    for (Index axis = t.rank(), rest = i; axis-- > 0; rest /= t.size(axis))
      index = index.with(axis, rest % t.size(axis));
    throw ShapeError(
        fmt::format("{}: target {} at position {} is outside [0, 1]", op, target, index));
  }
}

}  // namespace

// With p = 1/(1 + e⁻ᶻ), −ln p = max(−z, 0) + r and −ln(1 − p) = max(z, 0) + r, where
// r = ln(1 + e^(−|z|)). Weighed by t and 1 − t, the two make z·([z > 0] − t) + r: no digits cancel,
// since both parts are at least 0. Where [z > 0] = t the first part is 0, also for an infinite z.
Tensor binary_cross_entropy(const Tensor& x, const Tensor& t) {
  expect_binary_targets(x, t);
  return map_vectors(
      [](Vec z, Vec target) {
        const Vec off = (is_right(z) ? repeat(Real(1)) : Vec{}) - target;
        const Vec rest = log_of_one_and(exp_of_negative(-magnitude(z)));
        return (off == Real(0) ? Vec{} : z * off) + rest;
      },
      x, t);
}

// p − t = (1 − t)·p − t·(1 − p). The right side keeps its digits where p is almost t: for t = 1 it
// is −(1 − p) = −1/(1 + eᶻ), where p itself would be rounded to 1.
Tensor binary_cross_entropy_slope(const Tensor& x, const Tensor& t) {
  expect_binary_targets(x, t);
  return map_vectors(
      [](Vec z, Vec target) {
        // The larger and the smaller of p and 1 − p.
        const Vec e = exp_of_negative(-magnitude(z));
        const Vec larger = Real(1) / (Real(1) + e), smaller = e * larger;
        const Vec p = is_left(z) ? smaller : larger, rest = is_left(z) ? larger : smaller;
        return (Real(1) - target) * p - target * rest;
      },
      x, t);
}

}  // namespace glass
