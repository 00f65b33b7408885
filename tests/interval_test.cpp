// # Tests of intervals, and of dual numbers of intervals
//
// A program of its own, without the library: intervals depend on no Real. tests/certified/arb.cpp
// compares every operation with Arb; here are the properties that a reader would expect, and the
// cases that no random number hits.
#include "tensor/interval.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/dual.h"
#include "tests/catch.h"

namespace interval_test {

using namespace glass;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr Interval everything = {-infinity, infinity};

double next(double x) { return std::nextafter(x, infinity); }
double previous(double x) { return std::nextafter(x, -infinity); }

bool same(Interval a, Interval b) { return a.lo == b.lo && a.hi == b.hi; }
bool is_point(Interval x, double value) { return x.lo == value && x.hi == value; }
bool inside(Interval inner, Interval outer) { return outer.lo <= inner.lo && inner.hi <= outer.hi; }

// Some numbers of each kind, of both signs.
std::vector<double> numbers() {
  std::vector<double> all = {0,      1,    3,         0.1,      1e-9,     7.5e5,  1e300,
                             1e-300, 1e17, 0x1p-1022, 0x1p1023, smallest, 3e-320, largest};
  for (std::size_t i = 0, n = all.size(); i < n; ++i) all.push_back(-all[i]);
  return all;
}

using Binary = std::function<Interval(Interval, Interval)>;
const std::vector<Binary> binary = {[](Interval a, Interval b) { return a + b; },
                                    [](Interval a, Interval b) { return a - b; },
                                    [](Interval a, Interval b) { return a * b; },
                                    [](Interval a, Interval b) { return a / b; },
                                    [](Interval a, Interval b) { return max(a, b); },
                                    [](Interval a, Interval b) { return min(a, b); }};
using Unary = std::function<Interval(Interval)>;
const std::vector<Unary> unary = {
    [](Interval x) { return abs(x); },     [](Interval x) { return square(x); },
    [](Interval x) { return sqrt(x); },    [](Interval x) { return exp(x); },
    [](Interval x) { return log(x); },     [](Interval x) { return log1p(x); },
    [](Interval x) { return tanh(x); },    [](Interval x) { return sin(x); },
    [](Interval x) { return cos(x); },     [](Interval x) { return erf(x); },
    [](Interval x) { return erfc(x); },    [](Interval x) { return erf_slope(x); },
    [](Interval x) { return pow(x, 3); },  [](Interval x) { return pow(x, -2); },
    [](Interval x) { return pow(x, 0.3); }};

}  // namespace

static_assert(sizeof(Interval) == 16);
static_assert(!std::is_convertible_v<Interval, double>);
static_assert(std::is_convertible_v<int, Interval> && std::is_convertible_v<float, Interval>);
static_assert(sizeof(DualOf<Interval>) == 32);
static_assert(std::is_base_of_v<StateError, Undecided>);

// ---- passing ----

[[gnu::noinline]] DualOf<Interval> passed(DualOf<Interval> x) { return x; }

TEST_CASE("a constant that is passed to a function arrives with derivative 0") {
  for (const DualOf<Interval>& one : {passed(1), passed(DualOf<Interval>(Interval(1)))}) {
    CHECK(is_point(one.v, 1));
    CHECK(is_point(one.d, 0));
  }
  CHECK(is_point(passed({0, 1}).v, 0));
  CHECK(is_point(passed({0, 1}).d, 1));
}

// ---- + − × ÷ √ ----

TEST_CASE("exact operations stay points") {
  CHECK(is_point(Interval(3) + 4, 7));
  CHECK(is_point(Interval(0.5) - 0.75, -0.25));
  CHECK(is_point(Interval(3) * 0.5, 1.5));
  CHECK(is_point(Interval(-7) / 8, -0.875));
  CHECK(is_point(sqrt(Interval(144)), 12));
  CHECK(is_point(Interval(0.1) * 1024, 0.1 * 1024));
  CHECK(is_point(Interval(0.1) - 0.1, 0));
  CHECK(is_point(Interval(0.1) * 0, 0));
  CHECK(is_point(0 / Interval(0.1), 0));
  CHECK(is_point(Interval(1e300) + -1e300, 0));
  CHECK(is_point(Interval(largest) - largest, 0));
  CHECK(is_point(Interval(3e-320) + 4e-320, 3e-320 + 4e-320));  // subnormal sums are exact
  CHECK(is_point(Interval((std::int64_t{1} << 53) - 1), 0x1p53 - 1));
}

