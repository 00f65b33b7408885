// # A step of gradient descent
//
// The formula is in sgd.h. All numbers of a parameter are updated in one pass over its memory; the
// rate does not change by itself (optim/schedule.h).
#include "optim/sgd.h"

#include "optim/update.h"

namespace glass::optim {

namespace {

void expect_options(const SgdOptions& o) {
  expect_option("Sgd", "rate", o.rate);
  expect_option("Sgd", "momentum", o.momentum);
  expect_option("Sgd", "weight_decay", o.weight_decay);
  check<ShapeError>(!o.nesterov || o.momentum > 0,
                    "Sgd: nesterov looks ahead along the momentum; momentum must be more than 0");
}

}  // namespace

Sgd::Sgd(std::vector<Var> variables, SgdOptions o) : options(o), parameters(std::move(variables)) {
  expect_leaves("Sgd", parameters);
  expect_options(options);
  for (const Var& p : parameters) velocity.push_back(zeros(p.shape()));
}

// A copy shares the parameters, which are handles, but not the running sums.
Sgd::Sgd(const Sgd& other)
    : options(other.options), parameters(other.parameters), velocity(copies(other.velocity)) {}

// `other` is a copy already: its members are swapped with ours, which cannot fail.
Sgd& Sgd::operator=(Sgd other) noexcept {
  options = other.options;
  parameters.swap(other.parameters);
  velocity.swap(other.velocity);
  return *this;
}

void Sgd::step() {
  expect_options(options);
  expect_gradients("Sgd", parameters);
  const auto rate = static_cast<Real>(options.rate), mu = static_cast<Real>(options.momentum);
  const auto decay = static_cast<Real>(options.weight_decay);
  const bool ahead = options.nesterov;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].has_grad()) continue;
    // The formula of sgd.h; v is the sum of the gradients.
    Real* const v = velocity[i].data();
    update(parameters[i], [=](Real& w, Real g, Index j) {
      g += decay * w;
      v[j] = mu * v[j] + g;
      w -= rate * (ahead ? g + mu * v[j] : v[j]);
    });
  }
}

}  // namespace glass::optim
