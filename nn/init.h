// # The values that weights start with
//
// A layer multiplies the spread of its inputs by a factor that depends on its size and on the
// spread of its weights. In a deep model the factors of all layers are multiplied, so each should
// be near 1. Here are the three usual rules for it. Linear and GRU start by the first one. To start
// a weight by another rule, assign a new Parameter, or copy numbers into the one that is there,
// which optimisers and tied weights keep:
//
//     layer.weight = nn::Parameter(nn::xavier_uniform({out, in}, rng));
//     Tensor w = layer.weight.value();  w.copy_from(nn::kaiming_normal(w.shape(), rng));
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

// ---- Xavier ----

// For layers with tanh or sigmoid behind them, or with nothing. The variance is gain² · 2 / n, with
// n the number of inputs plus the number of outputs: a compromise between keeping the spread of the
// values forwards and that of the gradients backwards. `gain` makes up for what an activation takes
// from the spread; PyTorch recommends 5/3 for tanh. ShapeError unless the shape has at least two
// axes, [out, in, …], and the gain is a finite number of at least 0.
//
// X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks
// (2010), equations 12 and 16
Tensor xavier_uniform(Shape shape, Rng& rng, double gain = 1);
Tensor xavier_normal(Shape shape, Rng& rng, double gain = 1);

// ---- Kaiming ----

enum class Fan { in, out };

struct KaimingOptions {
  Fan fan = Fan::in;  // keep the spread of the values (in), or that of the gradients (out)
  double slope = 0;   // of the activation for negative inputs: 0 relu, 0.01 leaky relu, 1 none
};

// For layers with relu behind them. The variance is 2 / ((1 + slope²) · fan): relu makes half of
// the values 0, which halves their mean square. ShapeError unless the shape has at least two axes,
// [out, in, …], and the slope is a finite number.
//
// K. He et al., Delving Deep into Rectifiers (2015), equation 10 (Fan::in), 14 (Fan::out) and 15
// (slope)
Tensor kaiming_uniform(Shape shape, Rng& rng, KaimingOptions options = {});
Tensor kaiming_normal(Shape shape, Rng& rng, KaimingOptions options = {});

}  // namespace glass::nn
