// # Fused attention
//
// The T × S scores are never all there at once. Queries are taken in blocks, and for each block the
// keys in blocks: their scores fit into the caches, and are used up before the next ones come. The
// softmax of a row that is seen piece by piece keeps a running maximum and a running sum; when the
// maximum rises, what was summed before is scaled down. Of the forward pass only the result and one
// number a row are kept, L = max + ln sum; the VJP computes the weights again, as exp(S − L).
//
// Scores are held transposed, [keys, queries]: then one vector holds many queries, no row needs its
// lanes added up, and all five products read their operands where they lie.
//
// M. Milakov, N. Gimelshein, Online normalizer calculation for softmax (2018); T. Dao et al.,
// FlashAttention (2022), algorithms 1 and 4.
#include "autograd/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "autograd/ops.h"
#include "tensor/parallel.h"
#include "tensor/product.h"
#include "tensor/simd.h"

namespace glass {

// ---- masks ----

Tensor attention_mask(std::string_view op, const Tensor& mask, Shape scores) {
  const Tensor wide = mask.rank() == 3 ? mask.unsqueeze(1) : mask;
  bool fits = mask.rank() >= 2 && mask.rank() <= 4;
  for (Index axis = -1; fits && axis >= -wide.rank(); --axis)
    fits = wide.size(axis) == scores[axis] || wide.size(axis) == 1;
  check<ShapeError>(
      fits, "{}: a mask must be [T, S], [B, T, S] or broadcast to [B, H, T, S] = {}; got {}", op,
      scores, mask.shape());
  return wide.rank() == 2 ? wide.unsqueeze(0).unsqueeze(0) : wide;
}

Tensor visible_keys(const Tensor& mask) {
  const Tensor attends = where(mask, 1, 0);
  return mask.size(-2) == 0 ? zeros(mask.shape().with(-2, 1)) : max(attends, -2, true);
}

Tensor causal_mask(Index queries, Index keys) {
  return tril(ones(Shape{queries, keys}), keys - queries);
}

namespace {

constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

// Three blocks of scores and what they are made from take half of the second cache.
constexpr Index block_q = 96, block_k = 128;
constexpr Index worth_sharing = 250'000;  // multiply-adds that are worth waking a thread for

// A thread's own memory, kept from call to call.
struct Scratch {
  std::vector<Real> memory;
  Index used = 0;
  Real* take(Index count) { return memory.data() + std::exchange(used, used + count + lanes); }
};
Scratch& scratch(Index count) {
  thread_local Scratch own;
  if (std::ssize(own.memory) < count) own.memory.resize(static_cast<std::size_t>(count));
  own.used = 0;
  return own;
}

// A block of the scores of one head: queries q … q + queries - 1, keys k … k + keys - 1.
struct Block {
  Index entry, head, q, queries, k, keys;
  Index width = (queries + lanes - 1) / lanes * lanes;  // of a row of scores, in whole vectors
};

class Attention {
 public:
  Attention(const Tensor& query, const Tensor& key, const Tensor& value,
            const std::optional<Tensor>& mask, const AttentionOptions& options)
      : q(rows_dense(query)), k(rows_dense(key)), v(rows_dense(value)), options_(options) {
    const bool ranks = q.rank() == 4 && k.rank() == 4 && v.rank() == 4;
    check<ShapeError>(
        ranks && k.size(-1) == q.size(-1) && k.size(-2) == v.size(-2) && q.size(0) == k.size(0) &&
            k.size(0) == v.size(0) && q.size(1) == k.size(1) && k.size(1) == v.size(1),
        "attention: needs q [B, H, T, D], k [B, H, S, D], v [B, H, S, E]; got {}, {}, {}",
        query.shape(), key.shape(), value.shape());
    const double p = options.dropout;
    check<ShapeError>(0 <= p && p < 1, "attention: dropout must lie in [0, 1); got {}", p);
    check<StateError>(p == 0 || options.rng,
                      "attention: dropout of {} needs a random stream in .rng", p);
    const Shape scores = q.shape().with(-1, k.size(-2));
    if (mask) mask_ = attention_mask("attention", *mask, scores).expand(scores);
    if (p != 0) draw_ = options.rng->draw();
    const double width = static_cast<double>(q.size(-1));
    scale_ = static_cast<Real>(options.scale.value_or(1 / std::sqrt(width)));
    T = q.size(2), S = k.size(2), D = q.size(3), E = v.size(3);
    heads_ = q.size(1);
  }

