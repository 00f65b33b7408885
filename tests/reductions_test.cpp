// # Reductions along several axes, running sums, and picking by a list
//
// Values against their definitions, element by element; what happens at ties, at infinities and
// where there is nothing to reduce. Gradients are in the table of ops (op_rows_test.cpp).
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "autograd/ops.h"
#include "tests/op_table.h"

namespace reductions_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

using Numbers = std::vector<double>;

// The numbers of x that each element of the result is made of, with axis 1 of three reduced.
double over_axis_1(const Tensor& x, const Position& p, const std::function<double(Numbers)>& f) {
  Numbers line;
  for (Index k = 0; k < x.size(1); ++k) line.push_back(static_cast<double>(at(x, {p[0], k, p[2]})));
  return f(line);
}

// The same over axes 0 and 2, and over everything.
double over_axes_0_2(const Tensor& x, const Position& p, const std::function<double(Numbers)>& f) {
  Numbers all;
  for (Index i = 0; i < x.size(0); ++i)
    for (Index k = 0; k < x.size(2); ++k) all.push_back(static_cast<double>(at(x, {i, p[1], k})));
  return f(all);
}

double largest(Numbers x) { return *std::ranges::max_element(x); }
double smallest(Numbers x) { return *std::ranges::min_element(x); }
double squares(const Numbers& x) {
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  double result = 0;
  for (const double v : x) result += (v - mean) * (v - mean);
  return result;
}
double variance(Numbers x) { return squares(x) / static_cast<double>(x.size() - 1); }
double biased(Numbers x) { return squares(x) / static_cast<double>(x.size()); }
double log_sum_exp(Numbers x) {
  double result = 0;
  for (const double v : x) result += std::exp(v);
  return std::log(result);
}

struct Reduction {
  std::string name;
  std::function<Tensor(const Tensor&, const Axes&, bool)> op;
  std::function<double(Numbers)> definition;
};

const std::vector<Reduction>& reductions() {
  static const std::vector<Reduction> table = {
      {"amax", [](auto& x, auto& axes, bool keep) { return amax(x, axes, keep); }, largest},
      {"amin", [](auto& x, auto& axes, bool keep) { return amin(x, axes, keep); }, smallest},
      {"var", [](auto& x, auto& axes, bool keep) { return var(x, axes, keep); }, variance},
      {"var, biased",
       [](auto& x, auto& axes, bool keep) { return var(x, axes, keep, {.biased = true}); }, biased},
      {"std", [](auto& x, auto& axes, bool keep) { return glass::std(x, axes, keep); },
       [](const Numbers& x) { return std::sqrt(variance(x)); }},
      {"std, biased",
       [](auto& x, auto& axes, bool keep) { return glass::std(x, axes, keep, {.biased = true}); },
       [](const Numbers& x) { return std::sqrt(biased(x)); }},
      {"logsumexp", [](auto& x, auto& axes, bool keep) { return logsumexp(x, axes, keep); },
       log_sum_exp},
  };
  return table;
}

double only(const Tensor& x) { return static_cast<double>(x.item()); }

Tensor gradient_of(const std::function<Var(const Var&)>& f, const Tensor& at) {
  const Var x(at.clone(), true);
  sum(f(x)).backward();
  return x.grad();
}

}  // namespace

TEST_CASE("reductions are their definitions, for every layout, over one axis or several") {
  Rng rng(201);
  for (const Shape& shape : {Shape{2, 3, 4}, Shape{3, 70, 2}, Shape{2, 5, 1}, Shape{1, 4, 33}})
    for (const auto& [layout, its_x] : layouts(shape, rng)) {
      if (layout == "repeated" || layout == "expanded") continue;  // std of equal numbers: below
      const auto& x = its_x;                                       // Clang 14 captures no binding
      for (const Reduction& row : reductions()) {
        INFO(fmt::format("{}: {} {}", row.name, layout, shape));
        const auto middle = [&](const Position& p) { return over_axis_1(x, p, row.definition); };
        const auto outer = [&](const Position& p) { return over_axes_0_2(x, p, row.definition); };
        const Tensor kept = row.op(x, 1, true), both = row.op(x, {0, -1}, true);
        if (x.size(1) > 1) CHECK(difference(kept, shape.with(1, 1), middle) == "");
        CHECK(difference(both, Shape{1, x.size(1), 1}, outer) == "");
        CHECK(exact_difference(row.op(x, -2, false), kept.squeeze(1)) == "");
        CHECK(exact_difference(row.op(x, {0, 2}, false), both.squeeze(2).squeeze(0)) == "");
        CHECK(row.op(x, {}, false).shape() == Shape{});
        CHECK(difference(row.op(x, {}, true).reshape({}), row.op(x.reshape({-1}), 0, false)) == "");
      }
    }
}

