// # Fused attention
//
// The T × S scores are never all there at once. Queries are taken in blocks, and for each block the
// keys in blocks: their scores fit into the caches, and are used up before the next ones come. The
// softmax of a row that is seen piece by piece keeps a running maximum and a running sum; when the
// maximum rises, what was summed before is scaled down. Of the forward pass only the result and one
// number a row are kept, L = max + ln sum; the VJP computes the weights again, as exp(S − L).
//
// Scores are held transposed, [keys, queries]: then one vector holds many queries, no row needs its
// lanes added up, and all five products read their operands as they lie. Rows that many queries
// read are brought near first: where heads lie side by side, a head's rows are far apart.
//
// M. Milakov, N. Gimelshein, Online normalizer calculation for softmax (2018); T. Dao et al.,
// FlashAttention (2022), algorithms 1 and 4.
#include "autograd/attention.h"

#include <bitset>
#include <cmath>

#include "tensor/functions.h"
#include "tensor/pack.h"
#include "tensor/parallel.h"
#include "tensor/product.h"

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
  // An axis that repeats its numbers is looked at once.
  for (Index axis = 0; axis < mask.rank(); ++axis)
    if (mask.stride(axis) == 0) mask = mask.slice(axis, 0, 1);
  const Tensor dense = mask.contiguous();
  const std::span<const Real> numbers(dense.data(), static_cast<std::size_t>(dense.numel()));
  const auto is_good = [](Real v) { return v >= Real(0) && v < -minus_infinity; };
  // Without an early exit the compiler makes vectors of the loop.
  bool all_good = true;
  for (const Real v : numbers) all_good &= is_good(v);
  if (all_good) return;
  const Real bad = *std::ranges::find_if_not(numbers, is_good);
  throw ShapeError(fmt::format(
      "{}: a mask must hold finite numbers that are not negative: 0 blocks, any other attends; got "
      "{} in a mask of shape {}. from_torch_mask() converts a mask whose 1 (true) blocks, "
      "from_additive_mask() one of 0 and -inf",
      op, bad, shape));
}

Tensor causal_mask(Index queries, Index keys) {
  return tril(ones(Shape{queries, keys}), keys - queries);
}

namespace {

// Three blocks of scores take two fifths of the second cache. From `many` queries on, what they
// read is worth a copy, its rows `apart` further from each other, lest they share a few sets of the
// first cache. A row of scores is an odd number of lines, too.
constexpr Index block_q = 176, block_k = 96, block = block_q * block_k, many = 48, apart = 16;

// So many blocks are added up one after the other. More are added up in halves, so that a sum
// passes through few roundings however long it is.
constexpr Index span = 24;
constexpr Index middle(Index begin, Index end, Index size) {
  return begin + (end - begin) / size / 2 * size;
}

// Rows of results that blocks are added to.
struct Rows {
  Real* data;
  Index step;
  Rows at(Index row) const { return {data + row * step, step}; }
};
void add(const Rows& to, const Rows& from, Index rows, Index n) {
  for (Index i = 0; i < rows; ++i)
    for_vectors(n, [x = to.at(i).data, y = from.at(i).data](Index j, Index count) {
      store(x + j, load(x + j, count, Real(0)) + load(y + j, count, Real(0)), count);
    });
}

// A block of the scores of one head, queries q … q + queries - 1 and keys k … k + keys - 1, and the
// memory to work in. d and e are the widths of keys and values plus `apart`.
struct Block {
  Index d, e;
  Tensor memory = empty({(3 * block_q + block_k) * (d + e) + 5 * block + 3 * block_q + 15 * lanes});
  Real* next = memory.data();
  Real* take(Index count) { return std::exchange(next, next + count + lanes); }
  Real *q_columns = take(block_q * d), *q_rows = take(block_q * d), *k_rows = take(block_k * d);
  Real *g_columns = take(block_q * e), *g_rows = take(block_q * e), *v_rows = take(block_k * e);
  Real *o_columns = take(block_q * e), *draws = take(block);
  Real *weights = take(block), *slopes = take(block), *factors = take(block), *space = take(block);
  Real *top = take(block_q), *sum = take(block_q), *fade = take(block_q);  // a number a query
  std::bitset<block_k> dead{};