  void forward() {
    context = empty_like(v, q.shape().with(-1, E));
    log_sums = empty(q.shape().erase(-1));
    const Index blocks = (T + block_q - 1) / block_q, work = std::min(T, block_q) * S * (D + E);
    parallel_for(q.size(0) * heads_ * blocks, 1 + worth_sharing / std::max<Index>(work, 1),
                 [&](Index begin, Index end) {
                   for (Index i = begin; i < end; ++i)
                     forward(i / blocks / heads_, i / blocks % heads_, i % blocks * block_q);
                 });
  }

  // dV = (P ⊙ drop)ᵀ g,  dP = (g Vᵀ) ⊙ drop,  dS = P ⊙ (dP − Σ dP P),  dQ = s dS K,  dK = s dSᵀ Q
  // and Σ dP P = Σ g O: one number a row, known beforehand.
  std::array<Tensor, 3> backward(const Tensor& gradient) const {
    const Tensor g = rows_dense(gradient);
    std::array<Tensor, 3> grads{empty_like(q, q.shape()), empty_like(k, k.shape()),
                                empty_like(v, v.shape())};
    const Index work = T * S * (D + E) * 3;
    parallel_for(q.size(0) * heads_, 1 + worth_sharing / std::max<Index>(work, 1),
                 [&](Index begin, Index end) {
                   for (Index i = begin; i < end; ++i) backward(g, grads, i / heads_, i % heads_);
                 });
    return grads;
  }

  Tensor q, k, v;
  Tensor context;   // O [B, H, T, E]
  Tensor log_sums;  // L [B, H, T]
  Index T = 0, S = 0, D = 0, E = 0;

 private:
  // ---- operands ----

  static Tensor rows_dense(const Tensor& x) {
    return x.rank() == 0 || x.stride(-1) == 1 || x.numel() == 0 ? x : x.contiguous();
  }
  // Heads lie within each position's row, as a projection leaves them, or one after the other.
  static Tensor empty_like(const Tensor& x, const Shape& shape) {
    if (x.is_contiguous()) return empty(shape);
    return empty(shape.with(1, shape[2]).with(2, shape[1])).transpose(1, 2);
  }
  static Matrix part(const Tensor& x, const Block& b, Index row) {
    const Strides& step = x.strides();
    return {x.data() + b.entry * step[0] + b.head * step[1] + row * step[2], step[2], 1};
  }
  static Real* part(Tensor& x, const Block& b, Index row) {
    return const_cast<Real*>(part(std::as_const(x), b, row).data);
  }

  // What the last query of a block can see.
  Index key_end(const Block& b) const {
    return options_.causal ? std::clamp<Index>(b.q + b.queries + S - T, 0, S) : S;
  }

  // ---- one block ----

  // Sᵀ = K (s Q)ᵀ, −∞ where the mask blocks. Says which keys are blocked for all of the queries.
  bool scores(const Block& b, const Real* q_columns, Real* s, Real* space, bool* dead) const {
    multiply_block(b.keys, b.width, D, part(k, b, b.k), {q_columns, b.width, 1}, s, b.width, false);
    if (!mask_ && !options_.causal) return false;
    Matrix mask{};
    if (mask_)
      mask = Matrix{mask_->data() + b.entry * mask_->stride(0) + b.head * mask_->stride(1),
                    mask_->stride(2), mask_->stride(3)}
                 .at(b.q, b.k);
    const bool one_row = mask.row_stride == 0;
    if (mask_ && !one_row) pack(mask, b.queries, b.width, b.keys, space);
    bool any_dead = false;
    for (Index j = 0; j < b.keys; ++j) {
      Real* const row = s + j * b.width;
      if (mask_ && one_row && mask.data[j * mask.column_stride] == Real(0))
        std::fill_n(row, b.width, minus_infinity);
      for (Index i = 0; mask_ && !one_row && i < b.width; i += lanes) {
        const Vec attends = load(space + j * b.width + i);
        store(row + i, attends != Real(0) ? load(row + i) : repeat(minus_infinity));
      }
      if (options_.causal)  // the queries before the first that sees it
        std::fill_n(row, std::clamp<Index>(b.k + j - (S - T) - b.q, 0, b.width), minus_infinity);
      dead[j] = std::all_of(row, row + b.queries, [](Real x) { return x == minus_infinity; });
      any_dead |= dead[j];
    }
    return any_dead;
  }

