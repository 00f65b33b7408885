// # Scaled dot-product attention
//
// First masks and the checks of operands; then the definition, which holds all T × S scores; then
// the kernel, which never does. It works block by block (attention_block.h). The softmax of a row
// that is seen one block of keys at a time keeps a running maximum m and a running sum ℓ; when the
// maximum rises, what was summed before is scaled down. The forward pass keeps only the result and
// one number per query, L = m + ln ℓ; the backward pass computes the weights again, as exp(Z − L).
//
// B batch, H heads, T queries, S keys, D width of queries and keys, E width of values.
// Z scores, P weights, F dropout's factors, O the result, s the scale; g and d… are gradients.
//
// The running maximum and sum: M. Milakov, N. Gimelshein, Online normalizer calculation for softmax
// (2018). Blocks, and weights that are computed again: T. Dao et al., FlashAttention (2022).
// Queries in the outer loop, the division by ℓ at the end, and L: T. Dao, FlashAttention-2 (2023),
// algorithm 1. In the backward pass, too, queries are in the outer loop here.
#include "tensor/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/attention_block.h"
#include "tensor/decisions.h"
#include "tensor/functions.h"
#include "tensor/matmul.h"
#include "tensor/ops.h"
#include "tensor/rows.h"

namespace glass {

// ---- masks ----

Tensor attention_mask(std::string_view op, const Tensor& mask, Shape scores) {
  const Tensor wide = mask.rank() == 3 ? mask.unsqueeze(1) : mask;
  check<ShapeError>(
      mask.rank() >= 2 && mask.rank() <= 4 && broadcasts_to(wide.shape(), scores),
      "{}: a mask must be [T, S], [B, T, S] or broadcast to [B, H, T, S] = {}; got {}", op, scores,
      mask.shape());
  return wide.rank() == 2 ? wide.unsqueeze(0).unsqueeze(0) : wide;
}

void expect_mask_values(std::string_view op, Tensor mask) {
  const Shape shape = mask.shape();
  // An axis with stride 0 repeats its numbers: reading one position of it is enough.
  for (Index axis = 0; axis < mask.rank(); ++axis)
    if (mask.stride(axis) == 0) mask = mask.slice(axis, 0, 1);
  const Tensor dense = mask.contiguous();
  const std::span<const Real> numbers(dense.data(), static_cast<std::size_t>(dense.numel()));
  const Real infinity = std::numeric_limits<Real>::infinity();
  const auto is_good = [=](Real v) { return v >= Real(0) && v < infinity; };
  // The compiler vectorises this loop only without an early exit.
  bool all_good = true;
  for (const Real v : numbers) all_good &= is_good(v);
  if (all_good) return;
  // Only for the message: the first number that is not allowed.
  const Real bad = *std::ranges::find_if_not(numbers, is_good);
  throw ShapeError(fmt::format(
      "{}: a mask must hold finite numbers that are not negative: 0 blocks, any other attends; got "
      "{} in a mask of shape {}. from_torch_mask() converts a mask whose 1 (true) blocks, "
      "from_additive_mask() one of 0 and -inf",
      op, bad, shape));
}

// Query i stands at the position i + (S − T) of the keys, and sees the keys up to there.
Tensor causal_mask(Index queries, Index keys) {
  return tril(ones(Shape{queries, keys}), keys - queries);
}

// ---- operands ----

namespace {

// The kernel reads rows in whole vectors, so the numbers of a row must be neighbours in memory.
Tensor with_dense_rows(const Tensor& x) {
  return x.rank() == 0 || x.stride(-1) == 1 || x.numel() == 0 ? x : x.contiguous();
}

// The shapes must fit each other, and every option must have a value that makes sense.
void check_operands(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  // k is like q but for its length S, v like k but for its width E.
  check<ShapeError>(
      q.rank() == 4 && k.rank() == 4 && v.rank() == 4 &&
          k.shape() == q.shape().with(2, k.size(2)) && v.shape() == k.shape().with(3, v.size(3)),
      "attention: needs q [B, H, T, D], k [B, H, S, D], v [B, H, S, E]; got {}, {}, {}", q.shape(),
      k.shape(), v.shape());
  // The options.
  check<ShapeError>(0 <= o.dropout && o.dropout < 1,
                    "attention: dropout must lie in [0, 1); got {}", o.dropout);
  check<StateError>(o.dropout == 0 || o.rng,
                    "attention: dropout of {} needs a random stream in .rng", o.dropout);
  check<ShapeError>(std::isfinite(o.scale.value_or(1)),
                    "attention: the scale must be a finite number; got {}", o.scale.value_or(1));
}

}  // namespace

// The mask becomes a view of the shape [B, H, T, S], and every option gets its value.
AttentionInputs attention_inputs(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const std::optional<Tensor>& mask, const AttentionOptions& o) {
  // Operands.
  check_operands(q, k, v, o);
  AttentionInputs in{with_dense_rows(q), with_dense_rows(k), with_dense_rows(v)};
  // The mask.
  if (mask) {
    const Shape scores = q.shape().with(3, k.size(2));  // [B, H, T, S]
    in.mask = attention_mask("attention", *mask, scores).expand(scores);
    expect_mask_values("attention", *mask);
  }
  // Options, and their defaults.
  in.causal = o.causal;
  in.dropout = o.dropout;
  if (o.dropout != 0) in.draw = o.rng->draw();
  using std::sqrt;
  in.scale = static_cast<Real>(o.scale ? Constant(*o.scale) : 1 / sqrt(Constant(q.size(3))));
  return in;
}

// ---- the definition ----

namespace {

// The operands of the definition, all [B, H, …]; keys that no query sees are zeros in k and v.
struct Definition {
  Tensor k, v;
  Tensor p, f;  // P and F [B, H, T, S]
};

// Z = s Q Kᵀ, −∞ where a key is blocked,  P = softmax Z, which is 0 for a query that sees no key
Definition define(const AttentionInputs& in) {
  // Which query sees which key.
  const Index T = in.q.size(2), S = in.k.size(2);
  Tensor sees = ones(in.q.shape().with(3, S));  // [B, H, T, S]
  if (in.mask) sees = sees * *in.mask;
  if (in.causal) sees = sees * causal_mask(T, S);
  // Keys that no query sees become zeros.
  const Tensor seen = sum(sees, 2, true).mT();  // [B, H, S, 1]
  const Tensor k = where(seen, in.k, 0), v = where(seen, in.v, 0);
  // The scores, the weights and dropout's factors.
  const Tensor z = where(sees, matmul(in.q, k.mT()) * in.scale, minus_infinity);
  return {k, v, softmax(z), dropout(ones(z.shape()), in.dropout, in.draw)};
}

}  // namespace

// O = (P ⊙ F) V
Tensor attention_naive(const AttentionInputs& in) {
  const Definition x = define(in);
  return matmul(x.p * x.f, x.v);
}

// dV = (P ⊙ F)ᵀ g,  dP = F ⊙ (g Vᵀ),  dZ = P ⊙ (dP − Σ dP ⊙ P),  dQ = s dZ K,  dK = s dZᵀ Q
std::array<Tensor, 3> attention_backward_naive(const AttentionInputs& in, const Tensor& g) {
  const Definition x = define(in);
  const Tensor dv = matmul((x.p * x.f).mT(), g);           // [B, H, S, E]
  const Tensor dp = x.f * matmul(g, x.v.mT());             // [B, H, T, S]
  const Tensor dz = x.p * (dp - sum(dp * x.p, -1, true));  // [B, H, T, S]
  const Tensor dq = matmul(dz, x.k) * in.scale;            // [B, H, T, D]
  const Tensor dk = matmul(dz.mT(), in.q) * in.scale;      // [B, H, S, D]
  return {dq, dk, dv};
}

// ---- the kernel, forward ----

namespace {

// Row i of n numbers is multiplied by by[i], for i from `first` to `last` − 1.
void scale_rows(const Rows& rows, const Real* by, Index first, Index last, Index n) {
  for (Index i = first; i < last; ++i)
    for_vectors(n, [x = rows.at(i).data, factor = by[i]](Index e, Index count) {
      store(x + e, load(x + e, count, Real(0)) * factor, count);
    });
}

// to += from, for `rows` rows of n numbers.
void add(const Rows& to, const Rows& from, Index rows, Index n) {
  for (Index i = 0; i < rows; ++i)
    for_vectors(n, [x = to.at(i).data, y = from.at(i).data](Index e, Index count) {
      store(x + e, load(x + e, count, Real(0)) + load(y + e, count, Real(0)), count);
    });
}

// A query that has seen no key has the maximum −∞. Its scores are shifted by 0 instead: all of
// their exponentials are then 0, and none is NaN.
Vec shift_of(Vec maximum) { return maximum == minus_infinity ? Vec{} : maximum; }

class Forward : BlockwiseAttention {
 public:
  using BlockwiseAttention::BlockwiseAttention;

