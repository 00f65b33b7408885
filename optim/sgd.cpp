#include "optim/sgd.h"

#include "optim/update.h"

namespace glass::optim {

void Sgd::step() {
  const auto rate = static_cast<Real>(options.rate), mu = static_cast<Real>(options.momentum);
  const auto decay = static_cast<Real>(options.weight_decay);
  const bool ahead = options.nesterov;
  auto next = velocity.begin();
  for (const Var& p : parameters) {
    Real* const v = (next++)->data();
    if (!p.has_grad()) continue;
    update(p, [=](Real& w, Real g, Index j) {
      g += decay * w;
      v[j] = mu * v[j] + g;
      w -= rate * (ahead ? g + mu * v[j] : v[j]);
    });
  }
}

}  // namespace glass::optim
