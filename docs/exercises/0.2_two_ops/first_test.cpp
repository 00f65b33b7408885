// # Exercise 0.2: are the slopes of exp and of the division right?
#include <fmt/format.h>

#include "tests/catch.h"

#define main scalar_main
#include "examples/00_scalar.cpp"
#undef main

namespace {

const double points[] = {-2.5, -2, -1.25, -0.75, -0.5, 0.25, 0.5, 1, 1.75, 3};

// The slope by trying: two values nearby.
template <class F>
double tried(F f, double x) {
  const double h = 1e-5;
  return (f(x + h) - f(x - h)) / (2 * h);
}

bool close(double got, double wanted) {
  return std::abs(got - wanted) <= 1e-7 * (1 + std::abs(wanted));
}

}  // namespace

TEST_CASE("exp has the value and the slope that trying gives, at ten points") {
  for (const double at : points) {
    const Scalar x = at;
    const Scalar y = exp(x);
    y.backward();
    const double slope = tried([](double v) { return std::exp(v); }, at);
    INFO(fmt::format(
        "exp(x) at x = {}: the value must be {:.6f}, got {:.6f}; the slope {:.6f}, got {:.6f}", at,
        std::exp(at), y.value(), slope, x.grad()));
    REQUIRE((close(y.value(), std::exp(at)) && close(x.grad(), slope)));
  }
}

TEST_CASE("a / b has the value and the slopes that trying gives, at ten points") {
  for (const double at : points) {
    const Scalar a = at + 4, b = at;
    const Scalar y = a / b;
    y.backward();
    const double along_a = tried([&](double v) { return v / at; }, at + 4);
    const double along_b = tried([&](double v) { return (at + 4) / v; }, at);
    INFO(fmt::format(
        "a = {}, b = {}: a / b must be {:.6f}, got {:.6f}; its slope along a must be {:.6f}, "
        "got {:.6f}; along b {:.6f}, got {:.6f}",
        at + 4, at, (at + 4) / at, y.value(), along_a, a.grad(), along_b, b.grad()));
    REQUIRE(
        (close(y.value(), (at + 4) / at) && close(a.grad(), along_a) && close(b.grad(), along_b)));
  }
}

TEST_CASE("x / x has slope 0") {
  const Scalar x = 3;
  const Scalar y = x / x;
  y.backward();
  INFO(fmt::format("x / x is 1 for every x, so its slope at x = 3 must be 0, got {}", x.grad()));
  CHECK(close(x.grad(), 0));
}

TEST_CASE("an expression with both ops has the slopes that trying gives") {
  const Scalar x = 0.5, w = -1.5;
  const Scalar y = exp(w * x) / (x + exp(x)) * x;
  y.backward();
  const auto f = [](double in, double weight) {
    return std::exp(weight * in) / (in + std::exp(in)) * in;
  };
  const double along_x = tried([&](double v) { return f(v, -1.5); }, 0.5);
  const double along_w = tried([&](double v) { return f(0.5, v); }, -1.5);
  INFO(
      fmt::format("exp(w x) / (x + exp(x)) x: dx must be {:.6f}, got {:.6f}; dw {:.6f}, got {:.6f}",
                  along_x, x.grad(), along_w, w.grad()));
  CHECK((close(x.grad(), along_x) && close(w.grad(), along_w)));
}
