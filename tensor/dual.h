// # Numbers that carry their derivative
//
// A dual number v + d·ε, with ε² = 0, computes a value and its derivative along one direction at
// once: f(v + d·ε) = f(v) + f′(v)·d·ε. With d = 1 on one input, the d of the output is the exact
// partial derivative; finite differences would need a step size instead. A library that is compiled
// with `Real = Dual` computes exact derivatives of every function that is built from it, and
// gradcheck compares the reverse sweep with them. The sweep runs on dual numbers, too, so the d of
// every gradient is a Hessian-vector product.
//
// The two parts are doubles, or intervals: Dual = DualOf<double>, and DualOf<Interval> encloses the
// value and the derivative (tensor/interval.h). A number for the parts has + − × ÷, comparisons,
// the functions below, and is_zero, is_infinite and erf_slope.
//
// Source: W. K. Clifford, Preliminary Sketch of Biquaternions (1873);
// A. Griewank, A. Walther, Evaluating Derivatives (2008), chapter 3.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <compare>
#include <concepts>
#include <iosfwd>
#include <limits>
#include <numbers>

namespace glass {

// ---- what dual numbers ask of a double; interval.h answers for an Interval ----

constexpr bool is_zero(double x) { return x == 0; }
constexpr bool is_infinite(double x) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return x == infinity || x == -infinity;
}
// erf′(x) = 2/√π · e^(−x²)
inline double erf_slope(double x) { return 2 * std::numbers::inv_sqrtpi * std::exp(-x * x); }

// ---- dual numbers ----

template <class T>
struct DualOf {
  T v = 0;  // the value
  T d = 0;  // its derivative along the chosen direction

  constexpr DualOf() = default;
  template <class N>
  requires std::integral<N> || std::floating_point<N> || std::same_as<N, T>
  constexpr DualOf(N value) : v(static_cast<T>(value)) {}
  constexpr DualOf(T value, T derivative) : v(value), d(derivative) {}
  explicit constexpr operator double() const { return static_cast<double>(v); }

