// # Whole rows at a time
//
// Functions that need a row of numbers together: softmax and its kin, layer norm, cross-entropy.
// Each reads its row a few times and keeps nothing in between.
//
// Shapes: V is the length of a row; all other axes only say how many rows there are.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace glass {

// yᵢ = exp xᵢ / Σⱼ exp xⱼ along an axis, shifted by the row's maximum so that nothing overflows.
// −∞ gives 0; a row of nothing but −∞ gives all 0, the choice that makes a blocked attention row
// vanish.
Tensor softmax(const Tensor& x, Index axis = -1);

// yᵢ = xᵢ − ln Σⱼ exp xⱼ along an axis. A row of nothing but −∞ stays as it is.
Tensor log_softmax(const Tensor& x, Index axis = -1);

// The VJPs of both, from their outputs: dx = y ⊙ (g − Σ g y), and dx = g − exp(y) Σ g.
Tensor softmax_backward(const Tensor& y, const Tensor& g, Index axis);
Tensor log_softmax_backward(const Tensor& y, const Tensor& g, Index axis);

// The VJP of gelu: g · (Φ(x) + x φ(x)).
Tensor gelu_backward(const Tensor& x, const Tensor& g);

// x̂ = (x − mean) / √(var + eps) over the last axis, with the biased variance; y = x̂ ⊙ weight +
// bias. J. L. Ba et al., Layer Normalization (2016), equation 4.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);

// The normalised rows x̂ and one over each row's deviation [..., 1]: what the VJP needs.
struct Normalized {
  Tensor rows, inverse_deviation;
};
Normalized normalize(const Tensor& x, double eps);
void check_layer_norm(const Shape& x, const Shape& weight, const Shape& bias);

// The mean over the targets that count of −Σᵥ tᵥ ln pᵥ, with p the softmax of a row of x [..., V]
// and t = (1 − smoothing)·[v = target] + smoothing/V; and its slope (p − t)/n [..., V], 0 in rows
// whose target is `ignored`. ShapeError if there is not one target a row, or names a target outside
// [0, V).
struct CrossEntropy {
  Tensor loss, slope;
};
CrossEntropy cross_entropy_rows(const Tensor& x, std::span<const int> targets, int ignored,
                                double smoothing);

}  // namespace glass
