// # The world of memories, and how a model is marked on it
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

// Chooses a slot for each query, and notes the slot and its symbol, the answer, in the batch.
// Returns, for each query, which of the B · N keys it means.
std::vector<int> choose_slots(Batch& batch, Index memories, Index queries, Rng& rng) {
  const Index N = batch.symbols.length;
  std::vector<int> rows;
  for (Index b = 0; b < memories; ++b)
    for (Index q = 0; q < queries; ++q) {
      // Each slot is equally likely.
      const auto slot = static_cast<int>(rng.below(N));
      batch.slots.push_back(slot);
      rows.push_back(static_cast<int>(b * N) + slot);
      batch.answers.push_back(batch.symbols.ids[static_cast<std::size_t>(rows.back())]);
    }
  return rows;
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

  // Keys are random directions. All have one length, since a dot product compares lengths too: of
  // two keys in one direction the longer one would win. The length is √K, so that each number is
  // around ±1.
  const double length = std::sqrt(static_cast<double>(options_.key_dim));
  batch.keys = normalised(normal({B, N, options_.key_dim}, 0, 1, rng)) * length;  // [B, N, K]

  // Values are random symbols, and each query means a random slot.
  batch.symbols = {B, N, {}};
  for (Index i = 0; i < B * N; ++i)
    batch.symbols.ids.push_back(static_cast<int>(rng.below(options_.symbols)));
  const std::vector<int> rows = choose_slots(batch, B, Q, rng);              // [B · Q]
  const Tensor meant = take(batch.keys.reshape({B * N, -1}), {B, Q, rows});  // [B, Q, K]

  // A query is the key that it means, seen in other coordinates and blurred. It is √C long, so that
  // each number is around ±1 again; the blur is `noise` times as long.
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

// Over how many slots a row of weights is spread: 2 to the entropy in bits.
double spread_of(const Tensor& looked, Index q) {  // looked [Q, N]
  double entropy = 0;
  for (Index n = 0; n < looked.size(1); ++n) {
    const auto w = static_cast<double>(looked(q, n));
    if (w > 0) entropy -= w * std::log2(w);
  }
  return std::exp2(entropy);
}

// How sharp the attention was, summed over the queries of one batch: the weight on the slot that
// was meant, and the spread.
struct Sharpness {
  double weight = 0, spread = 0;
};
Sharpness sharpness(const Tensor& looked, const std::vector<int>& meant) {  // looked [Q, N]
  Sharpness sums;
  for (Index q = 0; q < std::ssize(meant); ++q) {
    sums.weight += static_cast<double>(looked(q, meant[static_cast<std::size_t>(q)]));
    sums.spread += spread_of(looked, q);
  }
  return sums;
}

// The same memories, but each value has moved on by one slot.
Tokens moved_on(Tokens symbols) {
  std::rotate(symbols.ids.begin(), symbols.ids.begin() + 1, symbols.ids.end());
  return symbols;
}

}  // namespace

Marks mark(const Recall& model, const World& world, Index slots, Index queries, Rng rng) {
  const glass::NoGrad no_grad;
  glass::nn::set_training(model, false);
  Marks marks{.slots = slots};
  constexpr Index asked = 32;  // of each memory
  const double share = static_cast<double>(asked) / static_cast<double>(queries);
  while (marks.queries < queries) {
    // Ask one memory.
    const Batch batch = world.draw(1, slots, asked, rng);
    Tensor weights;
    const Tensor logits =
        model(batch.queries, batch.keys, batch.symbols, &weights).value();  // [1, Q, S]
    const Tensor looked = mean(weights.select(0, 0), 0);                    // [Q, N]
    marks.recall += share * share_equal(argmax(logits, -1), batch.answers);
    marks.right_slot += share * share_equal(argmax(looked, -1), batch.slots);

    const auto [weight, spread] = sharpness(looked, batch.slots);
    marks.weight += weight / static_cast<double>(queries);
    marks.spread += spread / static_cast<double>(queries);

    // The same questions to the same keys, with other values: the old answers must be chance.
    const Tensor other =
        model(batch.queries, batch.keys, moved_on(batch.symbols)).value();  // [1, Q, S]
    marks.shuffled += share * share_equal(argmax(other, -1), batch.answers);
    marks.queries += asked;
  }
  return marks;
}

}  // namespace memory
