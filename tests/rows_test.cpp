#include "tensor/rows.h"

#include <limits>

#include "tests/op_table.h"
#include "tests/ulp.h"

namespace rows_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// Sums f over the row along `axis` that a position lies in.
template <class F>
double over_row(const Tensor& x, Position p, Index axis, F f) {
  const auto own = static_cast<std::size_t>(x.shape().wrap(axis));
  double total = 0;
  for (p[own] = 0; p[own] < x.size(axis); ++p[own]) total += f(static_cast<double>(at(x, p)));
  return total;
}

}  // namespace

TEST_CASE("softmax and log_softmax are their definitions along every axis, in every layout") {
  Rng rng(21);
  for (const Shape& shape : some_shapes())
    for (const auto& [layout, its_x] : layouts(shape, rng))
      for (Index axis = -shape.rank(); axis < shape.rank(); ++axis) {
        const auto& x = its_x;  // Clang 14 captures no binding
        INFO(layout << fmt::format(" {} along {}", shape, axis));
        const auto total = [&](auto& p) {
          return over_row(x, p, axis, [](double v) { return std::exp(v); });
        };
        const auto value = [&](auto& p) { return static_cast<double>(at(x, p)); };
        CHECK(difference(softmax(x, axis), shape,
                         [&](auto& p) { return std::exp(value(p)) / total(p); }) == "");
        CHECK(difference(log_softmax(x, axis), shape,
                         [&](auto& p) { return value(p) - std::log(total(p)); }) == "");
      }
}

TEST_CASE("softmax rows sum to one, also for inputs of ten thousand") {
  Rng rng(22);
  for (const double size : {1.0, 100.0, 1e4}) {
    const Tensor y = softmax(uniform({50, 40}, -size, size, rng));
    CHECK(difference(sum(y, -1), ones({50})) == "");
    CHECK(static_cast<double>(max(y.reshape({-1}), 0).item()) <= 1);
  }
}

TEST_CASE("softmax does not change when a row is shifted") {
  Rng rng(23);
  // Whole numbers, which stay exact when shifted.
  Tensor x = uniform({20, 9}, -8, 8, rng);
  for (Index i = 0; i < x.numel(); ++i)
    x.data()[i] = Real(std::floor(static_cast<double>(x.data()[i])));
  for (const double shift : {1e4, -1e4}) {
    CHECK(exact_difference(softmax(x + shift), softmax(x)) == "");
    CHECK(exact_difference(log_softmax(x + shift), log_softmax(x)) == "");
  }
}

// ./check --only exhaustive looks at all of them.
TEST_CASE("of floats of every size exp is right to 2 units in the last place, tanh to 4") {
  if constexpr (is_float) {
    std::vector<Real> values;
    for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 40'009)
      values.push_back(static_cast<Real>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))));
    const Tensor x(Shape{static_cast<Index>(values.size())}, values);
    const Tensor e = exp(x), t = tanh(x);
    const auto error = [](Real y, double exact) {
      return ulps(static_cast<float>(static_cast<double>(y)), exact);
    };
    Index mistakes = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto v = static_cast<double>(values[i]);
      mistakes += error(e.data()[i], std::exp(v)) > 2;
      mistakes += error(t.data()[i], std::tanh(v)) > 4;
    }
    CHECK(mistakes == 0);
    CHECK(exact_difference(exp(tensor({0, -inf, inf})), tensor({1, 0, inf})) == "");
    CHECK(exact_difference(tanh(tensor({0, -inf, inf})), tensor({0, -1, 1})) == "");
    CHECK(std::signbit(static_cast<double>(tanh(tensor({-0.0})).item())));
  }
}

TEST_CASE("softmax is exact for inputs of ±10⁴") {
  CHECK(exact_difference(softmax(tensor({1e4, -1e4, 1e4})), tensor({0.5, 0, 0.5})) == "");
  CHECK(difference(log_softmax(tensor({1e4, -1e4})), tensor({0, -2e4})) == "");
  CHECK(difference(log_softmax(tensor({1e4, 1e4 - 1})),
                   tensor({-std::log1p(std::exp(-1)), -1 - std::log1p(std::exp(-1))})) == "");
}

TEST_CASE("−∞ gets probability 0, and a row of nothing else is 0 throughout") {
  CHECK(difference(softmax(tensor({{-inf, 0, 0}, {-inf, -inf, -inf}, {-inf, 5, -inf}})),
                   tensor({{0, 0.5, 0.5}, {0, 0, 0}, {0, 1, 0}})) == "");
  CHECK(difference(log_softmax(tensor({{-inf, 0, 0}, {-inf, -inf, -inf}})),
                   tensor({{-inf, -std::log(2), -std::log(2)}, {-inf, -inf, -inf}})) == "");
  CHECK(exact_difference(softmax(tensor({{-inf}, {-inf}}), 0), zeros({2, 1})) == "");
}

