// # Exercise 0.1: does every node wait for its whole gradient?
#include <fmt/format.h>
#include <pthread.h>

#include "tests/catch.h"

#define main scalar_main
#include "examples/00_scalar.cpp"
#undef main

TEST_CASE("a value used twice gets the sum of both gradients") {
  const Scalar a = 3;
  const Scalar b = a + a;
  const Scalar c = b + b;
  c.backward();
  INFO(fmt::format("b = a + a; c = b + b: the gradient of a must be 4, got {}", a.grad()));
  CHECK(a.grad() == 4);
}

TEST_CASE("a value used early and late waits for both of its users") {
  const Scalar x = 2;
  const Scalar y = x * x;
  Scalar late = y;
  for (int i = 0; i < 10; ++i) late = late + 1;
  const Scalar z = y * late;
  z.backward();
  INFO(fmt::format(
      "y = x²; z = y (y + 10), where 1 is added to y ten times. At x = 2 the gradient of x must "
      "be 72, got {}",
      x.grad()));
  CHECK(x.grad() == 72);
}

TEST_CASE("doubling forty times gives 2^40, and each node has one turn") {
  const Scalar a = 1;
  Scalar x = a;
  for (int i = 0; i < 40; ++i) x = x + x;
  x.backward();
  INFO(fmt::format("x = a; x = x + x forty times: the gradient of a must be 2^40 = {}, got {}",
                   1L << 40, a.grad()));
  CHECK(a.grad() == static_cast<double>(1L << 40));
}

namespace {

// All numbers of the chain are kept, and freed one by one, because freeing a chain recurses too.
double slope_of_a_long_chain() {
  std::vector<Scalar> chain{Scalar(1)};
  for (int i = 0; i < 100'000; ++i) chain.push_back(chain.back() + chain.front());
  chain.back().backward();
  const double slope = chain.front().grad();
  while (!chain.empty()) chain.pop_back();
  return slope;
}

}  // namespace

TEST_CASE("a chain of 100,000 additions is swept on a small stack") {
  double slope = 0;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t thread;
  const auto run = [](void* result) -> void* {
    *static_cast<double*>(result) = slope_of_a_long_chain();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &slope) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  INFO(fmt::format("y = a; y = y + a 100,000 times: the gradient of a must be 100001, got {}",
                   slope));
  CHECK(slope == 100'001);
}
