// # Changing numbers in place
//
// (private to optim/) The loops over parameters that the optimisers share, and the checks of what
// an optimiser is given. Only .cpp files include it: they are compiled with the library's flags for
// the CPU, which programs do not inherit.
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "autograd/var.h"
#include "tensor/parallel.h"

namespace glass::optim {

// ---- checks of the parameters and options ----

// StateError unless all variables are leaves with memory for each element, and some are trained. A
// constant is legal: it never has a gradient, so no step moves it. A frozen parameter counts as
// trained: it has no gradient until it is unfrozen.
inline void expect_leaves(std::string_view optimizer, const std::vector<Var>& variables) {
  bool trained = false;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    // Each must be a leaf and, if it may move, have memory for each element.
    const Node& node = *variables[i].node();
    check<StateError>(node.is_leaf(),
                      "{}: parameter {} of shape {} must be a leaf, but it was made by '{}'; write "
                      "its numbers with copy_from(), or assign detach() of it",
                      optimizer, i, node.value.shape(), node.name);
    const bool moves = node.requires_grad || node.frozen;
    check<StateError>(!moves || !node.value.is_expanded(),
                      "{}: parameter {} of shape {} is an expanded view, where elements share "
                      "memory; make the leaf of its clone()",
                      optimizer, i, node.value.shape());
    trained |= moves;
  }
  check<StateError>(trained, "{}: none of the {} parameters requires a gradient", optimizer,
                    variables.size());
}

// ShapeError unless the option is a finite number of at least 0.
inline void expect_option(std::string_view optimizer, std::string_view option, double value) {
  check<ShapeError>(value >= 0 && std::isfinite(value),
                    "{}: {} must be a finite number of at least 0; got {}", optimizer, option,
                    value);
}

// StateError if no parameter has a gradient: then a step would move nothing.
inline void expect_gradients(std::string_view optimizer, const std::vector<Var>& parameters) {
  bool any = false;
  for (const Var& p : parameters) any |= p.has_grad();
  check<StateError>(any,
                    "{}: call backward() before step(): no parameter has a gradient. If you called "
                    "it, this optimiser holds the parameters of another copy of the model, or all "
                    "are frozen",
                    optimizer);
}

// The same numbers in memory of their own.
inline std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> result;
  for (const Tensor& x : tensors) result.push_back(x.clone());
  return result;
}

// ---- changing numbers ----

// Calls f(x, i) for every number x of a tensor, i counting row by row. Notes the write in the
// storage's version: a sweep through a graph that saved the old numbers then throws a StateError.
// StateError here if the tensor is an expanded view.
template <class F>
void change(Tensor x, F f) {
  Tensor dense = x.contiguous();
  parallel_for(x.numel(), 32768, [&f, out = dense.data()](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(out[i], i);
  });
  // contiguous() gives a copy if x is not contiguous: its numbers are then written back.
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
