// # Intervals that hold an exact result
//
// An Interval has two ends, lo ≤ hi. It stands for one real number that lies between them. Every
// operation returns an interval that holds the exact result, whichever numbers its operands stand
// for. So a computation on intervals ends with a proof: the exact result is not below lo and not
// above hi. The width hi − lo is a bound of everything that rounding has done.
//
// The ends are doubles, or numbers of 192 bits (tensor/float192.h) where GLASS_WIDE_ENDS is
// defined: for whole models, whose intervals grow from layer to layer.
//
// An exact operation widens nothing: 3 · 0.5 is the point 1.5, an interval with lo = hi. Only if an
// operation is inexact does it step to the next double, and only to the side where the exact result
// lies. No rounding mode of the CPU is changed, so threads do not disturb each other.
//
// What an interval does not promise:
//   - An infinite end means "no bound is known"; the number itself is real. Infinity as a number is
//     a point, and computes as a double does: −∞ in a mask of attention gives exp(−∞) = 0.
//   - Where a function has no value, for instance √ below 0 or division by 0, the result holds its
//     values at the other numbers of the interval. If there are none, the result is NaN.
//   - With doubles as ends, exp and the other functions trust the C library as far as libm_ulps
//     says, and no further. With 192 bits they trust MPFR.
//
// A comparison is true or false only if it is so for all numbers of its operands. If not, it throws
// Undecided.
//
// This file is deliberately not a vector type: intervals are for proofs, not for speed.
//
// Sources: R. E. Moore, Interval Analysis (1966); S. M. Rump, Verification methods, Acta Numerica
// 19 (2010); T. Ogita, S. M. Rump, S. Oishi, Accurate Sum and Dot Product (2005).
#pragma once

#include <fmt/format.h>

#include <cfloat>
#include <compare>
#include <concepts>
#include <iosfwd>
#include <limits>

#include "tensor/error.h"
#ifdef GLASS_WIDE_ENDS
#include "tensor/float192.h"
#endif

// -ffast-math lets the compiler drop the error terms that say where an exact result lies, and the
// checks for NaN. FLT_EVAL_METHOD is not 0 where single operations have more digits than a double.
#ifdef __FAST_MATH__
#error "intervals need IEEE arithmetic: compile without -ffast-math (and without -Ofast)"
#endif
#if FLT_EVAL_METHOD != 0
#error "intervals need doubles that are rounded after each operation: compile with SSE2"
#endif

namespace glass {

// How far a result of the C library may be from the correctly rounded one, in units of the last
// place. The figures are those of the GNU C Library for x86-64: its manual, "Known Maximum Errors
// in Math Functions", and the file from which that table is made, libm-test-ulps. They are not
// proved. tests/certified/arb.cpp compares them with Arb. Run it before you trust them with another
// C library.
struct LibmUlps {
  int exp = 1, log = 1, log1p = 1, tanh = 2, sin = 1, cos = 1, erf = 1, erfc = 5, pow = 1;
};
inline constexpr LibmUlps libm_ulps;

// A comparison of intervals is true for some of their numbers and false for others: a kink of the
// function, or an input that must be moved.
struct Undecided : StateError {
  using StateError::StateError;
};

struct Interval {
#ifdef GLASS_WIDE_ENDS
  using End = Float192;
#else
  using End = double;
#endif
  End lo = 0;
  End hi = 0;  // lo ≤ hi; or both are NaN

  constexpr Interval() = default;
  // A copy constructor of one's own makes the compiler pass an Interval, and what holds one, by its
  // address. Passed by its value, DualOf(1) would be the four doubles {1, 1, 0, 0}, which GCC 12.2
  // for a CPU with AVX writes as {1, 1, 1, 1}: the derivative would be 1.
  // NOLINTNEXTLINE(modernize-use-equals-default)
  constexpr Interval(const Interval& other) : lo(other.lo), hi(other.hi) {}
  constexpr Interval& operator=(const Interval&) = default;
  constexpr Interval(End point) : lo(point), hi(point) {}
  constexpr Interval(End lowest, End highest) : lo(lowest), hi(highest) {}
  template <std::floating_point N>
  requires(!std::same_as<N, End>) constexpr Interval(N point)
      : Interval(End(static_cast<double>(point))) {}
  // A double holds every integer below 2⁵³. Beyond, the integer lies between two neighbours. (2⁵³
  // itself counts as beyond: 2⁵³ + 1 is rounded to it.)
  template <std::integral N>
  constexpr Interval(N n) : Interval(static_cast<End>(n)) {
    if constexpr (std::same_as<End, double>)
      if (!(-0x1p53 < lo && lo < 0x1p53)) *this = neighbours(lo);
  }

  // The midpoint, which need not be the exact result. 0 if no bound is known to either side.
  explicit operator double() const;

