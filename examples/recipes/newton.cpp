// # Newton's method, by products of the Hessian with a vector
//
// Gradient descent is slow if some features are much larger than others. Newton's method subtracts
// H⁻¹ g from the weights: g is the gradient, H the Hessian. H is never stored: conjugate gradients
// solve H s = g from products H u, and dual numbers v + d·ε (link glassgrad::dual) give a product
// for the cost of a gradient. What to see: near the minimum each step squares the length of g.
#include <glassgrad.h>

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace glass;
using Loss = std::function<Var(const Var& w)>;

Tensor gradient(const Loss& loss, const Tensor& w) {
  const Var leaf(w, true);
  loss(leaf).backward();
  return leaf.grad();
}

// The gradient at w + u·ε is g + H u·ε: its ε parts, d, are the product H u. Real(0, 1) is ε.
Tensor hessian_times(const Loss& loss, const Tensor& w, const Tensor& u) {
  return map(gradient(loss, w + Real(0, 1) * u), [](Real g) { return Real(g.d); });
}

double dot(const Tensor& a, const Tensor& b) { return static_cast<double>(sum(a * b).item()); }
double length(const Tensor& a) { return static_cast<double>(sqrt(sum(a * a)).item()); }

// The s with H s = g. H has to be positive definite.   M. Hestenes, E. Stiefel (1952)
Tensor newton_step(const Loss& loss, const Tensor& w, const Tensor& g) {
  Tensor s = zeros(g.shape()), rest = g, u = g;  // rest = g − H s; u is the next direction
  for (Index i = 0; i < 2 * g.numel() && length(rest) > 1e-12 * length(g); ++i) {
    const Tensor hu = hessian_times(loss, w, u);
    const double before = dot(rest, rest), rate = before / dot(u, hu);
    s = s + rate * u;
    rest = rest - rate * hu;
    u = rest + dot(rest, rest) / before * u;
  }
  return s;
}

bool run(std::uint64_t seed) {
  constexpr Index n = 200, c = 10;
  Rng rng(seed);
  const Tensor x = normal({n, c}, 0, 1, rng) * (1 + arange(c));  // the last feature is large
  const Tensor scores = matmul(x, normal({c, 1}, 0, 1, rng));    // [n, 1]
  const Tensor y = greater(scores, normal({n, 1}, 0, 9, rng));   // [n, 1], 0 or 1, noisy
  const Loss loss = [&](const Var& w) {                          // w [c, 1]
    return binary_cross_entropy_with_logits(matmul(x, w), y) + 1e-3 * sum(w * w);
  };
  const auto slope = [&](const Tensor& w) { return length(gradient(loss, w)); };
  Tensor w = zeros({c, 1}), slow = w;
  for (int step = 1; step <= 10; ++step) {
    w = w - newton_step(loss, w, gradient(loss, w));
    fmt::print("Newton's method, step {:2}: |g| {:.1e}\n", step, slope(w));
  }
  const double rate = 0.5 * n / dot(x, x);  // at most 1/λ, for every eigenvalue λ of H
  for (int step = 1; step <= 1000; ++step) slow = slow - rate * gradient(loss, slow);
  const bool holds = slope(w) < 1e-10 && slope(slow) > 1e-6;
  fmt::print("claim: |g| {:.0e} < 1e-10; after 1000 steps of gradient descent {:.0e} > 1e-6: {}\n",
             slope(w), slope(slow), holds ? "holds" : "fails");
  return holds;
}

// The only argument is the seed. Status 0: the claim holds; 1: it fails; 2: an error.
int main(int argc, char** argv) try {
  const std::string word = argc > 1 ? argv[1] : "1";
  const std::uint64_t seed = std::strtoull(word.c_str(), nullptr, 10);
  if (argc > 2 || std::to_string(seed) != word)  // of "abc" or "3x" strtoull reads only a part
    throw std::invalid_argument("usage: one optional seed, a whole number");
  const bool holds = run(seed);
  if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write the standard output");
  return holds ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}

// Change first: in loss, take mean(pow(matmul(x, w) - y, 2)): then the first step is enough.
