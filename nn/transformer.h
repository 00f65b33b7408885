// # The encoder–decoder
//
// The encoder turns each token of the source into a vector that depends on all tokens of the
// source. The decoder predicts the next token of the target at each position: each of its layers
// looks back at the target so far (causal self-attention), then at the source (cross-attention),
// then changes each position alone (feed-forward).
//
// A decoder is run in two ways. Training knows the whole target and computes all positions at once,
// `operator()` and `states`. Decoding knows only what it has written, and computes the next tokens
// from keys and values that it has kept, `next` and `next_states`. Both give the same numbers up to
// rounding; tests/transformer_test.cpp compares them.
//
// Layers are pre-norm, x + f(norm x): they train stably even without a warm-up, that is, without a
// learning rate that begins small and grows during the first steps.   R. Xiong et al. (2020)
//
// B batch, S source length, T target length, C width, H heads, V vocabulary
#pragma once

#include <cmath>
#include <optional>

#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/layer_norm.h"
#include "nn/positions.h"

namespace glass::nn {

// The defaults make a small model, one for the examples. hidden = 4 · dim and the dropout are those
// of Vaswani et al. (2017), table 3; dim and heads are an eighth and a half of theirs, so that a
// step takes milliseconds.
//
// `dropout` is for what a layer adds to x, and for the embeddings: the dropout of the paper. The
// inner dropout is for attention weights and for the hidden numbers of the feed-forward layer, as
// in most programs since. Without a value it is as large as `dropout`.
struct LayerOptions {
  Index dim = 64, heads = 4, hidden = 256;
  double dropout = 0.1;
  std::optional<double> inner_dropout = {};
  double inner() const { return inner_dropout.value_or(dropout); }
};

// 1 where a token is not padding: [B, 1, 1, S], a mask for attention. ShapeError unless there are
// as many ids as the tokens' batch and length say.
inline Tensor padding_mask(const Tokens& tokens, int padding) {
  expect_tokens("padding_mask", tokens);
  std::vector<Real> mask;
  for (const int id : tokens.ids) mask.emplace_back(id == padding ? 0 : 1);
  return {Shape{tokens.batch, 1, 1, tokens.length}, std::move(mask)};
}

// ---- one layer of each ----

struct EncoderLayer {
  EncoderLayer(const LayerOptions& o, Rng& rng)
      : self_norm(o.dim),
        self_attention(o.dim, o.heads, rng, {.dropout = o.inner()}),
        feed_norm(o.dim),
        feed_forward(o.dim, o.hidden, o.inner(), rng),
        dropout(o.dropout, rng) {}

  Var operator()(const Var& x, const std::optional<Tensor>& mask) const {
    // Self-attention: each source token looks at all source tokens.
    const Var n = self_norm(x);                                // [B, S, C]
    const Var y = x + dropout(self_attention(n, n, n, mask));  // [B, S, C]
    // Feed-forward: each position alone.
    return y + dropout(feed_forward(feed_norm(y)));  // [B, S, C]
  }

  // Names the parts of the layer to f (nn/module.h): from these names follow training, saving and
  // loading.
  void each(auto&& f) {
    f("self_norm", self_norm), f("self_attention", self_attention);
    f("feed_norm", feed_norm), f("feed_forward", feed_forward);
    f("dropout", dropout);
  }

  LayerNorm self_norm;
  CrossAttention self_attention;
  LayerNorm feed_norm;
  FeedForward feed_forward;
  Dropout dropout;
};

struct DecoderLayer {
  DecoderLayer(const LayerOptions& o, Rng& rng)
      : self_norm(o.dim),
        self_attention(o.dim, o.heads, rng, {.dropout = o.inner()}),
        cross_norm(o.dim),
        cross_attention(o.dim, o.heads, rng, {.dropout = o.inner()}),
        feed_norm(o.dim),
        feed_forward(o.dim, o.hidden, o.inner(), rng),
        dropout(o.dropout, rng) {}

  // Training: all T positions at once. mask [B, 1, T, T] blocks what comes later, memory [B, S, C]
  // is the encoder's result. `weights` receives the cross-attention [B, H, T, S].
  //
  // Keys of the target are projected without a mask: padding of the target holds finite numbers,
  // and a weight of 0 times a finite number is 0. `attend` has the mask.
  Var operator()(const Var& x, const std::optional<Tensor>& mask, const Var& memory,
                 const std::optional<Tensor>& memory_mask, Tensor* weights = nullptr) const {
    // Self-attention: each target token looks at itself and the target tokens before it.
    const Var n = self_norm(x);                                      // [B, T, C]
    const KeysValues own = self_attention.keys_values(n, n);         // [B, T, C]
    const Var y = x + dropout(self_attention.attend(n, own, mask));  // [B, T, C]
    // Cross-attention: each target token looks at the source.
    const Var q = cross_norm(y);  // [B, T, C]
    const Var z =
        y + dropout(cross_attention(q, memory, memory, memory_mask, weights));  // [B, T, C]
    // Feed-forward: each position alone.
    return z + dropout(feed_forward(feed_norm(z)));  // [B, T, C]
  }

