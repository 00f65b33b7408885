// # Exercise 6.1: are the weights and the context those of the equation?
#include "nn/attention.h"
#include "tests/catch.h"

using namespace glass;

namespace {

Tensor identity(Index n) { return equal(arange(n).unsqueeze(1), arange(n)); }

// A layer that projects nothing: queries, keys and values are what the caller gives.
nn::CrossAttention plain_layer(Index width, Index heads, double dropout = 0) {
  Rng rng(1);
  nn::CrossAttention layer(width, heads, rng, {.dropout = dropout, .bias = false});
  for (const Var& weight : nn::parameters(layer)) Tensor(weight.value()).copy_from(identity(width));
  return layer;
}

}  // namespace

TEST_CASE("the weights of two keys are softmax(q·k / √D), with D the width of a head") {
  const nn::CrossAttention layer = plain_layer(8, 2);  // D = 4
  const Tensor query = tensor({2, 0, 0, 0, 0, 0, 0, 2}).reshape({1, 1, 8});
  const Tensor keys =
      tensor({{3, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0, 0, 2}}).reshape({1, 2, 8});
  Tensor weights;
  (void)layer(query, keys, keys, {}, &weights);
  // head 0: q·k = 6 and 2, /√4: 3 and 1;  head 1: q·k = 0 and 4, /√4: 0 and 2
  const Tensor expected = softmax(tensor({{3, 1}, {0, 2}})).reshape({1, 2, 1, 2});
  INFO(fmt::format(
      "heads of width D = 4; q·k is 6 and 2 in head 0, 0 and 4 in head 1: the weights must "
      "be\n{:.4f}, got\n{:.4f}",
      expected.reshape({2, 2}), weights.numel() == 4 ? weights.reshape({2, 2}) : weights));
  CHECK((weights.shape() == expected.shape() && allclose(weights, expected)));
}

TEST_CASE("the context is the mean of the values with these weights") {
  const nn::CrossAttention layer = plain_layer(2, 1);
  const Tensor query = tensor({0, 0}).reshape({1, 1, 2});
  const Tensor keys = tensor({{1, 2}, {3, 4}}).reshape({1, 2, 2});
  const Tensor values = tensor({{10, 0}, {20, 6}}).reshape({1, 2, 2});
  Tensor weights;
  const Tensor context = layer(query, keys, values, {}, &weights).value();
  INFO(
      fmt::format("a query of zeros weighs both keys alike: of the values [10, 0] and [20, 6] the "
                  "context must be "
                  "[15, 3], got {}",
                  context.reshape({2})));
  CHECK(allclose(context.reshape({2}), tensor({15, 3})));
}

TEST_CASE("masked rows still sum to 1, and blocked keys have weight 0") {
  const nn::CrossAttention layer = plain_layer(8, 2);
  Rng rng(3);
  const Tensor query = uniform({2, 3, 8}, -1, 1, rng), keys = uniform({2, 4, 8}, -1, 1, rng);
  const Tensor mask = tensor({{1, 0, 0, 0}, {1, 1, 0, 1}, {0, 1, 1, 1}});
  Tensor weights;
  (void)layer(query, keys, keys, mask, &weights);
  const Tensor sums = sum(weights, -1);
  INFO(fmt::format(
      "of four keys, query 0 sees one, and queries 1 and 2 see three. Each row of weights must sum "
      "to 1; the sums of the first head are {:.4f}",
      sums.select(0, 0).select(0, 0)));
  CHECK(allclose(sums, ones({2, 2, 3})));
  INFO("The rows sum to 1, but the weight of a blocked key is not 0.");
  CHECK(allclose(weights * (1 - mask), zeros({2, 2, 3, 4}), 0, 0));
}
