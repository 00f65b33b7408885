// # Dropout: random numbers become 0 in training
//
// With probability p a number becomes 0, and the other numbers are multiplied by 1/(1 − p), so that
// the mean is the same in training and in use.   N. Srivastava et al., JMLR 15 (2014)
#pragma once

#include "nn/module.h"

namespace glass::nn {

// The layer takes a random stream of its own from `rng` when it is made, and keeps no reference. A
// copy of it repeats the stream. ShapeError unless 0 ≤ p < 1.
struct Dropout {
  Dropout(double share, Rng& rng) : p(share), stream(rng.split()) {
    check<ShapeError>(0 <= p && p < 1, "Dropout: p must lie in [0, 1); got {}", p);
  }

  // In eval mode, or with p = 0, x itself.
  Var operator()(const Var& x) const { return dropout(x, rate(), stream); }
  double rate() const { return training ? p : 0; }

  void each(auto&& f) { f("stream", stream); }

  double p;
  bool training = true;
  mutable Rng stream;  // advances with every call, also of a const layer
};

}  // namespace glass::nn
