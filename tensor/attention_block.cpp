// # One block of attention's scores: memory, operands, masks, dropout
//
// In the order in which a block needs them. B batch, H heads, T queries, S keys, D width of queries
// and keys, E width of values. Z scores, F dropout's factors, s the scale.
#include "tensor/attention_block.h"

#include <algorithm>
#include <array>

#include "tensor/ops.h"

namespace glass {

// ---- memory ----

ScoreBlock::ScoreBlock(Index D, Index E) {
  struct Slot {
    Real** place;
    Index rows, columns;
    // Kernels store whole vectors, so a slot ends with room for one more.
    Index size() const { return rows * columns + lanes; }
  };
  const std::array slots{
      Slot{&q_columns, D, block_queries},
      Slot{&k_rows, block_keys, D},
      Slot{&g_columns, E, block_queries},
      Slot{&v_rows, block_keys, E},
      Slot{&o_columns, E, block_queries},
      Slot{&draws, block_queries, block_keys},
      Slot{&scores, block_keys, block_queries},
      Slot{&slopes, block_keys, block_queries},
      Slot{&factors, block_keys, block_queries},
      Slot{&untransposed, block_queries, block_keys},
      Slot{&maxima, 1, block_queries},
      Slot{&totals, 1, block_queries},
      Slot{&fades, 1, block_queries},
      Slot{&other_fades, 1, block_queries},
      Slot{&log_sums, 1, block_queries},
      Slot{&dots, 1, block_queries},
  };
  // All slots lie in one piece of memory, one after the other.
  Index total = 0;
  for (const Slot& slot : slots) total += slot.size();
  memory_ = empty(Shape{total});
  Real* next = memory_.data();
  for (const Slot& slot : slots) {
    *slot.place = next;
    next += slot.size();
  }
}

// ---- operands and results ----

// One block holds a whole head if T and S are small enough. If scores are causal and T > S, the
// first queries see no key.
BlockwiseAttention::BlockwiseAttention(const AttentionInputs& inputs)
    : in(inputs),
      B(in.q.size(0)),
      H(in.q.size(1)),
      T(in.q.size(2)),
      S(in.k.size(2)),
      D(in.q.size(3)),
      E(in.v.size(3)),
      adds_up(
          !(0 < T && T <= block_queries && 0 < S && S <= block_keys && (!in.causal || T <= S))) {}

Tensor BlockwiseAttention::results_like(const Tensor& x, const Shape& shape) const {
  const auto make = adds_up ? zeros : empty;
  if (x.is_contiguous()) return make(shape);
  // [B, T, H, D] in memory, seen as [B, H, T, D].
  return make(shape.with(1, shape[2]).with(2, shape[1])).transpose(1, 2);
}

Matrix BlockwiseAttention::rows_of(const Tensor& x, const ScoreBlock& b, Index first) {
  const Strides& stride = x.strides();
  const Index offset = b.entry * stride[0] + b.head * stride[1] + first * stride[2];
  return {x.data() + offset, stride[2], stride[3]};
}

Rows BlockwiseAttention::results_of(Tensor& x, const ScoreBlock& b, Index first) {
  const Index offset = rows_of(x, b, first).data - x.data();
  return {x.data() + offset, x.stride(2)};
}

Matrix BlockwiseAttention::key_rows(const Tensor& x, const ScoreBlock& b, Real* slot) {
  const Matrix rows = rows_of(x, b, b.first_key);
  if (b.dead.none()) return rows;
  // A copy, in which dead keys become zeros.
  const Index n = x.size(3);
  for (Index j = 0; j < b.keys; ++j) {
    Real* const to = slot + j * n;
    if (b.dead[static_cast<std::size_t>(j)])
      std::fill_n(to, n, Real(0));
    else
      std::copy_n(rows.at(j, 0).data, n, to);
  }
  return {slot, n, 1};
}

// ---- scores ----

void BlockwiseAttention::take_queries(ScoreBlock& b, Index first) const {
  b.first_query = first;
  b.queries = std::min(block_queries, T - first);
  b.width = round_up(b.queries, lanes);
  // s Qᵀ, which every block of keys is multiplied by
  pack(rows_of(in.q, b, first), b.queries, b.width, D, b.q_columns);
  for (Index i = 0; i < D * b.width; ++i) b.q_columns[i] *= in.scale;
}

Index BlockwiseAttention::visible_keys(const ScoreBlock& b) const {
  if (!in.causal) return S;
  return std::clamp<Index>(b.first_query + b.queries + S - T, 0, S);
}

void BlockwiseAttention::take_keys(ScoreBlock& b, Index first, Index end) const {
  b.first_key = first;
  b.keys = std::min(block_keys, end - first);
  b.dead.reset();
  // Causal: the first query that sees key j is j − (S − T), so earlier ones are skipped; only whole
  // vectors of them, since a row of scores is computed in vectors.
  b.skipped = 0;
  if (in.causal) b.skipped = std::max<Index>(0, first - (S - T) - b.first_query) / lanes * lanes;
  compute_scores(b);
  if (in.dropout != 0) draw_factors(b);
}

// Z = K (s Q)ᵀ, and −∞ where a key is blocked for a query       [keys, queries]
void BlockwiseAttention::compute_scores(ScoreBlock& b) const {
  multiply_block(b.keys, b.width - b.skipped, D, rows_of(in.k, b, b.first_key), b.seen(b.q_columns),
                 b.scores + b.skipped, b.width, false);
  if (in.mask) apply_mask(b);
  if (in.causal) apply_causality(b);
  if (in.mask || in.causal) find_dead_keys(b);
}

// ---- masks ----

void BlockwiseAttention::apply_mask(ScoreBlock& b) const {
  const Matrix mask = rows_of(*in.mask, b, b.first_query).at(0, b.first_key);  // [queries, keys]
  // Row stride 0: the mask is the same for all queries; one row serves.
  if (mask.row_stride == 0) {
    for (Index j = 0; j < b.keys; ++j)
      if (*mask.at(0, j).data == Real(0))
        std::fill_n(b.scores + j * b.width, b.width, minus_infinity);
    return;
  }
  // Else the mask is transposed, as the scores are: a row per key. The factors of this block are
  // not drawn yet, so their slot is free.
  Real* const transposed = b.factors;
  pack(mask, b.queries, b.width, b.keys, transposed);
  for (Index j = 0; j < b.keys; ++j)
    for (Index i = j * b.width + b.skipped; i < (j + 1) * b.width; i += lanes) {
      const Vec attends = load(transposed + i);
      store(b.scores + i, attends != Real(0) ? load(b.scores + i) : repeat(minus_infinity));
    }
}

// Key j is blocked for the queries before j − (S − T). The skipped queries are among them, so their
// scores, which were not computed, become −∞ too.
void BlockwiseAttention::apply_causality(ScoreBlock& b) const {
  for (Index j = 0; j < b.keys; ++j) {
    const Index first_seeing = b.first_key + j - (S - T) - b.first_query;
    std::fill_n(b.scores + j * b.width, std::clamp<Index>(first_seeing, 0, b.width),
                minus_infinity);
  }
}

void BlockwiseAttention::find_dead_keys(ScoreBlock& b) {
  for (Index j = 0; j < b.keys; ++j) {
    const Real* const row = b.scores + j * b.width;
    b.dead[static_cast<std::size_t>(j)] =
        std::all_of(row, row + b.queries, [](Real z) { return z == minus_infinity; });
  }
}

// ---- dropout ----

// F, what dropout multiplies the weights by. A factor depends on its position in [B, H, T, S]
// alone, so the backward pass draws the same factors again.
void BlockwiseAttention::draw_factors(ScoreBlock& b) const {
  const Index first = query_index(b) * S + b.first_key;
  const Real* rows = b.untransposed;  // [queries, keys]
  if (b.keys == S) {
    rows = drawn_ahead(b, first);
  } else {
    for (Index i = 0; i < b.queries; ++i)
      in.draw.dropout(static_cast<std::uint64_t>(first + i * S), b.keys, in.dropout,
                      b.untransposed + i * b.keys);
  }
  pack({rows, b.keys, 1}, b.queries, b.width, b.keys, b.factors);
}

// Where a block has all keys, its rows are consecutive in [B, H, T, S]: one call draws the factors
// of several blocks. Only the end is tested: within a chunk of for_heads `first` grows from block
// to block, so it is never before drawn_begin.
const Real* BlockwiseAttention::drawn_ahead(ScoreBlock& b, Index first) const {
  if (first + b.queries * S > b.drawn_end) {
    b.drawn_begin = first;
    b.drawn_end = std::min(first + block_queries * block_keys, b.needed_end);
    in.draw.dropout(static_cast<std::uint64_t>(first), b.drawn_end - first, in.dropout, b.draws);
  }
  return b.draws + (first - b.drawn_begin);
}

}  // namespace glass
