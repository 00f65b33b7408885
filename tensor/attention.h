// # Scaled dot-product attention, as a kernel on Tensors
//
// softmax(s Q Kᵀ) V for every batch entry and head, with s = 1/√D: each query takes a weighted mean
// of the values, weighted by how well its key matches. The forward and the backward pass are here,
// without a graph. autograd/ops.h has the op on Vars.
// A. Vaswani et al., Attention Is All You Need (2017), equation 1.
//
// B batch, H heads, T queries, S keys, D width of queries and keys, E width of values.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "tensor/random.h"

namespace glass {

// ---- masks ----
// 0 blocks a key for a query, a positive finite number lets the query attend to it.

// The mask as 4 axes that broadcast to [B, H, T, S], or a ShapeError that names `op`. The numbers
// in the mask are not read.
Tensor attention_mask(std::string_view op, const Tensor& mask, Shape scores);
// ShapeError, which names `op`, unless all numbers of the mask are finite and not negative.
void expect_mask_values(std::string_view op, Tensor mask);

// [T, T], or [T, S]: 1 where j ≤ i + (S − T).
Tensor causal_mask(Index queries, Index keys);
inline Tensor causal_mask(Index length) { return causal_mask(length, length); }

// ---- attention ----

struct AttentionOptions {
  bool causal = false;  // query i sees key j only where j ≤ i + (S − T)
  double dropout = 0;   // of the weights, after softmax
  Rng* rng = nullptr;   // drawn from once where dropout > 0; StateError if then missing
  std::optional<double> scale = {};  // s, which multiplies the scores; 1/√D if not given
};

// q [B, H, T, D], k [B, H, S, D], v [B, H, S, E] → [B, H, T, E].
//
// A mask of 2 axes is [T, S], of 3 axes [B, T, S], of 4 broadcasts to [B, H, T, S]; 0 blocks, a
// positive finite number attends. A query that sees no key gives 0 and gets gradient 0. A key that
// no query sees does not change any result, not even if it holds NaN. ShapeError where shapes do
// not fit, or where the mask holds a negative number, an infinity or a NaN: from_additive_mask()
// and from_torch_mask() convert masks of other conventions.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::optional<Tensor>& mask = {}, AttentionOptions options = {});

// ---- the two passes ----

// What both passes compute with: operands that were checked, and options with their defaults filled
// in.
struct AttentionInputs {
  Tensor q, k, v;                   // each row is dense: its numbers are consecutive in memory
  std::optional<Tensor> mask = {};  // [B, H, T, S], a view
  bool causal = false;
  double dropout = 0;
  Draw draw{};  // what dropout draws, in either pass
  Real scale{};
};
// Checks the operands as attention() does; draws once from options.rng where dropout > 0.
AttentionInputs attention_inputs(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const std::optional<Tensor>& mask,
                                 const AttentionOptions& options);

// O, and one number per query that lets the backward pass compute the weights again.
struct AttentionResult {
  Tensor context;   // O [B, H, T, E]
  Tensor log_sums;  // L [B, H, T], the logarithm of Σ exp of a query's scores
};
AttentionResult attention_forward(const AttentionInputs& inputs);

// The gradients of q, k and v from g, the gradient of the context.
std::array<Tensor, 3> attention_backward(const AttentionInputs& inputs,
                                         const AttentionResult& result, const Tensor& g);

// The definition, which holds all T × S scores at once: the oracle that the kernel is tested
// against.
Tensor attention_naive(const AttentionInputs& inputs);
std::array<Tensor, 3> attention_backward_naive(const AttentionInputs& inputs, const Tensor& g);

}  // namespace glass
