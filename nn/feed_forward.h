// # Feed-forward: each position by itself
//
// Two linear maps with a ReLU between them. No position sees another one: only attention mixes
// positions.   Vaswani et al. (2017), 3.3
#pragma once

#include "nn/dropout.h"
#include "nn/linear.h"

namespace glass::nn {

struct FeedForward {
  FeedForward(Index dim, Index hidden, double share, Rng& rng)
      : up(dim, hidden, rng), down(hidden, dim, rng), dropout(share, rng) {}

  Var operator()(const Var& x) const {
    const Var h = relu_dropout(up(x), dropout.rate(), dropout.stream);  // [B, T, hidden]
    return down(h);                                                     // [B, T, C]
  }

  void each(auto&& f) { f("up", up), f("down", down), f("dropout", dropout); }

  Linear up, down;
  Dropout dropout;
};

}  // namespace glass::nn
