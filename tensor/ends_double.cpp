// # Doubles as ends of intervals
//
// The operations + × ÷ √ of doubles, as the two neighbours between which the exact result lies; and
// exp and the other functions, from what the C library gives.
//
// The rounding error of one operation can be computed. For a sum it is a double itself (Knuth's
// 2Sum). For a product it is a · b − p, for a quotient (a − q · b) / b, for a root
// (x − s · s) / (2 s), and a fused multiply-add computes each numerator with a single rounding,
// which keeps the sign. The sign says on which side the exact result lies; 0 says that the
// operation was exact. Near the smallest doubles the numerator itself may be rounded to 0. There, 0
// says nothing, and the interval takes a step to both sides.
//
// This file must be compiled with -ffp-contract=off: a contracted a · b + c has one rounding, where
// 2Sum expects two. All arithmetic of ends is here, and not in a header, so that the options of a
// program that uses intervals do not matter.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "tensor/ends.h"

#ifndef GLASS_WIDE_ENDS

namespace glass {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min();

// ---- steps from one double to the next ----

// The double that lies `steps` above x, or below x for negative steps. No step leads beyond ±∞.
// The bits of the positive doubles, read as integers, count them: 0 is 0, the smallest positive
// double is 1, and so on up to ∞. The negative doubles count downwards from 0 in the same way.
double moved(double x, std::int64_t steps) {
  if (std::isnan(x)) return x;
  constexpr auto last = std::bit_cast<std::int64_t>(infinity);
  constexpr auto sign = std::numeric_limits<std::int64_t>::min();
  const auto bits = std::bit_cast<std::int64_t>(x);
  const std::int64_t place = std::clamp((bits < 0 ? sign - bits : bits) + steps, -last, last);
  return std::bit_cast<double>(place < 0 ? sign - place : place);
}
double up(double x) { return moved(x, 1); }
double down(double x) { return moved(x, -1); }

// ---- one operation of two doubles ----

// Between which doubles does x + error lie, if |error| is less than a step?
Interval beside(double x, double error) { return {error < 0 ? down(x) : x, error > 0 ? up(x) : x}; }

// A result that is not finite. If the operands are finite and a result exists, it was too large.
Interval not_finite(double x, bool has_result) {
  if (!has_result || std::isnan(x)) return x;
  return x > 0 ? Interval(largest, infinity) : Interval(-infinity, -largest);
}

// An error term below this number's last places may be rounded to 0. Doubles are multiples of
// 2⁻¹⁰⁷⁴. Numbers of 53 bits whose product, or dividend, or radicand is at least 2⁻⁹⁶⁹ have error
// terms that are multiples of 2⁻⁹⁶⁹⁻¹⁰⁵ = 2⁻¹⁰⁷⁴, and so are exact.
constexpr double safe = 0x1p-969;

}  // namespace

Interval Interval::neighbours(double x) { return {down(x), up(x)}; }

