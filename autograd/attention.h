// # Scaled dot-product attention, as one op
//
// softmax(Q Kᵀ / √D) V for every batch entry and head: each query takes a weighted mean of the
// values, weighted by how well its key matches.   A. Vaswani et al. (2017), equation 1.
//
// B batch, H heads, T queries, S keys, D width of a head, E width of a value.
#pragma once

#include <optional>

#include "autograd/var.h"

namespace glass {

struct AttentionOptions {
  bool causal = false;  // query i sees key j only where j ≤ i + (S − T)
  double dropout = 0;   // of the weights, after softmax
  Rng* rng = nullptr;   // drawn from once where dropout > 0; StateError if then missing
  std::optional<double> scale = {};  // what the scores are multiplied by; 1/√D if not given
};

// q [B, H, T, D], k [B, H, S, D], v [B, H, S, E] → [B, H, T, E].
//
// A mask of 2 axes is [T, S], of 3 axes [B, T, S], of 4 broadcasts to [B, H, T, S]; 0 blocks, a
// positive finite number attends. A query that sees no key gives 0 and gets gradient 0. A key that
// no query sees leaves no trace, not even if it holds NaN. ShapeError where shapes do not fit, or
// where the mask holds a negative number, an infinity or a NaN: from_additive_mask() and
// from_torch_mask() convert masks of other conventions. Writing into the mask between this call and
// backward() is a StateError there.
Var attention(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& mask = {},
              AttentionOptions options = {});
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask = {}, AttentionOptions options = {});

// The mask as 4 axes that broadcast to [B, H, T, S], or a ShapeError that names `op`. Its numbers
// are not looked at.
Tensor attention_mask(std::string_view op, const Tensor& mask, Shape scores);
// ShapeError, which names `op`, unless all numbers of the mask are finite and not negative.
void expect_mask_values(std::string_view op, Tensor mask);

// [T, T], or [T, S]: 1 where j ≤ i + (S − T).
Tensor causal_mask(Index queries, Index keys);
inline Tensor causal_mask(Index length) { return causal_mask(length, length); }

}  // namespace glass
