#include "tensor/rows.h"

#include <cmath>

#include "tensor/functions.h"
#include "tensor/loops.h"
#include "tensor/ops.h"

namespace glass {

using std::log, std::sqrt;

namespace {

// Calls f(row) for each of `count` rows of n numbers, shared among threads.
template <class F>
void for_rows(Index count, Index n, F f) {
  parallel_for(count, std::max<Index>(1, heavy_grain / std::max<Index>(n, 1)),
               [&](Index begin, Index end) {
                 for (Index row = begin; row < end; ++row) f(row);
               });
}

// y = f(x row by row), or f(x, g) of two, along any axis: the axis is brought to the end and back.
template <class F, class... More>
Tensor map_rows(Index axis, F f, const Tensor& x, const More&... more) {
  if (x.shape().wrap(axis) != x.rank() - 1)
    return map_rows(-1, f, x.transpose(axis, -1), more.transpose(axis, -1)...).transpose(axis, -1);
  if (!(x.is_contiguous() && ... && more.is_contiguous()))
    return map_rows(axis, f, x.contiguous(), more.contiguous()...);
  Tensor y = empty(x.shape());
  const Index n = y.size(-1);
  for_rows(n == 0 ? 0 : y.numel() / n, n, [&](Index row) {
    f(y.data() + row * n, n, x.data() + row * n, more.data() + row * n...);
  });
  return y;
}

// The largest of a row, or 0 where nothing is larger than −∞: what a row is shifted by, so that no
// exponential overflows. A NaN is passed over, and makes one of all that is shifted.
Real shift_of(const Real* x, Index n) {
  const Real result = largest(gather(
      n, repeat(minus_infinity), [](Vec most, Vec v) { return v > most ? v : most; },
      [=](Index i, Index count) { return load(x + i, count, minus_infinity); }));
  return result == minus_infinity ? Real(0) : result;
}

// y = exp(x − shift) for a row and the largest of it. Returns the sum.
Real exponentials(const Real* x, Index n, Real shift, Real* y) {
  return sum_of(n, [=](Index i, Index count) {
    const Vec e = exp_of_negative(load(x + i, count, minus_infinity) - shift);
    store(y + i, e, count);
    return e;
  });
}

// v·Φ(v). Far to the left it is 0, also at −∞, where 0 · ∞ would be NaN.
Vec gelu(Vec v, const Normal& at) { return v < Real(-40) ? repeat(Real(-0.0)) : v * at.below; }

// A VJP reads g beside x, or beside y: both have one shape.
void expect_alike(std::string_view op, const Tensor& x, const Tensor& g) {
  check<ShapeError>(x.shape() == g.shape(), "{}: both operands must have one shape; got {} and {}",
                    op, x.shape(), g.shape());
}

// 1/x; 0 of 0, so that a row of nothing but −∞ vanishes.
Real inverse(Real x) { return x == Real(0) ? x : Real(1) / x; }

}  // namespace

// ---- softmax ----

Tensor softmax(const Tensor& x, Axis axis) {
  const auto f = [](Real* y, Index n, const Real* in) {
    const Real scale = inverse(exponentials(in, n, shift_of(in, n), y));
    for (Index i = 0; i < n; ++i) y[i] *= scale;
  };
  return map_rows(axis, f, x);
}

Tensor softmax_backward(const Tensor& y, const Tensor& g, Axis axis) {
  expect_alike("softmax_backward", y, g);
  const auto f = [](Real* dx, Index n, const Real* out, const Real* upstream) {
    const Real mean = sum_of(n, [=](Index i, Index count) {
      return load(out + i, count, Real(0)) * load(upstream + i, count, Real(0));
    });
    for (Index i = 0; i < n; ++i) dx[i] = out[i] * (upstream[i] - mean);
  };
  return map_rows(axis, f, y, g);
}

// Differences of the row's numbers first: a sum with the shift would lose the small logarithm.
Tensor log_softmax(const Tensor& x, Axis axis) {
  const auto f = [](Real* y, Index n, const Real* in) {
    const Real shift = shift_of(in, n), all = exponentials(in, n, shift, y);
    const Real rest = all == Real(0) ? all : log(all);  // of nothing but −∞, which stays
    for (Index i = 0; i < n; ++i) y[i] = in[i] - shift - rest;
  };
  return map_rows(axis, f, x);
}

Tensor log_softmax_backward(const Tensor& y, const Tensor& g, Axis axis) {
  expect_alike("log_softmax_backward", y, g);
  const auto f = [](Real* dx, Index n, const Real* out, const Real* upstream) {
    const Real all =
        sum_of(n, [=](Index i, Index count) { return load(upstream + i, count, Real(0)); });
    for_vectors(n, [=](Index i, Index count) {
      const Vec part = exp_of_negative(load(out + i, count, Real(0))) * all;
      store(dx + i, load(upstream + i, count, Real(0)) - part, count);
    });
  };
  return map_rows(axis, f, y, g);
}

// ---- functions of one number ----

Tensor exp(const Tensor& x) {
  return map_vectors([](Vec v) { return exp(v); }, x);
}

Tensor tanh(const Tensor& x) {
  return map_vectors([](Vec v) { return tanh(v); }, x);
}
Tensor tanh_backward(const Tensor& y, const Tensor& g) {
  expect_alike("tanh_backward", y, g);
  return map_vectors([](Vec v, Vec upstream) { return upstream * (Real(1) - v * v); }, y, g);
}

// The exponential of a negative number cannot overflow, so each half of the axis has its formula.
Tensor sigmoid(const Tensor& x) {
  return map_vectors(
      [](Vec v) {
        const Vec e = exp_of_negative(-magnitude(v));
        return (v < Real(0) ? e : repeat(Real(1))) / (Real(1) + e);
      },
      x);
}
Tensor sigmoid_backward(const Tensor& y, const Tensor& g) {
  expect_alike("sigmoid_backward", y, g);
  return map_vectors([](Vec v, Vec upstream) { return upstream * v * (Real(1) - v); }, y, g);
}

// Written so that a NaN stays one.
Tensor relu(const Tensor& x) {
  return map_vectors([](Vec v) { return v <= Real(0) ? Vec{} : v; }, x);
}
Tensor relu_backward(const Tensor& x, const Tensor& g, double p) {
  expect_alike("relu_backward", x, g);
  check<ShapeError>(0 <= p && p < 1, "relu_backward: p must lie in [0, 1); got {}", p);
  const auto scale = static_cast<Real>(1 / (1 - p));
  return map_vectors(
      [scale](Vec v, Vec upstream) { return v > Real(0) ? upstream * scale : Vec{}; }, x, g);
}

// gelu(x) = x·Φ(x)   D. Hendrycks, K. Gimpel (2016)
Tensor gelu(const Tensor& x) {
  return map_vectors([](Vec v) { return gelu(v, normal(v)); }, x);
}
Tensor gelu(const Tensor& x, Tensor& slope) {
  const Tensor in = x.contiguous();
  Tensor y = empty(x.shape());
  slope = empty(x.shape());
  parallel_for(x.numel(), heavy_grain, [&, to = slope.data()](Index begin, Index end) {
    const auto chunk = [n = end - begin](const Real* from, Real* value, Real* rise) {
      for_vectors(n, [=](Index i, Index count) {
        const Vec v = load(from + i, count, Real(0));
        const Normal at = normal(v);
        store(value + i, gelu(v, at), count);
        const Vec flat = at.below;
        store(rise + i, magnitude(v) > Real(40) ? flat : flat + v * at.density, count);
      });
    };
    chunk(in.data() + begin, y.data() + begin, to + begin);
  });
  return y;
}

// ---- layer_norm ----

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
    const Real mean =
        sum_of(n, [=](Index i, Index part) { return load(r + i, part, Real(0)); }) / length;
    const Real squares = sum_of(n, [=](Index i, Index part) {
      const Vec d = load(r + i, part, mean) - mean;
      return d * d;
    });
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

// Sixteen rows sum their part of the weight's and the bias's gradient one after the other; the
// parts are then summed in pairs. They are the same however many threads there are.
std::array<Tensor, 3> layer_norm_backward(const Tensor& x, const Tensor& weight,
                                          const Normalized& row, const Tensor& g) {
  expect_alike("layer_norm_backward", x, g);
  const Index rows = x.rank() == 0 ? 0 : x.shape().with(-1, 1).numel();
  check<ShapeError>(
      x.rank() >= 1 && weight.shape() == Shape{x.size(-1)} && row.mean.shape() == Shape{rows} &&
          row.inverse_deviation.shape() == Shape{rows},
      "layer_norm_backward: needs x [..., V], weight [V] and a mean and a deviation a "
      "row; got {}, {}, {} and {}",
      x.shape(), weight.shape(), row.mean.shape(), row.inverse_deviation.shape());
  const Tensor in = x.contiguous(), w = weight.contiguous(), upstream = g.contiguous();
  const Index width = x.size(-1), count = x.shape().with(-1, 1).numel();
  constexpr Index together = 16;
  const Index grain =
      together * std::max<Index>(1, heavy_grain / together / std::max<Index>(width, 1));
  const Shape parts{ceil_div(count, together), width};
  Tensor dx = empty(x.shape()), weights = zeros(parts), biases = zeros(parts);
  const auto length = static_cast<Real>(width);
  parallel_for(count, grain, [&, w0 = w.data()](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      Real* const dw = weights.data() + r / together * width;
      Real* const db = biases.data() + r / together * width;
      const Real* const v = in.data() + r * width;
      const Real* const u = upstream.data() + r * width;
      Real* const out = dx.data() + r * width;
      const Real mean = row.mean.data()[r], scale = row.inverse_deviation.data()[r];
      const auto hat = [=](Index i, Index n) { return (load(v + i, n, mean) - mean) * scale; };
      const auto up = [=](Index i, Index n) { return load(u + i, n, Real(0)); };
      const auto d = [=](Index i, Index n) { return up(i, n) * load(w0 + i, n, Real(0)); };
      const Real a = sum_of(width, d) / length;
      const Real b = sum_of(width, [=](Index i, Index n) { return d(i, n) * hat(i, n); }) / length;
      for_vectors(width, [=](Index i, Index n) {
        store(out + i, (d(i, n) - a - hat(i, n) * b) * scale, n);
        store(dw + i, load(dw + i, n, Real(0)) + up(i, n) * hat(i, n), n);
        store(db + i, load(db + i, n, Real(0)) + up(i, n), n);
      });
    }
  });
  const auto added = [](const Tensor& p) { return p.size(0) == 1 ? p.squeeze(0) : sum(p, 0); };
  return {dx, added(weights), added(biases)};
}

