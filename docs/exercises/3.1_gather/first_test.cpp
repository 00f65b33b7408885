// # Exercise 3.1: do gradients that meet add up?
#include "autograd/ops.h"
#include "tests/catch.h"

using namespace glass;

namespace {

double number(const Tensor& x) { return static_cast<double>(x.item()); }

// The gradient of a leaf; NaN if none has arrived.
double slope(const Var& leaf) { return leaf.has_grad() ? number(sum(leaf.grad())) : std::nan(""); }

}  // namespace

TEST_CASE("a leaf's gradient arrives") {
  const Var a(Tensor(3), true), b(Tensor(5), true);
  (a * b).backward();
  INFO(fmt::format("gradients of y = a b: a = 3 must get 5, got {}; b = 5 must get 3, got {}",
                   slope(a), slope(b)));
  CHECK((slope(a) == 5 && slope(b) == 3));
}

TEST_CASE("two gradients that meet at a leaf add up") {
  const Var a(Tensor(3), true), b(Tensor(5), true);
  const Var twice = a * b;
  (twice + a).backward();
  INFO(fmt::format(
      "gradients of y = a b + a at a = 3, b = 5: a must get 6, got {}; b must get 3, got {}",
      slope(a), slope(b)));
  CHECK((slope(a) == 6 && slope(b) == 3));
}

TEST_CASE("two gradients that meet at the result of an op add up") {
  const Var a(Tensor(3), true);
  const Var b = a + a;
  const Var c = b + b;
  c.backward();
  INFO(fmt::format("b = a + a; c = b + b: the gradient of a must be 4, got {}", slope(a)));
  CHECK(slope(a) == 4);
}

TEST_CASE("what is added to one gradient changes no other gradient") {
  const Var a(Tensor(3), true), b(Tensor(5), true);
  const Var thrice = a * 3;
  const Var both = a + b;
  const Var y = both + thrice;
  const Tensor seed(1);
  y.backward(seed);
  INFO(fmt::format(
      "gradients of y = (a + b) + 3 a: a must get 4, got {}; b must get 1, got {}; the seed must "
      "stay 1, is {}. Did your function write into the memory of g, which others hold too?",
      slope(a), slope(b), number(seed)));
  CHECK((slope(a) == 4 && slope(b) == 1 && number(seed) == 1));
}
