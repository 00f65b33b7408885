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
    started.resize(parameters.size());
  }

  // Moves every parameter that has a gradient.
  //     v ← momentum · v + g, at first g
  //     w ← w − rate · v, or with nesterov w − rate · (g + momentum · v)
  void step() {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!parameters[i].has_grad()) continue;
      const auto rate = static_cast<Real>(options.rate), mu = static_cast<Real>(options.momentum);
      const auto decay = static_cast<Real>(options.weight_decay);
      const Real kept = started[i] ? mu : Real(0);
      const bool plain = options.momentum == 0;
      started[i] = 1;
      Real* v = velocity[i].data();
      update(parameters[i], [&](Real& w, Real g, Index j) {
        g += decay * w;
        v[j] = kept * v[j] + g;
        w -= rate * (plain ? g : options.nesterov ? g + mu * v[j] : v[j]);
      });
    }
  }

  void zero_grad() {
    for (const Var& p : parameters) p.zero_grad();
  }

  // What a checkpoint needs, so that training goes on as if it had never stopped.
  void each(auto&& f) { f("velocity", velocity), f("started", started), f("rate", options.rate); }

  SgdOptions options;
  std::vector<Var> parameters;
  std::vector<Tensor> velocity;
  std::vector<Index> started;  // 1 once a parameter has had a gradient
};

}  // namespace glass::optim