TEST_CASE("an inexact operation of points steps to one side, where the exact result lies") {
  // 0.1 + 0.2 rounds up to the double 0.30000000000000004; 0.1 · 3 too.
  CHECK(same(Interval(0.1) + 0.2, {previous(0.1 + 0.2), 0.1 + 0.2}));
  CHECK(same(Interval(0.1) * 3, {previous(0.1 * 3), 0.1 * 3}));
  CHECK(same(Interval(1) + 1e-30, {1, next(1)}));
  CHECK(same(Interval(1) - 1e-30, {previous(1), 1}));
  CHECK(same(Interval(1) / 3, {1.0 / 3, next(1.0 / 3)}));
  CHECK(same(Interval(-1) / 3, {previous(-1.0 / 3), -1.0 / 3}));
  CHECK(same(Interval(1) / -3, {previous(-1.0 / 3), -1.0 / 3}));
  CHECK(same(sqrt(Interval(2)), {previous(std::sqrt(2)), std::sqrt(2)}));
  CHECK(same(sqrt(Interval(3)), {std::sqrt(3), next(std::sqrt(3))}));
}

TEST_CASE("a result of two points is at most two steps wide") {
  for (const double x : numbers()) {
    for (const double y : numbers()) {
      for (const Binary& f : binary) {
        const Interval z = f(x, y);
        INFO(x << " and " << y << ": " << z);
        if (isnan(z)) continue;  // 0/0
        CHECK(z.lo <= z.hi);
        CHECK(next(next(z.lo)) >= z.hi);
      }
    }
    if (x > 0) CHECK(next(next(sqrt(Interval(x)).lo)) >= sqrt(Interval(x)).hi);
  }
}

TEST_CASE("results that are too large or too small for a double lie beside the last double") {
  CHECK(same(Interval(largest) + largest, {largest, infinity}));
  CHECK(same(Interval(-largest) - largest, {-infinity, -largest}));
  CHECK(same(Interval(1e200) * -1e200, {-infinity, -largest}));
  CHECK(same(Interval(1e200) / 1e-200, {largest, infinity}));
  CHECK(same(Interval(1e-200) * 1e-200, {0, smallest}));
  CHECK(same(Interval(1e-200) * -1e-200, {-smallest, 0}));
  CHECK(same(Interval(1e-200) / 1e200, {0, smallest}));
  CHECK(same(Interval(-1e-200) / 1e200, {-smallest, 0}));
  // Where the error term itself is too small, 0 proves nothing: a step to both sides.
  CHECK(same(Interval(0x1p-1000) * 0x1p-10, {previous(0x1p-1010), next(0x1p-1010)}));
  CHECK(same(Interval(0x1p-1000) / 2, {previous(0x1p-1001), next(0x1p-1001)}));
}

TEST_CASE("integers beyond 2⁵³ lie between two doubles") {
  const std::int64_t n = (std::int64_t{1} << 53) + 1;
  CHECK(inside({0x1p53, 0x1p53 + 2}, Interval(n)));
  CHECK(inside({-0x1p53 - 2, -0x1p53}, Interval(-n)));
  CHECK(Interval(std::numeric_limits<std::uint64_t>::max()).holds(0x1p64));
}

TEST_CASE("operations on intervals take the extremes over their numbers") {
  CHECK(same(Interval(1, 2) + Interval(10, 20), {11, 22}));
  CHECK(same(Interval(1, 2) - Interval(10, 20), {-19, -8}));
  CHECK(same(Interval(-1, 2) * Interval(-3, 5), {-6, 10}));
  CHECK(same(Interval(2, 3) * Interval(4, 5), {8, 15}));
  CHECK(same(Interval(-3, -2) * Interval(4, 5), {-15, -8}));
  CHECK(same(Interval(1, 2) / Interval(4, 8), {0.125, 0.5}));
  CHECK(same(-Interval(-1, 2), {-2, 1}));
  CHECK(same(abs(Interval(-3, 2)), {0, 3}));
  CHECK(same(abs(Interval(-3, -2)), {2, 3}));
  CHECK(same(max(Interval(1, 4), Interval(2, 3)), {2, 4}));
  CHECK(same(min(Interval(1, 4), Interval(2, 3)), {1, 3}));
  CHECK(same(square(Interval(-1, 2)), {0, 4}));
  CHECK(same(Interval(-1, 2) * Interval(-1, 2), {-2, 4}));
  Interval x = 1;
  x += 2, x *= 3, x -= 1, x /= 4;
  CHECK(is_point(x, 2));
}

