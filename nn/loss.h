// # The loss of a classifier: cross-entropy
//
// An op like the others: its formula and its VJP are in autograd/ops.cpp.
#pragma once

#include "autograd/ops.h"

namespace glass::nn {

using glass::cross_entropy;
using glass::CrossEntropyOptions;

}  // namespace glass::nn