  Index drawn = 0, drawn_end = 0, last = 0;  // what `draws` holds; where this chunk's rows end
  // `width` is that of a row of scores: the queries, in whole vectors. The first `skip` of them see
  // none of the keys.
  Index entry = 0, head = 0, q = 0, queries = 0, k = 0, keys = 0, width = 0, skip = 0;
  Matrix key{}, query{}, upstream{};  // rows of them
  Index size() const { return keys * width; }
  Matrix by_key(const Real* x) const { return {x + skip, width, 1}; }
  Matrix by_query(const Real* x) const { return {x + skip, 1, width}; }
};

class Attention {
 public:
  Attention(const Tensor& query, const Tensor& key, const Tensor& value,
            const std::optional<Tensor>& mask, const AttentionOptions& o)
      : q(rows_dense(query)), k(rows_dense(key)), v(rows_dense(value)), options(o) {
    check<ShapeError>(
        q.rank() == 4 && k.rank() == 4 && v.rank() == 4 &&
            k.shape() == q.shape().with(2, k.size(2)) && v.shape() == k.shape().with(3, v.size(3)),
        "attention: needs q [B, H, T, D], k [B, H, S, D], v [B, H, S, E]; got {}, {}, {}",
        query.shape(), key.shape(), value.shape());
    check<ShapeError>(0 <= o.dropout && o.dropout < 1,
                      "attention: dropout must lie in [0, 1); got {}", o.dropout);
    check<StateError>(o.dropout == 0 || o.rng,
                      "attention: dropout of {} needs a random stream in .rng", o.dropout);
    H = q.size(1), T = q.size(2), S = k.size(2), D = q.size(3), E = v.size(3);
    const Shape scores = q.shape().with(3, S);
    check<ShapeError>(std::isfinite(o.scale.value_or(1)),
                      "attention: the scale must be a finite number; got {}", o.scale.value_or(1));
    if (mask) {
      allowed = attention_mask("attention", *mask, scores).expand(scores);
      expect_mask_values("attention", *mask);
    }
    if (o.dropout != 0) draw = o.rng->draw();
    scale = static_cast<Real>(o.scale.value_or(1 / std::sqrt(static_cast<double>(D))));
    at_once = 0 < T && T <= block_q && 0 < S && S <= block_k && (!o.causal || T <= S);
    context = room_like(v, q.shape().with(3, E));
    log_sums = empty(Shape{q.size(0) * H, T});
    const Index blocks = ceil_div(T, block_q), work = std::min(T, block_q) * S * (D + E);
    for_heads(blocks, work, [&](Block& b, Index i) { forward(b, i * block_q); });
  }

  // dV = (P ⊙ drop)ᵀ g,  dP = (g Vᵀ) ⊙ drop,  dS = P ⊙ (dP − Σ dP P),  dQ = s dS K,  dK = s dSᵀ Q
  // and Σ dP P = Σ g O: one number a row, known beforehand.
  std::array<Tensor, 3> backward(const Tensor& upstream) const {
    const Tensor g = rows_dense(upstream);
    std::array grads{room_like(q, q.shape()), room_like(k, k.shape()), room_like(v, v.shape())};
    for_heads(1, 3 * T * S * (D + E), [&](Block& b, Index) {
      backward(b, 0, T, g, row_of(grads[0], b, 0),
               {row_of(grads[1], b, 0), row_of(grads[2], b, 0)});
    });
    return grads;
  }

  Tensor q, k, v;
  Tensor context;   // O [B, H, T, E]
  Tensor log_sums;  // L [B · H, T]

 private:
  // ---- operands ----

  static Tensor rows_dense(const Tensor& x) {
    return x.rank() == 0 || x.stride(-1) == 1 || x.numel() == 0 ? x : x.contiguous();
  }
  // Heads lie within each position's row, as a projection leaves them, or one after the other.
  // Zeros where blocks are added up; what is written at once needs none.
  Tensor room_like(const Tensor& x, const Shape& shape) const {
    const auto room = at_once ? empty : zeros;
    if (x.is_contiguous()) return room(shape);
    return room(shape.with(1, shape[2]).with(2, shape[1])).transpose(1, 2);
  }
  static Matrix part(const Tensor& x, const Block& b, Index row) {
    const Strides& step = x.strides();
    return {x.data() + b.entry * step[0] + b.head * step[1] + row * step[2], step[2], step[3]};
  }
  // Rows as they lie, or for many queries a copy, if there is a place for it. A weight of 0 is not
  // enough to silence a key, for 0 · NaN is NaN: dead keys' rows become zeros.
  static Matrix near(const Tensor& x, const Block& b, Index row, Index rows, Real* to) {
    const Matrix all = part(x, b, row);
    const Index n = x.size(3);
    // Where heads lie side by side, the next one begins here; no CPU guesses that by itself.
    for (Index j = 0; j < rows; ++j) prefetch(all.at(j, 0).data, n);
    if (!to || (b.queries < many && b.dead.none())) return all;
    pack(all.transposed(), n, n + apart, rows, to);
    for (Index j = 0; b.dead.any() && j < rows; ++j)
      if (b.dead[static_cast<std::size_t>(j)]) std::fill_n(to + j * (n + apart), n, Real(0));
    return {to, n + apart, 1};
  }
  static Rows row_of(Tensor& x, const Block& b, Index row) {
    return {x.data() + (part(x, b, row).data - x.data()), x.stride(2)};
  }

