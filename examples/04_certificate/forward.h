// # The loss, with fused or with plain attention
//
// Both programs compute it, one in float and one in intervals. Dropout is 0: the model must be in
// evaluation mode, which nn::set_training(model, false) sets.
//
// B batch, T target length, S source length, C width, V vocabulary
#pragma once

#include "examples/04_certificate/exchange.h"
#include "nn/loss.h"

namespace certificate {

using glass::Var;

// Fused: one op computes all of the attention and keeps no weights. Plain: the equation
// softmax(Q Kᵀ / √D) V, an op for each sign. Both are the same function; their rounding differs.
enum class Attention { fused, plain };

// What the first layer reads.
inline Var embedded(const glass::nn::EncoderDecoder& model, const glass::nn::Embedding& table,
                    const glass::Tokens& tokens) {
  Var x = table(tokens);                                  // [B, T, C]
  if (model.options.tied) x = x * model.stretch;          // [B, T, C]
  return x + model.positions.slice(0, 0, tokens.length);  // [B, T, C]
}

// The encoder, layer by layer. A layer that is asked for its weights computes step by step.
inline Var plain_memory(const glass::nn::EncoderDecoder& model, const glass::Tokens& source,
                        const Tensor& mask) {
  Tensor weights;
  Var x = embedded(model, model.source_embedding, source);  // [B, S, C]
  for (const glass::nn::EncoderLayer& layer : model.encoder) {
    const Var n = layer.self_norm(x);                                 // [B, S, C]
    const Var y = x + layer.self_attention(n, n, n, mask, &weights);  // [B, S, C]
    x = y + layer.feed_forward(layer.feed_norm(y));                   // [B, S, C]
  }
  return model.encoder_norm(x);  // [B, S, C]
}

// The whole model with plain attention: what EncoderDecoder::operator() computes with the fused op.
inline Var plain_logits(const glass::nn::EncoderDecoder& model, const glass::Tokens& source,
                        const glass::Tokens& target) {
  const int padding = model.options.padding;
  const Tensor source_mask = glass::nn::padding_mask(source, padding);  // [B, 1, 1, S]
  const Tensor target_mask =
      glass::nn::padding_mask(target, padding) * glass::nn::causal_mask(target.length);
  const Var memory = plain_memory(model, source, source_mask);  // [B, S, C]
  Tensor weights;
  Var x = embedded(model, model.target_embedding, target);  // [B, T, C]
  for (const glass::nn::DecoderLayer& layer : model.decoder) {
    // Self-attention, cross-attention, feed-forward.
    const Var n = layer.self_norm(x);                         // [B, T, C]
    const auto own = layer.self_attention.keys_values(n, n);  // [B, T, C]
    const Var y = x + layer.self_attention.attend(n, own, target_mask, &weights);
    const Var q = layer.cross_norm(y);  // [B, T, C]
    const Var z = y + layer.cross_attention(q, memory, memory, source_mask, &weights);
    x = z + layer.feed_forward(layer.feed_norm(z));  // [B, T, C]
  }
  return model.output(model.decoder_norm(x));  // [B, T, V]
}

// The mean cross-entropy over the target tokens that are not padding, as translate trains: [].
inline Var loss_of(const glass::nn::EncoderDecoder& model, const Question& q, Attention attention) {
  const Var logits = attention == Attention::fused
                         ? model(q.source, q.target_in)
                         : plain_logits(model, q.source, q.target_in);  // [B, T, V]
  return glass::nn::cross_entropy(
      logits, q.target_out,
      {.ignore_index = model.options.padding, .label_smoothing = q.smoothing});  // []
}

}  // namespace certificate
