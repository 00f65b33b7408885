// # The data of the example memory, and its training
#include <cmath>
#include <set>
#include <vector>

#include "examples/common/training.h"
#include "examples/memory/recall.h"
#include "nn/loss.h"
#include "tests/catch.h"
#include "tests/threads.h"

namespace examples_memory_test {

using namespace memory;
using glass::Shape;

namespace {

constexpr WorldOptions small = {.dim = 16, .key_dim = 8, .symbols = 5, .noise = 0};

Recall small_model(Rng& rng, Index heads = 1) {
  return {{.dim = 16, .key_dim = 8, .symbols = 5, .value_dim = 6, .heads = heads}, rng};
}

// So many steps on memories of 2 to 8 slots.
Recall trained(Index steps, const World& world, Rng& rng) {
  Recall model = small_model(rng);
  examples::train(model, {.steps = steps, .rate = 0.01, .warmup = 10, .metrics = {}}, [&] {
    const Batch batch = world.draw(16, 2 + rng.below(7), 8, rng);
    return glass::nn::cross_entropy(model(batch.queries, batch.keys, batch.symbols), batch.answers);
  });
  return model;
}

}  // namespace

TEST_CASE("a batch of memories has the sizes that were asked for") {
  Rng rng(1);
  const Batch batch = World(small, rng).draw(3, 7, 4, rng);
  CHECK(batch.queries.shape() == Shape{3, 4, 16});
  CHECK(batch.keys.shape() == Shape{3, 7, 8});
  CHECK(batch.symbols.batch == 3);
  CHECK(batch.symbols.length == 7);
  CHECK(batch.symbols.ids.size() == 21);
  CHECK(batch.slots.size() == 12);
  CHECK(batch.answers.size() == 12);
}

TEST_CASE("a query without blur is its key in other coordinates, and its answer the symbol there") {
  Rng rng(2);
  const World world(small, rng);
  const Tensor view = world.view();  // [C, K]
  CHECK(allclose(matmul(view.mT(), view), glass::eye(8), 1e-5, 1e-5));

  const Batch batch = world.draw(3, 7, 4, rng);
  const Tensor back = matmul(batch.queries, view) / std::sqrt(16.0 / 8.0);  // [B, Q, K]
  for (Index b = 0; b < 3; ++b)
    for (Index q = 0; q < 4; ++q) {
      const auto i = static_cast<std::size_t>(b * 4 + q);
      const int slot = batch.slots[i];
      CHECK(allclose(back.select(0, b).select(0, q), batch.keys.select(0, b).select(0, slot), 1e-4,
                     1e-4));
      CHECK(batch.answers[i] == batch.symbols.ids[static_cast<std::size_t>(b * 7 + slot)]);
    }
}

TEST_CASE("keys and queries have numbers around 1 whatever their width") {
  Rng rng(3);
  for (const Index dim : {8, 64}) {
    const World world({.dim = dim, .key_dim = 8, .symbols = 5, .noise = 0}, rng);
    const Batch batch = world.draw(2, 5, 4, rng);
    const auto squares = [](const Tensor& x) { return mean(x * x, -1); };
    CHECK(allclose(squares(batch.keys), 1, 1e-4));
    CHECK(allclose(squares(batch.queries), 1, 1e-4));
  }
}

TEST_CASE("the same seed draws the same memories, and no memory comes twice") {
  const auto first_keys = [](std::uint64_t seed) {
    Rng rng(seed);
    const World world(small, rng);
    std::vector<float> keys;
    for (int i = 0; i < 50; ++i)
      keys.push_back(static_cast<float>(world.draw(1, 4, 1, rng).keys(0, 0, 0)));
    return keys;
  };
  const std::vector<float> keys = first_keys(4);
  CHECK(first_keys(4) == keys);
  CHECK(first_keys(5) != keys);
  CHECK(std::set<float>(keys.begin(), keys.end()).size() == keys.size());
}

TEST_CASE("a key that is wider than a query is refused") {
  Rng rng(6);
  CHECK_THROWS_WITH(World({.dim = 8, .key_dim = 9}, rng),
                    Catch::Matchers::ContainsSubstring("key_dim 9 and dim 8"));
}

TEST_CASE("recall gives one row of logits a query, and tells where each head looked") {
  Rng rng(7);
  const World world(small, rng);
  const Recall model = small_model(rng, 2);
  const Batch batch = world.draw(3, 7, 4, rng);
  Tensor weights;
  const Var seen = model(batch.queries, batch.keys, batch.symbols, &weights);
  CHECK(seen.shape() == Shape{3, 4, 5});
  CHECK(weights.shape() == Shape{3, 2, 4, 7});
  const Var fused = model(batch.queries, batch.keys, batch.symbols);
  CHECK(allclose(fused.value(), seen.value(), 1e-4, 1e-5));
}

TEST_CASE("a short training reads memories that it never saw, and larger ones") {
  Rng rng(8);
  const World world(small, rng);
  const Recall model = trained(300, world, rng);
  for (const Index slots : {8, 32}) {
    const Marks marks = mark(model, world, slots, 256, Rng(99));
    INFO(slots << " slots");
    CHECK(marks.recall > 0.9);
    CHECK(marks.right_slot > 0.9);
    CHECK(marks.weight > 2.0 / static_cast<double>(slots));
    CHECK(marks.spread < static_cast<double>(slots));
    CHECK(marks.shuffled < 0.4);  // guessing gives 0.2: the answer must be read from the memory
    CHECK(marks.queries == 256);
  }
}

TEST_CASE("an untrained layer looks everywhere and knows nothing") {
  Rng rng(9);
  const World world(small, rng);
  const Marks marks = mark(small_model(rng), world, 16, 512, Rng(1));
  CHECK(marks.recall < 0.4);
  CHECK(marks.weight < 0.12);
  CHECK(marks.spread > 12);
  CHECK(marks.spread < 16.001);
}

TEST_CASE("memory learns the same bits on one thread and on three") {
  const auto numbers = [](int threads) {
    const glass::oracle::Threads set(threads);
    Rng rng(10);
    const World world(small, rng);
    const Recall model = trained(20, world, rng);
    std::vector<glass::Real> all;
    for (const Var& p : glass::nn::parameters(model))
      for (const glass::Real x : p.value().to_vector()) all.push_back(x);
    return all;
  };
  CHECK(numbers(1) == numbers(3));
}

}  // namespace examples_memory_test
