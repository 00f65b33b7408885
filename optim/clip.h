// # Clipping: no step is too long
#pragma once

#include <cmath>
#include <vector>

#include "autograd/var.h"

namespace glass::optim {

// Scales all gradients by one factor so that together they are no longer than `max_norm`
// (Euclidean). Returns their length before. Parameters without a gradient are passed over.
inline double clip_grad_norm(const std::vector<Var>& parameters, double max_norm) {
  double squares = 0;  // of a float of 1e20 the square is no float
  for (const Var& p : parameters) {
    if (!p.has_grad()) continue;
    for (const Real g : p.grad().to_vector()) {
      const auto x = static_cast<double>(g);
      squares += x * x;
    }
  }
  const double norm = std::sqrt(squares);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  for (const Var& p : parameters) {
    if (!p.has_grad()) continue;
    Tensor g = p.grad();
    g.copy_from(g * static_cast<Real>(factor));
  }
  return norm;
}

}  // namespace glass::optim
