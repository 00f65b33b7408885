// # Curvature: why a rate can be too large
//
// Along a direction in which the loss has the second derivative λ, a step of gradient descent of
// rate η multiplies the distance from the minimum by 1 − ηλ. If λ > 2/η, this factor is below −1:
// each step ends on the other side of the minimum, and farther away. So the largest eigenvalue of
// the Hessian H, the matrix of second derivatives, limits the rate: η < 2/λ.
//
// H is never stored. In this build each number is a dual number v + d·ε. If the ε parts of the
// parameters are a direction u, the reverse sweep gives gradients whose ε parts are H u. This is
// exact, and costs as much as one training step. The power method finds λ from such products.
//
// What to see: λ rises in training until λ ≈ 2/η and then stays there, since training leaves every
// region where λ is larger. The weights oscillate there: with a smaller rate from there on the loss
// falls at once, with a larger one it explodes.
// J. Cohen et al., Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability
// (2021)
#include <glassgrad.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "examples/common/arguments.h"
#include "examples/common/bounds.h"
#include "examples/common/program.h"

using namespace glass;

namespace {

using Numbers = std::vector<double>;  // one for each number of the model, in order

struct Net {
  Net(Index width, Rng& rng) : up(1, width, rng), down(width, 1, rng) {}
  Var operator()(const Var& x) const { return down(tanh(up(x))); }  // [B, 1] → [B, 1]
  void each(auto&& f) { f("up", up), f("down", down); }
  nn::Linear up, down;
};

// The mean squared error between the model and a sine, at 24 places from −1 to 1.
Var loss_of(const Net& net) {
  const Tensor x = arange(24).reshape({24, 1}) / 11.5 - 1;  // [24, 1]
  Tensor y = x.clone();                                     // [24, 1]
  for (Index i = 0; i < 24; ++i) y(i, 0) = sin(5 * x(i, 0));
  return mean(pow(net(x) - y, 2));
}

// Calls f(number, i) for every number of these tensors; i counts through all of them. Setting an ε
// part is no step of training, so it goes through data(), which does not change the version.
template <class F>
void for_each_number(const std::vector<Tensor>& tensors, F f) {
  std::size_t i = 0;
  for (Tensor t : tensors)
    for (Index j = 0; j < t.numel(); ++j) f(t.data()[j], i++);
}

std::vector<Tensor> values(const Net& net) {
  std::vector<Tensor> all;
  for (const Var& p : nn::parameters(net)) all.push_back(p.value());
  return all;
}

std::vector<Tensor> gradients(const Net& net) {
  for (const Var& p : nn::parameters(net)) p.zero_grad();
  loss_of(net).backward();
  std::vector<Tensor> all;
  for (const Var& p : nn::parameters(net)) all.push_back(p.grad());
  return all;
}

// H u, where H is the Hessian of the loss at the model's present numbers.
Numbers hessian_times(const Net& net, const Numbers& u) {
  for_each_number(values(net), [&](Real& x, std::size_t i) { x.d = u[i]; });
  Numbers product(u.size());
  for_each_number(gradients(net), [&](Real& g, std::size_t i) { product[i] = g.d; });
  for_each_number(values(net), [](Real& x, std::size_t) { x.d = 0; });
  return product;
}

double dot(const Numbers& a, const Numbers& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// The power method: a vector that is multiplied by H again and again turns to the eigenvector of
// the largest |λ|. u is where it starts, and becomes that eigenvector. H is shifted to H + shift:
// with a shift so large that no eigenvalue is negative, the largest λ is found.
double largest_eigenvalue(const Net& net, Numbers& u, double shift) {
  double eigenvalue = 0;
  for (int i = 0; i < 500; ++i) {
    const double length = std::sqrt(dot(u, u));
    for (double& x : u) x /= length;
    Numbers next = hessian_times(net, u);
    const double before = std::exchange(eigenvalue, dot(u, next));
    if (i > 0 && std::abs(eigenvalue - before) <= 1e-7 * std::abs(eigenvalue)) break;
    for (std::size_t j = 0; j < u.size(); ++j) next[j] += shift * u[j];
    u = std::move(next);
  }
  return eigenvalue;
}

// The loss after so many steps. The model is copied, so the caller's model does not change.
double loss_after(Net net, double rate, int steps) {
  optim::Sgd sgd(nn::parameters(net), {.rate = rate});
  for (int i = 0; i < steps; ++i) {
    (void)gradients(net);
    sgd.step();
  }
  return static_cast<double>(loss_of(net).item());
}

// λ as a bar; a mark on the scale shows the limit 2/η.
std::string bar(double eigenvalue, double limit) {
  constexpr int line = 30;
  const int length = std::clamp(static_cast<int>(line * eigenvalue / limit), 0, 2 * line);
  std::string text;
  for (int i = 0; i < std::max(length, line + 1); ++i)
    text += i == line ? "┃" : i < length ? "█" : " ";
  return text;
}

// The rate that the command line gives; 0.2 if it gives none.
double rate_of(int argc, char** argv) {
  double rate = 0.2;
  CLI::App app("Shows how the curvature of the loss limits the rate of a training.");
  within(app.add_option("rate", rate, "Learning rate")->capture_default_str(),
         examples::RealNumber{1e-6, 1e6});
  examples::parse(app, argc, argv);
  return rate;
}

// Where the power method starts: any direction that is not orthogonal to the eigenvector.
Numbers random_direction(Index size, Rng& rng) {
  Numbers u(static_cast<std::size_t>(size));
  for (double& x : u) x = static_cast<double>(normal({1}, 0, 1, rng).item());
  return u;
}

// The largest λ. The power method finds the largest |λ|. If that λ is negative, a second run, with
// −λ as the shift, finds the largest λ.
double sharpness(const Net& net, Numbers& u) {
  const double extreme = largest_eigenvalue(net, u, 0);
  return extreme < 0 ? largest_eigenvalue(net, u, -extreme) : extreme;
}

// Trains, and shows λ on the way. Returns the last λ, or nothing if the loss exploded.
std::optional<double> train_and_show(const Net& net, double rate, Numbers& u) {
  constexpr int steps = 3000, shown = 20;
  optim::Sgd sgd(nn::parameters(net), {.rate = rate});
  double eigenvalue = 0;
  for (int step = 0;; ++step) {
    if (step % (steps / shown) == 0) {
      eigenvalue = sharpness(net, u);
      fmt::print("{:6} {:9.5f} {:8.3f}  {}\n", step, loss_of(net), eigenvalue,
                 bar(eigenvalue, 2 / rate));
    }
    if (step == steps) return eigenvalue;
    if (!std::isfinite(static_cast<double>(loss_of(net).item()))) {
      fmt::print("\nThe loss exploded before step {}: the rate is too large.\n", step);
      return {};
    }
    // One step of gradient descent: gradients() leaves the gradients in the parameters.
    (void)gradients(net);
    sgd.step();
  }
}

// Prints how 100 more steps change the loss, at rates below and above the limit 2/λ.
void show_other_rates(const Net& net, double eigenvalue) {
  fmt::print("\nFrom here, 100 more steps at rates on both sides of 2/λ = {:.4g}:\n\n",
             2 / eigenvalue);
  fmt::print("  rate · λ/2      loss now → loss then\n");
  for (const double share : {0.25, 0.5, 0.9, 1.1, 1.5})
    fmt::print("{:12} {:13.6f} → {:.6g}\n", share, loss_of(net),
               loss_after(net, share * 2 / eigenvalue, 100));
}

// Trains at this rate, then continues from the end with other rates.
void watch(double rate) {
  constexpr Index width = 32;
  Rng rng(1);
  const Net net(width, rng);
  Numbers u = random_direction(nn::count_parameters(net), rng);
  fmt::print("{} parameters, rate {}: λ may be up to 2/η = {:.4g}\n\n", u.size(), rate, 2 / rate);
  fmt::print("  step      loss        λ  0{:>30} 2/η\n", "");
  if (const auto eigenvalue = train_and_show(net, rate, u)) show_other_rates(net, *eigenvalue);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("03_curvature", [&] { watch(rate_of(argc, argv)); });
}