TEST_CASE("a wider operand gives a wider result") {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> any(-5, 5);
  const auto interval = [&](Interval within) {
    const double x = within.lo + (within.hi - within.lo) * std::abs(any(random)) / 5;
    const double y = within.lo + (within.hi - within.lo) * std::abs(any(random)) / 5;
    return Interval(std::min(x, y), std::max(x, y));
  };
  for (int i = 0; i < 2000; ++i) {
    const Interval a = interval({-5, 5}), b = interval({-5, 5});
    const Interval part_of_a = interval(a), part_of_b = interval(b);
    INFO(a << " ⊇ " << part_of_a << ", " << b << " ⊇ " << part_of_b);
    for (const Binary& f : binary) CHECK(inside(f(part_of_a, part_of_b), f(a, b)));
    for (const Unary& f : unary) {
      if (!isnan(f(part_of_a))) CHECK(inside(f(part_of_a), f(a)));
    }
  }
}

// ---- division by 0, infinities, NaN ----

TEST_CASE("a divisor that holds 0 leaves no bound, and only the sign where that is known") {
  CHECK(same(1 / Interval(-1, 1), everything));
  CHECK(same(1 / Interval(0, 2), {0.5, infinity}));
  CHECK(same(1 / Interval(-2, 0), {-infinity, -0.5}));
  CHECK(same(Interval(-1, 1) / Interval(0, 2), everything));
  CHECK(same(Interval(1, 2) / Interval(0), {infinity, infinity}));
  CHECK(same(Interval(-1, 2) / Interval(0), everything));
  CHECK(isnan(Interval(0) / 0));
}

TEST_CASE("infinity as a number computes as a double does") {
  const Interval blocked = -infinity;
  CHECK(is_point(blocked + 1, -infinity));
  CHECK(is_point(blocked - Interval(1, 2), -infinity));
  CHECK(is_point(exp(blocked), 0));
  CHECK(is_point(exp(-blocked), infinity));
  CHECK(same(max(blocked, Interval(1, 2)), {1, 2}));
  CHECK(is_point(1 / blocked, 0));
  CHECK(isnan(blocked - blocked));
  CHECK(isnan(blocked * 0));
  CHECK(blocked < Interval(-1e300, 5));
  CHECK(is_infinite(blocked));
  CHECK_FALSE(isfinite(blocked));
}

TEST_CASE("an infinite end is no number: 0 times an unknown number is 0") {
  const Interval above = {1, infinity};
  CHECK(is_point(0 * above, 0));
  CHECK(is_point(0 * everything, 0));
  CHECK(same(Interval(0, 1) * above, {0, infinity}));
  CHECK(same(above - above, everything));
  CHECK(same(above / above, {0, infinity}));
  CHECK_FALSE(is_infinite(above));
  CHECK_FALSE(isfinite(above));
}

TEST_CASE("NaN stays NaN") {
  const Interval nan = not_a_number;
  for (const Binary& f : binary) {
    CHECK(isnan(f(nan, 1)));
    CHECK(isnan(f(Interval(1, 2), nan)));
  }
  for (const Unary& f : unary) CHECK(isnan(f(nan)));
  CHECK(isnan(sqrt(Interval(-2, -1))));
  CHECK(isnan(log(Interval(-2, -1))));
  CHECK(isnan(sin(Interval(infinity))));
}

// ---- comparisons ----

TEST_CASE("a comparison that holds for all numbers is decided") {
  CHECK(Interval(1, 2) < Interval(3, 4));
  CHECK_FALSE(Interval(3, 4) < Interval(1, 2));
  CHECK_FALSE(Interval(3, 4) < Interval(1, 3));  // no number of the left is below one of the right
  CHECK(Interval(1, 3) <= Interval(3, 4));
  CHECK(Interval(3, 4) >= Interval(1, 3));
  CHECK(Interval(1, 2) > 0);
  CHECK(0 < Interval(1, 2));
  CHECK(Interval(2) == 2);
  CHECK(Interval(2) <= 2);
  CHECK(Interval(1, 2) != 3);
  CHECK_FALSE(Interval(1, 2) == Interval(3, 4));
  CHECK((Interval(1, 2) <=> Interval(3, 4)) == std::partial_ordering::less);
  CHECK((Interval(5) <=> Interval(3, 4)) == std::partial_ordering::greater);
  CHECK((Interval(5) <=> Interval(5)) == std::partial_ordering::equivalent);
}

