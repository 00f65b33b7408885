// # The losses of classifiers: cross-entropy
//
// Ops like the others: their formulas and VJPs are in autograd/ops.cpp.
#pragma once

#include "autograd/ops.h"

namespace glass::nn {

using glass::binary_cross_entropy_with_logits;
using glass::BinaryCrossEntropyOptions;
using glass::cross_entropy;
using glass::CrossEntropyOptions;

}  // namespace glass::nn
