// # Adam
//
// Each number has a step of its own: the running mean of its gradients, over the root of the
// running mean of their squares. With `decoupled`, weight decay shrinks the weights directly
// (AdamW).
//
// Sources: D. Kingma, J. Ba, Adam (2015), algorithm 1; I. Loshchilov, F. Hutter (2019), algorithm
// 2.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace glass::optim {

struct AdamOptions {
  double rate = 1e-3;                 // at least 0
  double beta1 = 0.9, beta2 = 0.999;  // in [0, 1): how much of the running means stays at a step
  double eps = 1e-8;                  // at least 0; added to the root
  double weight_decay = 0;            // at least 0
  bool decoupled = true;              // false: the decay is added to the gradient
};

struct Adam {
  // The variables are leaves; constants among them stay as they are. Frozen parameters stay while
  // they are frozen, whatever the momentum and the decay, and move after nn::unfreeze(). StateError
  // if one was made by an op, or none is trained. ShapeError if an option lies outside its range.
  Adam(std::vector<Var> variables, AdamOptions o = {});
  template <std::floating_point T>
  Adam(std::vector<Var>, T) = delete;  // the rate is an option: Adam(parameters, {.rate = 1e-3})

  // A copy moves the same parameters, with running means of its own.
  Adam(const Adam& other);
  Adam(Adam&&) noexcept = default;
  Adam& operator=(Adam other) noexcept;
  ~Adam() = default;

  // Moves every parameter that has a gradient. StateError if none has one, ShapeError if an option
  // lies outside its range by now. If `decoupled` is false, the last line has no weight_decay;
  // instead g becomes g + weight_decay · w first.
  //     m ← β₁ m + (1 − β₁) g      v ← β₂ v + (1 − β₂) g²
  //     w ← w − rate · weight_decay · w − rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)
  void step();

  void zero_grad() {
    for (const Var& p : parameters) p.zero_grad();
  }

  // The state for a checkpoint, so that a resumed training makes the same steps.
  void each(auto&& f) {
    f("mean", mean), f("square", square), f("steps", steps), f("rate", options.rate);
  }

  AdamOptions options;
  std::vector<Var> parameters;
  std::vector<Tensor> mean, square;
  std::vector<Index> steps;  // steps of each parameter so far; one without a gradient takes none
};

}  // namespace glass::optim
