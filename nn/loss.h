// # Cross-entropy: how surprised the model was
//
// The mean of −ln p(target) over the targets that count.
#pragma once

#include <span>

#include "autograd/ops.h"

namespace glass::nn {

struct CrossEntropyOptions {
  int ignore_index = -100;     // a target of this value does not count
  double label_smoothing = 0;  // share of the target's weight that all V classes divide among them
};

// logits [..., V], one target a row. No target left: loss 0 and gradient 0. ShapeError if their
// number is not that of the rows, or names a target outside [0, V). The targets are copied.
//
// ---- cross_entropy ----
// L = −(1/n) Σᵢ Σᵥ tᵢᵥ ln pᵢᵥ,  p = softmax z,  t the smoothed target      dz = g (p − t) / n
inline Var cross_entropy(const Var& logits, std::span<const int> targets,
                         CrossEntropyOptions options = {}) {
  const CrossEntropy result =
      cross_entropy_rows(logits.value(), targets, options.ignore_index, options.label_smoothing);
  return record("cross_entropy", result.loss,
                on(logits, [slope = result.slope](const Tensor& g) { return g * slope; }));
}

}  // namespace glass::nn