TEST_CASE("the largest and smallest of everything, and min along an axis") {
  Rng rng(202);
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{3, 5}, Shape{2, 1, 40}})
    for (const auto& [layout, x] : layouts(shape, rng)) {
      INFO(layout << fmt::format(" {}", shape));
      std::vector<Real> all = x.to_vector();
      CHECK(max(x).item() == *std::max_element(all.begin(), all.end()));
      CHECK(min(x).item() == *std::min_element(all.begin(), all.end()));
      for (Index axis = 0; axis < shape.rank(); ++axis)
        CHECK(exact_difference(min(x, axis), -max(-x, axis)) == "");
    }
  for (const auto& op : {"max", "min", "amax", "amin"}) {
    const std::string name = op;
    const Tensor none = zeros({2, 0});
    CHECK_THROWS_WITH(name == "max"    ? max(none)
                      : name == "min"  ? min(none)
                      : name == "amax" ? amax(none)
                                       : amin(none),
                      name + ": axis 1 of shape [2, 0] is empty");
  }
  CHECK(amax(zeros({2, 0}), 0).shape() == Shape{0});
}

TEST_CASE("a NaN is the largest and the smallest; infinities are numbers") {
  const Tensor x = tensor({{1, not_a_number, inf}, {-inf, 2, 3}, {-inf, -inf, -inf}});
  CHECK(exact_difference(amax(x, 1), tensor({not_a_number, 3, -inf})) == "");
  CHECK(exact_difference(amin(x, 1), tensor({not_a_number, -inf, -inf})) == "");
  CHECK(exact_difference(min(x, 0), tensor({-inf, not_a_number, -inf})) == "");
  // In a row of many vectors, a NaN is found wherever it is.
  for (const Index place : {0, 1, 30, 63, 64, 99}) {
    Tensor row = arange(100);
    row(place) = Real(not_a_number);
    INFO(place);
    CHECK(std::isnan(only(amax(row))));
    CHECK(std::isnan(only(amin(row.reshape({1, 100}), 1))));
    CHECK(std::isnan(only(amax(row.reshape({100, 1}).expand({100, 2}), 0).select(0, 1))));
  }
}

TEST_CASE("at a tie max and min send the gradient to the first; amax and amin divide it") {
  const Tensor x = tensor({{1, 3, 3, 0}, {0, 0, 0, 0}});
  CHECK(exact_difference(gradient_of([](auto& v) { return max(v, 1); }, x),
                         tensor({{0, 1, 0, 0}, {1, 0, 0, 0}})) == "");
  CHECK(exact_difference(gradient_of([](auto& v) { return min(v, 1); }, x),
                         tensor({{0, 0, 0, 1}, {1, 0, 0, 0}})) == "");
  CHECK(exact_difference(gradient_of([](auto& v) { return max(v); }, x),
                         tensor({{0, 1, 0, 0}, {0, 0, 0, 0}})) == "");
  CHECK(exact_difference(gradient_of([](auto& v) { return amax(v, 1); }, x),
                         tensor({{0, 0.5, 0.5, 0}, {0.25, 0.25, 0.25, 0.25}})) == "");
  CHECK(exact_difference(gradient_of(
                             [](auto& v) {
                               return amin(v, {0, 1}) * 10;
                             },
                             x),
                         tensor({{0, 0, 0, 2}, {2, 2, 2, 2}})) == "");
}

TEST_CASE("the variance keeps its digits where the mean is large") {
  const double far = is_float ? 4096 : 1e9;
  const Tensor x = tensor({far + 1, far + 2, far + 3, far + 6});
  CHECK(only(var(x)) == Approx(14.0 / 3));
  CHECK(only(var(x, 0, false, {.biased = true})) == 3.5);
  CHECK(only(glass::std(x * 2)) == Approx(2 * std::sqrt(14.0 / 3)));
}

