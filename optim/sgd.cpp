#include "optim/sgd.h"

#include "optim/update.h"

namespace glass::optim {

void Sgd::step() {
  const auto rate = static_cast<Real>(options.rate), mu = static_cast<Real>(options.momentum);
  const auto decay = static_cast<Real>(options.weight_decay);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].has_grad()) continue;
    const bool ahead = options.nesterov;
    update(parameters[i], [=, v = velocity[i].data()](Real& w, Real g, Index j) {
      g += decay * w;
      v[j] = mu * v[j] + g;
      w -= rate * (ahead ? g + mu * v[j] : v[j]);
    });
  }
}

}  // namespace glass::optim
