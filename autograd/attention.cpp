#include "autograd/attention.h"

#include <cmath>
#include <limits>

#include "autograd/ops.h"

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

// Every key's row where `visible` [.., 1, S] is not 0, else a row of zeros. A weight of 0 is not
// enough to silence a key: 0 · NaN is NaN.
Tensor only_visible(const Tensor& x, const std::optional<Tensor>& mask) {
  return mask ? where(visible_keys(*mask).mT(), x, 0) : x;
}

// The options' mask and the caller's as one.
std::optional<Tensor> combined_mask(const std::optional<Tensor>& mask, bool causal, Shape scores) {
  std::optional<Tensor> result;
  if (mask) result = attention_mask("attention", *mask, scores);
  if (!causal) return result;
  const Tensor past = causal_mask(scores[-2], scores[-1]);
  return result ? where(*result, past, 0) : past.unsqueeze(0).unsqueeze(0);
}

// What the forward pass computes on the way, and the VJP uses again.
struct Attended {
  Tensor q, k, v;              // k and v with the keys that nobody sees set to 0
  std::optional<Tensor> drop;  // what dropout multiplies the weights by
  Tensor weights;              // P, before dropout
  Tensor context;              // O
  Real scale;
};

// S = s Q Kᵀ,  P = softmax S,  O = (P ⊙ drop) V
Attended attend(const Tensor& q, const Tensor& k, const Tensor& v,
                const std::optional<Tensor>& mask, const AttentionOptions& options) {
  const bool ranks = q.rank() == 4 && k.rank() == 4 && v.rank() == 4;
  check<ShapeError>(
      ranks && k.size(-1) == q.size(-1) && k.size(-2) == v.size(-2) && q.size(0) == k.size(0) &&
          k.size(0) == v.size(0) && q.size(1) == k.size(1) && k.size(1) == v.size(1),
      "attention: needs q [B, H, T, D], k [B, H, S, D], v [B, H, S, E]; got {}, {}, {}", q.shape(),
      k.shape(), v.shape());
  check<StateError>(options.dropout == 0 || options.rng,
                    "attention: dropout of {} needs a random stream in .rng", options.dropout);
  const Shape scores = q.shape().with(-1, k.size(-2));
  const auto seen = combined_mask(mask, options.causal, scores);
  const double width = static_cast<double>(q.size(-1));
  const auto scale = static_cast<Real>(options.scale.value_or(1 / std::sqrt(width)));
  Attended a{q, only_visible(k, seen), only_visible(v, seen), {}, {}, {}, scale};

  Tensor s = matmul(q, a.k.mT()) * scale;  // [B, H, T, S]
  if (seen) s = where(*seen, s, -std::numeric_limits<double>::infinity());
  a.weights = softmax(s);  // [B, H, T, S]
  if (options.dropout != 0) a.drop = dropout_mask(scores, options.dropout, *options.rng);
  a.context = matmul(a.drop ? a.weights * *a.drop : a.weights, a.v);  // [B, H, T, E]
  return a;
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask, AttentionOptions options) {
  return attend(q, k, v, mask, options).context;
}

// ---- attention ----
// S = s Q Kᵀ,  P = softmax S,  O = (P ⊙ drop) V
// dV = (P ⊙ drop)ᵀ g,  dP = (g Vᵀ) ⊙ drop,  dS = P ⊙ (dP − Σ dP P),  dQ = s dS K,  dK = s dSᵀ Q
// A blocked weight is 0, so its dS is 0: the mask needs no mention. Saved: Q, K, V, P and drop.

Var attention(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& mask,
              AttentionOptions options) {
  const Attended a = attend(q.value(), k.value(), v.value(), mask, options);
  const auto vjp = [a](const Tensor& g) {
    const Tensor dropped = a.drop ? a.weights * *a.drop : a.weights;  // [B, H, T, S]
    const Tensor dp = matmul(g, a.v.mT());                            // [B, H, T, S]
    const Tensor ds =
        softmax_backward(a.weights, a.drop ? dp * *a.drop : dp, -1) * a.scale;  // [B, H, T, S]
    return std::array{matmul(ds, a.k), matmul(ds.mT(), a.q), matmul(dropped.mT(), g)};
  };
  return record("attention", a.context, together(vjp, q, k, v));
}

}  // namespace glass