  // A weight of 0 is not enough to silence a key: 0 · NaN is NaN. Dead keys' rows become zeros.
  static Matrix living(const Tensor& x, const Block& b, bool any_dead, const bool* dead,
                       Real* space) {
    const Matrix all = part(x, b, b.k);
    if (!any_dead) return all;
    const Index n = x.size(-1);
    for (Index j = 0; j < b.keys; ++j) {
      if (dead[j])
        std::fill_n(space + j * n, n, Real(0));
      else
        std::copy_n(all.at(j, 0).data, n, space + j * n);
    }
    return {space, n, 1};
  }

  // What dropout multiplies the block's weights by, [keys, width].
  void dropout(const Block& b, Real* factors, Real* space) const {
    const auto first = [&](Index row) {
      const Index head = b.entry * heads_ + b.head;
      return static_cast<std::uint64_t>((head * T + b.q + row) * S + b.k);
    };
    if (b.keys == S)
      draw_.dropout(first(0), b.queries * S, options_.dropout, space);
    else
      for (Index row = 0; row < b.queries; ++row)
        draw_.dropout(first(row), b.keys, options_.dropout, space + row * b.keys);
    pack({space, b.keys, 1}, b.queries, b.width, b.keys, factors);
  }

  // (s Q)ᵀ, or gᵀ: [width of a head, queries].
  static void turned(const Tensor& x, const Block& b, Real scale, Real* out) {
    pack(part(x, b, b.q), b.queries, b.width, x.size(-1), out);
    if (scale != Real(1))
      for (Index i = 0; i < x.size(-1) * b.width; ++i) out[i] *= scale;
  }

  // ---- one block of queries, forward ----

  void forward(Index entry, Index head, Index begin) {
    Block b{entry, head, begin, std::min(block_q, T - begin), 0, 0};
    constexpr Index most = block_q * block_k;
    Scratch& own = scratch(block_q * D + 3 * most + block_k * E + 3 * block_q + 8 * lanes);
    Real* const columns = own.take(block_q * D);
    Real *const s = own.take(most), *const factors = own.take(most), *const space = own.take(most);
    Real* const values = own.take(block_k * E);
    Real *const top = own.take(block_q), *const sum = own.take(block_q);
    Real* const fade = own.take(block_q);  // what O so far is scaled by
    std::array<bool, block_k> dead;
    std::fill_n(top, b.width, minus_infinity);
    std::fill_n(sum, b.width, Real(0));
    turned(q, b, scale_, columns);
    Real* const out = part(context, b, b.q);
    const Index row_stride = context.stride(2), end = key_end(b);
    const auto scale_rows = [&](const Real* by) {
      for (Index i = 0; i < b.queries; ++i)
        for (Index e = 0; e < E; ++e) out[i * row_stride + e] *= by[i];
    };
    if (end == 0) multiply_block(b.queries, E, 0, {}, {}, out, row_stride, false);
    for (; b.k < end; b.k += block_k) {
      b.keys = std::min(block_k, end - b.k);
      const bool any_dead = scores(b, columns, s, space, dead.data());
      for (Index i = 0; i < b.width; i += lanes) {
        const Vec before = load(top + i);
        Vec most_now = before;
        for (Index j = 0; j < b.keys; ++j) {
          const Vec x = load(s + j * b.width + i);
          most_now = x > most_now ? x : most_now;
        }
        const Vec shift = most_now == minus_infinity ? Vec{} : most_now;
        const Vec factor = exp(before - shift);
        Vec total = load(sum + i) * factor;
        for (Index j = 0; j < b.keys; ++j) {
          const Vec weight = exp(load(s + j * b.width + i) - shift);
          store(s + j * b.width + i, weight);
          total += weight;
        }
        store(top + i, most_now), store(sum + i, total), store(fade + i, factor);
      }
      if (options_.dropout != 0) {
        dropout(b, factors, space);
        for (Index i = 0; i < b.keys * b.width; ++i) s[i] *= factors[i];
      }
      if (b.k > 0) scale_rows(fade);
      multiply_block(b.queries, E, b.keys, {s, 1, b.width},
                     living(v, b, any_dead, dead.data(), values), out, row_stride, b.k > 0);
    }
    using std::log;
    Real* const l = log_sums.data() + (entry * heads_ + head) * T + begin;
    for (Index i = 0; i < b.queries; ++i) {
      const bool blocked = sum[i] == Real(0);
      l[i] = blocked ? Real(0) : top[i] + log(sum[i]);
      sum[i] = blocked ? Real(0) : Real(1) / sum[i];
    }
    scale_rows(sum);
  }

  // ---- one head, backward ----

