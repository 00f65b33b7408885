#include <algorithm>

#include "tensor/simd.h"
#include "tests/benchmarks/race.h"

namespace bench {

double measured_peak() {
  using glass::lanes, glass::Vec;
  constexpr int chains = 12, steps = 20'000;
  Vec sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = Vec{} + static_cast<float>(i);
  // Read at run time, so that the compiler cannot compute the result beforehand.
  volatile float known_later[] = {0.999999f, 1e-6f};
  const Vec factor = Vec{} + known_later[0], term = Vec{} + known_later[1];
  double best = 0;
  for (int run = 0; run < 50; ++run) {
    const double begin = seconds();
    for (int step = 0; step < steps; ++step) {
#pragma GCC unroll 12
      for (int i = 0; i < chains; ++i) sum[i] = sum[i] * factor + term;
    }
    best = std::max(best, 2.0 * chains * lanes * steps / (seconds() - begin));
  }
  volatile float sink = 0;
  for (const Vec& x : sum) sink = sink + x[0];
  return best;
}

}  // namespace bench