TEST_CASE("any other comparison throws, and names itself and the intervals") {
  const Interval x(-1, 2);
  CHECK_THROWS_AS(x < 0, Undecided);
  CHECK_THROWS_AS(x > 0, Undecided);
  CHECK_THROWS_AS(x <= 0, Undecided);
  CHECK_THROWS_AS(x == 0, Undecided);
  CHECK_THROWS_AS(x != 0, Undecided);
  CHECK_THROWS_AS(x == x, Undecided);  // two numbers of one interval
  CHECK_THROWS_AS(x <=> 0, Undecided);
  CHECK_THROWS_AS(Interval(0, 1) > 0, StateError);
  CHECK_THROWS_WITH(x < 0.5, ContainsSubstring("[-1, 2] < 0.5"));
}

TEST_CASE("comparisons with NaN are false") {
  const Interval nan = not_a_number, x(-1, 2);
  CHECK_FALSE(nan < x);
  CHECK_FALSE(nan >= x);
  CHECK_FALSE(x == nan);
  CHECK(x != nan);
  CHECK(nan != nan);
  CHECK((nan <=> x) == std::partial_ordering::unordered);
}

// ---- functions ----

TEST_CASE("functions are exact where their value is") {
  CHECK(is_point(exp(Interval(0)), 1));
  CHECK(is_point(log(Interval(1)), 0));
  CHECK(is_point(log(Interval(0)), -infinity));
  CHECK(is_point(log1p(Interval(0)), 0));
  CHECK(is_point(log1p(Interval(-1)), -infinity));
  CHECK(is_point(tanh(Interval(0)), 0));
  CHECK(is_point(sin(Interval(0)), 0));
  CHECK(is_point(cos(Interval(0)), 1));
  CHECK(is_point(erf(Interval(0)), 0));
  CHECK(is_point(erfc(Interval(0)), 1));
  CHECK(is_point(pow(Interval(5), 0), 1));
  CHECK(is_point(pow(Interval(0.3), 1), 0.3));
  CHECK(is_point(pow(Interval(3), 2), 9));
  CHECK(is_point(pow(Interval(0), 0.5), 0));
  CHECK(is_point(tanh(Interval(infinity)), 1));
  CHECK(is_point(erfc(Interval(infinity)), 0));
}

TEST_CASE("functions stay within the range of their values") {
  CHECK(exp(Interval(-1000)).lo == 0);
  CHECK(exp(Interval(1000)).hi == infinity);
  CHECK(exp(Interval(1000)).lo > 1e308);
  CHECK(tanh(Interval(30)).hi == 1);
  CHECK(erf(Interval(-30)).lo == -1);
  CHECK(erfc(Interval(-30)).hi == 2);
  CHECK(erfc(Interval(30)).lo == 0);
  CHECK(same(sqrt(Interval(-1, 4)), {0, 2}));
  CHECK(log(Interval(-1, 1)).lo == -infinity);
  CHECK(log1p(Interval(-3, 0)).lo == -infinity);
}

TEST_CASE("sine and cosine turn") {
  CHECK(sin(Interval(1, 2)).hi == 1);
  CHECK(sin(Interval(1, 2)).lo < 0.842);
  CHECK(sin(Interval(4, 5)).lo == -1);
  CHECK(same(sin(Interval(0, 5)), {-1, 1}));
  CHECK(sin(Interval(-1, 1)).hi < 0.842);
  CHECK(cos(Interval(-1, 1)).hi == 1);
  CHECK(cos(Interval(3, 4)).lo == -1);
  CHECK(cos(Interval(1, 2)).hi < 0.541);
  CHECK(same(cos(Interval(1e300, next(1e300))), {-1, 1}));
  CHECK(cos(Interval(1e300)).width() < 1e-15);
}

