// # One block of attention's scores
//
// (private to tensor/attention.cpp) The T × S scores of a head are never all in memory at once.
// Queries are taken in blocks, and for each block of queries the keys are taken in blocks: the
// scores of one block fit into the caches, and are used up before the next block's are computed.
// This header has the sizes of a block, its working memory, and what the forward and the backward
// pass begin with: operands, scores with masks applied, dropout's factors. The steps that follow
// are in tensor/attention.cpp.
//
// Scores are held transposed, [keys, queries]. One vector then holds the scores of several queries
// for one key, so a maximum or a sum over keys is taken lane by lane. The products that the scores
// are an operand of, (P ⊙ F)ᵀ V and (s dZ)ᵀ K as well as (P ⊙ F) g and (s dZ) Q, read the scores in
// place, by their strides.
//
// How the numbers below were measured: docs/decisions/019-thresholds.md.
//
// B batch, H heads, T queries, S keys, D width of queries and keys, E width of values. Z scores,
// F dropout's factors, O the result, g its gradient.
#pragma once

#include <bitset>

#include "tensor/attention.h"
#include "tensor/pack.h"
#include "tensor/parallel.h"
#include "tensor/product.h"
#include "tensor/simd.h"

namespace glass {

// ---- sizes ----

// A block of scores is 66 kB of floats, and a thread has five such blocks, of which a pass uses
// four at most: they stay in a second cache of 512 kB or more. 176 queries are eleven cache lines
// of floats, an odd number (docs/decisions/007), and whole vectors on every CPU. With half as many
// queries, 8 heads of 512 positions take 1.04 times as long. With half as many keys and dropout
// they take 1.16 times as long, with twice as many keys and causal scores 1.10 times; twice as many
// keys and dropout take 0.91 times as long. So 96 is a compromise (docs/decisions/019).
inline constexpr Index block_queries = 176, block_keys = 96;

// Up to 24 blocks are added up one after the other. More are added up in halves, so that a number
// passes through few roundings, however long the sum is (docs/decisions/016).
inline constexpr Index blocks_in_turn = 24;
// Where begin … end is cut in halves. The first half is a whole number of blocks of `size`.
constexpr Index middle(Index begin, Index end, Index size) {
  return begin + (end - begin) / size / 2 * size;
}

// ---- memory ----

// Rows of results, which are written or added to.
struct Rows {
  Real* data;
  Index stride;
  Rows at(Index row) const { return {data + row * stride, stride}; }
};

// The part of the scores that one thread is working on: a head, some of its queries, some of its
// keys. And the thread's working memory.
struct ScoreBlock {
  ScoreBlock(Index D, Index E);
  ScoreBlock(const ScoreBlock&) = delete;
  ScoreBlock& operator=(const ScoreBlock&) = delete;

  // The queries are first_query … first_query + queries − 1, likewise the keys. A row of scores is
  // `width` long: the queries, rounded up to whole vectors. If scores are causal, the first
  // `skipped` queries see no key of this block, so they are left out. `skipped` is a multiple of
  // `lanes`, so a few more queries may see no key.
  Index entry = 0, head = 0;
  Index first_query = 0, queries = 0, width = 0;
  Index first_key = 0, keys = 0, skipped = 0;
  std::bitset<block_keys> dead{};  // keys that none of the block's queries sees
  Index seeing() const { return queries - skipped; }

  // A slot whose rows are `width` long, without the skipped queries.
  Matrix seen(const Real* slot) const { return {slot + skipped, width, 1}; }

  // Slots, each with room for a block of full size. The constructor has their shapes.
  Real *q_columns, *g_columns, *o_columns;      // s Qᵀ, gᵀ and Oᵀ: a column per query
  Real *k_rows, *v_rows;                        // copies of K and V, where keys are dead
  Real* scores;                                 // Z, and the weights that are made from it
  Real* slopes;                                 // V gᵀ, then s dZ, the gradient of K Qᵀ
  Real* factors;                                // F, a row per key
  Real* untransposed;                           // F as it is drawn, a row per query
  Real* draws;                                  // F of several blocks, see draw_factors
  Real *maxima, *totals, *fades, *other_fades;  // one number per query, see Forward
  Real *log_sums, *dots;                        // one number per query, see Backward

