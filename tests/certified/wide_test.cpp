// # Tests of numbers of 192 bits, and of a whole model between them
//
// A program of its own, linked with glassgrad::certified_wide. tests/certified/arb.cpp compares
// every operation with Arb; here are what a Float192 is, what its intervals can do that doubles
// cannot, and the gradient of a whole EncoderDecoder.
#include "tensor/float192.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "autograd/ops.h"
#include "nn/transformer.h"
#include "tests/catch.h"

namespace wide_test {

using namespace glass;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

const std::vector<double> numbers = {0,        -0.0,      1,         -1,    0.1,    1.0 / 3,
                                     -1e300,   1e-300,    0x1p-1074, 1e308, 3e-320, 0x1p-537,
                                     infinity, -infinity, 0x1p1023,  -7.25};

Interval point(Float192 x) { return x; }

}  // namespace

static_assert(std::is_trivially_copyable_v<Float192> && sizeof(Float192) == 40);
static_assert(std::is_same_v<Interval::End, Float192>);
static_assert(Float192(3) > Float192(2.5) && Float192(-3) < 0 && Float192(0) == Float192(-0.0));
static_assert(Float192(std::int64_t{1} << 62) == Float192(0x1p62));

TEST_CASE("a Float192 holds every double, and gives it back") {
  for (const double x : numbers) {
    INFO(x);
    CHECK(point(x).below() == x);
    CHECK(point(x).above() == x);
    CHECK(static_cast<double>(point(x)) == x);
    CHECK(std::signbit(point(x).below()) == std::signbit(x));
  }
  CHECK(isnan(point(not_a_number)));
  CHECK(std::isnan(point(not_a_number).below()));
}

TEST_CASE("Float192 compare as the doubles that they hold") {
  for (const double a : numbers) {
    for (const double b : numbers) {
      INFO(a << " and " << b);
      CHECK((Float192(a) <=> Float192(b)) == (a <=> b));
      CHECK((Float192(a) == Float192(b)) == (a == b));
    }
    CHECK((Float192(a) <=> Float192(not_a_number)) == std::partial_ordering::unordered);
    CHECK_FALSE(Float192(not_a_number) == Float192(a));
  }
}

TEST_CASE("every integer of 64 bits is exact") {
  const auto most = std::numeric_limits<std::uint64_t>::max();
  const auto least = std::numeric_limits<std::int64_t>::min();
  CHECK(Interval(most).is_point());
  CHECK((Interval(most) + 1).holds(0x1p64));
  CHECK((Interval(most) + 1).is_point());
  CHECK(Interval(least).holds(-0x1p63));
  CHECK((Interval(-7) * 6).holds(-42));
}

TEST_CASE("an operation that 192 bits hold is exact, and any other is a step wide") {
  CHECK((Interval(1) + 0x1p-150).is_point());  // a double would be rounded
  CHECK((Interval(0.1) * 0.1).is_point());
  CHECK((Interval(0x1p-1074) * 0x1p-1074).is_point());  // no underflow
  CHECK(isfinite(Interval(1e308) * 1e308));             // no overflow
  const Interval third = Interval(1) / 3;
  CHECK_FALSE(third.is_point());
  CHECK(third.width() == 0x1p-193);
  CHECK(third.below() < third.above());  // between two doubles
  CHECK(third.above() == std::nextafter(third.below(), 1));
}

TEST_CASE("an interval that is narrower than a double's step prints the doubles around it") {
  CHECK(fmt::format("{}", Interval(1) / 3) == "[0.3333333333333333, 0.33333333333333337]");
  CHECK(fmt::format("{}", Interval(0.5)) == "0.5");
}

TEST_CASE("functions have the digits of MPFR") {
  // e^ln x = x, and sin² + cos² = 1, to 55 digits.
  for (const double x : {0.1, 1.5, 7.0, 1e5}) {
    INFO(x);
    const Interval back = exp(log(Interval(x))),
                   one = square(sin(Interval(x))) + square(cos(Interval(x)));
    CHECK(back.holds(x));
    CHECK(one.holds(1));
    CHECK(back.width() < 1e-54 * x);
    CHECK(one.width() < 1e-55);
    CHECK(tanh(Interval(x)).width() < 1e-56);
  }
  CHECK(Interval::pi().below() == 0x1.921fb54442d18p+1);
  CHECK(Interval::pi().width() < 1e-56);
}

// ---- a whole model ----

// With doubles as ends, the same model is not enclosed: its intervals grow until no comparison is
// decided (docs/decisions/024-certified.md).
TEST_CASE("every gradient of an EncoderDecoder of 246,080 parameters is enclosed") {
  Rng rng(1);
  const nn::EncoderDecoder model(
      rng,
      {.source_vocab = 64, .target_vocab = 64, .dim = 64, .heads = 4, .layers = 2, .hidden = 256});
  CHECK(nn::count_parameters(model) == 246080);
  const auto tokens = [&](Index length) {
    Tokens all{1, length, {}};
    for (Index i = 0; i < length; ++i) all.ids.push_back(1 + static_cast<int>(rng.below(63)));
    return all;
  };
  const Tokens source = tokens(4), target = tokens(3);
  std::vector<int> labels(3);
  std::iota(labels.begin(), labels.end(), 5);
  cross_entropy(model(source, target).reshape({3, 64}), labels).backward();
  for (const auto& [name, parameter] : nn::named_parameters(model)) {
    double widest = 0, largest = 0;
    bool holds_zero = true;
    for (const Real& g : Var(parameter).grad().to_vector()) {
      widest = std::max(widest, g.v.width());
      largest = std::max(largest, std::abs(static_cast<double>(g)));
      holds_zero &= g.v.holds(0);
    }
    INFO(name << ": width " << widest << ", largest " << largest);
    // A bias of the keys adds the same number to all scores of a query, which changes no weight. So
    // its gradient is 0.
    if (name.ends_with("k_proj.bias")) {
      CHECK(holds_zero);
      CHECK(widest < 1e-20);
    } else {
      CHECK(largest > 0);
      CHECK(widest <= 1e-15 * largest);
    }
  }
}

}  // namespace wide_test
