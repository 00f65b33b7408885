// # Exercise 6.2: which columns does each head see?
#include "nn/attention.h"
#include "tests/catch.h"

using namespace glass;

namespace {

Tensor identity(Index n) { return equal(arange(n).unsqueeze(1), arange(n)); }

// A layer of width 4 with 2 heads that projects nothing.
nn::CrossAttention plain_layer() {
  Rng rng(1);
  nn::CrossAttention layer(4, 2, rng, {.dropout = 0, .bias = false});
  for (const Var& weight : nn::parameters(layer)) Tensor(weight.value()).copy_from(identity(4));
  return layer;
}

// The weights of 2 queries and 3 keys.
Tensor weights_of(const Tensor& query, const Tensor& key) {
  Tensor weights;
  (void)plain_layer()(query.unsqueeze(0), key.unsqueeze(0), key.unsqueeze(0), {}, &weights);
  return weights.select(0, 0);  // [H, T, S]
}

const Tensor queries = tensor({{0, 9, 0, 0}, {0, 0, 9, 0}});
const Tensor keys = tensor({{0, 0, 9, 0}, {0, 9, 0, 0}, {9, 0, 0, 9}});

}  // namespace

TEST_CASE("the weights have the shape [B, H, T, S]") {
  const Shape got = weights_of(queries, keys).shape();
  INFO(fmt::format(
      "2 heads, 2 queries, 3 keys: the weights of a sentence must have the shape [2, 2, 3], got {}",
      got));
  CHECK(got == Shape{2, 2, 3});
}

TEST_CASE("head 0 sees columns 0 and 1, and head 1 sees columns 2 and 3") {
  const Tensor got = weights_of(queries, keys);
  // Query 0 fits key 1 in column 1; query 1 fits key 0 in column 2.
  const Tensor third = full({3}, 1.0 / 3);
  const Tensor expected =
      stack({stack({tensor({0, 1, 0}), third}, 0), stack({third, tensor({1, 0, 0})}, 0)}, 0);
  INFO(
      fmt::format("query 0 is [0, 9, 0, 0], query 1 is [0, 0, 9, 0]. Head 0 must find the 9 of "
                  "query 0 and only "
                  "zeros in query 1: its weights must be\n{:.3f}, got\n{:.3f}",
                  expected.select(0, 0), got.select(0, 0)));
  CHECK(allclose(got, expected, 0, 1e-6));
}

TEST_CASE("a head sees its columns at every position and in every sentence") {
  Rng rng(4);
  const nn::CrossAttention layer = plain_layer();
  const Tensor query = uniform({2, 3, 4}, -1, 1, rng), key = uniform({2, 5, 4}, -1, 1, rng);
  const Tensor got = layer(query, key, key).value();  // [B, T, C]
  for (Index head = 0; head < 2; ++head) {
    const auto part = [&](const Tensor& x) { return x.slice(-1, 2 * head, 2 * head + 2); };
    const Tensor expected =
        matmul(softmax(matmul(part(query), part(key).mT()) / std::sqrt(2.0)), part(key));
    INFO(
        fmt::format("with columns {} and {} of queries and keys alone, the result at sentence 1, "
                    "position 2 must be "
                    "{:.4f}, got {:.4f}",
                    2 * head, 2 * head + 1, expected.select(0, 1).select(0, 2),
                    part(got).select(0, 1).select(0, 2)));
    CHECK(allclose(part(got), expected));
  }
}