  // Decoding: T positions after n others, with the keys and values that `past` keeps of the source
  // and of the n positions. The new positions join the past. mask [B, 1, T, n + T].
  Var next(const Var& x, const std::optional<Tensor>& mask, Past& past,
           Tensor* weights = nullptr) const {
    // Self-attention: over the n kept positions and the new ones, which are kept from now on.
    const Var n = self_norm(x);                                             // [B, T, C]
    const KeysValues& seen = past.write(self_attention.keys_values(n, n));  // [B, n + T, C]
    const Var y = x + dropout(self_attention.attend(n, seen, mask));        // [B, T, C]
    // Cross-attention: over the keys and values of the source, which `past` keeps projected.
    const Var q = cross_norm(y);  // [B, T, C]
    const Var z = y + dropout(cross_attention.attend(q, past.source, past.source_mask,
                                                     weights));  // [B, T, C]
    // Feed-forward: each position alone.
    return z + dropout(feed_forward(feed_norm(z)));  // [B, T, C]
  }

  // Names the parts to f, as in EncoderLayer.
  void each(auto&& f) {
    f("self_norm", self_norm), f("self_attention", self_attention);
    f("cross_norm", cross_norm), f("cross_attention", cross_attention);
    f("feed_norm", feed_norm), f("feed_forward", feed_forward);
    f("dropout", dropout);
  }

  LayerNorm self_norm;
  CrossAttention self_attention;
  LayerNorm cross_norm;
  CrossAttention cross_attention;
  LayerNorm feed_norm;
  FeedForward feed_forward;
  Dropout dropout;
};

// ---- the whole model ----

// The sizes of a layer are those of LayerOptions. The table of 256 positions is as large as the
// embeddings of 256 tokens, and longer than most sentences.
struct EncoderDecoderOptions {
  Index source_vocab = 0, target_vocab = 0;
  Index dim = 64, heads = 4, layers = 2, hidden = 256;
  double dropout = 0.1;
  Index max_length = 256;  // of source and target alike
  int padding = 0;         // this token is masked wherever it is a key
  bool tied = false;    // one table both reads the target and writes it. O. Press, L. Wolf (2017)
  bool shared = false;  // the source is read with the target's table: one vocabulary for both
  std::optional<double> inner_dropout = {};  // as in LayerOptions
};

struct EncoderDecoder {
  EncoderDecoder(Rng& rng, const EncoderDecoderOptions& o)
      : options(checked(o)),
        // The output layer needs small weights. So a tied table starts small, and embeddings are
        // multiplied by √C. The table of the source starts as small and is multiplied too, also
        // where it is not shared: both embeddings are treated alike.
        //                                                  Vaswani et al. (2017), section 3.4
        stretch(o.tied ? root(o.dim) : 1),
        source_embedding(o.source_vocab, o.dim, rng, 1 / static_cast<double>(stretch)),
        target_embedding(o.target_vocab, o.dim, rng, 1 / static_cast<double>(stretch)),
        encoder_norm(o.dim),
        decoder_norm(o.dim),
        output(o.dim, o.target_vocab, rng),
        dropout(o.dropout, rng),
        positions(sinusoidal_positions(o.max_length, o.dim)) {
    const LayerOptions layer{o.dim, o.heads, o.hidden, o.dropout, o.inner_dropout};
    for (Index i = 0; i < o.layers; ++i) encoder.emplace_back(layer, rng);
    for (Index i = 0; i < o.layers; ++i) decoder.emplace_back(layer, rng);
    tie();
  }

  // Makes the output layer (tied) and the source's embedding (shared) use the table of the target's
  // embeddings. In a copy of the model each has a table of its own: call tie() after copying.
  void tie() {
    if (options.tied) output.weight = Var(target_embedding.weight);
    if (options.shared) source_embedding.weight = Var(target_embedding.weight);
  }

  // ---- training ----

  // Logits [B, T, V] for the token that follows each target token; `weights` receives each decoder
  // layer's cross-attention [B, H, T, S].
  Var operator()(const Tokens& source, const Tokens& target,
                 std::vector<Tensor>* weights = nullptr) const {
    const Tensor source_mask = padding_mask(source, options.padding);  // [B, 1, 1, S]
    const Var memory = encode(source, source_mask);                    // [B, S, C]
    return output(states(target, memory, source_mask, weights));       // [B, T, V]
  }

  Var encode(const Tokens& source) const {
    return encode(source, padding_mask(source, options.padding));  // [B, S, C]
  }