  AttentionResult run() const {
    AttentionResult result{results_like(in.v, Shape{B, H, T, E}), empty(Shape{B, H, T})};
    const Index blocks = ceil_div(T, block_queries);
    const Index work = std::min(T, block_queries) * S * (D + E);
    // Each call computes the result of one block of queries, from all keys that the block may see.
    for_heads(blocks, work, [&](ScoreBlock& b, Index i) {
      take_queries(b, i * block_queries);
      const Running all{results_of(result.context, b, b.first_query), b.maxima, b.totals};
      attend(b, 0, visible_keys(b), all);
      finish(b, all, result.log_sums.data() + query_index(b));
    });
    return result;
  }

 private:
  // What a block of queries has gathered over the keys so far, for each query.
  struct Running {
    Rows o;        // Σ (P̃ ⊙ F) V, which is not yet divided by ℓ
    Real* maxima;  // m, the largest score
    Real* totals;  // ℓ = Σ P̃, where P̃ = exp(Z − m)
  };

  // Attends to the keys begin … end − 1; in halves where they are many.
  void attend(ScoreBlock& b, Index begin, Index end, const Running& now) const {
    if (end - begin <= blocks_in_turn * block_keys) return attend_in_turn(b, begin, end, now);
    // The first half of the keys.
    const Index half = middle(begin, end, block_keys);
    attend(b, begin, half, now);
    // The second half, gathered apart; then both are joined.
    Tensor o = zeros(Shape{b.queries, E}), numbers = empty(Shape{2, b.width});
    const Running rest{{o.data(), E}, numbers.data(), numbers.data() + b.width};
    attend(b, half, end, rest);
    join(b, now, rest);
  }

