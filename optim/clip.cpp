#include "optim/clip.h"

#include <array>
#include <cmath>

#include "optim/update.h"

namespace glass::optim {

namespace {

// In double, since of a float of 1e20 the square is no float; in eight sums, which the compiler
// makes vectors of.
double sum_of_squares(const Tensor& x) {
  const Tensor dense = x.contiguous();
  const Real* in = dense.data();
  std::array<double, 8> lane{};
  for (Index i = 0, n = x.numel(); i < n; ++i) {
    const auto v = static_cast<double>(in[i]);
    lane[static_cast<std::size_t>(i % 8)] += v * v;
  }
  double sum = 0;
  for (const double part : lane) sum += part;
  return sum;
}

}  // namespace

double clip_grad_norm(const std::vector<Var>& parameters, double max_norm) {
  double squares = 0;
  for (const Var& p : parameters)
    if (p.has_grad()) squares += sum_of_squares(p.grad());
  const double norm = std::sqrt(squares);
  const auto factor = static_cast<Real>(max_norm / (norm + 1e-6));
  if (factor >= Real(1)) return norm;
  for (const Var& p : parameters)
    if (p.has_grad()) change(p.grad(), [factor](Real& g, Index) { g *= factor; });
  return norm;
}

}  // namespace glass::optim
