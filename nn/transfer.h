// # Frozen parameters, and parameters of another model
//
// What one needs to train a part of a model, or to begin with weights that were trained before:
//
//     nn::copy_parameters(trained.encoder, model.encoder);
//     nn::freeze(model.encoder);  // optimisers pass it over
//     …
//     nn::unfreeze(model.encoder);  // they move it again
#pragma once

#include "nn/module.h"

namespace glass::nn {

// ---- freezing ----

void freeze_leaves(const NamedVars& variables);
void unfreeze_leaves(const NamedVars& variables);

// Makes all parameters of x constants, until unfreeze(). x is a module, a Parameter or a Var.
//
// A frozen parameter is still the same leaf: it is named, saved, loaded and copied as before, and
// tied weights stay tied. But requires_grad() is false, its gradient is dropped, and it does not
// count in count_parameters. An optimiser that holds it passes it over, also if there is a momentum
// or a weight decay, and keeps the running means for later. Ops treat it as a constant. A graph
// gives it a gradient only if it was trained when the graph was recorded, and is trained in
// backward(). While other threads use the leaf, no thread may freeze or unfreeze it.
//
// StateError, with all of x unchanged, if a parameter was made by an op: freeze the leaves that it
// was made from.
void freeze(const auto& x) {
  static_assert(!PlainState<std::remove_cvref_t<decltype(x)>>,
                "freeze() takes a module, a Parameter or a Var");
  freeze_leaves(named_parameters(x));
}

// Undoes freeze(). Every other constant stays one, such as the bias of a Linear that has none.
void unfreeze(const auto& x) {
  static_assert(!PlainState<std::remove_cvref_t<decltype(x)>>,
                "unfreeze() takes a module, a Parameter or a Var");
  unfreeze_leaves(named_parameters(x));
}

// ---- copying ----

void copy_leaves(const NamedVars& from, const NamedVars& to);

// Copies the numbers of all parameters of a module into the parameters of the same names in another
// one, which may be of another type. Buffers and counters are not copied.
//
// The leaves of `to` stay, as when a Parameter is assigned: optimisers and ties stay, a frozen leaf
// stays frozen, gradients are dropped, and the copy counts as a write. ShapeError, with `to`
// unchanged, if a parameter of `to` has no counterpart, if a parameter of `from` would not be
// copied, or if shapes differ. The message lists all names at fault. StateError, as well before any
// change, if a parameter of `to` was made by an op.
void copy_parameters(const auto& from, const auto& to) {
  copy_leaves(names_and_parameters(from), names_and_parameters(to));
}

}  // namespace glass::nn