TEST_CASE("a NaN anywhere in a row makes the whole row NaN, and no other") {
  for (const auto& row : {tensor({not_a_number, 1, 2}), tensor({1, not_a_number, 2}),
                          tensor({1, 2, not_a_number}), tensor({not_a_number, -inf, -inf}),
                          tensor({-inf, not_a_number, -inf}), tensor({-inf, -inf, not_a_number})}) {
    INFO(fmt::format("{}", row));
    const Tensor x = stack({row, tensor({0, 0, 0})}, 0);
    CHECK(difference(softmax(x), stack({full({3}, not_a_number), full({3}, Real(1.0 / 3))}, 0)) ==
          "");
    CHECK(std::isnan(static_cast<double>(sum(log_softmax(x).select(0, 0)).item())));
  }
}

TEST_CASE("softmax of empty rows, or of no rows, is empty") {
  CHECK(softmax(zeros({3, 0})).shape() == Shape{3, 0});
  CHECK(softmax(zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(softmax(zeros({3, 0}), 0).shape() == Shape{3, 0});
  CHECK_THROWS_WITH(softmax(zeros({2, 3}), 2), ContainsSubstring("[2, 3]"));
}

TEST_CASE("layer_norm is its definition, in every layout") {
  Rng rng(24);
  for (const Shape& shape :
       {Shape{6}, Shape{3, 5}, Shape{2, 3, 4}, Shape{4, 1}, Shape{0, 3}, Shape{2, 70}})
    for (const auto& [layout, its_x] : layouts(shape, rng))
      for (const auto& [weight_layout, its_weight] : layouts({shape[-1]}, rng)) {
        const auto& x = its_x;  // Clang 14 captures no binding
        const auto& weight = its_weight;
        const Tensor bias = uniform({shape[-1]}, -1, 1, rng);
        for (const double eps : {1e-5, 0.5}) {
          INFO(layout << ", weight " << weight_layout << fmt::format(" {} eps {}", shape, eps));
          const auto n = static_cast<double>(shape[-1]);
          const auto expected = [&](auto& p) {
            const double mean = over_row(x, p, -1, [](double v) { return v; }) / n;
            const double variance =
                over_row(x, p, -1, [&](double v) { return (v - mean) * (v - mean); }) / n;
            return (static_cast<double>(at(x, p)) - mean) / std::sqrt(variance + eps) *
                       static_cast<double>(at(weight, {p.back()})) +
                   static_cast<double>(at(bias, {p.back()}));
          };
          // Where a row repeats one number, rounding of its mean is divided by √eps.
          CHECK(difference(layer_norm(x, weight, bias, eps), shape, expected, 300 * tolerance) ==
                "");
        }
      }
}

TEST_CASE("layer_norm gives rows of mean 0 and variance 1") {
  Rng rng(25);
  const Tensor y = layer_norm(uniform({10, 64}, 50, 60, rng), ones({64}), zeros({64}));
  CHECK(difference(mean(y, -1), zeros({10}), 10 * tolerance) == "");
  CHECK(difference(mean(y * y, -1), ones({10}), 1e-4) == "");
}

TEST_CASE("layer_norm refuses a weight or bias of another shape, and shows it") {
  const Tensor x = zeros({2, 3});
  for (const Tensor& wrong : {zeros({2}), zeros({1}), zeros({2, 3}), zeros({}), zeros({1, 3})}) {
    const auto complains = [&](auto f) {
      const std::string text = message_of<ShapeError>(f);
      CHECK_THAT(text, ContainsSubstring("layer_norm: ") && ContainsSubstring("[2, 3]") &&
                           ContainsSubstring(fmt::format("{}", wrong.shape())));
    };
    complains([&] { layer_norm(x, wrong, zeros({3})); });
    complains([&] { layer_norm(x, zeros({3}), wrong); });
    complains([&] { layer_norm(Var(x, true), wrong, zeros({3})); });
    complains([&] { layer_norm(Var(x, true), zeros({3}), wrong); });
  }
  CHECK_THROWS_AS(layer_norm(Tensor(1), zeros({1}), zeros({1})), ShapeError);
}

TEST_CASE("the slope of gelu is right from one tail to the other") {
  const auto slope_at = [](const Tensor& x) {
    Tensor slope;
    CHECK(difference(gelu(x, slope), gelu(x)) == "");
    return slope;
  };
  for (const double x : {-1e4, -41.0, -39.0, -9.0, -1.0, 0.0, 0.5, 9.0, 41.0, 1e4}) {
    const double slope = std::erfc(-x / std::sqrt(2.0)) / 2 +
                         x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    INFO(x);
    CHECK(difference(slope_at(x), Tensor(slope)) == "");
  }
  CHECK(static_cast<double>(slope_at(inf).item()) == 1);
  CHECK(static_cast<double>(slope_at(-inf).item()) == 0);
}

TEST_CASE("gelu keeps its digits in the left tail, where 1 + erf would cancel") {
  for (const double x : {-3., -5., -8., -12., -20., -36.}) {
    if (is_float && x < -12) continue;  // a float ends at 1e-38
    const double reference = x * std::erfc(-x / std::sqrt(2.0)) / 2;
    const double got = static_cast<double>(gelu(Tensor(x)).item());
    INFO(x);
    CHECK(std::abs(got / reference - 1) <= (is_float ? 1e-4 : 1e-12));
  }
}

}  // namespace rows_test
