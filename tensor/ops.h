// # Operations on tensors
//
// Each returns a new tensor, or a view where it says so, and never writes into its operands. Shapes
// broadcast as in NumPy: aligned at the last axis, a size of 1 stretches. A plain number may stand
// for a Tensor.
//
// No graph here: autograd/ops.h has the same names on Var. A VJP that needs a loop of its own is in
// rows.h, under a name that ends in `_backward`.
#pragma once

#include <concepts>
#include <optional>

#include "tensor/matmul.h"
#include "tensor/random.h"
#include "tensor/rows.h"
#include "tensor/tensor.h"

namespace glass {

// ---- element-wise, one operand ----

Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);  // ln(1 + x), with all digits also where x is small
Tensor sqrt(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);   // 1/(1 + e⁻ˣ)
Tensor relu(const Tensor& x);      // max(x, 0)
Tensor softplus(const Tensor& x);  // ln(1 + eˣ), a smooth max(x, 0)
Tensor gelu(const Tensor& x);  // x·Φ(x), Φ the normal distribution's cumulative: the exact form
Tensor abs(const Tensor& x);
Tensor pow(const Tensor& x, Real exponent);

// lo where x is smaller, hi where x is larger, else x. NaN stays NaN. ShapeError unless lo ≤ hi; a
// bound may be infinite, so that only the other one counts.
Tensor clamp(const Tensor& x, double lo, double hi);

// f(x) of every element, for a function that is not here:
//
//     map(x, [](Real v) { return v < 0 ? 0.1 * v : v; })
//
// f takes a Real, and returns a number of any type. It is called for one element after the other,
// in row-major order, so it may have a state, such as a counter.
template <std::invocable<Real> F>
Tensor map(const Tensor& x, F&& f) {
  const Tensor in = x.contiguous();
  Tensor y = empty(x.shape());
  for (Index i = 0; i < x.numel(); ++i) y.data()[i] = static_cast<Real>(f(in.data()[i]));
  return y;
}

// ---- element-wise, two operands; `+ - * /` are friends of Tensor ----

// The larger or smaller of two numbers; a NaN in either gives NaN.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);

// 1 where it holds, 0 where not; with a NaN none of them holds. `< <= > >=` are the same functions.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);

// a where the mask is not 0, else b.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);
inline Tensor where(const Tensor& mask, Number auto a, Number auto b) {
  return where(mask, Tensor(a), Tensor(b));
}

// The lower triangle of the last two axes: element (i, j) stays where j ≤ i + k, else 0.
Tensor tril(const Tensor& x, Index k = 0);

// Attention masks of other conventions, as ours: 1 attends, 0 blocks. A boolean mask of PyTorch's
// says which keys to block. An additive mask is added to the scores: 0 attends; −∞ blocks, and so
// does any number of at most −10,000, whose exponential is 0. ShapeError where an additive mask
// holds anything else: a bias is no mask.
Tensor from_torch_mask(const Tensor& blocked);
Tensor from_additive_mask(const Tensor& added);

// ---- reductions ----

// Over all axes, or over those named; `keep` leaves them with size 1. Sums are pairwise: the error
// grows with the logarithm of the count. ShapeError if an axis is not there or named twice.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keep = false);

// The mean of the squared differences from the mean: Σ (x − mean)² / (n − 1), an estimate for the
// numbers that x is a sample of, or / n if `biased`: that of x itself. std is its square root, the
// standard deviation, with a gradient of 0 where all numbers are equal (that of sqrt(var(x)) is NaN
// there). NaN where nothing is left to divide by. After `using namespace glass`, write
// glass::std(x), since std alone is also the standard library's namespace.
struct VarianceOptions {
  bool biased = false;
};
Tensor var(const Tensor& x, const Axes& axes = {}, bool keep = false, VarianceOptions options = {});
Tensor std(const Tensor& x, const Axes& axes = {}, bool keep = false, VarianceOptions options = {});
// x − mean, exactly 0 where all numbers are equal; and what the variance of n numbers is divided
// by, which is never less than 0. The VJPs need both.
Tensor centered(const Tensor& x, const Axes& axes);
double variance_divisor(double n, VarianceOptions options);

// ln Σ exp x, shifted by the largest number so that nothing overflows. Over nothing, or nothing but
// −∞, it is −∞.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keep = false);
// Its VJP: dx = g ⊙ exp x / Σ exp x. In g the axes have size 1.
Tensor logsumexp_backward(const Tensor& x, const Tensor& g, const Axes& axes);