  // Calls f(block, i) for i < parts of every head, shared among threads.
  void for_heads(Index parts, Index work, auto f) const {
    const Index grain = 1 + worth_sharing / (work + 40'000);  // for what is not a product
    parallel_for(q.size(0) * H * parts, grain, [&](Index begin, Index end) {
      Block b{D + apart, E + apart};
      b.last = end / parts * T + end % parts * block_q;
      for (Index i = begin; i < end; ++i) {
        b.entry = i / parts / H, b.head = i / parts % H;
        f(b, i % parts);
      }
    });
  }

  // ---- one block ----

  // Sᵀ = K (s Q)ᵀ, −∞ where the mask blocks; keys that it blocks for all of the queries are dead.
  void score(Block& b) const {
    b.key = near(k, b, b.k, b.keys, b.k_rows);
    multiply_block(b.keys, b.width - b.skip, D, b.key, b.by_key(b.q_columns), b.weights + b.skip,
                   b.width, false);
    if (!allowed && !options.causal) return;
    const Matrix mask = allowed ? part(*allowed, b, b.q).at(0, b.k) : Matrix{};
    // A row that is not followed by another holds for all queries alike.
    if (mask.row_stride != 0) pack(mask, b.queries, b.width, b.keys, b.space);
    for (Index j = 0; j < b.keys; ++j) {
      Real* const row = b.weights + j * b.width;
      for (Index i = b.skip; mask.row_stride != 0 && i < b.width; i += lanes) {
        const Vec attends = load(b.space + j * b.width + i);
        store(row + i, attends != Real(0) ? load(row + i) : repeat(minus_infinity));
      }
      // Queries before the first that sees the key.
      Index blocked = options.causal ? std::clamp<Index>(b.k + j - (S - T) - b.q, 0, b.width) : 0;
      if (allowed && mask.row_stride == 0 && mask.at(0, j).data[0] == Real(0)) blocked = b.width;
      std::fill_n(row, blocked, minus_infinity);
      b.dead[static_cast<std::size_t>(j)] =
          std::all_of(row, row + b.queries, [](Real x) { return x == minus_infinity; });
    }
  }

  // What dropout multiplies the block's weights by: numbers that depend on their place in [B, H, T,
  // S] alone, so that they can be made again.
  void drop(Block& b) const {
    const Index first = ((b.entry * H + b.head) * T + b.q) * S + b.k;
    for (Index i = 0; b.keys < S && i < b.queries; ++i)
      draw.dropout(first + i * S, b.keys, options.dropout, b.space + i * b.keys);
    // Rows of all keys follow one another, and so do heads: made together, they cost less.
    if (b.keys == S && first + b.queries * S > b.drawn_end) {
      b.drawn = first, b.drawn_end = std::min(first + block, b.last * S);
      draw.dropout(first, b.drawn_end - first, options.dropout, b.draws);
    }
    const Real* const rows = b.keys == S ? b.draws + (first - b.drawn) : b.space;
    pack({rows, b.keys, 1}, b.queries, b.width, b.keys, b.factors);
  }

  // (s Q)ᵀ of the queries from `at` on: a column for each.
  void start(Block& b, Index at) const {
    b.q = at, b.queries = std::min(block_q, T - at);
    b.width = round_up(b.queries, lanes);
    pack(near(q, b, at, b.queries, nullptr), b.queries, b.width, D, b.q_columns);
    for (Index i = 0; i < D * b.width; ++i) b.q_columns[i] *= scale;
  }

  // The keys that some of the queries may see: 0 … seen(b) - 1.
  Index seen(const Block& b) const {
    return options.causal ? std::clamp<Index>(b.q + b.queries + S - T, 0, S) : S;
  }

  // Calls f for each block of the keys begin … end - 1.
  void for_keys(Block& b, Index begin, Index end, auto f) const {
    for (b.k = begin; b.k < end; b.k += block_k) {
      b.keys = std::min(block_k, end - b.k);
      b.skip = options.causal ? std::max<Index>(0, b.k - (S - T) - b.q) / lanes * lanes : 0;
      score(b);
      if (options.dropout != 0) drop(b);
      f();
      b.dead.reset();
    }
  }

  // ---- forward: some queries ----

  // Of each query over the keys so far: O, not yet divided by the sum; the largest score; and the
  // sum of exp(score − largest).
  struct Running {
    Rows out;
    Real *top, *sum;
  };

  void forward(Block& b, Index at) {
    start(b, at);
    const Running all{row_of(context, b, at), b.top, b.sum};
    attend(b, 0, seen(b), all);
    using std::log;
    Real* const logs = log_sums.data() + (b.entry * H + b.head) * T + at;
    for (Index i = 0; i < b.queries; ++i) {
      logs[i] = b.sum[i] == Real(0) ? Real(0) : b.top[i] + log(b.sum[i]);  // 0 if all is blocked
      b.sum[i] = b.sum[i] == Real(0) ? Real(0) : Real(1) / b.sum[i];
    }
    scale_rows(b, all.out, b.sum, 0);
  }

  void scale_rows(const Block& b, const Rows& rows, const Real* by, Index first) const {
    for (Index i = first; i < b.queries; ++i)
      for_vectors(E, [x = rows.at(i).data, factor = by[i]](Index e, Index count) {
        store(x + e, load(x + e, count, Real(0)) * factor, count);
      });
  }

  // The keys begin … end - 1, in halves where they are many.
  void attend(Block& b, Index begin, Index end, const Running& now) const {
    if (end - begin <= span * block_k) return attend_in_turn(b, begin, end, now);
    const Index half = middle(begin, end, block_k);
    attend(b, begin, half, now);
    Tensor rows = zeros(Shape{b.queries, E}), numbers = empty(Shape{2, b.width});
    const Running rest{{rows.data(), E}, numbers.data(), numbers.data() + b.width};
    attend(b, half, end, rest);
    join(b, now, rest);
  }

  // m' = max(m, m₂),  l' = l exp(m − m') + l₂ exp(m₂ − m'),  O' = O exp(m − m') + O₂ exp(m₂ − m')
  void join(Block& b, const Running& now, const Running& rest) const {
    for (Index i = 0; i < b.width; i += lanes) {
      const Vec m = load(now.top + i), m2 = load(rest.top + i), top = m < m2 ? m2 : m;
      const Vec shift = top == minus_infinity ? Vec{} : top;
      const Vec fade = exp_of_negative(m - shift), fade2 = exp_of_negative(m2 - shift);
      store(now.top + i, top);
      store(now.sum + i, load(now.sum + i) * fade + load(rest.sum + i) * fade2);
      store(b.fade + i, fade), store(rest.top + i, fade2);
    }
    scale_rows(b, now.out, b.fade, 0);
    scale_rows(b, rest.out, rest.top, 0);
    add(now.out, rest.out, b.queries, E);
  }

  void attend_in_turn(Block& b, Index begin, Index end, const Running& now) const {
    for (Index i = 0; i < b.width; ++i) now.top[i] = minus_infinity, now.sum[i] = Real(0);
    for_keys(b, begin, end, [&] {
      // Each row's largest score rises; `fade` is what its sums so far are scaled by.
      for (Index i = b.skip; i < b.width; i += lanes) {
        Real* const column = b.weights + i;
        Vec top = load(now.top + i);
        for (Index j = 0; j < b.size(); j += b.width)
          top = load(column + j) > top ? load(column + j) : top;
        const Vec shift = top == minus_infinity ? Vec{} : top;
        const Vec fade = b.k > begin ? exp_of_negative(load(now.top + i) - shift) : Vec{};
        Vec total{};
        for (Index j = 0; j < b.size(); j += b.width) {
          const Vec weight = exp_of_negative(load(column + j) - shift);
          store(column + j, options.dropout != 0 ? weight * load(b.factors + i + j) : weight);
          total += weight;
        }
        store(now.top + i, top), store(b.fade + i, fade);
        store(now.sum + i, load(now.sum + i) * fade + total);
      }
      if (b.k > begin) scale_rows(b, now.out, b.fade, b.skip);
      multiply_block(b.queries - b.skip, E, b.keys, b.by_query(b.weights),
                     near(v, b, b.k, b.keys, b.v_rows), now.out.at(b.skip).data, now.out.step,
                     !at_once);
    });
  }

  // ---- backward: some queries ----

  struct KeyGradients {
    Rows dk, dv;  // of all keys of the head
  };

  // The queries begin … end - 1, in halves where they are many: all of them add to dK and dV.
  void backward(Block& b, Index begin, Index end, const Tensor& g, const Rows& dq,
                const KeyGradients& sums) const {
    if (end - begin > span * block_q) {
      const Index half = middle(begin, end, block_q);
      backward(b, begin, half, g, dq, sums);
      Tensor dk = zeros(Shape{S, D}), dv = zeros(Shape{S, E});
      const KeyGradients rest{{dk.data(), D}, {dv.data(), E}};
      backward(b, half, end, g, dq, rest);
      add(sums.dk, rest.dk, S, D);
      add(sums.dv, rest.dv, S, E);
      return;
    }
    for (Index i = begin; i < end; i += block_q) {
      start_backward(b, i, g);
      backward_keys(b, 0, seen(b), dq.at(i), sums);
    }
  }

  // Σ g O of each query, and its operands brought near.
  void start_backward(Block& b, Index at, const Tensor& g) const {
    start(b, at);
    std::copy_n(log_sums.data() + (b.entry * H + b.head) * T + at, b.queries, b.top);
    b.upstream = near(g, b, at, b.queries, b.g_rows);
    b.query = near(q, b, at, b.queries, b.q_rows);
    pack(b.upstream, b.queries, b.width, E, b.g_columns);
    pack(near(context, b, at, b.queries, nullptr), b.queries, b.width, E, b.o_columns);
    for (Index i = 0; i < b.width; i += lanes) {
      Vec dot{};
      for (Index j = i; j < E * b.width; j += b.width)
        dot += load(b.g_columns + j) * load(b.o_columns + j);
      store(b.sum + i, dot);
    }
  }

  // The keys begin … end - 1, in halves where they are many: all of them add to dQ.
  void backward_keys(Block& b, Index begin, Index end, const Rows& dq,
                     const KeyGradients& sums) const {
    if (end - begin > span * block_k) {
      const Index half = middle(begin, end, block_k);
      backward_keys(b, begin, half, dq, sums);
      Tensor rest = zeros(Shape{b.queries, D});
      backward_keys(b, half, end, {rest.data(), D}, sums);
      return add(dq, {rest.data(), D}, b.queries, D);
    }
    Real *const log_sum = b.top, *const dots = b.sum, *p = b.weights, *dp = b.slopes;
    for_keys(b, begin, end, [&] {
      if (b.dead.any()) b.key = near(k, b, b.k, b.keys, b.k_rows);
      multiply_block(b.keys, b.width - b.skip, E, near(v, b, b.k, b.keys, b.v_rows),
                     b.by_key(b.g_columns), dp + b.skip, b.width, false);
      for (Index j = 0; j < b.size(); j += b.width)
        for (Index i = b.skip; i < b.width; i += lanes) {
          const Vec weight = exp_of_negative(load(p + j + i) - load(log_sum + i));
          const Vec factor = options.dropout != 0 ? load(b.factors + j + i) : repeat(Real(1));
          // (P ⊙ drop)ᵀ and s dSᵀ
          store(p + j + i, weight * factor);
          store(dp + j + i, weight * (load(dp + j + i) * factor - load(dots + i)) * scale);
        }
      const Rows dv = sums.dv.at(b.k), dk = sums.dk.at(b.k), dq_seen = dq.at(b.skip);
      multiply_block(b.keys, E, b.queries - b.skip, b.by_key(p), b.upstream.at(b.skip, 0), dv.data,
                     dv.step, !at_once);
      multiply_block(b.queries - b.skip, D, b.keys, b.by_query(dp), b.key, dq_seen.data,
                     dq_seen.step, !at_once);
      multiply_block(b.keys, D, b.queries - b.skip, b.by_key(dp), b.query.at(b.skip, 0), dk.data,
                     dk.step, !at_once);
    });
  }

  AttentionOptions options;
  std::optional<Tensor> allowed;  // the mask, [B, H, T, S], expanded
  Draw draw{};
  Real scale{};
  bool at_once = false;  // one block is a whole head, and every query sees a key of it
  Index H = 0, T = 0, S = 0, D = 0, E = 0;
};

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask, AttentionOptions options) {
  return Attention(q, k, v, mask, options).context;
}

// ---- attention ----
// S = s Q Kᵀ,  P = softmax S,  O = (P ⊙ drop) V
// Saved: Q, K, V, the mask, O and L, and where the random stream stood. Never P: it is made again.

Var attention(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& mask,
              AttentionOptions options) {
  const Attention a(q.value(), k.value(), v.value(), mask, options);
  const auto vjp = [a](const Tensor& g) { return a.backward(g); };
  if (!mask) return record("attention", a.context, together(vjp, q, k, v));
  return record("attention", a.context, together(vjp, q, k, v), guard(Var(*mask)));
}

}  // namespace glass
