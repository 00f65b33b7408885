// # Positions: a pattern of sines tells where a token is
//
// Attention alone sees a set, not a sequence. So to each position's embedding is added a pattern of
// sines and cosines of many wavelengths, from 2π to 20,000π, in which a shift by k positions is the
// same rotation everywhere.   A. Vaswani et al. (2017), section 3.5
#pragma once

#include <cmath>

#include "tensor/tensor.h"

namespace glass::nn {

// [length, dim]: PE(t, 2i) = sin(t / 10000^(2i/dim)), PE(t, 2i + 1) = cos of the same.
inline Tensor sinusoidal_positions(Index length, Index dim) {
  using std::pow, std::sin, std::cos;
  Tensor table = empty(Shape{length, dim});
  for (Index t = 0; t < length; ++t)
    for (Index i = 0; i < dim; ++i) {
      const Index even = i - i % 2;  // sine and cosine of a pair share a wavelength
      const Constant power = Constant(even) / Constant(dim);
      const Constant angle = Constant(t) / pow(Constant(10000), power);
      table(t, i) = static_cast<Real>(i % 2 == 0 ? sin(angle) : cos(angle));
    }
  return table;
}

}  // namespace glass::nn
