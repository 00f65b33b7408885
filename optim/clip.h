// # Clipping: gradients longer than a limit are shortened
//
// A single batch may give a gradient that is many times longer than usual. Scaled down to a largest
// length, it cannot throw the weights far off.   R. Pascanu et al. (2013)
#pragma once

#include <vector>

#include "autograd/var.h"

namespace glass::optim {

// Scales all gradients by one factor so that together they are no longer than `max_norm`
// (Euclidean). Returns their length before. Parameters without a gradient are passed over.
// ShapeError if max_norm is negative or NaN; with infinity the gradients are only measured.
double clip_grad_norm(const std::vector<Var>& parameters, double max_norm);

}  // namespace glass::optim
