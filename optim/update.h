// # Changing a parameter in place
#pragma once

#include "autograd/var.h"

namespace glass::optim {

// Calls f(w, g, i) for every number w of a parameter and its gradient g, i counting row by row, and
// notes the write in the storage's version: a graph that saved the old numbers will say so.
// StateError if the parameter is an expanded view.
template <class F>
void update(const Var& parameter, F f) {
  const Tensor g = parameter.grad().contiguous();
  Tensor w = parameter.value();
  Tensor dense = w.contiguous();
  Real* out = dense.data();
  const Real* in = g.data();
  const Index n = w.numel();
  for (Index i = 0; i < n; ++i) f(out[i], in[i], i);
  if (dense.storage().same_as(w.storage())) {
    w.storage().bump_version();
  } else {
    w.copy_from(dense);
  }
}

}  // namespace glass::optim
