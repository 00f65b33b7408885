// # Clipping: no step is too long
#pragma once

#include <vector>

#include "autograd/var.h"

namespace glass::optim {

// Scales all gradients by one factor so that together they are no longer than `max_norm`
// (Euclidean). Returns their length before. Parameters without a gradient are passed over.
// ShapeError if max_norm is negative or NaN; with infinity the gradients are only measured.
double clip_grad_norm(const std::vector<Var>& parameters, double max_norm);

}  // namespace glass::optim
