// # A step of Adam
//
// The formula is in adam.h. All numbers of a parameter are updated in one pass over its memory. The
// running means belong to the optimiser; the parameters belong to the model.
#include "optim/adam.h"

#include <cmath>

#include "optim/update.h"
#include "tensor/decisions.h"

namespace glass::optim {

namespace {

void expect_options(const AdamOptions& o) {
  expect_option("Adam", "rate", o.rate);
  check<ShapeError>(0 <= o.beta1 && o.beta1 < 1 && 0 <= o.beta2 && o.beta2 < 1,
                    "Adam: beta1 and beta2 must lie in [0, 1); got {} and {}", o.beta1, o.beta2);
  expect_option("Adam", "eps", o.eps);
  expect_option("Adam", "weight_decay", o.weight_decay);
}

}  // namespace

Adam::Adam(std::vector<Var> variables, AdamOptions o)
    : options(o), parameters(std::move(variables)) {
  expect_leaves("Adam", parameters);
  expect_options(options);
  for (const Var& p : parameters) {
    mean.push_back(zeros(p.shape()));
    square.push_back(zeros(p.shape()));
  }
  steps.resize(parameters.size());
}

// A copy shares the parameters, which are handles, but not the running means.
Adam::Adam(const Adam& other)
    : options(other.options),
      parameters(other.parameters),
      mean(copies(other.mean)),
      square(copies(other.square)),
      steps(other.steps) {}

// `other` is a copy already: its members are swapped with ours, which cannot fail.
Adam& Adam::operator=(Adam other) noexcept {
  options = other.options;
  parameters.swap(other.parameters);
  mean.swap(other.mean);
  square.swap(other.square);
  steps.swap(other.steps);
  return *this;
}

void Adam::step() {
  using std::sqrt, std::pow;
  expect_options(options);
  expect_gradients("Adam", parameters);
  // The options as Reals, computed once for all numbers.
  const Constant beta1 = options.beta1, beta2 = options.beta2;
  const auto b1 = static_cast<Real>(beta1), b2 = static_cast<Real>(beta2);
  const auto rest1 = static_cast<Real>(1 - beta1), rest2 = static_cast<Real>(1 - beta2);
  const auto eps = static_cast<Real>(options.eps);
  const auto shrink = static_cast<Real>(
      options.decoupled ? 1 - Constant(options.rate) * options.weight_decay : Constant(1));
  const auto pull = static_cast<Real>(options.decoupled ? 0 : options.weight_decay);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!parameters[i].has_grad()) continue;
    // The running means start at 0, so they are too small at first; dividing by 1 − βᵗ corrects
    // that.
    const auto t = static_cast<Constant>(++steps[i]);
    const auto rate = static_cast<Real>(options.rate / (1 - pow(beta1, t)));
    const auto widen = static_cast<Real>(1 / sqrt(1 - pow(beta2, t)));
    update(parameters[i], [=, m = mean[i].data(), v = square[i].data()](Real& w, Real g, Index j) {
      w *= shrink;
      g += pull * w;
      m[j] = b1 * m[j] + rest1 * g;
      v[j] = b2 * v[j] + rest2 * glass::square(g);
      w -= rate * m[j] / (sqrt(v[j]) * widen + eps);
    });
  }
}

}  // namespace glass::optim
