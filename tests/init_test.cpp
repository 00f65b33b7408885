// The rules by which weights start.
#include "nn/init.h"

#include "nn/linear.h"
#include "tests/op_table.h"

namespace init_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

double mean_square(const Tensor& x) { return static_cast<double>(mean(x * x).item()); }

double largest(const Tensor& x) {
  double result = 0;
  for (const Real v : x.to_vector()) result = std::max(result, std::abs(static_cast<double>(v)));
  return result;
}

// Uniform in (−bound, bound), both ends reached, mean 0.
void is_uniform(const Tensor& x, double bound) {
  CHECK(largest(x) <= bound * (1 + 1e-6));
  CHECK(largest(x) > 0.999 * bound);
  CHECK(std::abs(static_cast<double>(mean(x).item())) < 0.02 * bound);
  CHECK(std::abs(mean_square(x) - bound * bound / 3) < 0.01 * bound * bound);
}

void is_normal(const Tensor& x, double stddev) {
  CHECK(std::abs(static_cast<double>(mean(x).item())) < 0.02 * stddev);
  CHECK(std::abs(mean_square(x) / (stddev * stddev) - 1) < 0.03);
  CHECK(largest(x) > 3.5 * stddev);  // so it has tails
  CHECK(std::abs(mean_square(x * x) / std::pow(stddev, 4) - 3) < 0.3);
}

}  // namespace

// Outputs, inputs, and 3 · 3 places: fan_in 20 · 9 = 180, fan_out 200 · 9 = 1800.
const Shape convolution{200, 20, 3, 3};

TEST_CASE("Xavier's variance is 2 / (fan_in + fan_out), times the square of the gain") {
  Rng rng(1);
  is_uniform(nn::xavier_uniform({100, 300}, rng), std::sqrt(6.0 / 400));
  is_uniform(nn::xavier_uniform(convolution, rng, 3), 3 * std::sqrt(6.0 / 1980));
  is_normal(nn::xavier_normal({100, 300}, rng), std::sqrt(2.0 / 400));
  is_normal(nn::xavier_normal(convolution, rng, 5.0 / 3), 5.0 / 3 * std::sqrt(2.0 / 1980));
  CHECK(exact_difference(nn::xavier_uniform({2, 3}, rng, 0), zeros({2, 3})) == "");
}

TEST_CASE("Kaiming's variance is 2 / fan, of the inputs or of the outputs") {
  Rng rng(2);
  is_uniform(nn::kaiming_uniform({100, 300}, rng), std::sqrt(6.0 / 300));
  is_uniform(nn::kaiming_uniform(convolution, rng), std::sqrt(6.0 / 180));
  is_uniform(nn::kaiming_uniform(convolution, rng, {.fan = nn::Fan::out}), std::sqrt(6.0 / 1800));
  is_normal(nn::kaiming_normal({100, 300}, rng), std::sqrt(2.0 / 300));
  is_normal(nn::kaiming_normal({100, 300}, rng, {.fan = nn::Fan::out}), std::sqrt(2.0 / 100));
  // Without an activation the gain is 1; with a slope of 2 it is √(2 / 5).
  is_normal(nn::kaiming_normal(convolution, rng, {.slope = 1}), std::sqrt(1.0 / 180));
  is_uniform(nn::kaiming_uniform(convolution, rng, {.slope = 2}), std::sqrt(3 * 2.0 / 5 / 180));
}

TEST_CASE("a hundred relu layers that start by Kaiming's rule keep the size of their values") {
  if constexpr (is_certified) return;  // a hundred layers multiply the widths of intervals
  Rng rng(3);
  Tensor x = normal({50, 200}, 0, 1, rng);
  for (int layer = 0; layer < 100; ++layer)
    x = relu(matmul(x, nn::kaiming_normal({200, 200}, rng).mT()));
  const double size = std::sqrt(mean_square(x));
  CHECK((0.1 < size && size < 10));
}

TEST_CASE("initialisers name themselves, and what they were given, in their errors") {
  Rng rng(4);
  for (const Shape& shape : {Shape{}, Shape{5}}) {
    const std::string given = fmt::format("got {}", shape);
    CHECK_THROWS_AS(nn::xavier_uniform(shape, rng), ShapeError);
    CHECK_THROWS_WITH(nn::xavier_uniform(shape, rng),
                      ContainsSubstring("xavier_uniform: ") && ContainsSubstring(given));
    CHECK_THROWS_WITH(nn::xavier_normal(shape, rng), ContainsSubstring("xavier_normal: "));
    CHECK_THROWS_WITH(nn::kaiming_uniform(shape, rng), ContainsSubstring("kaiming_uniform: "));
    CHECK_THROWS_WITH(nn::kaiming_normal(shape, rng), ContainsSubstring("kaiming_normal: "));
  }
  for (const double bad : {-1.0, not_a_number, inf}) {
    CHECK_THROWS_AS(nn::xavier_uniform({2, 2}, rng, bad), ShapeError);
    CHECK_THROWS_WITH(nn::xavier_normal({2, 2}, rng, bad), ContainsSubstring("gain"));
  }
  CHECK_THROWS_WITH(nn::kaiming_uniform({2, 2}, rng, {.slope = not_a_number}),
                    ContainsSubstring("slope"));
  CHECK_THROWS_AS(nn::kaiming_normal({2, 2}, rng, {.slope = inf}), ShapeError);
  CHECK(rng.state().second == 0);
}

TEST_CASE("empty weights are legal") {
  Rng rng(5);
  for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}, Shape{0, 0}, Shape{2, 3, 0}}) {
    CHECK(nn::xavier_uniform(shape, rng).shape() == shape);
    CHECK(nn::kaiming_normal(shape, rng).shape() == shape);
    CHECK(nn::kaiming_uniform(shape, rng, {.fan = nn::Fan::out}).shape() == shape);
  }
}

TEST_CASE("a layer's weight is started by assigning a Parameter, or by copying into it") {
  Rng rng(6), same(6);
  nn::Linear layer(3, 4, rng);
  (void)nn::Linear(3, 4, same);
  layer.weight = nn::Parameter(nn::xavier_uniform({4, 3}, rng));
  CHECK(layer.weight.requires_grad());
  CHECK(exact_difference(layer.weight.value(), nn::xavier_uniform({4, 3}, same)) == "");
  const Node* const node = layer.weight.node().get();
  Tensor w = layer.weight.value();
  w.copy_from(nn::kaiming_normal(w.shape(), rng));
  CHECK(layer.weight.node().get() == node);
  CHECK(exact_difference(layer.weight.value(), nn::kaiming_normal({4, 3}, same)) == "");
}

}  // namespace init_test
