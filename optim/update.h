// # Changing numbers in place
//
// (private to optim/) Compiled with the library's flags for the CPU, which programs do not inherit.
#pragma once

#include "autograd/var.h"
#include "tensor/parallel.h"

namespace glass::optim {

// Calls f(x, i) for every number x of a tensor, i counting row by row, and notes the write in its
// storage's version: a graph that saved the old numbers will say so. StateError if it is an
// expanded view.
template <class F>
void change(Tensor x, F f) {
  Tensor dense = x.contiguous();
  parallel_for(x.numel(), 32768, [&f, out = dense.data()](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(out[i], i);
  });
  if (dense.storage().same_as(x.storage())) {
    x.storage().bump_version();
  } else {
    x.copy_from(dense);
  }
}

// The same for every number of a parameter with its gradient: f(w, g, i).
template <class F>
void update(const Var& parameter, F f) {
  const Tensor g = parameter.grad().contiguous();
  change(parameter.value(), [&f, in = g.data()](Real& w, Index i) { f(w, in[i], i); });
}

}  // namespace glass::optim
