// # Seer
//
// A model that answers questions about pictures. It is one cross-attention layer: its query is a
// question, and its keys and values are the patches of a picture. Words and pixels have different
// widths; the layer's projections bring both to one width.
//
// B pictures, Q questions to each, L words of a question, P patches, F numbers of a patch,
// C width of a question, K width of a patch once it has been looked at, H heads
#pragma once

#include "examples/picture_query/world.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/layer_norm.h"

namespace picture_query {

using glass::Var;

struct SeerOptions {
  Index dim = 32;      // C
  Index key_dim = 48;  // K
  Index hidden = 192;  // between the pixels and K
  Index heads = 2;     // H
};

struct Seer {
  Seer(const WorldOptions& world, SeerOptions o, Rng& rng)
      : word(std::ssize(vocabulary()), o.dim, rng),
        up(world.side * world.side * 3, o.hidden, rng),
        down(o.hidden, o.key_dim, rng),
        place(normal({world.grid * world.grid, o.key_dim}, 0, 0.1, rng)),
        norm(o.key_dim),
        look(o.dim, o.heads, rng, {.dropout = 0, .key_dim = o.key_dim, .value_dim = o.key_dim}),
        readout(o.dim, std::ssize(colours), rng) {}

  // How likely each colour is the answer, as logits [B, Q, colours]. `weights` receives the
  // attention of each question, [B, H, Q, P].
  Var operator()(const Tensor& patches, const glass::Tokens& words,
                 Tensor* weights = nullptr) const {
    const Var query = read(words, patches.size(0));  // [B, Q, C]
    // Inputs around ±1 are learnt faster. Most pixels are background, which is 0.2 on average.
    const Tensor contrast = (patches - 0.2) * 4;             // [B, P, F]
    const Var features = down(relu(up(contrast))) + place;   // [B, P, K]
    const Var seen = norm(features);                         // [B, P, K]
    const Var found = look(query, seen, seen, {}, weights);  // [B, Q, C]
    return readout(found);                                   // [B, Q, colours]
  }

  void each(auto&& f) {
    f("word", word), f("up", up), f("down", down), f("place", place);
    f("norm", norm), f("look", look), f("readout", readout);
  }

  glass::nn::Embedding word;
  glass::nn::Linear up, down;
  glass::nn::Parameter place;  // [P, K]: without it, left and right would look the same
  glass::nn::LayerNorm norm;
  glass::nn::CrossAttention look;
  glass::nn::Linear readout;

 private:
  // A question is the sum of the embeddings of its words; their order is ignored. Word 0 is padding
  // and counts as zero.
  Var read(const glass::Tokens& words, Index pictures) const {
    std::vector<glass::Real> is_word;
    for (const int id : words.ids) is_word.push_back(static_cast<glass::Real>(id != 0));
    const Tensor counts({words.batch, words.length, 1}, std::move(is_word));  // [B·Q, L, 1]
    const Var sums = sum(word(words) * counts, 1);                            // [B·Q, C]
    return sums.reshape({pictures, -1, sums.size(1)});                        // [B, Q, C]
  }
};

// ---- marks ----

// The results of an evaluation.
struct Marks {
  double accuracy = 0;  // share of questions whose likeliest colour is the right one
  double attended = 0;  // share whose most attended patch, by the mean of heads, is the one named
  double weight = 0;    // on the patch named, mean of questions and heads
  double shuffled = 0;  // accuracy if asked about another picture: near chance
  Index questions = 0;
};

Marks mark(const Seer& model, const WorldOptions& world, Index pictures, Rng rng);

}  // namespace picture_query
