#include "tensor/rows.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "tensor/loops.h"
#include "tensor/ops.h"

namespace glass {

using std::abs, std::exp, std::isnan, std::log, std::erfc;

namespace {

constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

// y = f(x row by row) along any axis: the axis is brought to the end and taken back.
template <class F>
Tensor map_rows(const Tensor& x, Index axis, F f) {
  const Tensor rows = x.transpose(axis, -1).contiguous();
  Tensor y = empty(rows.shape());
  const Index n = rows.size(-1);
  const Index count = n == 0 ? 0 : rows.numel() / n;
  parallel_for(count, std::max<Index>(1, 4096 / std::max<Index>(n, 1)),
               [&](Index begin, Index end) {
                 for (Index i = begin; i < end; ++i) f(rows.data() + i * n, y.data() + i * n, n);
               });
  return y.transpose(axis, -1);
}

// The largest of a row, or NaN if there is one.
Real row_max(const Real* x, Index n) {
  Real largest = minus_infinity;
  for (Index i = 0; i < n; ++i)
    if (x[i] > largest || isnan(x[i])) largest = x[i];
  return largest;
}

// Φ(x) = (1 + erf(x/√2)) / 2 = erfc(−x/√2) / 2, the share of a normal distribution below x. In the
// second form nothing cancels to the left.
Real normal_below(Real x) { return Real(0.5) * erfc(x * Real(-std::numbers::sqrt2 / 2)); }

}  // namespace

// gelu(x) = x·Φ(x)   D. Hendrycks, K. Gimpel (2016)
Tensor gelu(const Tensor& x) {
  return map(x, [](Real v) {
    // Far to the left the product is 0, also at −∞, where 0 · ∞ would be NaN.
    if (v < Real(-40)) return Real(-0.0);
    return v * normal_below(v);
  });
}

Tensor gelu_backward(const Tensor& x, const Tensor& g) {
  return zip("gelu", x, g, [](Real v, Real upstream) {
    const Real cumulative = normal_below(v);
    const Real density =
        exp(Real(-0.5) * v * v) * Real(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return upstream * (abs(v) > Real(40) ? cumulative : cumulative + v * density);
  });
}

Tensor softmax(const Tensor& x, Index axis) {
  return map_rows(x, axis, [](const Real* in, Real* out, Index n) {
    const Real shift = row_max(in, n);
    if (shift == minus_infinity) {
      std::fill_n(out, n, Real(0));
      return;
    }
    Real total(0);
    for (Index i = 0; i < n; ++i) total += out[i] = exp(in[i] - shift);
    for (Index i = 0; i < n; ++i) out[i] /= total;
  });
}

Tensor log_softmax(const Tensor& x, Index axis) {
  return map_rows(x, axis, [](const Real* in, Real* out, Index n) {
    const Real shift = row_max(in, n);
    if (shift == minus_infinity) {
      std::fill_n(out, n, minus_infinity);
      return;
    }
    Real total(0);
    for (Index i = 0; i < n; ++i) total += exp(in[i] - shift);
    const Real log_total = log(total);
    for (Index i = 0; i < n; ++i) out[i] = in[i] - shift - log_total;
  });
}

Tensor softmax_backward(const Tensor& y, const Tensor& g, Index axis) {
  return y * (g - sum(g * y, axis, true));
}

Tensor log_softmax_backward(const Tensor& y, const Tensor& g, Index axis) {
  return g - exp(y) * sum(g, axis, true);
}

Normalized normalize(const Tensor& x, double eps) {
  const Tensor centered = x - mean(x, -1, true);
  const Tensor inverse = 1 / sqrt(mean(centered * centered, -1, true) + eps);
  return {centered * inverse, inverse};
}

void check_layer_norm(const Shape& x, const Shape& weight, const Shape& bias) {
  check<ShapeError>(x.rank() >= 1 && weight == Shape{x[-1]} && bias == weight,
                    "layer_norm: needs x [..., V], weight [V] and bias [V]; got {}, {} and {}", x,
                    weight, bias);
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  check_layer_norm(x.shape(), weight.shape(), bias.shape());
  return normalize(x, eps).rows * weight + bias;
}

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
  Tensor slope = zeros(x.shape());
  Tensor losses = zeros(Shape{rows});
  const auto share = static_cast<Real>(1 / static_cast<double>(std::max<Index>(count, 1)));
  const auto spread = static_cast<Real>(smoothing / static_cast<double>(v));
  for (Index i = 0; i < rows; ++i) {
    const int target = targets[static_cast<std::size_t>(i)];
    if (target == ignored) continue;
    const Real* z = logits.data() + i * v;
    Real* dz = slope.data() + i * v;
    const Real shift = row_max(z, v);
    // No class can be at all: as in softmax, such a row vanishes.
    if (shift == minus_infinity) continue;
    Real total(0);
    for (Index j = 0; j < v; ++j) total += dz[j] = exp(z[j] - shift);
    // Differences of logits first: a sum with the shift would lose the small logarithm.
    const Real log_total = log(total);
    Real loss = static_cast<Real>(1 - smoothing) * (log_total - (z[target] - shift));
    // Only where it is wanted: 0 · ∞ would make a NaN of a logit of −∞.
    if (smoothing > 0)
      for (Index j = 0; j < v; ++j) loss += spread * (log_total - (z[j] - shift));
    for (Index j = 0; j < v; ++j) dz[j] = share * (dz[j] / total - spread);
    dz[target] -= share * static_cast<Real>(1 - smoothing);
    losses.data()[i] = loss;
  }
  return {sum(losses) * share, slope};
}

}  // namespace glass
