// # Decisions that an interval cannot always make
//
// (private to the libraries) A comparison of numbers is true or false. A comparison of intervals
// may be neither: then it throws Undecided (tensor/interval.h). Ops compare for three reasons, and
// each has a section here, with the plain form for numbers and another form for intervals.
//
//   1. To choose one of two formulas for the same function: sigmoid does, so that no exponential
//      overflows. Both formulas are right for every number, so an interval chooses by its middle.
//   2. To choose a number, as max(x, 0) does. The value has no jump: an interval can give it
//      without a decision. The derivative jumps, so where there is one, the decision is needed.
//   3. All other comparisons must be decided. If one is not, the error names the op.
//
// The section before them has the functions that keep an interval narrow.
#pragma once

#include <string_view>

#include "tensor/simd.h"

namespace glass {

// ---- shifts, squares and constants ----
//
// point_near(x): a number near x that counts as a constant. A softmax is shifted by its largest
//     number, so that no exponential overflows. Any number would do: the result does not depend on
//     the shift. So an interval gives the point in its middle, which has no width to pass on and
//     can be compared, and no derivative. Other numbers give themselves.
// square(x): x · x. An interval that holds 0 has a square that is not negative, but its product
//     with itself does not know that both factors are the same number.
// constant_of(x): a Real as a Constant, without its derivative.
#ifdef GLASS_REAL_CERTIFIED
inline Real point_near(Real x) {
  if (is_infinite(x.v) || isnan(x.v)) return Real(x.v);
  const double middle = static_cast<double>(x.v);
  return isfinite(Interval(middle)) ? Real(middle) : Real(0);
}
inline Real square(Real x) { return {square(x.v), 2 * x.v * x.d}; }
inline Constant constant_of(Real x) { return x.v; }
#else
[[gnu::always_inline]] inline auto point_near(auto x) { return x; }
[[gnu::always_inline]] inline auto square(auto x) { return x * x; }
inline Constant constant_of(Real x) { return static_cast<double>(x); }
#endif

#ifndef GLASS_REAL_CERTIFIED

// ---- 1. which formula ----

// Is x to the left of 0, or to the right of it?
inline auto is_left(Vec x) { return x < Real(0); }
inline auto is_right(Vec x) { return x > Real(0); }

// ---- 2. which number ----

// max(x, 0), and x within bounds. A comparison with NaN is false, so that a NaN stays one.
inline Vec rectified(Vec x) { return x <= Real(0) ? Vec{} : x; }
inline Real clamped(Real x, Real lo, Real hi) { return x < lo ? lo : x > hi ? hi : x; }

// The larger or the smaller of two numbers, or of the lanes of two vectors; a NaN in either gives
// NaN.
// NOLINTNEXTLINE(misc-redundant-expression): true for a NaN, also lane by lane
inline auto larger(auto a, auto b) { return b != b ? b : b > a ? b : a; }
// NOLINTNEXTLINE(misc-redundant-expression): true for a NaN, also lane by lane
inline auto smaller(auto a, auto b) { return b != b ? b : b < a ? b : a; }

// Are `larger` and `smaller` of a and b known, even if no comparison of a and b is decided?
constexpr bool needs_no_choice(Real, Real) { return false; }

#else

// ---- 1. which formula: that of the middle ----

inline bool is_left(Real x) { return static_cast<double>(x) < 0; }
inline bool is_right(Real x) { return !is_left(x); }

// ---- 2. which number: none where there is no derivative ----

inline bool needs_no_choice(Real a, Real b) { return is_zero(a.d) && is_zero(b.d); }

inline Real larger(Real a, Real b) {
  if (isnan(a) || isnan(b)) return isnan(b) ? b : a;
  if (needs_no_choice(a, b)) return Real(max(a.v, b.v));
  return b > a ? b : a;
}
inline Real smaller(Real a, Real b) { return -larger(-a, -b); }
inline Real clamped(Real x, Real lo, Real hi) { return smaller(larger(lo, x), hi); }
inline Real rectified(Real x) { return larger(0, x); }

// ---- 3. which op ----

// Throws the error again, with the name of the op before it. The operator's name goes: from
// "<=>: both true and false …" to "argmax: both true and false …".
[[noreturn]] inline void throw_named(std::string_view op, const Undecided& error) {
  std::string_view text = error.what();
  const std::size_t colon = text.find(": ");
  if (text.find_first_not_of("<=>!") == colon) text.remove_prefix(colon + 2);
  throw Undecided(fmt::format("{}: {}", op, text));
}

#endif

// Computes f(), which is the op. If a comparison in it is undecided, in whichever thread, the error
// names the op.
template <class F>
[[gnu::always_inline]] inline auto named([[maybe_unused]] std::string_view op, F f) {
#ifdef GLASS_REAL_CERTIFIED
  try {
    return f();
  } catch (const Undecided& error) {
    throw_named(op, error);
  }
#else
  return f();
#endif
}

}  // namespace glass
