#include "optim/adam.h"

#include <cmath>

#include "optim/update.h"

namespace glass::optim {

void Adam::step() {
  using std::sqrt;
  const auto b1 = static_cast<Real>(options.beta1), b2 = static_cast<Real>(options.beta2);
  const auto rest1 = static_cast<Real>(1 - options.beta1);
  const auto rest2 = static_cast<Real>(1 - options.beta2);
  const auto eps = static_cast<Real>(options.eps);
  const auto shrink =
      static_cast<Real>(options.decoupled ? 1 - options.rate * options.weight_decay : 1);
  const auto pull = static_cast<Real>(options.decoupled ? 0 : options.weight_decay);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].has_grad()) continue;
    // Means that start at 0 are too small at first; the corrections undo that.
    const auto t = static_cast<double>(++steps[i]);
    const auto rate = static_cast<Real>(options.rate / (1 - std::pow(options.beta1, t)));
    const auto widen = static_cast<Real>(1 / std::sqrt(1 - std::pow(options.beta2, t)));
    update(parameters[i], [=, m = mean[i].data(), v = square[i].data()](Real& w, Real g, Index j) {
      w *= shrink;
      g += pull * w;
      m[j] = b1 * m[j] + rest1 * g;
      v[j] = b2 * v[j] + rest2 * (g * g);
      w -= rate * m[j] / (sqrt(v[j]) * widen + eps);
    });
  }
}

}  // namespace glass::optim