  // Attends to the keys block by block, beginning with nothing gathered.
  void attend_in_turn(ScoreBlock& b, Index begin, Index end, const Running& now) const {
    std::fill_n(now.maxima, b.width, minus_infinity);
    std::fill_n(now.totals, b.width, Real(0));
    for (Index first = begin; first < end; first += block_keys) {
      // 1. Z = K (s Q)ᵀ                         [keys, queries], −∞ where blocked
      take_keys(b, first, end);
      // 2, 3. m′, P̃ ⊙ F and ℓ′, for a vector of queries at a time
      for (Index i = b.skipped; i < b.width; i += lanes) weigh(b, i, now);
      // 4. O′ = O exp(m − m′) + (P̃ ⊙ F)ᵀ V      [queries, E]
      if (first > begin) scale_rows(now.o, b.fades, b.skipped, b.queries, E);
      const Rows o = now.o.at(b.skipped);
      multiply_block(b.seeing(), E, b.keys, b.seen(b.scores).transposed(),
                     key_rows(in.v, b, b.v_rows), o.data, o.stride, adds_up);
    }
  }

  // 2. m′ = max(m, maxⱼ Zⱼ)
  // 3. P̃ⱼ = exp(Zⱼ − m′),   ℓ′ = ℓ exp(m − m′) + Σⱼ P̃ⱼ,   and Z ← P̃ ⊙ F
  //
  // The block holds a row of scores per key, and a column per query. `row` is where the scores of
  // key j begin, counted from those of key 0. No argument of exp is above 0, so exp_of_negative,
  // which is eˣ for x ≤ 0, serves.
  void weigh(ScoreBlock& b, Index i, const Running& now) const {
    Real* const z = b.scores + i;  // the scores of `lanes` queries, a row per key
    const Real* const f = b.factors + i;
    const Index size = b.keys * b.width, width = b.width;
    // 2. The largest score, and what scales down the sums of earlier keys. (For intervals a point
    // near it, which is a constant: any m gives the same result. See tensor/decisions.h.)
    Vec maximum = load(now.maxima + i);
    for (Index row = 0; row < size; row += width) {
      const Vec score = point_near(load(z + row));
      maximum = score > maximum ? score : maximum;
    }
    const Vec shift = shift_of(maximum), fade = exp_of_negative(load(now.maxima + i) - shift);
    // 3. The weights, before they are divided by ℓ, and their sum.
    Vec total{};
    for (Index row = 0; row < size; row += width) {
      const Vec weight = exp_of_negative(load(z + row) - shift);
      store(z + row, in.dropout != 0 ? weight * load(f + row) : weight);
      total += weight;
    }
    // m′, ℓ′ and exp(m − m′) take the places of m, ℓ and the last block's fade.
    store(now.maxima + i, maximum);
    store(now.totals + i, load(now.totals + i) * fade + total);
    store(b.fades + i, fade);
  }

