// # Exercise 3.3: are value and gradients of a matrix product right?
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tests/catch.h"

using namespace glass;

namespace {

Var leaf(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  return Var(uniform(shape, -2, 2, rng), true);
}

// Compares the value with that for Tensors, and both gradients with finite differences.
void check_product(const Shape& a_shape, const Shape& b_shape) {
  const Var a = leaf(a_shape, 1), b = leaf(b_shape, 2);
  const Tensor expected = matmul(a.value(), b.value());
  const Tensor got = matmul(a, b).value();
  {
    INFO(fmt::format("{} @ {}: the value must have the shape {}, got {}", a_shape, b_shape,
                     expected.shape(), got.shape()));
    REQUIRE(got.shape() == expected.shape());
    INFO("The shape is right, but the numbers are not those of the product.");
    REQUIRE(allclose(got, expected));
  }
  INFO(fmt::format("{} @ {}", a_shape, b_shape));
  const GradcheckReport report = gradcheck([&] { return matmul(a, b); }, {{"a", a}, {"b", b}});
  INFO(report.text);
  CHECK(report.ok);
}

}  // namespace

TEST_CASE("gradcheck of [3, 4] @ [4, 2]") { check_product({3, 4}, {4, 2}); }

TEST_CASE("gradcheck of square matrices, where every product fits") {
  check_product({3, 3}, {3, 3});
}

TEST_CASE("gradcheck of a batch: [5, 3, 4] @ [5, 4, 2], and [5, 3, 4] @ [4, 2]") {
  check_product({5, 3, 4}, {5, 4, 2});
  check_product({5, 3, 4}, {4, 2});
  check_product({2, 5, 3, 4}, {5, 4, 2});
}

TEST_CASE("gradcheck of a vector on the left: [4] @ [4, 2]") {
  check_product({4}, {4, 2});
  check_product({4}, {5, 4, 2});
}

TEST_CASE("gradcheck of a vector on the right: [3, 4] @ [4]") {
  check_product({3, 4}, {4});
  check_product({5, 3, 4}, {4});
  check_product({4}, {4});
}
