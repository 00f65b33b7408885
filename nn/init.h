// # The values that weights start with
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/module.h"

namespace glass::nn {

// U(−1/√n, 1/√n) for n inputs: a sum over the inputs then starts with a spread that does not depend
// on how many there are. PyTorch's Linear starts the same way.
inline Parameter uniform_by_inputs(Shape shape, Index inputs, Rng& rng) {
  const double bound = 1 / std::sqrt(static_cast<double>(std::max<Index>(inputs, 1)));
  return Parameter(uniform(shape, -bound, bound, rng));
}

}  // namespace glass::nn