  // Joins what two halves of the keys gave:   m′ = max(m, m₂)
  // ℓ′ = ℓ exp(m − m′) + ℓ₂ exp(m₂ − m′),     O′ = O exp(m − m′) + O₂ exp(m₂ − m′)
  void join(ScoreBlock& b, const Running& now, const Running& rest) const {
    for (Index i = 0; i < b.width; i += lanes) {
      const Vec m = load(now.maxima + i), m2 = load(rest.maxima + i), maximum = m < m2 ? m2 : m;
      const Vec shift = shift_of(maximum);
      const Vec fade = exp_of_negative(m - shift), fade2 = exp_of_negative(m2 - shift);
      store(now.maxima + i, maximum);
      store(now.totals + i, load(now.totals + i) * fade + load(rest.totals + i) * fade2);
      store(b.fades + i, fade);
      store(b.other_fades + i, fade2);
    }
    // O′: each half is scaled, then both are added.
    scale_rows(now.o, b.fades, 0, b.queries, E);
    scale_rows(rest.o, b.other_fades, 0, b.queries, E);
    add(now.o, rest.o, b.queries, E);
  }

  // 5. O ← O / ℓ,   L = m + ln ℓ;   both are 0 for a query that sees no key. Afterwards all.totals
  // holds 1/ℓ, or 0, by which the rows of O are multiplied.
  void finish(ScoreBlock& b, const Running& all, Real* log_sums) const {
    using std::log;
    for (Index i = 0; i < b.queries; ++i) {
      const Real total = all.totals[i];
      const bool sees_none = total == Real(0);
      log_sums[i] = sees_none ? Real(0) : all.maxima[i] + log(total);
      all.totals[i] = sees_none ? Real(0) : Real(1) / total;
    }
    scale_rows(all.o, all.totals, 0, b.queries, E);
  }
};

// ---- the kernel, backward ----

class Backward : BlockwiseAttention {
 public:
  Backward(const AttentionInputs& inputs, const AttentionResult& forward, const Tensor& gradient)
      : BlockwiseAttention(inputs), result(forward), g(with_dense_rows(gradient)) {}

  std::array<Tensor, 3> run() const {
    std::array grads{results_like(in.q, in.q.shape()), results_like(in.k, in.k.shape()),
                     results_like(in.v, in.v.shape())};
    // A call computes a whole head, since dK and dV are sums over all queries of the head. For a
    // query and a key, three of its products take D multiply-adds and two take E.
    for_heads(1, T * S * (3 * D + 2 * E), [&](ScoreBlock& b, Index) {
      const KeyGradients sums{results_of(grads[1], b, 0), results_of(grads[2], b, 0)};
      sum_over_queries(b, 0, T, results_of(grads[0], b, 0), sums);
    });
    return grads;
  }

 private:
  struct KeyGradients {
    Rows dk, dv;  // of all keys of the head
  };

  // The queries begin … end − 1, all of which add to dK and dV; in halves where they are many.
  void sum_over_queries(ScoreBlock& b, Index begin, Index end, const Rows& dq,
                        const KeyGradients& sums) const {
    if (end - begin > blocks_in_turn * block_queries) {
      // Many queries: the sums of both halves, added.
      const Index half = middle(begin, end, block_queries);
      sum_over_queries(b, begin, half, dq, sums);
      Tensor dk = zeros(Shape{S, D}), dv = zeros(Shape{S, E});
      const KeyGradients rest{{dk.data(), D}, {dv.data(), E}};
      sum_over_queries(b, half, end, dq, rest);
      add(sums.dk, rest.dk, S, D);
      add(sums.dv, rest.dv, S, E);
      return;
    }
    for (Index first = begin; first < end; first += block_queries) {
      // One block of queries, and all keys that it may see.
      start(b, first);
      sum_over_keys(b, 0, visible_keys(b), dq.at(first), sums);
    }
  }

  // What every block of keys needs of the queries: rows and columns of Q and g, L, and δ = Σ g ⊙ O.
  // δ equals the sum over a query's keys of dP ⊙ P, but is known before the first key is read:
  // Σⱼ Pⱼ dPⱼ = Σⱼ Pⱼ Fⱼ (g · Vⱼ) = g · Σⱼ Pⱼ Fⱼ Vⱼ = g · O.
  void start(ScoreBlock& b, Index first) const {
    // L, and the rows and columns.
    take_queries(b, first);
    std::copy_n(result.log_sums.data() + query_index(b), b.queries, b.log_sums);
    b.g_operand = rows_of(g, b, first);
    b.q_operand = rows_of(in.q, b, first);
    pack(b.g_operand, b.queries, b.width, E, b.g_columns);
    pack(rows_of(result.context, b, first), b.queries, b.width, E, b.o_columns);
    // δ, for a vector of queries at a time.
    for (Index i = 0; i < b.width; i += lanes) {
      Vec dot{};
      for (Index j = i; j < E * b.width; j += b.width)
        dot += load(b.g_columns + j) * load(b.o_columns + j);
      store(b.dots + i, dot);
    }
  }

