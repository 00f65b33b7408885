// # Operations on Vars: each records its VJPs
//
// The same names as in tensor/ops.h, on Var: each computes its value with the Tensor op and records
// how a gradient goes back. Shapes, broadcasting and errors are those of the Tensor op. A Tensor or
// a number may stand for a Var; it is then a constant.
#pragma once

#include "autograd/var.h"
#include "tensor/attention.h"

namespace glass {

Var exp(const Var& x);
Var log(const Var& x);
Var log1p(const Var& x);
Var sqrt(const Var& x);
Var sin(const Var& x);
Var cos(const Var& x);
Var tanh(const Var& x);
Var sigmoid(const Var& x);
Var relu(const Var& x);
Var softplus(const Var& x);
Var gelu(const Var& x);
Var abs(const Var& x);
Var pow(const Var& x, Real exponent);
Var clamp(const Var& x, double lo, double hi);

// y = f(x)         dx = g ⊙ slope(x)
// For a function of one number that is not here: f, and its derivative as a function. map() calls f
// for one element after the other, as it does on a Tensor; backward() calls the slope in the same
// way. gradcheck tells whether the slope is right.
template <std::invocable<Real> F, std::invocable<Real> Slope>
Var map(const Var& x, F f, Slope slope) {
  return record("map", map(x.value(), f),
                on(x, [x = x.value(), slope = std::move(slope)](const Tensor& g) mutable {
                  return g * map(x, slope);
                }));
}
template <class F>
Var map(const Var& x, F f) = delete;  // needs the derivative, too: map(x, f, slope)

Var maximum(const Var& a, const Var& b);
Var minimum(const Var& a, const Var& b);
Var where(const Tensor& mask, const Var& a, const Var& b);

// As on Tensors, 1 where it holds, 0 where not: a mask for where(), without a gradient.
inline Tensor equal(const Var& a, const Var& b) { return equal(a.value(), b.value()); }
inline Tensor less(const Var& a, const Var& b) { return a < b; }
inline Tensor less_equal(const Var& a, const Var& b) { return a <= b; }
inline Tensor greater(const Var& a, const Var& b) { return a > b; }
inline Tensor greater_equal(const Var& a, const Var& b) { return a >= b; }

Var sum(const Var& x, const Axes& axes = {}, bool keep = false);
Var mean(const Var& x, const Axes& axes = {}, bool keep = false);
Var var(const Var& x, const Axes& axes = {}, bool keep = false, VarianceOptions options = {});
Var std(const Var& x, const Axes& axes = {}, bool keep = false, VarianceOptions options = {});
Var logsumexp(const Var& x, const Axes& axes = {}, bool keep = false);
Var max(const Var& x);
Var min(const Var& x);
Var max(const Var& x, Axis axis, bool keep = false);
Var min(const Var& x, Axis axis, bool keep = false);
Var amax(const Var& x, const Axes& axes = {}, bool keep = false);
Var amin(const Var& x, const Axes& axes = {}, bool keep = false);
Var cumsum(const Var& x, Axis axis);

Var softmax(const Var& x, Axis axis = -1);
Var log_softmax(const Var& x, Axis axis = -1);
Var layer_norm(const Var& x, const Var& weight, const Var& bias, double eps = 1e-5);
Var matmul(const Var& a, const Var& b);

// x [..., in], weight [out, in], bias [out] → x weightᵀ + bias [..., out].
Var linear(const Var& x, const Var& weight, const Var& bias);

// q [B, H, T, D], k [B, H, S, D], v [B, H, S, E] → [B, H, T, E], as in tensor/attention.h. If the
// mask is written to before backward() is called, backward() throws a StateError.
Var attention(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& mask = {},
              AttentionOptions options = {});

// The mean of −ln p(target) over the targets that count: how surprised the model was. logits
// [..., V], one target per row → []. If no target counts, the loss and its gradient are 0. With
// `.reduce = false` the loss of each target [...], 0 where it does not count. ShapeError if the
// number of targets is not the number of rows, or if a target lies outside [0, V). The targets are
// copied.
Var cross_entropy(const Var& logits, std::span<const int> targets,
                  CrossEntropyOptions options = {});
inline Var cross_entropy(const Var& logits, std::initializer_list<int> targets,
                         CrossEntropyOptions options = {}) {
  return cross_entropy(logits, std::span(targets.begin(), targets.size()), options);
}

struct BinaryCrossEntropyOptions {
  bool reduce = true;  // the mean over all elements; false: the loss of each
};

// For questions whose answer is yes (target 1) or no (0), or yes with a probability between them:
// the mean of −t ln p − (1 − t) ln(1 − p), with p = sigmoid(logits). logits and targets [...] → [].
// The mean of no elements is 0. ShapeError unless targets have the shape of the logits (nothing is
// broadcast) and lie in [0, 1]. If the targets are written to before backward() is called,
// backward() throws a StateError.
Var binary_cross_entropy_with_logits(const Var& logits, const Tensor& targets,
                                     BinaryCrossEntropyOptions options = {});

inline Var transpose(const Var& x, Axis a, Axis b) { return x.transpose(a, b); }
inline Var mT(const Var& x) { return x.mT(); }
inline Var permute(const Var& x, std::vector<Index> axes) { return x.permute(std::move(axes)); }
inline Var reshape(const Var& x, Shape shape) { return x.reshape(shape); }
inline Var slice(const Var& x, Axis axis, Index begin, Index end, Index step = 1) {
  return x.slice(axis, begin, end, step);
}
inline Var slice(const Var& x, Axis axis, Index begin) { return x.slice(axis, begin); }
inline Var select(const Var& x, Axis axis, Index i) { return x.select(axis, i); }
inline Var expand(const Var& x, Shape shape) { return x.expand(shape); }
inline Var squeeze(const Var& x, Axis axis) { return x.squeeze(axis); }
inline Var unsqueeze(const Var& x, Axis axis) { return x.unsqueeze(axis); }

Var cat(std::span<const Var> list, Axis axis);
Var stack(std::span<const Var> list, Axis axis);
inline Var cat(std::initializer_list<Var> list, Axis axis) {
  return cat(std::span(list.begin(), list.size()), axis);
}
inline Var stack(std::initializer_list<Var> list, Axis axis) {
  return stack(std::span(list.begin(), list.size()), axis);
}

Var take(const Var& table, const Tokens& tokens);
Var take(const Var& x, Axis axis, std::span<const int> indices);
Var take(const Var& x, NoAxis) = delete;  // name the axis: take(x, 0, {…})
inline Var take(const Var& x, Axis axis, std::initializer_list<int> indices) {
  return take(x, axis, std::span(indices.begin(), indices.size()));
}

// Draws once from rng unless p is 0.
Var dropout(const Var& x, double p, Rng& rng);
// dropout(relu(x), p, rng) in one pass each way, with a VJP that draws no random numbers.
Var relu_dropout(const Var& x, double p, Rng& rng);

}  // namespace glass