TEST_CASE("the variance of one number is NaN, as in PyTorch, and biased it is 0") {
  CHECK(std::isnan(only(var(Tensor(3)))));
  CHECK(std::isnan(only(glass::std(ones({1}), 0))));
  CHECK(only(var(Tensor(3), {}, false, {.biased = true})) == 0);
  CHECK(std::isnan(only(var(zeros({0}), 0, false, {.biased = true}))));
  CHECK(std::isnan(only(var(zeros({0})))));
  CHECK(var(zeros({3, 0}), 0).shape() == Shape{0});
}

TEST_CASE("the standard deviation of equal numbers has gradient 0") {
  const auto deviation = [](const Var& v) { return glass::std(v, 1); };
  CHECK(exact_difference(gradient_of(deviation, tensor({{2, 2, 2}, {0, 0, 0}})), zeros({2, 3})) ==
        "");
}

TEST_CASE("the variance of equal numbers is exactly 0, whatever the number and their count") {
  for (const double x : {0.1, -3.3, 1e-30, 12345.678})
    for (const Index n : {2, 6, 7, 20, 33, 1000}) {
      INFO(x << " " << n);
      CHECK(exact_difference(var(full({n}, Real(x))), Tensor(0)) == "");
      CHECK(exact_difference(glass::std(full({3, n}, Real(x)), 1), zeros({3})) == "");
    }
}

TEST_CASE("logsumexp is exact at 1e4 and at infinities, and so is its gradient") {
  const auto close = [](const Tensor& x, double y) {
    return std::abs(only(x) - y) < 1e-6 * (1 + std::abs(y));
  };
  CHECK(close(logsumexp(tensor({1e4, 1e4})), 1e4 + std::log(2.0)));
  CHECK(close(logsumexp(tensor({-1e4, -1e4, -1e4})), -1e4 + std::log(3.0)));
  CHECK(close(logsumexp(tensor({-1e4, 0, 1e4})), 1e4));
  CHECK(close(logsumexp(tensor({-inf, 2})), 2));
  CHECK(only(logsumexp(tensor({-inf, -inf}))) == -inf);
  CHECK(only(logsumexp(tensor({1, inf}))) == inf);
  CHECK(only(logsumexp(zeros({0}))) == -inf);
  CHECK(exact_difference(logsumexp(zeros({2, 0}), 1), tensor({-inf, -inf})) == "");
  CHECK(std::isnan(only(logsumexp(tensor({1, not_a_number})))));

  // The gradient is the softmax, also where exp(x − y) would round: y has few digits at 1e4.
  const Tensor x = tensor({{1e4, 1e4 - 1, 1e4 - 2}, {-inf, 0, -inf}, {-inf, -inf, -inf}});
  const auto over_rows = [](const Var& v) { return logsumexp(v, 1); };
  CHECK(difference(gradient_of(over_rows, x), softmax(x, 1), 1e-6) == "");
}

TEST_CASE("cumsum adds up along any axis of any layout") {
  Rng rng(203);
  for (const Shape& shape : some_shapes())
    for (const auto& [layout, its_x] : layouts(shape, rng)) {
      const auto& x = its_x;  // Clang 14 captures no binding
      for (Index axis = 0; axis < shape.rank(); ++axis) {
        INFO(layout << fmt::format(" {} along {}", shape, axis));
        const auto own = static_cast<std::size_t>(axis);
        const auto running = [&](Position p) {
          double result = 0;
          for (const Index end = std::exchange(p[own], 0); p[own] <= end; ++p[own])
            result += static_cast<double>(at(x, p));
          return result;
        };
        const auto rest = [&](Position p) {
          double result = 0;
          for (; p[own] < shape[axis]; ++p[own]) result += static_cast<double>(at(x, p));
          return result;
        };
        CHECK(difference(cumsum(x, axis), shape, running) == "");
        CHECK(difference(cumsum_backward(x, axis - shape.rank()), shape, rest) == "");
      }
    }
}

TEST_CASE("the error of a running sum grows with the logarithm of its length", "[long]") {
  constexpr Index n = 1'000'000;
  const Tensor sums = cumsum(full({n}, Real(0.1)), 0);
  const double step = static_cast<double>(Real(0.1));
  double worst = 0;
  for (Index i = 0; i < n; ++i)
    worst = std::max(
        worst,
        std::abs(static_cast<double>(sums.data()[i]) / (step * static_cast<double>(i + 1)) - 1));
  CHECK(worst < (is_float ? 2e-6 : 4e-15));
}