  // The keys begin … end − 1, all of which add to dQ; in halves where they are many.
  void sum_over_keys(ScoreBlock& b, Index begin, Index end, const Rows& dq,
                     const KeyGradients& sums) const {
    if (end - begin > blocks_in_turn * block_keys) {
      const Index half = middle(begin, end, block_keys);
      sum_over_keys(b, begin, half, dq, sums);
      Tensor rest = zeros(Shape{b.queries, D});
      sum_over_keys(b, half, end, {rest.data(), D}, sums);
      add(dq, {rest.data(), D}, b.queries, D);
      return;
    }
    for (Index first = begin; first < end; first += block_keys) {
      // 1. Z = K (s Q)ᵀ                 [keys, queries], as in the forward pass
      take_keys(b, first, end);
      add_gradients(b, dq.at(b.skipped), sums.dk.at(first), sums.dv.at(first));
    }
  }

  // Adds what one block of queries and keys gives to dQ, dK and dV.
  void add_gradients(ScoreBlock& b, const Rows& dq, const Rows& dk, const Rows& dv) const {
    // 2. V gᵀ                          [keys, queries]
    multiply_block(b.keys, b.width - b.skipped, E, key_rows(in.v, b, b.v_rows), b.seen(b.g_columns),
                   b.slopes + b.skipped, b.width, false);
    // 3. P ⊙ F and s dZ                [keys, queries]
    weigh(b);
    // 4. dV += (P ⊙ F) g               [keys, E]
    multiply_block(b.keys, E, b.seeing(), b.seen(b.scores), b.g_operand.at(b.skipped, 0), dv.data,
                   dv.stride, adds_up);
    // 5. dQ += (s dZ)ᵀ K               [queries, D]
    // Step 1 read K as it is, and found the dead keys. Here their rows must be zeros: dZ is 0 for
    // them, but 0 · NaN is NaN.
    const Matrix k = key_rows(in.k, b, b.k_rows);
    multiply_block(b.seeing(), D, b.keys, b.seen(b.slopes).transposed(), k, dq.data, dq.stride,
                   adds_up);
    // 6. dK += (s dZ) Q                [keys, D]
    multiply_block(b.keys, D, b.seeing(), b.seen(b.slopes), b.q_operand.at(b.skipped, 0), dk.data,
                   dk.stride, adds_up);
  }

  // 3. P = exp(Z − L),   dP = F ⊙ (V gᵀ),   dZ = P ⊙ (dP − δ),   and Z ← P ⊙ F, V gᵀ ← s dZ
  //
  // In the code, j is where the row of a key begins, and i is a vector of queries in it. L is the
  // logarithm of a sum that contains exp Z, so Z − L ≤ 0.
  void weigh(ScoreBlock& b) const {
    Real *const z = b.scores, *const slopes = b.slopes;
    for (Index j = 0; j < b.keys * b.width; j += b.width)
      for (Index i = b.skipped; i < b.width; i += lanes) {
        // The weights before dropout, dropout's factors, and dP.
        const Vec weight = exp_of_negative(load(z + j + i) - load(b.log_sums + i));
        const Vec factor = in.dropout != 0 ? load(b.factors + j + i) : repeat(Real(1));
        const Vec dp = load(slopes + j + i) * factor;
        // P ⊙ F, which dV needs, and s dZ, which dQ and dK need.
        store(z + j + i, weight * factor);
        store(slopes + j + i, weight * (dp - load(b.dots + i)) * in.scale);
      }
  }

  const AttentionResult& result;
  Tensor g;
};

}  // namespace

AttentionResult attention_forward(const AttentionInputs& inputs) {
  return named("attention", [&] { return Forward(inputs).run(); });
}

std::array<Tensor, 3> attention_backward(const AttentionInputs& inputs,
                                         const AttentionResult& result, const Tensor& g) {
  return Backward(inputs, result, g).run();
}

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask, AttentionOptions options) {
  return attention_forward(attention_inputs(q, k, v, mask, options)).context;
}

}  // namespace glass
