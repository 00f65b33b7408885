// # Stochastic gradient descent
//
// w ← w − rate · g, or along a sum of all gradients so far, in which each step multiplies the older
// ones by `momentum`.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace glass::optim {

struct SgdOptions {
  double rate = 0.01;     // at least 0
  double momentum = 0;    // at least 0
  bool nesterov = false;  // look ahead along the momentum, which must not be 0. Y. Nesterov (1983)
  double weight_decay = 0;  // at least 0; added to the gradient: g + weight_decay · w
};

struct Sgd {
  // The variables are leaves; constants among them stay as they are. Frozen parameters stay while
  // they are frozen, whatever the momentum and the decay, and move after nn::unfreeze(). StateError
  // if one was made by an op, or none is trained. ShapeError if an option lies outside its range.
  Sgd(std::vector<Var> variables, SgdOptions o = {});
  template <std::floating_point T>
  Sgd(std::vector<Var>, T) = delete;  // the rate is an option: Sgd(parameters, {.rate = 0.1})

  // A copy moves the same parameters, with running means of its own.
  Sgd(const Sgd& other);
  Sgd(Sgd&&) noexcept = default;
  Sgd& operator=(Sgd other) noexcept;
  ~Sgd() = default;

  // Moves every parameter that has a gradient. StateError if none has one, ShapeError if an option
  // lies outside its range by now.
  //     v ← momentum · v + g, from v = 0
  //     w ← w − rate · v, or with nesterov w − rate · (g + momentum · v)
  void step();

  void zero_grad() {
    for (const Var& p : parameters) p.zero_grad();
  }

  // The state for a checkpoint, so that a resumed training makes the same steps.
  void each(auto&& f) { f("velocity", velocity), f("rate", options.rate); }

  SgdOptions options;
  std::vector<Var> parameters;
  std::vector<Tensor> velocity;
};

}  // namespace glass::optim
