// # Numbers that carry their derivative
//
// A dual number v + d·ε, with ε² = 0, computes a value and its derivative along one direction at
// once: f(v + d·ε) = f(v) + f′(v)·d·ε. With d = 1 on one input, the d of the output is the exact
// partial derivative; finite differences would need a step size instead. A library that is compiled
// with `Real = Dual` computes exact derivatives of every function that is built from it, and
// gradcheck compares the reverse sweep with them. The sweep runs on dual numbers, too, so the d of
// every gradient is a Hessian-vector product.
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

struct Dual {
  double v = 0;  // the value
  double d = 0;  // its derivative along the chosen direction

  constexpr Dual() = default;
  template <class T>
  requires std::integral<T> || std::floating_point<T>
  constexpr Dual(T value) : v(static_cast<double>(value)) {}
  constexpr Dual(double value, double derivative) : v(value), d(derivative) {}
  explicit constexpr operator double() const { return v; }

  // Friends, so that `2 * x` finds them with a plain number on either side.
  friend constexpr Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
  friend constexpr Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
  friend constexpr Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
  friend constexpr Dual operator/(Dual a, Dual b) {
    return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v};
  }
  friend constexpr Dual operator-(Dual a) { return {-a.v, -a.d}; }
  friend constexpr Dual operator+(Dual a) { return a; }
  constexpr Dual& operator+=(Dual b) { return *this = *this + b; }
  constexpr Dual& operator-=(Dual b) { return *this = *this - b; }
  constexpr Dual& operator*=(Dual b) { return *this = *this * b; }
  constexpr Dual& operator/=(Dual b) { return *this = *this / b; }

  // v + d·ε is infinitely near v, on the side that d points to: 0 − ε < 0 < 0 + ε. So of two equal
  // values, the one with the larger d is the larger number. Infinities compare by value only, since
  // adding ε does not change them. A branch that compares dual numbers takes the side that d points
  // to, so at a kink (relu at 0, a tie of maximum) the derivative is exactly the slope on that
  // side.
  friend constexpr bool operator==(Dual a, Dual b) { return std::is_eq(a <=> b); }
  friend constexpr std::partial_ordering operator<=>(Dual a, Dual b) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (a.v != b.v || a.v == infinity || a.v == -infinity) return a.v <=> b.v;
    return a.d <=> b.d;
  }
  friend std::ostream& operator<<(std::ostream& out, Dual x);  // as fmt prints it; print.cpp
};

// The chain rule: the outer function's value, and its slope times the inner derivative. If d = 0,
// the result's d is 0, even if the slope is infinite (√ at 0): 0 · ∞ would be NaN.
constexpr Dual chain(Dual x, double value, double slope) {
  return {value, x.d == 0 ? 0 : slope * x.d};
}

inline Dual exp(Dual x) { return chain(x, std::exp(x.v), std::exp(x.v)); }
inline Dual log(Dual x) { return chain(x, std::log(x.v), 1 / x.v); }
inline Dual log1p(Dual x) { return chain(x, std::log1p(x.v), 1 / (1 + x.v)); }
inline Dual sqrt(Dual x) { return chain(x, std::sqrt(x.v), 0.5 / std::sqrt(x.v)); }
inline Dual sin(Dual x) { return chain(x, std::sin(x.v), std::cos(x.v)); }
inline Dual cos(Dual x) { return chain(x, std::cos(x.v), -std::sin(x.v)); }
inline Dual tanh(Dual x) {
  const double y = std::tanh(x.v);
  return chain(x, y, (1 - y) * (1 + y));
}
inline Dual erf(Dual x) {
  return chain(x, std::erf(x.v), 2 * std::numbers::inv_sqrtpi * std::exp(-x.v * x.v));
}
inline Dual erfc(Dual x) {
  return chain(x, std::erfc(x.v), -2 * std::numbers::inv_sqrtpi * std::exp(-x.v * x.v));
}

// |x|. At the kink, 0, the slope is that of the side which x points to.
inline Dual abs(Dual x) { return {std::abs(x.v), x < 0 ? -x.d : x.d}; }

// xⁿ for a constant n has slope n·xⁿ⁻¹, which for n = 0 is 0 everywhere; an exponent that has a
// derivative adds xⁿ·ln x times it.
inline Dual pow(Dual x, Dual n) {
  const double slope = n.v == 0 ? 0 : n.v * std::pow(x.v, n.v - 1);
  const double y = std::pow(x.v, n.v);
  return {y, (x.d == 0 ? 0 : slope * x.d) + (n.d == 0 ? 0 : y * std::log(x.v) * n.d)};
}

inline bool isnan(Dual x) { return std::isnan(x.v) || std::isnan(x.d); }
inline bool isfinite(Dual x) { return std::isfinite(x.v) && std::isfinite(x.d); }

}  // namespace glass

template <>
struct std::numeric_limits<glass::Dual> : std::numeric_limits<double> {};

// Prints as value+derivative·ε; the spec of a double applies to both parts.
template <>
struct fmt::formatter<glass::Dual> : fmt::formatter<double> {
  auto format(glass::Dual x, fmt::format_context& context) const {
    context.advance_to(fmt::formatter<double>::format(x.v, context));
    if (x.d == 0) return context.out();
    context.advance_to(fmt::format_to(context.out(), "{}", std::signbit(x.d) ? "" : "+"));
    context.advance_to(fmt::formatter<double>::format(x.d, context));
    return fmt::format_to(context.out(), "ε");
  }
};