  // The decoder's result at each position [B, T, C], from which the output layer makes the logits.
  Var states(const Tokens& target, const Var& memory, const Tensor& memory_mask,
             std::vector<Tensor>* weights = nullptr) const {
    const Tensor mask =
        padding_mask(target, options.padding) * causal_mask(target.length);  // [B, 1, T, T]
    if (weights) weights->assign(decoder.size(), Tensor());
    Var x = embed(target_embedding, target, first_encodings(target.length));  // [B, T, C]
    for (std::size_t i = 0; i < decoder.size(); ++i)
      x = decoder[i](x, mask, memory, memory_mask, weights_of(i, weights));  // [B, T, C]
    return decoder_norm(x);                                                  // [B, T, C]
  }

  // ---- decoding ----

  // A past with no target token yet: the keys and values that each decoder layer keeps of the
  // source.
  std::vector<Past> start_decoding(const Var& memory, const Tensor& memory_mask) const {
    std::vector<Past> past;
    for (const DecoderLayer& layer : decoder)
      past.push_back(
          {layer.cross_attention.keys_values(memory, memory, memory_mask), memory_mask.clone()});
    return past;
  }

  // The states of T tokens after n others; the tokens join the past. `encodings` are the rows of
  // `positions` for these tokens: [T, C], or [1, C] if the T tokens are alternatives for one
  // position, as the last tokens of several beams are. mask is [B, 1, T, n + T].
  Var next_states(const Tokens& tokens, const Tensor& encodings, const Tensor& mask,
                  std::vector<Past>& past, std::vector<Tensor>* weights = nullptr) const {
    if (weights) weights->assign(decoder.size(), Tensor());
    Var x = embed(target_embedding, tokens, encodings);  // [B, T, C]
    for (std::size_t i = 0; i < decoder.size(); ++i)
      x = decoder[i].next(x, mask, past[i], weights_of(i, weights));  // [B, T, C]
    return decoder_norm(x);                                           // [B, T, C]
  }

  // Names the parts of the model to f, as the layers do.
  void each(auto&& f) {
    f("source_embedding", source_embedding), f("target_embedding", target_embedding);
    f("encoder", encoder), f("encoder_norm", encoder_norm);
    f("decoder", decoder), f("decoder_norm", decoder_norm);
    f("output", output), f("dropout", dropout);
  }

  EncoderDecoderOptions options;
  Constant stretch;  // of the embeddings
  Embedding source_embedding, target_embedding;
  std::vector<EncoderLayer> encoder;
  LayerNorm encoder_norm;
  std::vector<DecoderLayer> decoder;
  LayerNorm decoder_norm;
  Linear output;
  Dropout dropout;
  Tensor positions;  // [max_length, C]; computed, so neither trained nor saved

 private:
  Var encode(const Tokens& source, const Tensor& mask) const {
    Var x = embed(source_embedding, source, first_encodings(source.length));  // [B, S, C]
    for (const EncoderLayer& layer : encoder) x = layer(x, mask);             // [B, S, C]
    return encoder_norm(x);                                                   // [B, S, C]
  }

  // Where layer i writes its weights; null if the caller does not ask for them.
  static Tensor* weights_of(std::size_t layer, std::vector<Tensor>* weights) {
    return weights ? &(*weights)[layer] : nullptr;
  }

  // The positions' encodings of the first tokens.
  Tensor first_encodings(Index length) const {
    check<ShapeError>(length <= options.max_length,
                      "EncoderDecoder: a sequence of {} tokens is longer than max_length {}",
                      length, options.max_length);
    return positions.slice(0, 0, length);  // [T, C]
  }

  // What a layer reads: the tokens' embeddings plus the encodings of their positions.
  Var embed(const Embedding& table, const Tokens& tokens, const Tensor& encodings) const {
    Var x = table(tokens);              // [B, T, C]
    if (options.tied) x = x * stretch;  // [B, T, C]
    return dropout(x + encodings);      // [B, T, C]
  }

  static Constant root(Index n) {
    using std::sqrt;
    return sqrt(Constant(n));
  }

  static const EncoderDecoderOptions& checked(const EncoderDecoderOptions& o) {
    check<ShapeError>(o.source_vocab >= 1 && o.target_vocab >= 1 && o.dim >= 1 && o.layers >= 1 &&
                          o.hidden >= 1 && o.max_length >= 1,
                      "EncoderDecoder: sizes must be at least 1; got source_vocab {}, target_vocab "
                      "{}, dim {}, layers {}, hidden {}, max_length {}",
                      o.source_vocab, o.target_vocab, o.dim, o.layers, o.hidden, o.max_length);
    check<ShapeError>(
        !o.shared || o.source_vocab == o.target_vocab,
        "EncoderDecoder: a shared table needs one vocabulary; got source_vocab {} and "
        "target_vocab {}",
        o.source_vocab, o.target_vocab);
    return o;
  }
};

}  // namespace glass::nn
