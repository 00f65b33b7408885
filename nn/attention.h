// # Cross-attention
//
// Each query is compared with every key. How well a key fits the query becomes a weight, and the
// query's result is the mean of the values with these weights:
//
//     Attention(Q, K, V) = softmax(Q Kᵀ / √D) V
//
// H heads compute this side by side, each with D = C / H of the C columns. The last projection,
// out_proj, mixes the results of the heads. With query = key = value the layer is self-attention.
// A. Vaswani et al., Attention Is All You Need (2017), section 3.2
//
// `step_by_step` is the equation as the article writes it. If the caller does not ask for the
// weights, the fused op `attention` of autograd/ops.h computes the same without storing the scores.
//
// B batch, T query length, S key length, C width, H heads, D width of a head
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "autograd/ops.h"
#include "nn/cache.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace glass::nn {

using glass::causal_mask;

struct CrossAttentionOptions {
  double dropout = 0.1;  // of the weights
  bool bias = true;      // in the four projections
  Index key_dim = 0;     // width of the keys; 0: C
  Index value_dim = 0;   // width of the values; 0: C
};

struct CrossAttention {
  CrossAttention(Index embed_dim, Index num_heads, Rng& rng, CrossAttentionOptions options = {})
      : q_proj(embed_dim, embed_dim, rng, {.bias = options.bias}),
        k_proj(options.key_dim ? options.key_dim : embed_dim, embed_dim, rng,
               {.bias = options.bias}),
        v_proj(options.value_dim ? options.value_dim : embed_dim, embed_dim, rng,
               {.bias = options.bias}),
        out_proj(embed_dim, embed_dim, rng, {.bias = options.bias}),
        dropout(options.dropout, rng),
        heads(num_heads) {
    check<ShapeError>(heads >= 1 && embed_dim % heads == 0,
                      "CrossAttention: embed_dim must be a multiple of num_heads; got {} and {}",
                      embed_dim, heads);
  }

