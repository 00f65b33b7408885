#include "tensor/random.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numbers>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "tests/op_table.h"

namespace random_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<double> doubles(const Tensor& x) {
  std::vector<double> result;
  for (const Real value : x.to_vector()) result.push_back(static_cast<double>(value));
  return result;
}

// The mean of f over all elements.
template <class F>
double average(const Tensor& x, F f) {
  double total = 0;
  for (const double value : doubles(x)) total += f(value);
  return total / static_cast<double>(x.numel());
}

}  // namespace

// ---- the generator ----

TEST_CASE("Philox gives the published answers") {
  // Random123, kat_vectors, philox4x32 10: counter and key of zeros, of ones, of the digits of π.
  using Words = std::array<std::uint32_t, 4>;
  CHECK(Draw{0, 0}.bits(0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint64_t ones = ~std::uint64_t{0};
  CHECK(Draw{ones, ones}.bits(ones) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  const Draw pi{0x299f31d0a4093822, 0x0370734413198a2e};
  CHECK(pi.bits(0x85a308d3243f6a88) == Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a draw gives 64 bits and 53-bit fractions by position") {
  const Draw draw{5, 9};
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto words = draw.bits(i / 2);
    const std::uint64_t expected = words[2 * (i % 2)] | std::uint64_t{words[2 * (i % 2) + 1]} << 32;
    CHECK(draw.bits64(i) == expected);
    CHECK(draw.uniform(i) == static_cast<double>(expected >> 11) / 9007199254740992.0);
  }
}

// ---- streams ----

TEST_CASE("the same seed gives the same numbers, another seed others") {
  Rng a(1), b(1), c(2);
  const Tensor x = uniform({100}, 0, 1, a);
  CHECK(exact_difference(uniform({100}, 0, 1, b), x) == "");
  CHECK(exact_difference(uniform({100}, 0, 1, c), x) != "");
  CHECK(exact_difference(uniform({100}, 0, 1, a), x) != "");
}

TEST_CASE("a copy of a stream repeats its numbers and leaves it alone") {
  Rng original(3);
  (void)original.uniform();
  Rng copy = original;
  const double next = original.uniform();
  CHECK(copy.uniform() == next);
  CHECK(copy.state() == original.state());
  (void)copy.uniform();
  CHECK(copy.state() != original.state());
}

TEST_CASE("split streams differ from each other and from their origin") {
  Rng rng(4);
  Rng a = rng.split(), b = rng.split();
  std::set<double> seen;
  for (int i = 0; i < 1000; ++i)
    for (Rng* stream : {&rng, &a, &b}) seen.insert(stream->uniform());
  CHECK(seen.size() == 3000);
}

TEST_CASE("a stream continues from its saved state") {
  Rng rng(5);
  (void)normal({3}, 0, 1, rng);
  const auto state = rng.state();
  const Tensor x = normal({3}, 0, 1, rng);
  Rng other(77);
  other.set_state(state);
  CHECK(exact_difference(normal({3}, 0, 1, other), x) == "");
}

TEST_CASE("below gives every number equally often and none beyond its bound") {
  Rng rng(6);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts.at(static_cast<std::size_t>(rng.below(7)));
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 1e4) * (count - 1e4) / 1e4;
  CHECK(chi_squared < 27.9);  // 6 degrees of freedom, p = 0.0001
  for (int i = 0; i < 100; ++i) CHECK(rng.below(1) == 0);
}

TEST_CASE("below is unbiased for a bound just above half of the range of 64 bits") {
  // A bare remainder of 64 bits would give the lower third of the numbers twice as often.
  Rng rng(7);
  const Index bound = Index{3} << 61;
  int low = 0;
  const int rounds = 30'000;
  for (int i = 0; i < rounds; ++i) {
    const Index x = rng.below(bound);
    CHECK((0 <= x && x < bound));
    low += x < bound / 3;
  }
  CHECK(std::abs(low - rounds / 3) < 450);  // 5.5 deviations
}

TEST_CASE("bounds without a number between them are errors") {
  Rng rng(8);
  for (const Index n : {0, -1})
    CHECK_THROWS_WITH(rng.below(n), ContainsSubstring(std::to_string(n)));
  CHECK_THROWS_AS(uniform({2}, 1, 0, rng), ShapeError);
  CHECK_THROWS_AS(normal({2}, 0, -1, rng), ShapeError);
  CHECK_THROWS_AS(uniform({-2}, 0, 1, rng), ShapeError);
}

// ---- permutations ----

TEST_CASE("a permutation holds every number once, and every order is equally likely") {
  Rng rng(31);
  std::map<std::vector<int>, int> counts;
  for (int i = 0; i < 24'000; ++i) ++counts[rng.permutation(4)];
  CHECK(counts.size() == 24);
  double chi_squared = 0;
  for (const auto& [order, count] : counts) {
    CHECK(std::set<int>(order.begin(), order.end()) == std::set<int>{0, 1, 2, 3});
    chi_squared += (count - 1000.0) * (count - 1000.0) / 1000;
  }
  CHECK(chi_squared < 56.0);  // 23 degrees of freedom, p = 0.00014
  const std::vector<int> large = rng.permutation(10'000);
  CHECK(std::set<int>(large.begin(), large.end()).size() == 10'000);
  CHECK(!std::ranges::is_sorted(large));
}

TEST_CASE("every place of a long permutation gets every number equally often") {
  Rng rng(32);
  constexpr int n = 10, rounds = 20'000;
  std::array<std::array<int, n>, n> counts{};
  for (int i = 0; i < rounds; ++i) {
    const std::vector<int> order = rng.permutation(n);
    for (std::size_t place = 0; place < n; ++place)
      ++counts.at(place).at(static_cast<std::size_t>(order[place]));
  }
  double chi_squared = 0;
  for (const auto& row : counts)
    for (const int count : row) chi_squared += (count - 2e3) * (count - 2e3) / 2e3;
  CHECK(chi_squared < 140);  // 81 degrees of freedom, p = 0.00005
}

TEST_CASE("a permutation is the same in every build, and takes one draw") {
  Rng rng(33);
  CHECK(rng.permutation(8) == std::vector<int>{0, 2, 4, 6, 3, 7, 5, 1});
  CHECK(rng.state().second == 1);
  CHECK(rng.permutation(0).empty());
  CHECK(rng.permutation(1) == std::vector<int>{0});
  CHECK(rng.state().second == 3);
}

TEST_CASE("a count that is negative or too large for an int has no permutation") {
  Rng rng(34);
  for (const Index n : {Index{-1}, Index{1} << 31})
    CHECK_THROWS_WITH(rng.permutation(n), ContainsSubstring(std::to_string(n)));
  CHECK_THROWS_AS(rng.permutation(-1), ShapeError);
  CHECK(rng.state().second == 0);
}

TEST_CASE("std::shuffle and the distributions of the standard library take an Rng") {
  static_assert(std::uniform_random_bit_generator<Rng>);
  Rng rng(35), same(35);
  std::vector<int> list(100), sorted(100);
  std::iota(list.begin(), list.end(), 0);
  sorted = list;
  std::shuffle(list.begin(), list.end(), rng);
  CHECK(list != sorted);
  std::ranges::sort(list);
  CHECK(list == sorted);
  CHECK(same() == Rng(35).draw().bits64(0));
  double sum = 0;
  for (int i = 0; i < 1000; ++i) sum += std::exponential_distribution<double>(2)(rng);
  CHECK(std::abs(sum / 1000 - 0.5) < 0.08);  // 5 deviations
}

// ---- categorical ----

TEST_CASE("categorical draws each index with the probability that softmax gives it") {
  Rng rng(36);
  const std::vector<double> p{0.5, 0.2, 0, 0.25, 0.05};
  Tensor logits = empty({5});
  for (Index j = 0; j < 5; ++j)
    logits(j) = static_cast<Real>(std::log(p[static_cast<std::size_t>(j)]) + 700);
  const std::vector<int> drawn = categorical(logits.expand({40'000, 5}), rng);
  CHECK(drawn.size() == 40'000);
  std::array<double, 5> counts{};
  for (const int j : drawn) ++counts.at(static_cast<std::size_t>(j));
  double chi_squared = 0;
  for (std::size_t j = 0; j < 5; ++j)
    if (p[j] > 0) chi_squared += std::pow(counts.at(j) - 4e4 * p[j], 2) / (4e4 * p[j]);
  CHECK(counts[2] == 0);
  CHECK(chi_squared < 22.6);  // 3 degrees of freedom, p = 0.00005
}

TEST_CASE("categorical gives an index per row of the last axis, in row-major order, in one draw") {
  Rng rng(37), layout_rng(38);
  const double no = -inf;
  // Only one index of each row can be drawn.
  const Tensor logits = tensor({{{0, no, no}, {no, 3, no}}, {{no, no, -1e30}, {no, 1e30, no}}});
  CHECK(categorical(logits, rng) == std::vector<int>{0, 1, 2, 1});
  CHECK(rng.state().second == 1);
  CHECK(categorical(logits.transpose(0, 1), rng) == std::vector<int>{0, 2, 1, 1});
  CHECK(categorical(tensor({no, 5}), rng) == std::vector<int>{1});
  for (const auto& [layout, x] : layouts({3, 4, 5}, layout_rng)) {
    Rng one(39), other(39);
    INFO(layout);
    CHECK(categorical(x, one) == categorical(x.clone(), other));
  }
}

TEST_CASE("an index that has no probability is not drawn, whatever the random number is") {
  // Half of the rows begin with −∞, half end with it.
  Rng rng(40);
  const double no = -inf;
  const Tensor ends = tensor({{no, 0, 0, no}, {no, -800, 0, no}});
  for (const int j : categorical(ends.expand({20'000, 2, 4}), rng)) CHECK((j == 1 || j == 2));
  // The first and the last of many are drawn too.
  const std::vector<int> drawn = categorical(zeros({5000, 200}), rng);
  CHECK(std::ranges::max(drawn) == 199);
  CHECK(std::ranges::min(drawn) == 0);
}

TEST_CASE("categorical draws as its definition says, from the uniform numbers of its draw") {
  Rng rng(41), same(41);
  const Tensor logits = normal({500, 7}, 0, 3, rng);
  (void)normal({500, 7}, 0, 3, same);
  const std::vector<int> drawn = categorical(logits, rng);
  const Draw draw = same.draw();
  for (Index i = 0; i < 500; ++i) {
    double total = 0;
    for (Index j = 0; j < 7; ++j) total += std::exp(static_cast<double>(logits(i, j)));
    double rest = draw.uniform(static_cast<std::uint64_t>(i)) * total;
    int expected = 0;
    while ((rest -= std::exp(static_cast<double>(logits(i, expected)))) >= 0) ++expected;
    CHECK(drawn[static_cast<std::size_t>(i)] == expected);
  }
}

TEST_CASE("categorical names the row that has no distribution, and then draws nothing") {
  Rng rng(42);
  const double no = -inf;
  const auto refused = [&](const Tensor& logits, const std::string& row) {
    CHECK_THROWS_WITH(categorical(logits, rng), ContainsSubstring(row));
    CHECK_THROWS_AS(categorical(logits, rng), ShapeError);
  };
  refused(tensor({{0, 1}, {no, no}}), "row 1 of logits [2, 2]");
  refused(tensor({{not_a_number, 1}, {0, 0}}), "row 0");
  refused(tensor({{0, 1}, {2, 1}, {1, not_a_number}}), "row 2");
  refused(tensor({{0, inf}}), "row 0");
  refused(zeros({2, 0}), "row 0 of logits [2, 0]");
  refused(zeros({0}), "row 0");
  refused(Tensor(1), "single number");
  CHECK(rng.state().second == 0);
  CHECK(categorical(zeros({0, 3}), rng).empty());
  CHECK(categorical(zeros({2, 0, 0}), rng).empty());
}

TEST_CASE("a replay rewinds permutations and categorical draws, and a copy repeats them") {
  Rng rng(43);
  const auto draw_all = [](Rng& stream) {
    return std::tuple(stream.permutation(50), categorical(zeros({20, 9}), stream), stream());
  };
  Rng copy = rng;
  Replay replay;
  const auto first = draw_all(rng);
  CHECK(draw_all(rng) != first);
  replay.rewind();
  CHECK(draw_all(rng) == first);
  CHECK(draw_all(copy) == first);
}

// ---- tensors ----

TEST_CASE("uniform numbers lie in [lo, hi) and have the moments of the distribution") {
  Rng rng(9);
  const Tensor x = uniform({100'000}, -1, 3, rng);
  const auto [least, most] = std::ranges::minmax(doubles(x));
  CHECK((-1 <= least && least < -0.999 && 2.999 < most && most < 3));
  CHECK(std::abs(average(x, [](double v) { return v; }) - 1) < 0.02);
  CHECK(std::abs(average(x, [](double v) { return (v - 1) * (v - 1); }) - 16.0 / 12) < 0.02);
}

TEST_CASE("rounding never makes a uniform number reach hi") {
  Rng rng(10);
  // In f32 these bounds are neighbours or almost so: half of the draws would round up.
  for (const auto& [lo, hi] :
       {std::pair(1.0, 1.0000001192092896), {16777214.0, 16777216.0}, {-1e-45, 0.0}}) {
    const std::vector<double> values = doubles(uniform({1000}, lo, hi, rng));
    CHECK(std::ranges::max(values) < hi);
    CHECK(std::ranges::min(values) >= static_cast<double>(static_cast<Real>(lo)));
  }
  CHECK(doubles(uniform({3}, 2, 2, rng)) == std::vector<double>{2, 2, 2});
}

TEST_CASE("normal numbers have the moments of the distribution and no neighbour in common") {
  Rng rng(11);
  const Tensor x = normal({200'001}, 2, 3, rng);
  const auto z = [](double v) { return (v - 2) / 3; };
  CHECK(std::abs(average(x, z)) < 0.012);
  CHECK(std::abs(average(x, [&](double v) { return z(v) * z(v); }) - 1) < 0.02);
  CHECK(std::abs(average(x, [&](double v) { return std::pow(z(v), 3); })) < 0.05);
  CHECK(std::abs(average(x, [&](double v) { return std::pow(z(v), 4); }) - 3) < 0.15);
  const Tensor first = x.slice(0, 0, 200'000, 2), second = x.slice(0, 1, 200'001, 2);
  CHECK(std::abs(static_cast<double>(mean((first - 2) * (second - 2)).item())) < 9 * 0.015);
  CHECK(doubles(normal({2}, 5, 0, rng)) == std::vector<double>{5, 5});
}

TEST_CASE("the numbers are those of double precision, rounded to the Real of the build") {
  Rng rng(12), same(12);
  const Tensor x = uniform({4, 25}, -1, 2, rng), y = normal({101}, 1, 2, rng);
  const Draw first = same.draw(), second = same.draw();
  const auto rounded = [](double v) { return static_cast<double>(static_cast<Real>(v)); };
  for (std::uint64_t i = 0; i < 100; ++i)
    // The library may be built with fused multiply-add, which rounds once instead of twice.
    CHECK(std::abs(doubles(x)[i] - rounded(-1 + 3 * first.uniform(i))) <= 1e-15);
  for (std::uint64_t i = 0; i < 101; ++i) {
    const double length = std::sqrt(-2 * std::log(1 - second.uniform(i / 2 * 2)));
    const double angle = 2 * std::numbers::pi * second.uniform(i / 2 * 2 + 1);
    const double expected = 1 + 2 * length * (i % 2 ? std::sin(angle) : std::cos(angle));
    CHECK(std::abs(doubles(y)[i] - rounded(expected)) <= (is_float ? 5e-7 : 1e-14));
  }
}

TEST_CASE("a tensor draws once, whatever its size, and its first numbers do not depend on it") {
  Rng a(13), b(13);
  const Tensor small = uniform({10}, 0, 1, a), large = uniform({20}, 0, 1, b);
  CHECK(exact_difference(large.slice(0, 0, 10), small) == "");
  CHECK(a.state() == b.state());
  CHECK(uniform({0}, 0, 1, a).numel() == 0);
}

// ---- dropout ----

TEST_CASE("dropout scales what it keeps by 1/(1 − p), so that the mean stays") {
  Rng rng(14);
  for (const double p : {0.1, 0.5, 0.9}) {
    const Tensor x = ones({100'003});
    const Tensor y = dropout(x, p, rng);
    const double kept = static_cast<double>(static_cast<Real>(1 / (1 - Constant(p))));
    int zeros = 0;
    bool others = false;
    for (const double value : doubles(y)) {
      zeros += value == 0;
      others |= value != 0 && value != kept;
    }
    INFO(p);
    CHECK(!others);
    CHECK(std::abs(zeros - p * 100'003) < 5 * std::sqrt(1e5 * p * (1 - p)));
    CHECK(std::abs(static_cast<double>(mean(y).item()) - 1) <
          5 * std::sqrt(p / (1 - p) / 1e5) + 1e-6);
  }
}

TEST_CASE("dropout treats elements apart, in any layout of its operand") {
  Rng rng(15);
  for (const auto& [layout, x] : layouts({30, 40}, rng)) {
    Rng one(16), other(16);
    INFO(layout);
    CHECK(exact_difference(dropout(x, 0.5, one), x * dropout(ones({30, 40}), 0.5, other)) == "");
  }
  const Tensor mask = dropout(ones({1000, 4}), 0.5, rng);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < i; ++j) {
      const Tensor both = (mask.select(1, i) - 1) * (mask.select(1, j) - 1);
      CHECK(std::abs(static_cast<double>(mean(both).item())) < 0.17);
    }
}

TEST_CASE("dropout of 0 returns its operand and draws nothing") {
  Rng rng(17);
  const auto state = rng.state();
  const Tensor x = ones({3});
  CHECK(dropout(x, 0, rng).storage().same_as(x.storage()));
  CHECK(rng.state() == state);
}

TEST_CASE("dropout of a share outside [0, 1) is an error") {
  Rng rng(18);
  for (const double p : {1.0, -0.1, 1.5, not_a_number}) {
    CHECK_THROWS_AS(dropout(ones({2}), p, rng), ShapeError);
    CHECK_THROWS_AS(dropout(Var(ones({2}), true), p, rng), ShapeError);
  }
  CHECK_THROWS_WITH(dropout(ones({2}), 1.5, rng), ContainsSubstring("1.5"));
}

// ---- replay ----

TEST_CASE("a replay puts every stream that was drawn from back to where it stood") {
  Rng a(19), b(20), untouched(21);
  (void)a.uniform();
  const auto draw_all = [&] { return std::pair(a.uniform() + a.uniform(), b.uniform()); };
  Replay replay;
  const auto first = draw_all();
  const auto state = untouched.state();
  CHECK(draw_all() != first);
  replay.rewind();
  CHECK(draw_all() == first);
  replay.rewind();
  CHECK(draw_all() == first);
  CHECK(untouched.state() == state);
}

TEST_CASE("streams born and gone inside a replay are not touched by it") {
  Replay replay;
  double first = 0;
  for (int round = 0; round < 3; ++round) {
    Rng local(22);
    const double x = local.uniform();
    if (round == 0) first = x;
    CHECK(x == first);
    replay.rewind();
  }
}

TEST_CASE("a stream that a replay has seen may end in another thread") {
  auto stream = std::make_unique<Rng>(3);
  Rng stays(4);
  Replay replay;
  (void)stream->draw(), (void)stays.draw();
  std::thread([gone = std::move(stream)]() mutable { gone.reset(); }).join();
  // A new stream lies in the memory of the destroyed stream. The replay must not rewind the new
  // one.
  std::vector<std::unique_ptr<Rng>> others;
  for (int i = 0; i < 100; ++i) others.push_back(std::make_unique<Rng>(5));
  std::thread([&] {
    for (const auto& other : others) (void)other->draw();
  }).join();
  replay.rewind();
  CHECK(stays.state().second == 0);
  for (const auto& other : others) CHECK(other->state().second == 1);
}

TEST_CASE("replays nest, and end with their scope") {
  Rng rng(23);
  {
    Replay outer;
    const double first = rng.uniform();
    {
      Replay inner;
      const double second = rng.uniform();
      inner.rewind();
      CHECK(rng.uniform() == second);
    }
    outer.rewind();
    CHECK(rng.uniform() == first);
  }
  const auto state = rng.state();
  Replay later;
  later.rewind();
  CHECK(rng.state() == state);
}

}  // namespace random_test
