#include "examples/memory/recall.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace memory {

// ---- the world ----

namespace {

Tensor normalised(const Tensor& x) {
  return x / sqrt(sum(x * x, -1, true));  // [..., K]
}

// Gram and Schmidt: each row loses its parts along the rows before it.
Tensor orthonormal_rows(Index rows, Index columns, Rng& rng) {
  std::vector<Tensor> done;
  for (Index i = 0; i < rows; ++i) {
    Tensor row = normal({columns}, 0, 1, rng);                              // [C]
    for (const Tensor& other : done) row = row - other * sum(row * other);  // [C]
    done.push_back(normalised(row));                                        // [C]
  }
  return glass::stack(done, 0);  // [K, C]
}

}  // namespace

World::World(WorldOptions options, Rng& rng) : options_(options) {
  const auto& o = options_;
  glass::check<glass::ShapeError>(
      o.key_dim >= 1 && o.key_dim <= o.dim,
      "World: a key must not be wider than a query; got key_dim {} and dim {}", o.key_dim, o.dim);
  view_ = orthonormal_rows(o.key_dim, o.dim, rng).mT();  // [C, K]
}

Batch World::draw(Index memories, Index slots, Index queries, Rng& rng) const {
  const Index B = memories, N = slots, Q = queries, C = options_.dim;
  Batch batch;
  // Keys have one length, since a dot product compares lengths too: of two keys in one direction
  // the longer one would win. And that length is √K, so that each number is around ±1.
  const double length = std::sqrt(static_cast<double>(options_.key_dim));
  batch.keys = normalised(normal({B, N, options_.key_dim}, 0, 1, rng)) * length;  // [B, N, K]
  batch.symbols = {B, N, {}};
  for (Index i = 0; i < B * N; ++i)
    batch.symbols.ids.push_back(static_cast<int>(rng.below(options_.symbols)));

  std::vector<int> rows;  // of the keys that are meant, among the B · N of all memories
  for (Index b = 0; b < B; ++b)
    for (Index q = 0; q < Q; ++q) {
      const auto slot = static_cast<int>(rng.below(N));
      batch.slots.push_back(slot);
      rows.push_back(static_cast<int>(b * N) + slot);
      batch.answers.push_back(batch.symbols.ids[static_cast<std::size_t>(rows.back())]);
    }
  const Tensor meant = take(batch.keys.reshape({B * N, -1}), {B, Q, rows});  // [B, Q, K]
  // As long as √C, each number around ±1 again; the blur is `noise` times as long.
  const double stretch = std::sqrt(static_cast<double>(C)) / length;
  const Tensor seen = matmul(meant, view_.mT()) * stretch;           // [B, Q, C]
  batch.queries = seen + normal({B, Q, C}, 0, options_.noise, rng);  // [B, Q, C]
  return batch;
}

// ---- marks ----

namespace {

double share_equal(const std::vector<int>& a, const std::vector<int>& b) {
  double same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) same += a[i] == b[i];
  return same / static_cast<double>(std::max<std::size_t>(a.size(), 1));
}

}  // namespace

Marks mark(const Recall& model, const World& world, Index slots, Index queries, Rng rng) {
  const glass::NoGrad no_grad;
  glass::nn::set_training(model, false);
  Marks marks{.slots = slots};
  constexpr Index asked = 32;  // of each memory
  while (marks.queries < queries) {
    const Batch batch = world.draw(1, slots, asked, rng);
    Tensor weights;
    const Tensor logits =
        model(batch.queries, batch.keys, batch.symbols, &weights).value();  // [1, Q, S]
    const Tensor looked = mean(weights.select(0, 0), 0);                    // [Q, N]
    const double share = static_cast<double>(asked) / static_cast<double>(queries);
    marks.recall += share * share_equal(argmax(logits, -1), batch.answers);
    marks.right_slot += share * share_equal(argmax(looked, -1), batch.slots);

    double weight = 0, spread = 0;
    for (Index q = 0; q < asked; ++q) {
      weight += static_cast<double>(looked(q, batch.slots[static_cast<std::size_t>(q)]));
      double entropy = 0;
      for (Index n = 0; n < slots; ++n) {
        const auto w = static_cast<double>(looked(q, n));
        if (w > 0) entropy -= w * std::log2(w);
      }
      spread += std::exp2(entropy);
    }
    marks.weight += weight / static_cast<double>(queries);
    marks.spread += spread / static_cast<double>(queries);

    // The same questions to the same keys, but each value has moved on by one slot.
    Tokens moved = batch.symbols;
    std::rotate(moved.ids.begin(), moved.ids.begin() + 1, moved.ids.end());
    const Tensor other = model(batch.queries, batch.keys, moved).value();  // [1, Q, S]
    marks.shuffled += share * share_equal(argmax(other, -1), batch.answers);
    marks.queries += asked;
  }
  return marks;
}

}  // namespace memory