// ---- cross-entropy ----

CrossEntropy cross_entropy_rows(const Tensor& x, std::span<const int> targets, int ignored,
                                double smoothing) {
  check<ShapeError>(x.rank() >= 1, "cross_entropy: the logits need an axis; got a scalar");
  check<ShapeError>(0 <= smoothing && smoothing <= 1,
                    "cross_entropy: label_smoothing must lie in [0, 1]; got {}", smoothing);
  const Index v = x.size(-1), rows = x.shape().with(-1, 1).numel();
  check<ShapeError>(static_cast<Index>(targets.size()) == rows,
                    "cross_entropy: logits {} need {} targets; got {}", x.shape(), rows,
                    targets.size());
  Index count = 0;
  for (Index i = 0; i < rows; ++i) {
    const int target = targets[static_cast<std::size_t>(i)];
    check<ShapeError>(target == ignored || (0 <= target && target < v),
                      "cross_entropy: target {} at position {} is outside [0, {})", target, i, v);
    count += target != ignored;
  }

  const Tensor logits = x.contiguous();
  Tensor slope = empty(x.shape()), losses = zeros(Shape{rows});
  const auto share = static_cast<Real>(1 / static_cast<double>(std::max<Index>(count, 1)));
  const auto spread = static_cast<Real>(smoothing / static_cast<double>(v));
  for_rows(rows, v, [&](Index i) {
    const int target = targets[static_cast<std::size_t>(i)];
    const Real* z = logits.data() + i * v;
    Real* dz = slope.data() + i * v;
    const Real shift = shift_of(z, v);
    // No target, or no class that can be at all: as in softmax, such a row vanishes.
    const Real all = target == ignored ? Real(0) : exponentials(z, v, shift, dz);
    if (all == Real(0)) {
      std::fill_n(dz, v, Real(0));
      return;
    }
    const Real rest = log(all);
    Real loss = static_cast<Real>(1 - smoothing) * (rest - (z[target] - shift));
    // Only where it is wanted: 0 · ∞ would make a NaN of a logit of −∞.
    if (smoothing > 0) {
      const Real below = sum_of(v, [=](Index j, Index n) { return shift - load(z + j, n, shift); });
      loss += static_cast<Real>(smoothing) * (rest + below / static_cast<Real>(v));
    }
    const Real scale = share / all;
    for (Index j = 0; j < v; ++j) dz[j] = dz[j] * scale - share * spread;
    dz[target] -= share * static_cast<Real>(1 - smoothing);
    losses.data()[i] = loss;
  });
  return {sum(losses) * share, slope};
}

}  // namespace glass
