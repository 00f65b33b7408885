// # Exercise 3.2: are value and gradients of a / b right?
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tests/catch.h"

using namespace glass;

namespace {

Tensor some(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  return uniform(shape, 0.5, 2, rng) * where(greater(uniform(shape, -1, 1, rng), 0), 1, -1);
}

// Compares both gradients with finite differences.
void check_gradients(const char* what, const Var& a, const Var& b) {
  const GradcheckReport report = gradcheck([&] { return a / b; }, {{"a", a}, {"b", b}});
  INFO(fmt::format("a / b, {}\n{}", what, report.text));
  CHECK(report.ok);
}

}  // namespace

TEST_CASE("the value of a / b is the quotient") {
  const Var a(tensor({6, -2, 1}), true), b(tensor({3, 4, -8}), true);
  const Tensor y = (a / b).value();
  INFO(fmt::format("[6, -2, 1] / [3, 4, -8] must be [2, -0.5, -0.125], got {}", y));
  CHECK(allclose(y, tensor({2, -0.5, -0.125})));
}

TEST_CASE("gradcheck of a / b for two tensors of one shape") {
  check_gradients("both [3, 4]:", Var(some({3, 4}, 1), true), Var(some({3, 4}, 2), true));
}

TEST_CASE("gradcheck of a / b where an operand is transposed") {
  const Var a(some({4, 3}, 3).mT(), true), b(some({3, 4}, 4), true);
  check_gradients("a [3, 4] transposed in memory, b [3, 4]:", a, b);
}

TEST_CASE("gradcheck of a / b where shapes broadcast") {
  check_gradients("a [2, 3, 4], b [3, 1]:", Var(some({2, 3, 4}, 5), true),
                  Var(some({3, 1}, 6), true));
  check_gradients("a [4], b [3, 4]:", Var(some({4}, 7), true), Var(some({3, 4}, 8), true));
  check_gradients("a without axes, b [3]:", Var(some({}, 9), true), Var(some({3}, 10), true));
}

TEST_CASE("gradcheck of a / b for tensors without elements") {
  check_gradients("both [0, 4]:", Var(some({0, 4}, 11), true), Var(some({0, 4}, 12), true));
}
