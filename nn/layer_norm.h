// # LayerNorm: every position on the same scale
//
// Each position's C numbers are shifted and scaled to mean 0 and variance 1, then given a scale and
// a shift that are learned.   J. L. Ba et al., Layer Normalization (2016)
#pragma once

#include <cmath>

#include "nn/module.h"

namespace glass::nn {

struct LayerNorm {
  // ShapeError unless epsilon is a finite number of at least 0.
  explicit LayerNorm(Index size, double epsilon = 1e-5)
      : weight(ones(Shape{size})), bias(zeros(Shape{size})), eps(epsilon) {
    check<ShapeError>(eps >= 0 && std::isfinite(eps),
                      "layer_norm: eps must be a finite number of at least 0; got {}", eps);
  }

  Var operator()(const Var& x) const { return layer_norm(x, weight, bias, eps); }  // [..., C]

  void each(auto&& f) { f("weight", weight), f("bias", bias); }

  Parameter weight, bias;  // [C]
  double eps;              // added to the variance, inside the root
};

}  // namespace glass::nn