  void backward(const Tensor& g, std::array<Tensor, 3>& grads, Index entry, Index head) const {
    auto& [dq, dk, dv] = grads;
    Block b{entry, head, 0, 0, 0, 0};
    for (Tensor* grad : {&dk, &dv})
      for (Index j = 0; j < S; ++j) std::fill_n(part(*grad, b, j), grad->size(3), Real(0));
    constexpr Index most = block_q * block_k;
    Scratch& own =
        scratch(block_q * (D + E) + 4 * most + block_k * (D + E) + 2 * block_q + 10 * lanes);
    Real *const q_columns = own.take(block_q * D), *const g_columns = own.take(block_q * E);
    Real *const p = own.take(most), *const dp = own.take(most);
    Real *const factors = own.take(most), *const space = own.take(most);
    Real *const keys = own.take(block_k * D), *const values = own.take(block_k * E);
    Real *const dots = own.take(block_q), *const l = own.take(block_q);
    std::array<bool, block_k> dead;
    for (; b.q < T; b.q += block_q) {
      b = {entry, head, b.q, std::min(block_q, T - b.q), 0, 0};
      turned(q, b, scale_, q_columns);
      turned(g, b, Real(1), g_columns);
      const Matrix upstream = part(g, b, b.q), result = part(context, b, b.q);
      for (Index i = 0; i < b.width; ++i) dots[i] = l[i] = Real(0);
      for (Index i = 0; i < b.queries; ++i) {
        l[i] = log_sums.data()[(entry * heads_ + head) * T + b.q + i];
        const Real *const up = upstream.at(i, 0).data, *const out = result.at(i, 0).data;
        Vec sum{};
        for (Index e = 0; e < E; e += lanes)
          sum += load(up + e, E - e, Real(0)) * load(out + e, E - e, Real(0));
        dots[i] = total(sum);
      }
      const Index end = key_end(b);
      if (end == 0) multiply_block(b.queries, D, 0, {}, {}, part(dq, b, b.q), dq.stride(2), false);
      for (; b.k < end; b.k += block_k) {
        b.keys = std::min(block_k, end - b.k);
        const Index count = b.keys * b.width;
        const bool any_dead = scores(b, q_columns, p, space, dead.data());
        const Matrix k_rows = living(k, b, any_dead, dead.data(), keys);
        const Matrix v_rows = living(v, b, any_dead, dead.data(), values);
        for (Index j = 0; j < count; j += b.width)
          for (Index i = 0; i < b.width; i += lanes)
            store(p + j + i, exp(load(p + j + i) - load(l + i)));
        multiply_block(b.keys, b.width, E, v_rows, {g_columns, b.width, 1}, dp, b.width, false);
        const Real* dropped = p;
        if (options_.dropout != 0) {
          dropout(b, factors, space);
          for (Index i = 0; i < count; ++i) dp[i] *= factors[i], factors[i] *= p[i];
          dropped = factors;
        }
        multiply_block(b.keys, E, b.queries, {dropped, b.width, 1}, upstream, part(dv, b, b.k),
                       dv.stride(2), true);
        for (Index j = 0; j < count; j += b.width)
          for (Index i = 0; i < b.width; ++i)
            dp[j + i] = p[j + i] * (dp[j + i] - dots[i]) * scale_;  // s dSᵀ
        multiply_block(b.queries, D, b.keys, {dp, 1, b.width}, k_rows, part(dq, b, b.q),
                       dq.stride(2), b.k > 0);
        multiply_block(b.keys, D, b.queries, {dp, b.width, 1}, part(q, b, b.q), part(dk, b, b.k),
                       dk.stride(2), true);
      }
    }
  }

  AttentionOptions options_;
  std::optional<Tensor> mask_;  // [B, H, T, S], expanded
  Draw draw_{};
  Real scale_{};
  Index heads_ = 0;
};

Attention attend(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask, const AttentionOptions& options) {
  Attention result(q, k, v, mask, options);
  result.forward();
  return result;
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask, AttentionOptions options) {
  return attend(q, k, v, mask, options).context;
}

// ---- attention ----
// S = s Q Kᵀ,  P = softmax S,  O = (P ⊙ drop) V
// Saved: Q, K, V, the mask, O and L, and where the random stream stood. Never P: it is made again.

Var attention(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& mask,
              AttentionOptions options) {
  const Attention a = attend(q.value(), k.value(), v.value(), mask, options);
  const auto vjp = [a](const Tensor& g) { return a.backward(g); };
  return record("attention", a.context, together(vjp, q, k, v));
}

}  // namespace glass
