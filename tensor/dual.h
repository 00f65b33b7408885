// # Numbers that carry their derivative
//
// A dual number v + d·ε, with ε² = 0, computes a value and its derivative along one direction at
// once: f(v + d·ε) = f(v) + f′(v)·d·ε. Put d = 1 on one input and the d of the output is the exact
// partial derivative, free of the step size that finite differences must guess. Compiled with
// `Real = Dual`, the whole library becomes its own judge; and since the reverse sweep then runs on
// dual numbers too, every gradient carries a Hessian-vector product in its d.
//
// Source: W. K. Clifford, Preliminary Sketch of Biquaternions (1873);
// A. Griewank, A. Walther, Evaluating Derivatives (2008), chapter 3.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <compare>
#include <concepts>
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

  // v + d·ε lies infinitely near v, on the side that d points to. So 0 + ε is above 0 and 0 − ε is
  // below: of two equal values, the one with the larger derivative is the larger number. Only for
  // values: an infinity stays where it is, whatever flows in. A branch that is taken by comparing
  // dual numbers is thereby the branch to that side, and at a kink (relu at 0, a tie of maximum)
  // the derivative is exactly the slope to that side. Where d = 0, numbers compare by their value.
  friend constexpr bool operator==(Dual a, Dual b) { return (a <=> b) == 0; }
  friend constexpr std::partial_ordering operator<=>(Dual a, Dual b) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (a.v != b.v || a.v == infinity || a.v == -infinity) return a.v <=> b.v;
    return a.d <=> b.d;
  }
};

// The chain rule: the outer function's value, and its slope times the inner derivative. Where
// nothing flows in (d = 0), nothing flows out, even where the slope is infinite (√ at 0).
constexpr Dual chain(Dual x, double value, double slope) {
  return {value, x.d == 0 ? 0 : slope * x.d};
}

inline Dual exp(Dual x) { return chain(x, std::exp(x.v), std::exp(x.v)); }
inline Dual log(Dual x) { return chain(x, std::log(x.v), 1 / x.v); }
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

// xⁿ for a constant n has slope n·xⁿ⁻¹, which for n = 0 is 0 everywhere; a moving exponent adds
// xⁿ·ln x.
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
