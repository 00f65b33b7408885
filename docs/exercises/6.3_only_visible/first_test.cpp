// # Exercise 6.3: are keys hidden that nobody sees, and only those?
#include <cmath>

#include "nn/attention.h"
#include "tests/catch.h"

using namespace glass;

namespace {

// The length of the change of the output if the given key of the given sentence changes.
double effect(const Tensor& mask, Index sentence, Index key) {
  Rng rng(2);
  const nn::CrossAttention layer(8, 2, rng, {.dropout = 0});
  const Tensor query = uniform({2, 3, 8}, -1, 1, rng), keys = uniform({2, 4, 8}, -1, 1, rng);
  const Tensor changed = keys.clone();
  changed.select(0, sentence).select(0, key).fill(2);
  const Tensor change =
      layer(query, changed, changed, mask).value() - layer(query, keys, keys, mask).value();
  return static_cast<double>(sum(change * change).item());
}

}  // namespace

TEST_CASE("without a mask every key counts") {
  Rng rng(2);
  const nn::CrossAttention layer(8, 2, rng, {.dropout = 0});
  const Var x(uniform({2, 4, 8}, -1, 1, rng), true);
  sum(layer(x, x, x)).backward();
  INFO("there is no mask, so x must get a gradient; it got none");
  CHECK(x.has_grad());
}

TEST_CASE("a batch without sentences is no error") {
  Rng rng(2);
  const nn::CrossAttention layer(8, 2, rng, {.dropout = 0});
  const Tensor query = zeros({0, 3, 8}), keys = zeros({0, 4, 8});
  INFO("keys of shape [0, 4, 8] and a mask of shape [0, 1, 1, 4]: a batch may have no sentence");
  CHECK(layer(query, keys, keys, zeros({0, 1, 1, 4})).shape() == Shape{0, 3, 8});
}

TEST_CASE("a key that only the last query sees stays") {
  Tensor mask = ones({3, 4});
  mask(0, 1) = mask(1, 1) = 0;
  const double got = effect(mask, 0, 1);
  INFO(fmt::format(
      "the last of three queries sees key 1, the others do not. If key 1 changes, the output must "
      "change; it changed by {}",
      got));
  CHECK(got > 1e-6);
}

TEST_CASE("the padding of one sentence hides no word of another sentence") {
  Tensor mask = ones({2, 1, 1, 4});
  mask(0, 0, 0, 3) = 0;
  const double got = effect(mask, 1, 3);
  INFO(fmt::format(
      "key 3 is padding in sentence 0, and a word in sentence 1. If it changes in sentence 1, the "
      "output must change; it changed by {}",
      got));
  CHECK(got > 1e-6);
}

namespace {

// The sum of the output, if key 3 of sentence 0 is NaN.
double with_nan(const Tensor& mask) {
  Rng rng(2);
  const nn::CrossAttention layer(8, 2, rng, {.dropout = 0});
  const Tensor query = uniform({2, 3, 8}, -1, 1, rng), keys = uniform({2, 4, 8}, -1, 1, rng);
  keys.select(0, 0).select(0, 3).fill(std::nan(""));
  Tensor weights;
  return static_cast<double>(sum(layer(query, keys, keys, mask, &weights).value()).item());
}

}  // namespace

TEST_CASE("padding of NaN leaves the output finite, if the last key is padding in every sentence") {
  Tensor mask = ones({1, 1, 1, 4});
  mask(0, 0, 0, 3) = 0;
  const double got = with_nan(mask);
  INFO(
      fmt::format("no query sees key 3, which is NaN in sentence 0. The sum of the output must be "
                  "finite, got {}",
                  got));
  CHECK(std::isfinite(got));
}

TEST_CASE(
    "padding of NaN leaves the output finite, if the last key is a word in another sentence") {
  Tensor mask = ones({2, 1, 1, 4});
  mask(0, 0, 0, 3) = 0;
  const double got = with_nan(mask);
  INFO(fmt::format(
      "key 3 is padding in sentence 0, where it is NaN, and a word in sentence 1. The sum of the "
      "output must be finite, got {}",
      got));
  CHECK(std::isfinite(got));
}
