// # One factor for all gradients
//
// Measures the length of all gradients together, then multiplies all of them by the same factor, in
// place. So the direction of the step stays.
#include "optim/clip.h"

#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "optim/update.h"
#include "tensor/decisions.h"

namespace glass::optim {

namespace {

// The sum is in double, or an interval: the square of 1e20 does not fit a float. Eight running sums
// become one vector in the compiled loop. x is cut into fixed parts, so that the sum does not
// depend on the number of threads.
Constant sum_of_squares(const Tensor& x) {
  constexpr Index part = 32768;
  const Tensor dense = x.contiguous();
  std::vector<Constant> sums(static_cast<std::size_t>(x.numel() / part + 1));
  parallel_for(x.numel(), part, [&, in = dense.data()](Index i, Index end) {
    Constant& sum = sums[static_cast<std::size_t>(i / part)];
    std::array<Constant, 8> lane{};
    const auto add = [&](std::size_t to, Real v) { lane[to] += square(constant_of(v)); };
    for (; i + 8 <= end; i += 8)
      for (std::size_t j = 0; j < 8; ++j) add(j, in[i + static_cast<Index>(j)]);
    for (; i < end; ++i) add(0, in[i]);
    for (const Constant l : lane) sum += l;
  });
  return std::accumulate(sums.begin(), sums.end(), Constant(0));
}

}  // namespace

double clip_grad_norm(const std::vector<Var>& parameters, double max_norm) {
  check<ShapeError>(max_norm >= 0, "clip_grad_norm: max_norm must be at least 0; got {}", max_norm);
  using std::sqrt;
  Constant squares = 0;
  for (const Var& p : parameters)
    if (p.has_grad()) squares += sum_of_squares(p.grad());
  const Constant norm = sqrt(squares);
  const auto factor = static_cast<Real>(max_norm / (norm + 1e-6));
  if (named("clip_grad_norm", [&] { return factor >= Real(1); })) return static_cast<double>(norm);
  for (const Var& p : parameters)
    if (p.has_grad()) change(p.grad(), [factor](Real& g, Index) { g *= factor; });
  return static_cast<double>(norm);
}

}  // namespace glass::optim
