// # Operations on tensors
//
// The element-wise operations. Each says what to do with one number; how operands of any layout are
// walked through is in loops.h. Reductions are in reductions.cpp, joining and picking in
// picking.cpp. What needs an exponential, or a whole row at once, is in rows.cpp; the product of
// matrices in matmul.cpp. Nothing here knows a gradient.
#include "tensor/ops.h"

#include <cmath>

#include "tensor/decisions.h"
#include "tensor/loops.h"

namespace glass {

// The functions of a scalar; for dual numbers, the friends in dual.h are found by their argument.
using std::abs, std::cos, std::isfinite, std::isnan, std::log, std::log1p, std::pow, std::sin,
    std::sqrt;

// ---- element-wise, one operand; relu and those with an exponential are in rows.cpp ----

Tensor log(const Tensor& x) {
  return map_each(x, [](Real v) { return log(v); });
}
Tensor log1p(const Tensor& x) {
  return map_each(x, [](Real v) { return log1p(v); });
}
Tensor sin(const Tensor& x) {
  return map_each(x, [](Real v) { return sin(v); });
}
Tensor cos(const Tensor& x) {
  return map_each(x, [](Real v) { return cos(v); });
}
Tensor sqrt(const Tensor& x) {
  return map_each(x, [](Real v) { return sqrt(v); });
}

// An interval that holds a kink may be undecided: then the error names the op (decisions.h).
Tensor abs(const Tensor& x) {
  return named("abs", [&] { return map_each(x, [](Real v) { return abs(v); }); });
}
Tensor pow(const Tensor& x, Real exponent) {
  if (exponent == Real(2)) return map_each(x, [](Real v) { return square(v); });
  return map_each(x, [exponent](Real v) { return pow(v, exponent); });
}
Tensor clamp(const Tensor& x, double lo, double hi) {
  check<ShapeError>(lo <= hi, "clamp: expected bounds lo <= hi; got {} and {}", lo, hi);
  const auto least = static_cast<Real>(lo), most = static_cast<Real>(hi);
  return named("clamp",
               [&] { return map_each(x, [=](Real v) { return clamped(v, least, most); }); });
}
Tensor operator-(const Tensor& x) {
  return map_each(x, [](Real v) { return -v; });
}

// ---- element-wise, two operands ----

// The arithmetic of two numbers; zip broadcasts the operands.
Tensor operator+(const Tensor& a, const Tensor& b) {
  return zip("+", a, b, [](Real x, Real y) { return x + y; });
}
Tensor operator-(const Tensor& a, const Tensor& b) {
  return zip("-", a, b, [](Real x, Real y) { return x - y; });
}
Tensor operator*(const Tensor& a, const Tensor& b) {
  return zip("*", a, b, [](Real x, Real y) { return x * y; });
}
Tensor operator/(const Tensor& a, const Tensor& b) {
  return zip("/", a, b, [](Real x, Real y) { return x / y; });
}

namespace {

// The maximum, or minimum, of two equal numbers is their mean: for plain numbers that is the same
// value; a dual number gets half of each derivative, as the VJP of a tie does.
Real tie(Real x, Real y) { return isfinite(x) ? x + (y - x) / Real(2) : x; }

// y = f(a, b) for every element, where f compares. An undecided comparison names the op.
template <class F>
Tensor compare(std::string_view op, const Tensor& a, const Tensor& b, F f) {
  return named(op, [&] { return zip(op, a, b, f); });
}

}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  return compare("maximum", a, b, [](Real x, Real y) {
    if (needs_no_choice(x, y)) return larger(x, y);
    return x > y || isnan(x) ? x : x == y ? tie(x, y) : y;
  });
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return compare("minimum", a, b, [](Real x, Real y) {
    if (needs_no_choice(x, y)) return smaller(x, y);
    return x < y || isnan(x) ? x : x == y ? tie(x, y) : y;
  });
}

// A comparison gives 1 where it holds, 0 where not; with a NaN none of them holds.
Tensor equal(const Tensor& a, const Tensor& b) {
  return compare("equal", a, b, [](Real x, Real y) { return Real(x == y ? 1 : 0); });
}
Tensor less(const Tensor& a, const Tensor& b) {
  return compare("less", a, b, [](Real x, Real y) { return Real(x < y ? 1 : 0); });
}
Tensor less_equal(const Tensor& a, const Tensor& b) {
  return compare("less_equal", a, b, [](Real x, Real y) { return Real(x <= y ? 1 : 0); });
}
Tensor greater(const Tensor& a, const Tensor& b) {
  return compare("greater", a, b, [](Real x, Real y) { return Real(x > y ? 1 : 0); });
}
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return compare("greater_equal", a, b, [](Real x, Real y) { return Real(x >= y ? 1 : 0); });
}
Tensor operator<(const Tensor& a, const Tensor& b) { return less(a, b); }
Tensor operator<=(const Tensor& a, const Tensor& b) { return less_equal(a, b); }
Tensor operator>(const Tensor& a, const Tensor& b) { return greater(a, b); }
Tensor operator>=(const Tensor& a, const Tensor& b) { return greater_equal(a, b); }

// Three operands, which broadcast together.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast("where", mask.shape(), broadcast("where", a.shape(), b.shape()));
  Tensor y = empty(shape);
  // Each operand is read as if it had the shape of y: stretched axes have stride 0.
  const auto strides = [&](const Tensor& x) {
    return expand_strides(x.shape(), x.strides(), shape);
  };
  Real* const y0 = y.data();
  const Real* const m0 = mask.data();
  const Real* const a0 = a.data();
  const Real* const b0 = b.data();
  Walk<4>(shape, {y.strides(), strides(mask), strides(a), strides(b)})
      .run([=](const auto& at, Index count, const auto& step) {
        // A row of y, and the same row of the mask m, of a and of b.
        Real* const out = y0 + at[0];
        const Real* const m = m0 + at[1];
        const Real* const p = a0 + at[2];
        const Real* const q = b0 + at[3];
        for (Index i = 0; i < count; ++i)
          out[i] = m[i * step[1]] != Real(0) ? p[i * step[2]] : q[i * step[3]];
      });
  return y;
}

// Compares the number of each column with that of each row: [rows, 1] against [columns].
Tensor tril(const Tensor& x, Index k) {
  check<ShapeError>(x.rank() >= 2, "tril: needs at least 2 axes; got shape {}", x.shape());
  const Tensor row = arange(x.size(-2)).unsqueeze(1), column = arange(x.size(-1));
  return where(greater(column, row + k), Tensor(0), x);
}

// Masks of other conventions, as masks of 1 (attends) and 0 (blocks).
Tensor from_torch_mask(const Tensor& blocked) { return equal(blocked, 0); }

Tensor from_additive_mask(const Tensor& added) {
  for (const Real x : added.to_vector())
    check<ShapeError>(x == Real(0) || x <= Real(-10000),
                      "from_additive_mask: expected 0 (attends) or -inf (blocks); got {} in a mask "
                      "of shape {}",
                      x, added.shape());
  return equal(added, 0);
}

}  // namespace glass