  // Rows of operands, in place.
  Matrix q_operand{}, g_operand{};

  // `draws` holds the factors of the positions drawn_begin … drawn_end − 1 in [B, H, T, S]. This
  // chunk of for_heads needs none from needed_end on.
  Index drawn_begin = 0, drawn_end = 0, needed_end = 0;

 private:
  Tensor memory_;
};

// ---- what both passes share ----

class BlockwiseAttention {
 public:
  explicit BlockwiseAttention(const AttentionInputs& inputs);

  const AttentionInputs& in;
  const Index B, H, T, S, D, E;
  // Are results sums over several blocks? Else one block is a whole head, and no query is skipped:
  // each result is then written once, and needs no zero to be added to.
  const bool adds_up;

  // Calls f(block, i) for every head and 0 ≤ i < parts; threads share the calls. `work` is the
  // number of multiply-adds in one call.
  void for_heads(Index parts, Index work, auto f) const {
    // Besides its products, a call has other work: exponentials, packing, memory. It is counted as
    // 40,000 multiply-adds. 1 is added since a chunk has at least one call. Without the 40,000, two
    // threads take 1.18 times as long for 8 heads of 16 queries.
    const Index grain = 1 + worth_sharing / (work + 40'000);
    parallel_for(B * H * parts, grain, [&](Index begin, Index end) {
      // Working memory, which all calls of this chunk use one after the other.
      ScoreBlock b(D, E);
      // Call `end`, the first of the next chunk, begins at this query of all B · H · T; a query has
      // S positions in [B, H, T, S].
      b.needed_end = (end / parts * T + end % parts * block_queries) * S;
      // Call i belongs to the head i / parts of all B · H heads.
      for (Index i = begin; i < end; ++i) {
        b.entry = i / parts / H;
        b.head = i / parts % H;
        f(b, i % parts);
      }
    });
  }

  // A Tensor for results: [B, H, T, D] in memory if x is contiguous; else [B, T, H, D], the order
  // in which a projection leaves the numbers of x.
  Tensor results_like(const Tensor& x, const Shape& shape) const;
  // The rows of the block's head in x, from row `first` on. x is an operand, or a Tensor of
  // results.
  static Matrix rows_of(const Tensor& x, const ScoreBlock& b, Index first);
  static Rows results_of(Tensor& x, const ScoreBlock& b, Index first);
  // The place of the block's first query in a Tensor [B, H, T].
  Index query_index(const ScoreBlock& b) const {
    return (b.entry * H + b.head) * T + b.first_query;
  }

  // Rows of the block's keys: in place, unless there are dead keys. The rows of dead keys become
  // zeros in a copy: a weight of 0 is not enough to remove a key, since 0 · NaN is NaN.
  static Matrix key_rows(const Tensor& x, const ScoreBlock& b, Real* slot);

  // The block's queries become those from `first` on. Fills q_columns.
  void take_queries(ScoreBlock& b, Index first) const;
  // How many keys, from the first one on, some of the block's queries may see.
  Index visible_keys(const ScoreBlock& b) const;
  // The block's keys become those from `first` on, but none from `end` on. Fills skipped,
  // scores, dead and, for dropout, factors.
  void take_keys(ScoreBlock& b, Index first, Index end) const;

 private:
  void compute_scores(ScoreBlock& b) const;
  void apply_mask(ScoreBlock& b) const;
  void apply_causality(ScoreBlock& b) const;
  static void find_dead_keys(ScoreBlock& b);
  void draw_factors(ScoreBlock& b) const;
  const Real* drawn_ahead(ScoreBlock& b, Index first) const;
};

}  // namespace glass