 private:
  // ---- the equation ----
  // context = softmax(Q Kᵀ / √D) V, for all heads at once. `allowed` has 4 axes; 0 blocks.
  Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                   Tensor& weights) const {
    using std::sqrt;
    const auto d_head = static_cast<Constant>(q.size(-1));  // D
    Var scores = matmul(q, k.mT()) / sqrt(d_head);          // Q Kᵀ / √D   [B, H, T, S]
    if (allowed) {
      expect_mask_values("CrossAttention", *allowed);
      // A score of −∞ becomes a weight of 0.
      scores = where(*allowed, scores, -std::numeric_limits<double>::infinity());  // [B, H, T, S]
    }
    const Var probabilities = softmax(scores);  // each row sums to 1   [B, H, T, S]
    weights = probabilities.value();            // before dropout       [B, H, T, S]
    return matmul(dropout(probabilities), v);   // means of the values  [B, H, T, D]
  }

 public:
  // ---- the layer ----

  // query [B, T, C], key [B, S, Ck], value [B, S, Cv] → [B, T, C].
  //
  // A mask of 2 axes is [T, S], of 3 axes [B, T, S], of 4 broadcasts to [B, H, T, S]; 0 blocks, a
  // positive finite number attends, anything else is a ShapeError. `weights` receives the softmax
  // [B, H, T, S], before dropout.
  Var operator()(const Var& query, const Var& key, const Var& value,
                 const std::optional<Tensor>& mask = {}, Tensor* weights = nullptr) const {
    check<ShapeError>(
        query.rank() == 3 && key.rank() == 3 && value.rank() == 3 && query.size(0) == key.size(0) &&
            key.size(0) == value.size(0) && key.size(1) == value.size(1),
        "CrossAttention: needs query [B, T, C], key [B, S, Ck], value [B, S, Cv]; got "
        "{}, {}, {}",
        query.shape(), key.shape(), value.shape());
    const auto allowed = four_axes(mask, query.size(0), query.size(1), key.size(1));
    return look(query, project(key, value, allowed), allowed, weights);
  }

  // The layer in two halves, for keys and values that several calls attend to. `keys_values`
  // projects them, `attend` compares a query with the projected keys. The mask that `keys_values`
  // is given says which keys are padding; `attend` needs the mask too.
  KeysValues keys_values(const Var& key, const Var& value,
                         const std::optional<Tensor>& mask = {}) const {
    check<ShapeError>(key.rank() == 3 && value.rank() == 3 && key.size(0) == value.size(0) &&
                          key.size(1) == value.size(1),
                      "CrossAttention: needs key [B, S, Ck] and value [B, S, Cv]; got {} and {}",
                      key.shape(), value.shape());
    // No query is known yet, so T is the number of rows of the mask.
    const Index queries = mask && mask->rank() >= 2 ? mask->size(-2) : 1;
    const auto allowed = four_axes(mask, key.size(0), queries, key.size(1));
    if (mask) expect_mask_values("CrossAttention", *mask);
    return project(key, value, allowed);
  }

  Var attend(const Var& query, const KeysValues& seen, const std::optional<Tensor>& mask = {},
             Tensor* weights = nullptr) const {
    check<ShapeError>(
        query.rank() == 3 && seen.keys.rank() == 3 && seen.keys.size(0) == query.size(0) &&
            seen.keys.size(2) == q_proj.weight.size(0) && seen.values.shape() == seen.keys.shape(),
        "CrossAttention: needs query [B, T, C] and projected keys and values "
        "[B, S, C]; got {}, {} and {}",
        query.shape(), seen.keys.shape(), seen.values.shape());
    const auto allowed = four_axes(mask, query.size(0), query.size(1), seen.keys.size(1));
    return look(query, seen, allowed, weights);
  }

  // Names the parts of the layer to f (nn/module.h): from these names follow training, saving and
  // loading.
  void each(auto&& f) {
    f("q_proj", q_proj), f("k_proj", k_proj), f("v_proj", v_proj), f("out_proj", out_proj);
    f("dropout", dropout);
  }

  Linear q_proj, k_proj, v_proj, out_proj;
  Dropout dropout;
  Index heads;

 private:
  // ---- the parts of the layer ----

  // The mask with 4 axes that broadcast to [B, H, T, S].
  std::optional<Tensor> four_axes(const std::optional<Tensor>& mask, Index batch, Index queries,
                                  Index keys) const {
    if (!mask) return {};
    return attention_mask("CrossAttention", *mask, Shape{batch, heads, queries, keys});
  }

  // Projects the query, splits all three among the heads, attends, and merges the heads again.
  Var look(const Var& query, const KeysValues& seen, const std::optional<Tensor>& allowed,
           Tensor* weights) const {
    const Var q = split(q_proj(query));                                             // [B, H, T, D]
    const Var k = split(seen.keys);                                                 // [B, H, S, D]
    const Var v = split(seen.values);                                               // [B, H, S, D]
    if (weights) return out_proj(merge(step_by_step(q, k, v, allowed, *weights)));  // [B, T, C]
    const AttentionOptions fused{.dropout = dropout.rate(), .rng = &dropout.stream};
    return out_proj(merge(attention(q, k, v, allowed, fused)));  // [B, T, C]
  }

  // Projects keys and values. In self-attention key and value are the same Var, so its padding is
  // replaced only once.
  KeysValues project(const Var& key, const Var& value, const std::optional<Tensor>& allowed) const {
    const bool same = key.node().get() == value.node().get();
    const Var seen_key = only_visible(key, allowed);                        // [B, S, Ck]
    const Var seen_value = same ? seen_key : only_visible(value, allowed);  // [B, S, Cv]
    return {k_proj(seen_key), v_proj(seen_value)};                          // [B, S, C] each
  }

  Var split(const Var& x) const {
    return x
        .reshape(Shape{x.size(0), x.size(1), heads, x.size(2) / heads})  // [B, T, H, D]
        .transpose(1, 2);                                                // [B, H, T, D]
  }

  static Var merge(const Var& x) {
    return x
        .transpose(1, 2)                                               // [B, T, H, D]
        .reshape(Shape{x.size(0), x.size(2), x.size(1) * x.size(3)});  // [B, T, C]
  }

  // Replaces the keys that no query of their batch entry may see by zeros. Such padding may hold
  // NaN or infinity, and NaN times a weight or a gradient of 0 would still be NaN.
  static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
    if (!allowed) return x;
    // 1 where some query, in some head, sees the key.
    const Tensor seen = sum(where(*allowed, 1, 0), {1, 2}, true);  // [B, 1, 1, S]
    const Tensor visible = where(seen, 1, 0);                      // [B, 1, 1, S]
    // Often all keys are seen: then x itself is the result.
    if (allclose(visible, 1)) return x;
    return where(visible.reshape(Shape{visible.size(0), -1, 1}), x, 0);  // [B, S, Ck]
  }
};

}  // namespace glass::nn