  constexpr bool is_point() const { return lo == hi; }
  // Does x lie in the interval? An interval of NaN holds nothing.
  constexpr bool holds(double x) const { return lo <= x && x <= hi; }
  // The largest double that is not above the interval, and the smallest that is not below it.
  double below() const;
  double above() const;
  // hi − lo, rounded upwards. 0 for a point.
  double width() const;

  // The ends that lie next below and next above x.
  static Interval neighbours(End x);
  // π is no double. This interval holds it.
  static Interval pi();

  friend Interval operator+(Interval a, Interval b);
  friend Interval operator-(Interval a, Interval b);
  friend Interval operator*(Interval a, Interval b);
  friend Interval operator/(Interval a, Interval b);
  friend constexpr Interval operator-(Interval a) { return {-a.hi, -a.lo}; }
  friend constexpr Interval operator+(Interval a) { return a; }
  Interval& operator+=(Interval b) { return *this = *this + b; }
  Interval& operator-=(Interval b) { return *this = *this - b; }
  Interval& operator*=(Interval b) { return *this = *this * b; }
  Interval& operator/=(Interval b) { return *this = *this / b; }

  // True or false for all numbers of a and b, or Undecided. A comparison with NaN is false, and !=
  // is true, as for doubles.
  friend bool operator==(Interval a, Interval b);
  friend bool operator<(Interval a, Interval b);
  friend bool operator<=(Interval a, Interval b);
  friend bool operator>(Interval a, Interval b) { return b < a; }
  friend bool operator>=(Interval a, Interval b) { return b <= a; }
  friend std::partial_ordering operator<=>(Interval a, Interval b);

  friend std::ostream& operator<<(std::ostream& out, Interval x);  // as fmt prints it

  // ---- questions that are always decided ----
  //
  // These and the functions below are friends: only a call with an Interval finds them.

  // NaN is neither below 0 nor above.
  friend constexpr bool isnan(Interval x) {
    return !(x.lo < 0 || x.lo >= 0) || !(x.hi < 0 || x.hi >= 0);
  }
  // Are both bounds known? Infinity as a number has none, nor has NaN.
  friend constexpr bool isfinite(Interval x) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return -infinity < x.lo && x.hi < infinity;
  }
  // The number 0, and nothing else; infinity as a number.
  friend constexpr bool is_zero(Interval x) { return x.lo == 0 && x.hi == 0; }
  friend constexpr bool is_infinite(Interval x) { return x.is_point() && !isfinite(x); }
  // Have a and b no number in common? If both hold the same exact result, they cannot be disjoint.
  friend constexpr bool disjoint(Interval a, Interval b) { return a.hi < b.lo || b.hi < a.lo; }
  // The smallest interval that holds a and b.
  friend constexpr Interval hull(Interval a, Interval b) {
    return {a.lo < b.lo ? a.lo : b.lo, a.hi < b.hi ? b.hi : a.hi};
  }

  // ---- functions ----

  // |x|, and the larger and smaller of two numbers, need no decision: they have no jump.
  friend Interval abs(Interval x);
  friend Interval max(Interval a, Interval b);
  friend Interval min(Interval a, Interval b);

  // x² ≥ 0. x * x does not know that its operands are the same number: it takes [−1, 1] to [−1, 1].
  friend Interval square(Interval x);
  friend Interval sqrt(Interval x);
  friend Interval exp(Interval x);
  friend Interval log(Interval x);
  friend Interval log1p(Interval x);
  friend Interval tanh(Interval x);
  friend Interval sin(Interval x);
  friend Interval cos(Interval x);
  friend Interval erf(Interval x);
  friend Interval erfc(Interval x);
  // erf′(x) = 2/√π · e^(−x²), where 2/√π is no double.
  friend Interval erf_slope(Interval x);
  // xⁿ. Below 0, xⁿ has a value only if n is an integer.
  friend Interval pow(Interval x, Interval n);
};

}  // namespace glass

template <>
struct std::numeric_limits<glass::Interval> : std::numeric_limits<double> {};

// Prints as [lo, hi], and a point as its number; the spec of a double applies to both ends. Without
// a spec the printed ends are read as the same doubles again. A spec may round them inwards.
template <>
struct fmt::formatter<glass::Interval> : fmt::formatter<double> {
  auto format(glass::Interval x, fmt::format_context& context) const {
    const double below = x.below(), above = x.above();
    if (below == above || isnan(x)) return fmt::formatter<double>::format(below, context);
    context.advance_to(fmt::format_to(context.out(), "["));
    context.advance_to(fmt::formatter<double>::format(below, context));
    context.advance_to(fmt::format_to(context.out(), ", "));
    context.advance_to(fmt::formatter<double>::format(above, context));
    return fmt::format_to(context.out(), "]");
  }
};