namespace ends {

// ---- + × ÷ √ ----

Interval sum(double a, double b) {
  const double s = a + b;
  if (!std::isfinite(s)) return not_finite(s, std::isfinite(a) && std::isfinite(b));
  // 2Sum: s − a is what s has of b. Both parts of s, subtracted from a and b, leave the error.
  const double part_of_b = s - a, part_of_a = s - part_of_b;
  const double error = (a - part_of_a) + (b - part_of_b);
  return std::isfinite(error) ? beside(s, error) : Interval::neighbours(s);
}

Interval product(double a, double b) {
  const double p = a * b;
  if (!std::isfinite(p)) return not_finite(p, std::isfinite(a) && std::isfinite(b));
  if (a == 0 || b == 0) return p;
  // A product that is too small for a double lies between 0 and the smallest double of its sign.
  if (p == 0) return std::signbit(p) ? Interval(-smallest, 0) : Interval(0, smallest);
  const double error = std::fma(a, b, -p);
  return error == 0 && std::abs(p) < safe ? Interval::neighbours(p) : beside(p, error);
}

Interval quotient(double a, double b) {
  const double q = a / b;
  if (!std::isfinite(q)) return not_finite(q, std::isfinite(a) && b != 0);
  if (a == 0 || std::isinf(b)) return q;
  const double remainder = std::fma(-q, b, a);  // a/b − q = remainder / b
  if (remainder == 0 && std::abs(a) < safe) return Interval::neighbours(q);
  return beside(q, b < 0 ? -remainder : remainder);
}

Interval root(double x) {
  const double s = std::sqrt(x);
  if (!std::isfinite(s) || s == 0) return s;
  const double remainder = std::fma(-s, s, x);
  return remainder == 0 && x < safe ? Interval::neighbours(s) : beside(s, remainder);
}

// ---- functions of the C library ----

namespace {

// Where the exact result may lie, if the C library gave y: its distance from the correctly rounded
// result is at most `ulps` units of that result's last place, and that result is rounded by at most
// half a unit. Towards 0 no unit is larger than the steps between y and there. Away from 0 the unit
// may be twice the step, if a power of 2 lies between. The sign of y is trusted.
Interval widened(double y, int ulps) {
  const double size = std::abs(y);
  const double inner = std::max(moved(size, -(ulps + 1)), 0.0);
  const double far = moved(size, 2 * ulps + 1);
  const bool same_unit = size > 0 && std::isfinite(far) && std::ilogb(size) == std::ilogb(far);
  const double outer = same_unit ? moved(size, ulps + 1) : far;
  return std::signbit(y) ? Interval(-outer, -inner) : Interval(inner, outer);
}

struct Library {
  double (*f)(double);
  int ulps;
  double exact;    // the argument for which f is exact
  Interval range;  // no value of f lies outside of it
};

const Library& library(Function f) {
  constexpr Interval everything = {-infinity, infinity};
  // In the order of Function.
  static const Library all[] = {
      {[](double x) { return std::exp(x); }, libm_ulps.exp, 0, {0, infinity}},
      {[](double x) { return std::log(x); }, libm_ulps.log, 1, everything},
      {[](double x) { return std::log1p(x); }, libm_ulps.log1p, 0, everything},
      {[](double x) { return std::tanh(x); }, libm_ulps.tanh, 0, {-1, 1}},
      {[](double x) { return std::sin(x); }, libm_ulps.sin, 0, {-1, 1}},
      {[](double x) { return std::cos(x); }, libm_ulps.cos, 0, {-1, 1}},
      {[](double x) { return std::erf(x); }, libm_ulps.erf, 0, {-1, 1}},
      {[](double x) { return std::erfc(x); }, libm_ulps.erfc, 0, {0, 2}}};
  return all[static_cast<std::size_t>(f)];
}

}  // namespace

// The limits at ±∞ are exact, too.
Interval value(Function f, double x) {
  const Library& function = library(f);
  const double y = function.f(x);
  if (std::isnan(y) || x == function.exact || std::isinf(x)) return y;
  const Interval around = widened(y, function.ulps);
  return {std::max(around.lo, function.range.lo), std::min(around.hi, function.range.hi)};
}

Interval power(double x, double n) {
  if (n == 0 || x == 1) return 1;
  if (n == 1) return x;
  if (n == 2) return product(x, x);
  const double y = std::pow(x, n);
  if (std::isnan(y)) return y;
  const bool exact = x == 0 || std::isinf(x) || std::isinf(n);
  return exact ? Interval(y) : widened(y, libm_ulps.pow);
}

// ---- constants, whole numbers, conversions ----

// π and 2/√π lie between these doubles and the next.
Interval pi() { return {0x1.921fb54442d18p+1, 0x1.921fb54442d19p+1}; }
Interval two_over_root_pi() { return {0x1.20dd750429b6dp+0, 0x1.20dd750429b6ep+0}; }

bool is_integer(double n) { return std::floor(n) == n; }
bool is_even(double n) { return std::fmod(n, 2) == 0; }

double rounded_down(double x) { return x; }
double rounded_up(double x) { return x; }
double middle(Interval x) { return std::midpoint(x.lo, x.hi); }

}  // namespace ends

}  // namespace glass

#endif
