// # Embedding: a row of a table for every token
//
// The gradient of a row is the sum of the gradients at all places where its token occurs. Rows of
// tokens that do not occur get 0.
#pragma once

#include "nn/module.h"

namespace glass::nn {

// Tokens [B, T] → [B, T, C]. The table starts as N(0, stddev²). ShapeError names a token outside
// the table.
struct Embedding {
  Embedding(Index count, Index size, Rng& rng, double stddev = 1)
      : weight(normal(Shape{count, size}, 0, stddev, rng)) {}

  Var operator()(const Tokens& tokens) const { return take(weight, tokens); }  // [B, T, C]

  void each(auto&& f) { f("weight", weight); }

  Parameter weight;  // [V, C]
};

}  // namespace glass::nn