  // Friends, so that `2 * x` finds them with a plain number on either side.
  friend constexpr DualOf operator+(DualOf a, DualOf b) { return {a.v + b.v, a.d + b.d}; }
  friend constexpr DualOf operator-(DualOf a, DualOf b) { return {a.v - b.v, a.d - b.d}; }
  friend constexpr DualOf operator*(DualOf a, DualOf b) {
    return {a.v * b.v, a.d * b.v + a.v * b.d};
  }
  friend constexpr DualOf operator/(DualOf a, DualOf b) {
    return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v};
  }
  friend constexpr DualOf operator-(DualOf a) { return {-a.v, -a.d}; }
  friend constexpr DualOf operator+(DualOf a) { return a; }
  constexpr DualOf& operator+=(DualOf b) { return *this = *this + b; }
  constexpr DualOf& operator-=(DualOf b) { return *this = *this - b; }
  constexpr DualOf& operator*=(DualOf b) { return *this = *this * b; }
  constexpr DualOf& operator/=(DualOf b) { return *this = *this / b; }

  // v + d·ε is infinitely near v, on the side that d points to: 0 − ε < 0 < 0 + ε. So of two equal
  // values, the one with the larger d is the larger number. Infinities compare by value only, since
  // adding ε does not change them. A branch that compares dual numbers takes the side that d points
  // to, so at a kink (relu at 0, a tie of maximum) the derivative is exactly the slope on that
  // side. For intervals, values are equal only if both are the same point.
  friend constexpr bool operator==(DualOf a, DualOf b) { return std::is_eq(a <=> b); }
  friend constexpr std::partial_ordering operator<=>(DualOf a, DualOf b) {
    const std::partial_ordering by_value = a.v <=> b.v;
    if (std::is_neq(by_value) || is_infinite(a.v)) return by_value;
    return a.d <=> b.d;
  }

  // The chain rule: the outer function's value, and its slope times the inner derivative. If d = 0,
  // the result's d is 0, even if the slope is infinite (√ at 0): 0 · ∞ would be NaN.
  friend constexpr DualOf chain(DualOf x, T value, T slope) {
    return {value, is_zero(x.d) ? T(0) : slope * x.d};
  }

  // `using std::exp` names the function of a double; that of an Interval is found by its argument.
  friend DualOf exp(DualOf x) {
    using std::exp;
    return chain(x, exp(x.v), exp(x.v));
  }
  friend DualOf log(DualOf x) {
    using std::log;
    return chain(x, log(x.v), 1 / x.v);
  }
  friend DualOf log1p(DualOf x) {
    using std::log1p;
    return chain(x, log1p(x.v), 1 / (1 + x.v));
  }
  friend DualOf sqrt(DualOf x) {
    using std::sqrt;
    return chain(x, sqrt(x.v), 0.5 / sqrt(x.v));
  }
  friend DualOf sin(DualOf x) {
    using std::sin, std::cos;
    return chain(x, sin(x.v), cos(x.v));
  }
  friend DualOf cos(DualOf x) {
    using std::sin, std::cos;
    return chain(x, cos(x.v), -sin(x.v));
  }

  // tanh′ = 1 − tanh², as a product, which keeps its digits where tanh is near 1.
  friend DualOf tanh(DualOf x) {
    using std::tanh;
    const T y = tanh(x.v);
    return chain(x, y, (1 - y) * (1 + y));
  }
  friend DualOf erf(DualOf x) {
    using std::erf;
    return chain(x, erf(x.v), erf_slope(x.v));
  }
  friend DualOf erfc(DualOf x) {
    using std::erfc;
    return chain(x, erfc(x.v), -erf_slope(x.v));
  }

  // |x|. At the kink, 0, the slope is that of the side which x points to.
  friend DualOf abs(DualOf x) {
    using std::abs;
    if constexpr (!std::same_as<T, double>)
      if (is_zero(x.d)) return abs(x.v);  // no derivative: nothing to decide
    return {abs(x.v), x < 0 ? -x.d : x.d};
  }

  // xⁿ for a constant n has slope n·xⁿ⁻¹, which for n = 0 is 0 everywhere; an exponent that has a
  // derivative adds xⁿ·ln x times it.
  friend DualOf pow(DualOf x, DualOf n) {
    using std::pow, std::log;
    const T slope = is_zero(n.v) ? T(0) : n.v * pow(x.v, n.v - 1);
    const T y = pow(x.v, n.v);
    return {y, (is_zero(x.d) ? T(0) : slope * x.d) + (is_zero(n.d) ? T(0) : y * log(x.v) * n.d)};
  }

  friend bool isnan(DualOf x) {
    using std::isnan;
    return isnan(x.v) || isnan(x.d);
  }
  friend bool isfinite(DualOf x) {
    using std::isfinite;
    return isfinite(x.v) && isfinite(x.d);
  }
};

using Dual = DualOf<double>;

// a · b + c, in an order that leaves a compiler one way only to fuse multiplications and additions.
// In a.d * b.v + a.v * b.d it may fuse either product, and may choose differently in every tile of
// a product of matrices: then bits of the result would depend on the height of a tile.
constexpr Dual multiply_add(Dual a, Dual b, Dual c) {
  return {a.v * b.v + c.v, a.d * b.v + (a.v * b.d + c.d)};
}

std::ostream& operator<<(std::ostream& out, Dual x);  // as fmt prints it; print.cpp

}  // namespace glass

template <class T>
struct std::numeric_limits<glass::DualOf<T>> : std::numeric_limits<double> {};

// Prints as value+derivative·ε; the spec of a double applies to both parts.
template <class T>
struct fmt::formatter<glass::DualOf<T>> : fmt::formatter<T> {
  auto format(glass::DualOf<T> x, fmt::format_context& context) const {
    context.advance_to(fmt::formatter<T>::format(x.v, context));
    using glass::is_zero;
    if (is_zero(x.d)) return context.out();
    bool has_sign = false;
    if constexpr (std::same_as<T, double>) has_sign = std::signbit(x.d);
    context.advance_to(fmt::format_to(context.out(), "{}", has_sign ? "" : "+"));
    context.advance_to(fmt::formatter<T>::format(x.d, context));
    return fmt::format_to(context.out(), "ε");
  }
};