// The largest or smallest number: of all, along an axis, or over several axes. NaN if one of the
// numbers is NaN. ShapeError where there is no number. max(x, 0) reduces axis 0: the larger of each
// element and 0 is maximum(x, 0). max and amax differ in their gradients only: that of max goes to
// the first of equal numbers, those numbers share that of amax.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
Tensor max(const Tensor& x, Axis axis, bool keep = false);
Tensor min(const Tensor& x, Axis axis, bool keep = false);
Tensor amax(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor amin(const Tensor& x, const Axes& axes = {}, bool keep = false);
// The VJPs of amax and amin ask where x equals its extreme y: 1 there, else 0. In y the axes have
// size 1.
Tensor at_extreme(const Tensor& x, const Tensor& y, const Axes& axes);
// The index of the first largest number along the axis, for each position of the other axes, in
// row-major order.
std::vector<int> argmax(const Tensor& x, Axis axis);

// The running sums along an axis: yᵢ = x₀ + … + xᵢ. The error grows with the logarithm of i. The
// VJP sums from the other end: dxᵢ = gᵢ + gᵢ₊₁ + ….
Tensor cumsum(const Tensor& x, Axis axis);
Tensor cumsum_backward(const Tensor& g, Axis axis);

// The gradient of a broadcast: sums x over the axes that stretched `shape` to x's shape.
Tensor sum_to(const Tensor& x, const Shape& shape);

// sum + x. Written into sum's memory if no other tensor shares it, else into new memory.
Tensor accumulate(Tensor sum, const Tensor& x);

// ---- joining and picking ----

// cat joins along an axis that exists, stack along a new one. ShapeError if the list is empty or
// shapes differ.
Tensor cat(std::span<const Tensor> list, Axis axis);
Tensor stack(std::span<const Tensor> list, Axis axis);
inline Tensor cat(std::initializer_list<Tensor> list, Axis axis) {
  return cat(std::span(list.begin(), list.size()), axis);
}
inline Tensor stack(std::initializer_list<Tensor> list, Axis axis) {
  return stack(std::span(list.begin(), list.size()), axis);
}

// ShapeError, which names `op`, unless there are batch · length ids.
void expect_tokens(std::string_view op, const Tokens& tokens);

// Rows of a table [V, C] by their number: [B, T, C]. ShapeError names an id outside 0 … V - 1.
Tensor take(const Tensor& table, const Tokens& tokens);
// The VJP of take: adds each row of g [B, T, C] to the row of a zero table [V, C] that its id
// names. Sums are pairwise here, too. ShapeError unless g has a row for each id.
Tensor scatter_add(const Tensor& g, const Tokens& tokens, Index rows);

// The positions along an axis that the list names, in its order; the axis gets the list's length.
// take(x, 0, {4, 1, 1}) gives rows 4, 1 and 1 of x: a mini-batch. Every row of x is picked from in
// the same way. For a number of its own from each row, such as the probability of the action that
// was drawn, there is sum(x * take(eye(n), 0, actions), -1), or cross_entropy with `.reduce =
// false`. ShapeError names an index outside 0 … n - 1: a negative index does not count from the
// end.
Tensor take(const Tensor& x, Axis axis, std::span<const int> indices);
inline Tensor take(const Tensor& x, Axis axis, std::initializer_list<int> indices) {
  return take(x, axis, std::span(indices.begin(), indices.size()));
}
// Without the axis, braces of two numbers would be Tokens.
struct NoAxis {
  int first, second;
};
Tensor take(const Tensor& x, NoAxis) = delete;  // name the axis: take(x, 0, {…})

// The labels of a mini-batch, whose rows take(x, 0, indices) gives: those at the positions that the
// list names.
std::vector<int> take(std::span<const int> labels, std::span<const int> indices);
// The VJP of take(x, axis, indices): adds each position of g to the position of a zero tensor that
// the list names. The axis gets `size` positions. ShapeError unless g has a position for each
// index.
Tensor scatter_add(const Tensor& g, Axis axis, std::span<const int> indices, Index size);

// ---- views, as functions ----

inline Tensor transpose(const Tensor& x, Axis a, Axis b) { return x.transpose(a, b); }
inline Tensor mT(const Tensor& x) { return x.mT(); }
inline Tensor permute(const Tensor& x, std::vector<Index> axes) {
  return x.permute(std::move(axes));
}
inline Tensor reshape(const Tensor& x, Shape shape) { return x.reshape(shape); }
inline Tensor slice(const Tensor& x, Axis axis, Index begin, Index end, Index step = 1) {
  return x.slice(axis, begin, end, step);
}
inline Tensor slice(const Tensor& x, Axis axis, Index begin) { return x.slice(axis, begin); }
inline Tensor select(const Tensor& x, Axis axis, Index i) { return x.select(axis, i); }
inline Tensor expand(const Tensor& x, Shape shape) { return x.expand(shape); }
inline Tensor squeeze(const Tensor& x, Axis axis) { return x.squeeze(axis); }
inline Tensor unsqueeze(const Tensor& x, Axis axis) { return x.unsqueeze(axis); }

}  // namespace glass
