// # Intervals against Arb
//
//     arb [operations of each kind, default 1000000] [seed, default 1]
//
// Every operation of tensor/interval.h is called with random and hostile operands. For numbers from
// the operands, Arb, a library of arbitrary precision with proved error bounds, computes the exact
// result as closely as necessary. It must lie in the interval. The program prints for each
// operation
//
//   outside   exact results that are not in the interval: must be 0
//   open      results that Arb could not decide with 4600 bits: must be 0
//   steps     for + − × ÷ √ of points: the most steps from an end of the interval to the
//             correctly rounded end: at most 1; and the share of ends that are correctly rounded
//   ulps      for a function: the largest error of the C library's result that was seen, in units of
//             the exact result's last place; where; and the bound that the intervals rely on
//
// and its exit status is 1 if one of these claims fails. Compiled with GLASS_WIDE_ENDS it compares
// the intervals whose ends have 192 bits; they call no C library. It needs libflint-arb-dev
// (Debian's name).
#include <arb.h>
#include <arb_hypgeom.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tensor/dual.h"
#include "tensor/interval.h"

namespace {

using glass::DualOf, glass::Interval, glass::libm_ulps;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();

// ---- numbers of Arb that free themselves ----

struct Ball {
  arb_t value;
  Ball() { arb_init(value); }
  explicit Ball(double x) : Ball() { arb_set_d(value, x); }
  ~Ball() { arb_clear(value); }
  Ball(const Ball&) = delete;
  Ball& operator=(const Ball&) = delete;
};

struct Big {
  arf_t value;
  Big() { arf_init(value); }
  ~Big() { arf_clear(value); }
  Big(const Big&) = delete;
  Big& operator=(const Big&) = delete;
};

// ---- ends, as Arb's numbers ----

#ifdef GLASS_WIDE_ENDS
constexpr bool wide = true;
// ± 0.limbs · 2^exponent, limb by limb: each has 64 bits, the last is the first behind the point.
void set(arf_t z, const glass::Float192& x) {
  if (x.kind != glass::Float192::Kind::regular) {
    if (x.kind == glass::Float192::Kind::zero) return arf_zero(z);
    return x.negative ? arf_neg_inf(z) : arf_pos_inf(z);
  }
  arf_zero(z);
  Big part;
  std::int64_t scale = x.exponent - glass::Float192::bits;
  for (const std::uint64_t limb : x.limbs) {
    arf_set_ui(part.value, limb);
    arf_mul_2exp_si(part.value, part.value, scale);
    arf_add(z, z, part.value, ARF_PREC_EXACT, ARF_RND_DOWN);
    scale += 64;
  }
  if (x.negative) arf_neg(z, z);
}
#else
constexpr bool wide = false;
void set(arf_t z, double x) { arf_set_d(z, x); }
#endif

struct End : Big {
  explicit End(const Interval::End& x) { set(value, x); }
};

// ---- operands ----

std::mt19937_64 random_bits;

std::int64_t integer(std::int64_t lo, std::int64_t hi) {
  return std::uniform_int_distribution<std::int64_t>(lo, hi)(random_bits);
}
double uniform(double lo, double hi) {
  return std::uniform_real_distribution<double>(lo, hi)(random_bits);
}

// Doubles in their order, as integers: 0 is 0, the next above is 1, the next below is −1.
std::int64_t place(double x) {
  const auto bits = std::bit_cast<std::int64_t>(x);
  return bits < 0 ? std::numeric_limits<std::int64_t>::min() - bits : bits;
}
double at_place(std::int64_t i) {
  const std::int64_t last = place(largest);
  i = std::clamp(i, -last, last);
  return std::bit_cast<double>(i < 0 ? std::numeric_limits<std::int64_t>::min() - i : i);
}

double sign() { return integer(0, 1) ? 1 : -1; }

// Any double: of any size, with few bits, an integer, a power of two, subnormal, near overflow.
double hostile() {
  switch (integer(0, 9)) {
    case 0:
      return at_place(integer(-place(largest), place(largest)));
    case 1:
      return sign() * std::ldexp(1.0, static_cast<int>(integer(-1074, 1023)));
    case 2:
      return static_cast<double>(integer(-20, 20));
    case 3:
      return static_cast<double>(integer(-(1LL << 53), 1LL << 53));
    case 4:
      return at_place(integer(-1000, 1000));
    case 5:
      return sign() * at_place(place(largest) - integer(0, 1000));
    case 6:
      return sign() * at_place(place(1.0) + integer(-1000, 1000));
    case 7:
      return std::ldexp(static_cast<double>(integer(-99, 99)), static_cast<int>(integer(-60, 60)));
    case 8:
      return sign() * std::ldexp(uniform(1, 2), static_cast<int>(integer(-1020, -960)));
    default:
      return std::ldexp(uniform(-2, 2), static_cast<int>(integer(-30, 30)));
  }
}

// Near a multiple of π/2, where sine and cosine are 0 or turn.
double near_a_turn() {
  const double turns = std::ldexp(uniform(-1, 1), static_cast<int>(integer(1, 52)));
  return at_place(place(std::round(turns) * 1.5707963267948966) + integer(-2, 2));
}

// Where a function is interesting: from `lo` to `hi`, and near its ends.
struct Span {
  double lo, hi;
};
double operand(Span span) {
  switch (integer(0, 7)) {
    case 0:
      return hostile();
    case 1:
      return at_place(place(integer(0, 1) ? span.lo : span.hi) + integer(-9, 9));
    case 2:
      return at_place(integer(place(span.lo), place(span.hi)));
    case 3:
      return std::round(uniform(span.lo, span.hi) * 8) / 8;
    default:
      return uniform(span.lo, span.hi);
  }
}

// A point, or an interval from it that is a few steps wide, or small, or as wide as it likes.
Interval around(double x, Span span) {
  switch (integer(0, 5)) {
    case 0:
      return {at_place(place(x) - integer(0, 3)), at_place(place(x) + integer(0, 3))};
    case 1:
      return {x, at_place(place(x) + integer(0, 1LL << 40))};
    case 2: {
      const double y = operand(span);
      return {std::min(x, y), std::max(x, y)};
    }
    case 3:
      return integer(0, 20) ? Interval(x) : Interval(x, infinity);
    default:
      return x;
  }
}

// A number of the interval: an end, or any between.
double one_of(Interval x) {
  const double lo = std::max(x.below(), -largest), hi = std::min(x.above(), largest);
  const std::int64_t which = integer(0, 3);
  if (which < 2) return which == 0 ? lo : hi;
  return at_place(integer(place(lo), place(hi)));
}

// ---- operations ----

using OfArb = void (*)(arb_t, const arb_t, const arb_t, slong);

struct Operation {
  std::string name;
  Interval (*f)(Interval, Interval);
  OfArb exact;
  bool (*in_domain)(double, double);
  Span x, y;
  bool tight = false;                        // + − × ÷ √
  double (*libm)(double, double) = nullptr;  // the C library's function
  int ulps = 0;
};

bool anywhere(double, double) { return true; }
bool positive(double x, double) { return x > 0; }
// Beyond these, tanh and erf are nearer to ±1 than 4600 bits show.
bool tanh_is_open(double x, double) { return std::abs(x) < 1500; }
bool erf_is_open(double x, double) { return std::abs(x) < 55; }

// Arb computes powers by exp(n log x), for which the result must not be absurdly large.
bool has_power(double x, double n) {
  const bool whole = std::floor(n) == n;
  if (x == 0) return n > 0 && whole && n < 100;
  return (x > 0 || whole) && std::abs(n * std::log2(std::abs(x))) < 5000;
}

// xⁿ. For n = m / 2ᵏ with small m and k, as k square roots of xᵐ: Arb finds roots that are exact,
// and a result that is exactly an end of the interval must be decided.
void power(arb_t z, const arb_t x, const arb_t n, slong bits) {
  double m = arf_get_d(arb_midref(n), ARF_RND_NEAR);
  int k = 0;
  for (; k < 10 && std::floor(m) != m; ++k) m *= 2;
  if (std::floor(m) != m || std::abs(m) > 5000) return arb_pow(z, x, n, bits);
  arb_pow_ui(z, x, static_cast<ulong>(std::abs(m)), bits);
  if (m < 0) arb_inv(z, z, bits);
  for (; k > 0; --k) arb_sqrt(z, z, bits);
}

std::vector<Operation> arithmetic() {
  const Span any = {-100, 100};
  return {
      {"+", [](Interval x, Interval y) { return x + y; }, arb_add, anywhere, any, any, true},
      {"−", [](Interval x, Interval y) { return x - y; }, arb_sub, anywhere, any, any, true},
      {"×", [](Interval x, Interval y) { return x * y; }, arb_mul, anywhere, any, any, true},
      {"÷", [](Interval x, Interval y) { return x / y; }, arb_div,
       [](double, double y) { return y != 0; }, any, any, true},
      {"√",
       [](Interval x, Interval) { return sqrt(x); },
       [](arb_t z, const arb_t x, const arb_t, slong bits) { arb_sqrt(z, x, bits); },
       [](double x, double) { return x >= 0; },
       {0, 100},
       any,
       true},
      {"square", [](Interval x, Interval) { return square(x); },
       [](arb_t z, const arb_t x, const arb_t, slong bits) { arb_sqr(z, x, bits); }, anywhere, any,
       any, true},
      {"abs", [](Interval x, Interval) { return abs(x); },
       [](arb_t z, const arb_t x, const arb_t, slong) { arb_abs(z, x); }, anywhere, any, any},
      {"max", [](Interval x, Interval y) { return max(x, y); }, arb_max, anywhere, any, any},
      {"min", [](Interval x, Interval y) { return min(x, y); }, arb_min, anywhere, any, any},
  };
}

// `name`, a function of the C library, of Arb and of our own.
#define FUNCTION(name, arb_name, domain, lo, hi)                                                \
  Operation {                                                                                   \
#name, [](Interval x, Interval) { return name(x); },                                          \
        [](arb_t z, const arb_t x, const arb_t, slong bits) { arb_name(z, x, bits); }, domain,    \
        {lo, hi}, {0, 1}, false, [](double x, double) { return std::name(x); }, libm_ulps.name \
  }

std::vector<Operation> functions() {
  const auto above_minus_1 = [](double x, double) { return x > -1; };
  const auto not_huge = [](double x, double) { return std::abs(x) < 1e12; };
  return {
      FUNCTION(exp, arb_exp, not_huge, -746, 710),
      FUNCTION(log, arb_log, positive, 0, 4),
      FUNCTION(log1p, arb_log1p, above_minus_1, -1, 3),
      FUNCTION(tanh, arb_tanh, tanh_is_open, -20, 20),
      FUNCTION(sin, arb_sin, anywhere, -10, 10),
      FUNCTION(cos, arb_cos, anywhere, -10, 10),
      FUNCTION(erf, arb_hypgeom_erf, erf_is_open, -6, 6),
      FUNCTION(erfc, arb_hypgeom_erfc, erf_is_open, -6, 28),
      {"pow",
       [](Interval x, Interval n) { return pow(x, n); },
       power,
       has_power,
       {0, 4},
       {-20, 20},
       false,
       [](double x, double n) { return std::pow(x, n); },
       libm_ulps.pow},
  };
}
#undef FUNCTION

// The slope of `name`, as dual numbers of intervals compute it.
#define SLOPE(name, domain, lo, hi, ...)                                                          \
  Operation {                                                                                     \
#name "′",                                                                                    \
        [](Interval x,                                                                            \
           Interval) { return name(DualOf<Interval>(x, 1)).d; },                                  \
                                                              [](arb_t z, const arb_t x,          \
                                                                 const arb_t,                     \
                                                                 slong                            \
                                                                     bits) { __VA_ARGS__; },      \
                                                                                          domain, \
                                                                                          {lo,    \
                                                                                           hi },  \
    {                                                                                             \
      0, 1                                                                                        \
    }                                                                                             \
  }

// z = 1 − z², for the slope of tanh.
void one_minus_square(arb_t z, slong bits) {
  arb_sqr(z, z, bits);
  arb_neg(z, z);
  arb_add_ui(z, z, 1, bits);
}

// z = ±2/√π · e^(−x²)
void slope_of_erf(arb_t z, const arb_t x, int sign, slong bits) {
  Ball root;
  arb_const_sqrt_pi(root.value, bits);
  arb_sqr(z, x, bits);
  arb_neg(z, z);
  arb_exp(z, z, bits);
  arb_div(z, z, root.value, bits);
  arb_mul_si(z, z, 2 * sign, bits);
}

std::vector<Operation> slopes() {
  const auto above_minus_1 = [](double x, double) { return x > -1; };
  const auto small = [](double x, double) { return std::abs(x) < 1e6; };
  return {
      SLOPE(exp, small, -746, 710, arb_exp(z, x, bits)),
      SLOPE(log, positive, 0, 4, arb_inv(z, x, bits)),
      SLOPE(log1p, above_minus_1, -1, 3, arb_add_ui(z, x, 1, bits), arb_inv(z, z, bits)),
      SLOPE(sqrt, positive, 0, 4, arb_rsqrt(z, x, bits), arb_mul_2exp_si(z, z, -1)),
      SLOPE(tanh, tanh_is_open, -20, 20, arb_tanh(z, x, bits), one_minus_square(z, bits)),
      SLOPE(sin, anywhere, -10, 10, arb_cos(z, x, bits)),
      SLOPE(cos, anywhere, -10, 10, arb_sin(z, x, bits), arb_neg(z, z)),
      SLOPE(erf, small, -6, 6, slope_of_erf(z, x, 1, bits)),
      SLOPE(erfc, small, -6, 28, slope_of_erf(z, x, -1, bits)),
  };
}
#undef SLOPE

// ---- one comparison ----

// Results of one operation so far.
struct Tally {
  std::int64_t done = 0, outside = 0, open = 0, ends = 0, rounded_ends = 0;
  std::int64_t steps = 0;          // the most to a correctly rounded end
  double ulps = 0, where[2] = {};  // the largest error of the C library, and its operands
};

// The exact result lies from `below` to `above`, which are so near that its place is decided.
struct Enclosure {
  Ball ball;
  Big below, above;
  void compute(const Operation& op, double x, double y, slong bits) {
    op.exact(ball.value, Ball(x).value, Ball(y).value, bits);
    arb_get_lbound_arf(below.value, ball.value, bits);
    arb_get_ubound_arf(above.value, ball.value, bits);
  }
};

enum class Place { inside, outside, open };

Place find(const Enclosure& exact, Interval z) {
  if (isnan(z)) return Place::outside;
  const End lo(z.lo), hi(z.hi);
  if (arf_cmp(exact.above.value, lo.value) < 0 || arf_cmp(exact.below.value, hi.value) > 0)
    return Place::outside;
  const bool inside =
      arf_cmp(exact.below.value, lo.value) >= 0 && arf_cmp(exact.above.value, hi.value) <= 0;
  return inside ? Place::inside : Place::open;
}

// How many steps an end is beyond the correctly rounded one. (An end of 192 bits is that one, or
// counts as two steps from it.)
std::int64_t steps(const Big& exact, const Interval::End& end, arf_rnd_t way) {
#ifdef GLASS_WIDE_ENDS
  Big rounded;
  arf_set_round(rounded.value, exact.value, glass::Float192::bits, way);
  return arf_equal(rounded.value, End(end).value) ? 0 : 2;
#else
  return std::abs(place(end) - place(arf_get_d(exact.value, way)));
#endif
}

void measure_ends(const Enclosure& exact, Interval z, Tally& tally) {
  for (const std::int64_t away :
       {steps(exact.below, z.lo, ARF_RND_FLOOR), steps(exact.above, z.hi, ARF_RND_CEIL)}) {
    tally.ends += 1;
    tally.rounded_ends += away == 0;
    tally.steps = std::max(tally.steps, away);
  }
}

// |y − exact| in units of the last place of the exact result: a number of exponent e, which Arb
// reads as m · 2ᵉ with ½ ≤ m < 1, has the unit 2ᵉ⁻⁵³, and no unit is below 2⁻¹⁰⁷⁴.
void measure_libm(const Operation& op, const Enclosure& exact, double x, double y, Tally& tally) {
  const double value = op.libm(x, y);
  if (!std::isfinite(value) || arf_is_special(exact.above.value)) return;
  const slong exponent = std::max<slong>(arf_abs_bound_lt_2exp_si(exact.above.value) - 53, -1074);
  Ball error(value);
  arb_sub(error.value, error.value, exact.ball.value, 128);
  arb_mul_2exp_si(error.value, error.value, -exponent);
  Big size;
  arb_get_abs_ubound_arf(size.value, error.value, 64);
  const double ulps = arf_get_d(size.value, ARF_RND_UP);
  if (ulps <= tally.ulps) return;
  tally.ulps = ulps;
  tally.where[0] = x;
  tally.where[1] = y;
}

void report_failure(const Operation& op, Interval a, Interval b, double x, double y, Interval z) {
  fmt::print(stderr, "{}: operands {} and {}, numbers {:a} and {:a}, result {}\n", op.name, a, b, x,
             y, z);
}

// The first operand. A quarter of a function's lie near the one with the largest error so far,
// since errors are large where a whole region is difficult for the C library.
double first_operand(const Operation& op, const Tally& tally) {
  if (op.libm && integer(0, 3) == 0)
    return at_place(place(tally.where[0]) + integer(-1, 1) * (1LL << integer(0, 46)));
  const bool wave = op.name.starts_with("sin") || op.name.starts_with("cos");
  return wave && integer(0, 1) ? near_a_turn() : operand(op.x);
}

// One operation: intervals a and b, numbers x and y of them, and the exact f(x, y).
void compare(const Operation& op, Tally& tally) {
  const double start = first_operand(op, tally);
  const Interval a = around(start, op.x);
  const Interval b = around(integer(0, 7) ? operand(op.y) : -start, op.y);
  const double x = one_of(a), y = one_of(b);
  if (!op.in_domain(x, y)) return;
  const Interval z = op.f(a, b);
  Enclosure exact;
  Place where = Place::open;
  for (const slong bits : {wide ? 300 : 128, 1000, 4600}) {
    exact.compute(op, x, y, bits);
    where = find(exact, z);
    if (where != Place::open) break;
  }
  tally.done += 1;
  tally.outside += where == Place::outside;
  tally.open += where == Place::open;
  if (where != Place::inside && tally.outside + tally.open < 5) report_failure(op, a, b, x, y, z);
  if (!a.is_point() || !b.is_point()) return;
  if (op.tight) measure_ends(exact, z, tally);
  if (op.libm && !wide) measure_libm(op, exact, x, y, tally);
}

// Prints the row of one operation. Do its claims hold?
bool run(const Operation& op, std::int64_t count) {
  Tally tally;
  while (tally.done < count) compare(op, tally);
  fmt::print("{:<7}{:>10}{:>9}{:>6}", op.name, tally.done, tally.outside, tally.open);
  bool holds = tally.outside == 0 && tally.open == 0;
  if (op.tight) {
    fmt::print("{:>7}   {:.4f} of the ends are correctly rounded", tally.steps,
               static_cast<double>(tally.rounded_ends) / static_cast<double>(tally.ends));
    holds &= tally.steps <= 1;
  }
  if (op.libm && !wide) {
    fmt::print("{:>14.4f} of {}.5 ulps, at {:a}", tally.ulps, op.ulps, tally.where[0]);
    if (op.name == "pow") fmt::print(", {:a}", tally.where[1]);
    holds &= tally.ulps <= op.ulps + 0.5;
  }
  fmt::print("{}\n", holds ? "" : "   FAILS");
  std::fflush(stdout);
  return holds;
}

}  // namespace

int main(int count, char** arguments) {
  const std::int64_t operations = count > 1 ? std::atoll(arguments[1]) : 1'000'000;
  const std::uint64_t seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  random_bits.seed(seed);
  fmt::print("Arb of FLINT {}, {} operations of each kind, seed {}\n", flint_version, operations,
             seed);
  fmt::print("{:<7}{:>10}{:>9}{:>6}{:>7}\n", "", "compared", "outside", "open", "steps");
  bool all_hold = true;
  for (const auto& group : {arithmetic(), functions(), slopes()})
    for (const Operation& op : group) all_hold &= run(op, operations);
  flint_cleanup();
  return all_hold ? 0 : 1;
}
