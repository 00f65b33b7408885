// # Stochastic gradient descent
//
// w ← w − rate · g, or along a running mean of the gradients (momentum).
#pragma once

#include <vector>

#include "optim/update.h"

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
  void step() {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!parameters[i].has_grad()) continue;
      const auto rate = static_cast<Real>(options.rate), mu = static_cast<Real>(options.momentum);
      const auto decay = static_cast<Real>(options.weight_decay);
      Real* v = velocity[i].data();
      update(parameters[i], [&](Real& w, Real g, Index j) {
        g += decay * w;
        v[j] = mu * v[j] + g;
        w -= rate * (options.nesterov ? g + mu * v[j] : v[j]);
      });
    }
  }

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
