// # How intervals are rounded outward
//
// tensor/ends.h has the operations on numbers that are known exactly, each as an interval around
// the result. This file makes the operations on intervals out of them: + − × ÷ from pairs of ends,
// exp and the other functions from one end or both of a piece on which the function rises or falls.
#include "tensor/interval.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "tensor/ends.h"

namespace glass {

namespace {

using End = Interval::End;
using ends::Function;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Interval nan = std::numeric_limits<double>::quiet_NaN();
constexpr Interval everything = {-infinity, infinity};

// An end that is NaN leaves no bound: then both ends are.
Interval from_ends(const End& lo, const End& hi) {
  const Interval x(lo, hi);
  return isnan(x) ? nan : x;
}

// The operation `f` rises or falls in each operand, so its extremes over two intervals are at the
// four pairs of ends. A pair without a value, as 0/0, is left out: the other pairs hold its limits.
template <class F>
Interval over_corners(Interval a, Interval b, F f) {
  Interval all(infinity, -infinity);
  for (const End& x : {a.lo, a.hi}) {
    for (const End& y : {b.lo, b.hi}) {
      const Interval here = f(x, y);
      if (here.lo < all.lo) all.lo = here.lo;
      if (here.hi > all.hi) all.hi = here.hi;
    }
  }
  return all.lo <= all.hi ? all : nan;
}

// A product of ends. An infinite end is no number but a missing bound, and 0 times any number is 0.
Interval product_of_ends(const End& a, const End& b) {
  return a == 0 || b == 0 ? 0 : ends::product(a, b);
}

// a · b for numbers of a that are not negative. The sign of b says which ends give the extremes.
Interval times_positive(const Interval& a, const Interval& b) {
  const End& with_lo = b.lo < 0 ? a.hi : a.lo;
  const End& with_hi = b.hi < 0 ? a.lo : a.hi;
  return {product_of_ends(with_lo, b.lo).lo, product_of_ends(with_hi, b.hi).hi};
}

End larger(const End& a, const End& b) { return a < b ? b : a; }

[[noreturn]] void undecided(const char* op, Interval a, Interval b) {
  throw Undecided(fmt::format(
      "{}: both true and false for numbers of these intervals; got {} {} {}", op, a, op, b));
}

}  // namespace

Interval Interval::pi() { return ends::pi(); }

double Interval::below() const { return ends::rounded_down(lo); }
double Interval::above() const { return ends::rounded_up(hi); }

Interval::operator double() const {
  return lo == -infinity && hi == infinity ? 0 : ends::middle(*this);
}

double Interval::width() const { return is_point() ? 0 : ends::sum(hi, -lo).above(); }

// ---- + − × ÷ ----

Interval operator+(Interval a, Interval b) {
  if (a.is_point() && b.is_point()) return ends::sum(a.lo, b.lo);
  return from_ends(ends::sum(a.lo, b.lo).lo, ends::sum(a.hi, b.hi).hi);
}

Interval operator-(Interval a, Interval b) { return a + -b; }

Interval operator*(Interval a, Interval b) {
  if (a.is_point() && b.is_point()) return ends::product(a.lo, b.lo);
  if (isnan(a) || isnan(b)) return nan;
  if (a.lo >= 0) return times_positive(a, b);
  if (b.lo >= 0) return times_positive(b, a);
  if (a.hi <= 0) return -times_positive(-a, b);
  if (b.hi <= 0) return -times_positive(-b, a);
  return over_corners(a, b, product_of_ends);
}

Interval operator/(Interval a, Interval b) {
  if (a.is_point() && b.is_point()) return ends::quotient(a.lo, b.lo);
  if (isnan(a) || isnan(b)) return nan;
  if (b.lo < 0 && b.hi > 0) return everything;
  if (is_zero(b)) return a.holds(0) ? everything : ends::quotient(a.lo, b.lo);
  // 0 is at most an end of b, and b has no numbers on the other side of it: its sign is known.
  if (b.lo == 0) b.lo = 0.0;
  if (b.hi == 0) b.hi = -0.0;
  return over_corners(a, b, ends::quotient);
}

// ---- comparisons ----

bool operator==(Interval a, Interval b) {
  if (a.is_point() && b.is_point()) return a.lo == b.lo;
  if (disjoint(a, b) || isnan(a) || isnan(b)) return false;
  undecided("==", a, b);
}

bool operator<(Interval a, Interval b) {
  if (a.hi < b.lo) return true;
  if (a.lo >= b.hi || isnan(a) || isnan(b)) return false;
  undecided("<", a, b);
}

bool operator<=(Interval a, Interval b) {
  if (a.hi <= b.lo) return true;
  if (a.lo > b.hi || isnan(a) || isnan(b)) return false;
  undecided("<=", a, b);
}

std::partial_ordering operator<=>(Interval a, Interval b) {
  if (a.is_point() && b.is_point()) return a.lo <=> b.lo;
  if (isnan(a) || isnan(b)) return std::partial_ordering::unordered;
  if (a.hi < b.lo) return std::partial_ordering::less;
  if (a.lo > b.hi) return std::partial_ordering::greater;
  undecided("<=>", a, b);
}

std::ostream& operator<<(std::ostream& out, Interval x) { return out << fmt::format("{}", x); }

// ---- functions without rounding ----

Interval abs(Interval x) {
  if (x.lo >= 0 || isnan(x)) return x;
  return x.hi <= 0 ? -x : Interval(0, larger(-x.lo, x.hi));
}

Interval max(Interval a, Interval b) {
  if (isnan(a) || isnan(b)) return nan;
  return {larger(a.lo, b.lo), larger(a.hi, b.hi)};
}

Interval min(Interval a, Interval b) { return -max(-a, -b); }

// ---- squares and roots ----

Interval square(Interval x) {
  const Interval size = abs(x);
  return from_ends(ends::product(size.lo, size.lo).lo, ends::product(size.hi, size.hi).hi);
}

Interval sqrt(Interval x) {
  if (x.hi < 0 || isnan(x)) return nan;
  return {ends::root(larger(x.lo, 0)).lo, ends::root(x.hi).hi};
}

// ---- functions that rise, fall or turn ----

namespace {

Interval rising(Function f, const Interval& x) {
  if (x.is_point()) return ends::value(f, x.lo);
  return from_ends(ends::value(f, x.lo).lo, ends::value(f, x.hi).hi);
}
Interval falling(Function f, const Interval& x) {
  if (x.is_point()) return ends::value(f, x.lo);
  return from_ends(ends::value(f, x.hi).lo, ends::value(f, x.lo).hi);
}

// A sine or a cosine of x. It rises and falls in turn, and turns where `phase`, which is x/π or
// x/π − ½, is an integer: to 1 at even integers, to −1 at odd ones. Rounding may have widened the
// phase, so that it holds a turn that x does not; the result is then wider, and still holds all
// values.
Interval wave(Function f, const Interval& x, const Interval& phase) {
  if (x.is_point()) return ends::value(f, x.lo);
  if (isnan(x)) return nan;
  const double first = std::ceil(phase.below()), last = std::floor(phase.above());
  if (!isfinite(phase) || last > first) return {-1, 1};
  Interval values = hull(ends::value(f, x.lo), ends::value(f, x.hi));
  if (first == last) values = hull(values, std::fmod(first, 2) == 0 ? 1 : -1);
  return values;
}

}  // namespace

Interval exp(Interval x) { return rising(Function::exp, x); }

Interval log(Interval x) {
  if (x.hi < 0) return nan;
  if (x.hi == 0) return -infinity;
  x.lo = larger(x.lo, 0);
  return rising(Function::log, x);
}

Interval log1p(Interval x) {
  if (x.hi < -1) return nan;
  if (x.hi == -1) return -infinity;
  x.lo = larger(x.lo, -1);
  return rising(Function::log1p, x);
}

Interval tanh(Interval x) { return rising(Function::tanh, x); }
Interval erf(Interval x) { return rising(Function::erf, x); }
Interval erfc(Interval x) { return falling(Function::erfc, x); }
Interval sin(Interval x) { return wave(Function::sin, x, x / Interval::pi() - 0.5); }
Interval cos(Interval x) { return wave(Function::cos, x, x / Interval::pi()); }

Interval erf_slope(Interval x) { return ends::two_over_root_pi() * exp(-square(x)); }

// ---- powers ----

namespace {

// xⁿ for an integer n, where x may be negative.
Interval integer_power(const Interval& x, const End& n) {
  if (ends::is_even(n)) return pow(abs(x), n);
  // An odd power rises everywhere. An odd power of 1/x falls on both sides of its pole at 0.
  if (n > 0) return from_ends(ends::power(x.lo, n).lo, ends::power(x.hi, n).hi);
  if (x.hi > 0) return everything;
  const End highest = x.hi == 0 ? End(-infinity) : ends::power(x.hi, n).lo;
  return from_ends(highest, ends::power(x.lo, n).hi);
}

// xⁿ for x ≥ 0. It rises or falls in x for each n, and in n for each x. −0 would count as negative.
Interval positive_power(Interval x, const Interval& n) {
  if (x.lo == 0) x.lo = 0.0;
  if (x.hi == 0) x.hi = 0.0;
  return over_corners(x, n, ends::power);
}

// xⁿ where x has numbers below 0, for which only integer powers exist, of either sign.
Interval power_below_zero(const Interval& x, const Interval& n) {
  if (!n.is_point()) {
    const End size = pow(abs(x), n).hi;
    return {-size, size};
  }
  if (ends::is_integer(n.lo)) return integer_power(x, n.lo);
  return x.hi < 0 ? nan : positive_power({0, x.hi}, n);
}

}  // namespace

Interval pow(Interval x, Interval n) {
  if (is_zero(n)) return 1;
  if (x.is_point() && n.is_point()) return ends::power(x.lo, n.lo);
  if (isnan(x) || isnan(n)) return nan;
  return x.lo < 0 ? power_below_zero(x, n) : positive_power(x, n);
}

}  // namespace glass