TEST_CASE("powers have a sign, a pole and a smallest value where they should") {
  CHECK(inside({-8, 27}, pow(Interval(-2, 3), 3)));
  CHECK(same(pow(Interval(-2, 3), 2), {0, 9}));
  CHECK(pow(Interval(-2, 3), 4).lo == 0);
  CHECK(same(pow(Interval(-2, 3), -1), everything));
  CHECK(pow(Interval(-2, 3), -2).hi == infinity);
  CHECK(pow(Interval(-2, 3), -2).lo > 0.11);
  CHECK(pow(Interval(-2, 0), -1).lo == -infinity);
  CHECK(pow(Interval(-2, 0), -1).hi > -0.51);
  CHECK(pow(Interval(-2, -1), -3).hi < -0.12);
  CHECK(pow(Interval(-1, 4), 0.5).lo == 0);
  CHECK(isnan(pow(Interval(-4, -1), 0.5)));
  CHECK(inside({-2, 4}, pow(Interval(-2), Interval(1, 2))));
  CHECK(inside({0.25, 16}, pow(Interval(2, 4), Interval(-1, 2))));
  CHECK(inside({0, infinity}, pow(Interval(0, 1), Interval(-1, 2))));
}

// ---- questions, conversion, printing ----

TEST_CASE("midpoint, width, hull and neighbours") {
  CHECK(static_cast<double>(Interval(1, 2)) == 1.5);
  CHECK(static_cast<double>(Interval(0.1)) == 0.1);
  CHECK(static_cast<double>(Interval(-largest, largest)) == 0);
  CHECK(static_cast<double>(everything) == 0);
  CHECK(Interval(1, 2).width() == 1);
  CHECK(Interval(0.1).width() == 0);
  CHECK(Interval(1, next(1)).width() == next(1) - 1);
  CHECK(Interval(-0.1, 1e300).width() >= 1e300);
  CHECK(everything.width() == infinity);
  CHECK(disjoint(Interval(1, 2), Interval(3, 4)));
  CHECK_FALSE(disjoint(Interval(1, 2), Interval(2, 4)));
  CHECK(same(hull(Interval(1, 2), 5), {1, 5}));
  CHECK(Interval(1, 2).holds(2));
  CHECK_FALSE(Interval(1, 2).holds(2.5));
  for (const double x : numbers()) {
    CHECK(Interval::neighbours(x).hi == next(x));
    CHECK(Interval::neighbours(x).lo == previous(x));
  }
  CHECK(same(Interval::neighbours(infinity), {largest, infinity}));
}

TEST_CASE("an interval prints its ends, and a point its number") {
  CHECK(fmt::format("{}", Interval(1, 2.5)) == "[1, 2.5]");
  CHECK(fmt::format("{}", Interval(0.1)) == "0.1");
  CHECK(fmt::format("{:.2f}", Interval(1, 2.5)) == "[1.00, 2.50]");
  CHECK(fmt::format("{}", Interval(-infinity, 0)) == "[-inf, 0]");
  std::ostringstream stream;
  stream << Interval(1, 2);
  CHECK(stream.str() == "[1, 2]");
  CHECK(fmt::format("{}", DualOf<Interval>(Interval(1, 2))) == "[1, 2]");
  CHECK(fmt::format("{}", DualOf<Interval>(1, Interval(-3, 4))) == "1+[-3, 4]ε");
}

// ---- dual numbers of intervals ----

namespace {

using Enclosed = DualOf<Interval>;

// f of dual numbers, for doubles and for intervals.
struct Row {
  std::string name;
  std::function<Dual(Dual)> f;
  std::function<Enclosed(Enclosed)> enclosed;
  std::vector<double> at;
};

template <class F>
Row row(std::string name, F f, std::vector<double> at) {
  return {std::move(name), f, f, std::move(at)};
}

const std::vector<Row> rows = {
    row("exp", [](auto x) { return exp(x); }, {-3, 0, 2}),
    row("log", [](auto x) { return log(x); }, {0.1, 1, 7}),
    row("log1p", [](auto x) { return log1p(x); }, {-0.5, 0, 7}),
    row("sqrt", [](auto x) { return sqrt(x); }, {0.2, 1, 9}),
    row("sin", [](auto x) { return sin(x); }, {-1, 0, 4}),
    row("cos", [](auto x) { return cos(x); }, {-1, 0, 4}),
    row("tanh", [](auto x) { return tanh(x); }, {-3, 0, 0.7}),
    row("erf", [](auto x) { return erf(x); }, {-1.5, 0, 0.4}),
    row("erfc", [](auto x) { return erfc(x); }, {-1.5, 0, 0.4}),
    row("abs", [](auto x) { return abs(x); }, {-2, 3}),
    row("x³", [](auto x) { return pow(x, 3); }, {-2, 0, 1.5}),
    row("2ˣ", [](auto x) { return pow(2, x); }, {-1, 0, 3}),
    row("xˣ", [](auto x) { return pow(x, x); }, {0.5, 2}),
    row("/", [](auto x) { return x / (x * x + 1) + 2 / x; }, {-1, 2}),
};

}  // namespace