TEST_CASE("a running sum is NaN from the first NaN on, and only there") {
  const Tensor x = tensor({1, not_a_number, 2});
  CHECK(exact_difference(cumsum(x, 0), tensor({1, not_a_number, not_a_number})) == "");
  CHECK(exact_difference(cumsum(tensor({1, inf, 2}), 0), tensor({1, inf, inf})) == "");
}

// ---- picking by a list ----

TEST_CASE("take by a list gives positions along any axis of any layout, in the order of the list") {
  Rng rng(204);
  const std::vector<int> list{3, 0, 3, 1};
  for (const Shape& shape : {Shape{4}, Shape{4, 3}, Shape{2, 4, 3}, Shape{3, 2, 4}, Shape{4, 0}})
    for (const auto& [layout, its_x] : layouts(shape, rng)) {
      const auto& x = its_x;  // Clang 14 captures no binding
      const auto sizes = std::vector<Index>(shape.begin(), shape.end());
      const auto axis = static_cast<Index>(std::ranges::find(sizes, 4) - sizes.begin());
      INFO(layout << fmt::format(" {} along {}", shape, axis));
      const auto expected = [&](Position p) {
        Index& own = p[static_cast<std::size_t>(axis)];
        own = list[static_cast<std::size_t>(own)];
        return at(x, p);
      };
      const Tensor y = take(x, axis, list);
      CHECK(difference(y, shape.with(axis, 4), expected, 0) == "");
      CHECK(y.is_contiguous());
      CHECK(exact_difference(take(x, axis - shape.rank(), {3, 0, 3, 1}), y) == "");
      CHECK(exact_difference(take(x, axis, std::span(list).first(2)), y.slice(axis, 0, 2)) == "");
      CHECK(take(x, axis, {}).shape() == shape.with(axis, 0));
    }
}

TEST_CASE("take by a list names an index that is not there, and its position") {
  const Tensor x = zeros({2, 5});
  CHECK_THROWS_WITH(take(x, 1, {0, 5}), "take: index 5 at position 1 is outside 0 … 4");
  CHECK_THROWS_WITH(take(x, 0, {-1}), "take: index -1 at position 0 is outside 0 … 1");
  CHECK_THROWS_WITH(take(Tensor(1), 0, {0}), ContainsSubstring("take: axis 0 does not exist"));
  CHECK_THROWS_WITH(take(zeros({0}), 0, {0}), ContainsSubstring("index 0 at position 0"));
}

TEST_CASE("take picks the labels of a mini-batch, too") {
  const std::vector<int> labels{7, 8, 9}, batch{2, 0, 2};
  CHECK(take(labels, batch) == std::vector<int>{9, 7, 9});
  CHECK(take(labels, std::span(batch).first(1)) == std::vector<int>{9});
  CHECK(take(labels, std::vector<int>{}).empty());
  CHECK_THROWS_WITH(take(labels, std::vector{3}), "take: index 3 at position 0 is outside 0 … 2");
}

TEST_CASE("scatter_add by a list adds positions that have one index") {
  const Tensor g = arange(6).reshape({2, 3});
  CHECK(exact_difference(scatter_add(g, 1, std::vector{1, 3, 1}, 4),
                         tensor({{0, 2, 0, 1}, {0, 8, 0, 4}})) == "");
  CHECK(exact_difference(scatter_add(g, 0, std::vector{2, 2}, 3),
                         tensor({{0, 0, 0}, {0, 0, 0}, {3, 5, 7}})) == "");
  CHECK_THROWS_WITH(scatter_add(g, 1, std::vector{0, 1}, 4),
                    ContainsSubstring("scatter_add") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(scatter_add(g, 0, std::vector{0, 4}, 4), ContainsSubstring("index 4"));
}

TEST_CASE("the gradients of one index that occurs a million times add up to 2e-6", "[long]") {
  if constexpr (is_float) {
    const std::vector<int> list(1'000'000, 1);
    const Tensor sums = scatter_add(full({2, std::ssize(list)}, Real(0.1)), 1, list, 2);
    CHECK(only(sums.select(0, 1).select(0, 1)) == Approx(1e6 * 0.1F).epsilon(2e-6));
    CHECK(only(sums.select(0, 0).select(0, 0)) == 0);
  }
}

}  // namespace reductions_test
