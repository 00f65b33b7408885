// # RMSNorm: every position at the same length
//
// Each position's C numbers are divided by their root mean square, then multiplied by a scale that
// is learned:
//
//     y = x / √(mean(x²) + eps) ⊙ weight
//
// LayerNorm also subtracts the mean and adds a shift; RMSNorm leaves both out.
// B. Zhang, R. Sennrich, Root Mean Square Layer Normalization (2019), equation 4
#pragma once

#include <cmath>
#include <limits>

#include "nn/module.h"

namespace glass::nn {

struct RMSNorm {
  // ShapeError unless epsilon is a finite number of at least 0. The default is PyTorch's:
  // the distance from 1 to the next Real.
  explicit RMSNorm(Index size, double epsilon = std::numeric_limits<Real>::epsilon())
      : weight(ones(Shape{size})), eps(epsilon) {
    check<ShapeError>(eps >= 0 && std::isfinite(eps),
                      "RMSNorm: eps must be a finite number of at least 0; got {}", eps);
  }

  // ShapeError if the last axis is not `size`.
  Var operator()(const Var& x) const {
    check<ShapeError>(x.rank() >= 1 && x.size(-1) == weight.size(0),
                      "RMSNorm: the last axis must be {}; got {}", weight.size(0), x.shape());
    const Var mean_square = mean(x * x, -1, true);  // [..., 1]
    return x / sqrt(mean_square + eps) * weight;    // [..., C]
  }

  void each(auto&& f) { f("weight", weight); }

  Parameter weight;  // [C]
  double eps;        // added to the mean square, inside the root
};

}  // namespace glass::nn
