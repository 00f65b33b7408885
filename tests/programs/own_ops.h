// # Functions that random programs call beside those of the library
//
// Ops as a user writes them, a long loop, and layers whose parameters are given.
#pragma once

#include <string>
#include <vector>

#include "autograd/ops.h"
#include "nn/transformer.h"

namespace glass::programs {

using Vars = std::vector<Var>;

// The cotangent of a result. All of its numbers differ.
inline Tensor seed_for(const Tensor& y) {
  return (cos(arange(y.numel()) + 1) + 1.5).reshape(y.shape()) / 2;
}

// A loop of 50 steps, each of which uses x again.
inline Var loop_of_50(Var h, const Var& x) {
  for (int i = 0; i < 50; ++i) h = sin(h) + x * 0.25;
  return h;
}

// x², as a user's own op.
inline Var own_square(const Var& x) {
  return record(std::string_view("square"), x.value() * x.value(),
                std::vector<Parent>{{x, [v = x.value()](const Tensor& g) { return 2 * g * v; }}});
}

// a ⊙ b + b of one shape, as a user's own op with one VJP for both parents.
inline Var own_product(const Var& a, const Var& b) {
  return record(std::string_view("product"), a.value() * b.value() + b.value(), Vars{a, b},
                [u = a.value(), v = b.value()](const Tensor& g) {
                  return std::vector<Tensor>{g * v, g * (u + 1)};
                });
}

// 3 x, computed by writes in place under NoGrad, forward and backward.
inline Var tripled_in_place(const Var& x) {
  const auto triple = [](const Tensor& v) {
    const NoGrad off;
    Tensor y = v.clone();
    y.add_(v);
    y.add_(v);
    return y;
  };
  return record(std::string_view("triple"), triple(x.value()),
                std::vector<Parent>{{x, [triple](const Tensor& g) { return triple(g); }}});
}

// ---- layers ----

// The layer with these parameters instead of its own, in the order of each().
template <class Layer>
Layer with(Layer layer, const Vars& parameters) {
  std::size_t i = 0;
  nn::walk("", layer, [&](const std::string&, auto& x) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(x)>, Var>) x = parameters.at(i++);
  });
  return layer;
}

// Two heads where they fit.
constexpr Index heads_of(Index width) { return width % 2 == 0 ? 2 : 1; }

// A model of one layer each, whose tables have the shape of this one.
inline nn::EncoderDecoderOptions tiny_model(const Var& table) {
  return {.source_vocab = table.size(0),
          .target_vocab = table.size(0),
          .dim = table.size(1),
          .heads = heads_of(table.size(1)),
          .layers = 1,
          .hidden = 3,
          .dropout = 0.25,
          .max_length = 4};
}

// The model on B sources of S tokens and B targets of T: the list is B, S, T, and all tokens.
inline Var logits_of(const nn::EncoderDecoder& model, const std::vector<Index>& list) {
  const auto sources = list.begin() + 3, targets = sources + list[0] * list[1];
  return model(Tokens{list[0], list[1], std::vector<int>(sources, targets)},
               Tokens{list[0], list[2], std::vector<int>(targets, list.end())});
}

}  // namespace glass::programs