TEST_CASE("dual intervals enclose the value and the slope that dual doubles round") {
  for (const Row& r : rows) {
    for (const double x : r.at) {
      const Dual rounded = r.f(Dual(x, 1));
      const Enclosed exact = r.enclosed(Enclosed(x, 1));
      INFO(r.name << " at " << x);
      const double slack = 1e-14 * (1 + std::abs(rounded.d));
      CHECK(exact.v.width() < 1e-14 * (1 + std::abs(rounded.v)));
      CHECK(exact.d.width() < slack);
      CHECK(std::abs(static_cast<double>(exact.v) - rounded.v) < 1e-14 * (1 + std::abs(rounded.v)));
      CHECK(std::abs(static_cast<double>(exact.d) - rounded.d) < slack);
    }
  }
}

TEST_CASE("a difference lies between the smallest and the largest slope") {
  // The mean value theorem: (f(x) − f(y)) / (x − y) is a slope between x and y.
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> any(0.1, 3);
  for (int i = 0; i < 200; ++i) {
    const double x = any(random), y = any(random);
    if (x == y) continue;
    const Enclosed both(Interval(std::min(x, y), std::max(x, y)), 1);
    for (const Row& r : rows) {
      const Interval rise = r.enclosed(Enclosed(x)).v - r.enclosed(Enclosed(y)).v;
      INFO(r.name << " from " << x << " to " << y);
      CHECK_FALSE(disjoint(rise / (Interval(x) - y), r.enclosed(both).d));
    }
  }
}

TEST_CASE("dual intervals compare by values, and equal points by their slopes") {
  CHECK(Enclosed(0, 1) > 0);
  CHECK(Enclosed(0, Interval(-2, -1)) < 0);
  CHECK(Enclosed(Interval(1, 2), 5) < 3);
  CHECK(Enclosed(-infinity, 1) == -infinity);
  CHECK(Enclosed(2) == 2);
  CHECK_THROWS_AS(Enclosed(0, Interval(-1, 1)) > 0, Undecided);
  CHECK_THROWS_AS(Enclosed(Interval(-1, 1), 1) > 0, Undecided);
  CHECK_THROWS_AS(abs(Enclosed(Interval(-1, 1), 1)), Undecided);
  CHECK(is_point(abs(Enclosed(0, -2)).d, 2));
  CHECK(isnan(Enclosed(0, not_a_number)));
  CHECK(isfinite(Enclosed(Interval(1, 2))));
  CHECK_FALSE(isfinite(Enclosed(1, everything)));
}

TEST_CASE("a slope of an inner derivative 0 is 0, even where the outer slope is infinite") {
  CHECK(is_point(sqrt(Enclosed(0)).d, 0));
  CHECK(is_point(log(Enclosed(0)).d, 0));
  CHECK(sqrt(Enclosed(Interval(0, 1), 1)).d.hi == infinity);
  CHECK(sqrt(Enclosed(Interval(0, 1), 1)).d.lo <= 0.5);
}

// A contracted a · b + c has one rounding where 2Sum expects two. This file is compiled with -O3
// and -ffp-contract=fast, and the arithmetic of intervals must not notice.
TEST_CASE("a sum of products is enclosed, although the caller allows contraction") {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> any(-1, 1);
  for (int i = 0; i < 10000; ++i) {
    const double a = any(random), b = any(random), c = -a * b;
    const Interval z = Interval(a) * b + c;
    CHECK(z.holds(std::fma(a, b, c)));  // exact: the error of a product is a double
  }
}

}  // namespace interval_test
