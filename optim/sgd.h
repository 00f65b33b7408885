// # Stochastic gradient descent
//
// w ← w − rate · g, or along a sum of all gradients so far, in which each step multiplies the older
// ones by `momentum`.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace glass::optim {

struct SgdOptions {
  double rate = 0.01;
  double momentum = 0;
  bool nesterov = false;    // look ahead along the momentum. Y. Nesterov (1983)
  double weight_decay = 0;  // added to the gradient: g + weight_decay · w
};

struct Sgd {
  Sgd(std::vector<Var> variables, SgdOptions o) : options(o), parameters(std::move(variables)) {
    for (const Var& p : parameters) velocity.push_back(zeros(p.shape()));
  }

  // Moves every parameter that has a gradient.
  //     v ← momentum · v + g, from v = 0
  //     w ← w − rate · v, or with nesterov w − rate · (g + momentum · v)
  void step();

  void zero_grad() {
    for (const Var& p : parameters) p.zero_grad();
  }

  // What a checkpoint needs, so that training goes on as if it had never stopped.
  void each(auto&& f) { f("velocity", velocity), f("rate", options.rate); }

  SgdOptions options;
  std::vector<Var> parameters;
  std::vector<Tensor> velocity;
};

}  // namespace glass::optim
