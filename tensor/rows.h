// # Whole rows at a time
//
// Functions that need a row of numbers together: softmax and log_softmax, layer norm,
// cross-entropy. Each reads its row a few times, and stores no intermediate row. The functions of
// one number that are computed a vector at a time are here, too, with their VJPs: tanh, sigmoid,
// relu, gelu.
//
// Shapes: V is the length of a row; all other axes only say how many rows there are.
#pragma once

#include <array>
#include <span>

#include "tensor/tensor.h"

namespace glass {

// yᵢ = exp xᵢ / Σⱼ exp xⱼ along an axis, shifted by the row's maximum so that nothing overflows.
// −∞ gives 0. A row of nothing but −∞ gives all 0, so that a query that sees no key gets weights of
// 0.
Tensor softmax(const Tensor& x, Axis axis = -1);

// yᵢ = xᵢ − ln Σⱼ exp xⱼ along an axis. A row of nothing but −∞ stays as it is.
Tensor log_softmax(const Tensor& x, Axis axis = -1);

// The VJPs of both, from their outputs: dx = y ⊙ (g − Σ g y), and dx = g − exp(y) Σ g. These VJPs
// and those below throw a ShapeError unless their operands have one shape.
Tensor softmax_backward(const Tensor& y, const Tensor& g, Axis axis);
Tensor log_softmax_backward(const Tensor& y, const Tensor& g, Axis axis);

// The VJPs of functions of one number, from the result y or the operand x.
Tensor tanh_backward(const Tensor& y, const Tensor& g);                // g ⊙ (1 − y²)
Tensor sigmoid_backward(const Tensor& y, const Tensor& g);             // g ⊙ y ⊙ (1 − y)
Tensor relu_backward(const Tensor& x, const Tensor& g, double p = 0);  // g/(1 − p) where x > 0

// x Φ(x), and its slope Φ(x) + x φ(x), computed together, since both need Φ(x).
Tensor gelu(const Tensor& x, Tensor& slope);

// x̂ = (x − mean) / √(var + eps) over the last axis, with the biased variance; y = x̂ ⊙ weight +
// bias. J. L. Ba et al., Layer Normalization (2016), equation 4.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps = 1e-5);

// The same, with each row's mean and one over its deviation [rows], which the VJP needs; and that
// VJP: the gradients of x, weight and bias.
struct Normalized {
  Tensor result, mean, inverse_deviation;
};
Normalized normalize(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps);
std::array<Tensor, 3> layer_norm_backward(const Tensor& x, const Tensor& weight,
                                          const Normalized& row, const Tensor& g);

struct CrossEntropyOptions {
  int ignore_index = -100;     // a target of this value does not count
  double label_smoothing = 0;  // share of the target's weight that all V classes divide among them
  bool reduce = true;          // the mean over the targets that count; false: the loss of each
};

// The loss −Σᵥ tᵥ ln pᵥ of each row of x [..., V], with p the softmax of the row and
// t = (1 − smoothing)·[v = target] + smoothing/V; and its slope p − t [..., V]. Both are 0 in rows
// whose target is ignored. If the losses are reduced, they become their mean [] over the n targets
// that count, and the slope (p − t)/n; otherwise they are [...]. ShapeError unless there is one
// target per row, and each is in [0, V) or is ignored.
struct CrossEntropy {
  Tensor loss, slope;
};
CrossEntropy cross_entropy_rows(const Tensor& x, std::span<const int> targets,
                                const CrossEntropyOptions& options);

// The loss −t ln p − (1 − t) ln(1 − p) of each element, with p = 1/(1 + e⁻ˣ), and its slope p − t.
// ShapeError unless x and t have one shape, and every t is in [0, 1].
Tensor binary_cross_entropy(const Tensor& x, const Tensor& t);
Tensor binary_cross_entropy_slope(const Tensor& x, const Tensor& t);

}  // namespace glass
