// # Recall
//
// A memory has N slots, each with a key and a value, and queries read it. Keys are random
// directions and values are random symbols. All are drawn anew for every batch, so no memory can be
// learnt by heart. What can be learnt is how to ask: a query is one of the keys, written in other
// coordinates and blurred. The layer must learn how the coordinates of queries and keys belong
// together. Then it can read memories that it never saw, also larger ones.
//
// **How sharp must it be?** Say the right slot's score is larger than the N − 1 others by a gap g.
// Its weight is then 1 / (1 + (N − 1) e⁻ᵍ), and for 99 % the gap must be ln(N − 1) + 4.6: 7.3 among
// 16 slots, 11.5 among 1,024. Larger memories need only a slightly larger gap, since the logarithm
// grows slowly. So a model that was trained with 64 slots can still read 1,024, a little less
// sharply. At first the two projections are random, all keys have similar scores, and the weight is
// spread over all slots. In training the projections change in two ways at once: their directions
// turn until a query points at its key, and their lengths grow until the gap is large enough. The
// lengths act as the inverse of a temperature.
//
// **Why divide by √D?** The division is fixed and does not adapt to the task. It keeps the scores
// in range before anything is learnt: a sum of D products of numbers around ±1 is around ±√D, and
// divided by √D it is around ±1 for heads of every width. There the softmax is neither uniform nor
// saturated, and its gradient can move the projections in both directions.
//
// B memories, N slots, Q queries, C width of a query, K width of a key, E width of a value,
// S symbols, H heads, D width of a head
#pragma once

#include "nn/attention.h"
#include "nn/embedding.h"

namespace memory {

using glass::Index;
using glass::Rng;
using glass::Tensor;
using glass::Tokens;
using glass::Var;

// ---- the world ----

struct WorldOptions {
  Index dim = 64;      // C
  Index key_dim = 32;  // K ≤ C
  Index symbols = 32;  // S
  double noise = 0.4;  // standard deviation of what blurs a query, whose numbers are around ±1
};

// Memories, and queries that ask them.
struct Batch {
  Tensor queries;            // [B, Q, C]
  Tensor keys;               // [B, N, K]
  Tokens symbols;            // [B, N]
  std::vector<int> slots;    // of each query, the slot whose key it means: B · Q
  std::vector<int> answers;  // and the symbol there: B · Q
};

class World {
 public:
  // ShapeError if K is larger than C: there would be no room for the keys.
  World(WorldOptions options, Rng& rng);

  Batch draw(Index memories, Index slots, Index queries, Rng& rng) const;

  const WorldOptions& options() const { return options_; }
  // A query is view · key, scaled and blurred. The columns have length 1 and are orthogonal.
  const Tensor& view() const { return view_; }  // [C, K]

 private:
  WorldOptions options_;
  Tensor view_;
};

// ---- the model ----

struct RecallOptions {
  Index dim = 64, key_dim = 32, symbols = 32;
  Index value_dim = 32;  // E
  Index heads = 1;
};

struct Recall {
  Recall(RecallOptions o, Rng& rng)
      : symbol(o.symbols, o.value_dim, rng),
        look(o.dim, o.heads, rng, {.dropout = 0, .key_dim = o.key_dim, .value_dim = o.value_dim}),
        readout(o.dim, o.symbols, rng) {}

  // How likely each symbol is the answer, as logits. `weights` receives the attention of each
  // query, [B, H, Q, N]. Without it the fused attention runs, which never stores all weights.
  Var operator()(const Tensor& queries, const Tensor& keys, const Tokens& symbols,
                 Tensor* weights = nullptr) const {
    const Var values = symbol(symbols);                          // [B, N, E]
    const Var found = look(queries, keys, values, {}, weights);  // [B, Q, C]
    return readout(found);                                       // [B, Q, S]
  }

  void each(auto&& f) { f("symbol", symbol), f("look", look), f("readout", readout); }

  glass::nn::Embedding symbol;
  glass::nn::CrossAttention look;
  glass::nn::Linear readout;
};

// ---- marks ----

// How well memories of one size are read, measured with `queries` queries.
struct Marks {
  Index slots = 0;
  double recall = 0;      // share of queries whose likeliest symbol is the right one
  double right_slot = 0;  // share whose most attended slot is the one meant
  double weight = 0;      // on the slot meant, the mean of queries (and heads)
  double spread = 0;      // 2 to the entropy in bits: over how many slots the weight is spread
  double shuffled = 0;    // recall after the values have moved to other slots: must be chance
  Index queries = 0;
};

Marks mark(const Recall& model, const World& world, Index slots, Index queries, Rng rng);

}  // namespace memory
