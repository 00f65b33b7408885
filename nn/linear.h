// # Linear: y = x Wᵀ + b
//
// W has a row for each output: its numbers weigh the inputs of that output.
#pragma once

#include "nn/init.h"

namespace glass::nn {

struct LinearOptions {
  bool bias = true;
};

// Acts on the last axis: [..., in] → [..., out]. ShapeError if the last axis is not `in`.
struct Linear {
  Linear(Index in, Index out, Rng& rng, LinearOptions options = {})
      : weight(uniform_by_inputs(Shape{out, in}, in, rng)), has_bias(options.bias) {
    if (has_bias) bias = uniform_by_inputs(Shape{out}, in, rng);
  }

  Var operator()(const Var& x) const {
    check<ShapeError>(x.rank() >= 1 && x.size(-1) == weight.size(1),
                      "Linear: the last axis must be {}; got {}", weight.size(1), x.shape());
    return has_bias ? linear(x, weight, bias) : matmul(x, weight.mT());  // [..., out]
  }

  void each(auto&& f) {
    f("weight", weight);
    if (has_bias) f("bias", bias);
  }

  Parameter weight;  // [out, in]
  Parameter bias;    // [out]
  bool has_bias;
};

}  // namespace glass::nn
