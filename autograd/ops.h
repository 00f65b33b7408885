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
Var sqrt(const Var& x);
Var tanh(const Var& x);
Var sigmoid(const Var& x);
Var relu(const Var& x);
Var gelu(const Var& x);
Var abs(const Var& x);
Var pow(const Var& x, Real exponent);

Var maximum(const Var& a, const Var& b);
Var minimum(const Var& a, const Var& b);
Var where(const Tensor& mask, const Var& a, const Var& b);

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

struct CrossEntropyOptions {
  int ignore_index = -100;     // a target of this value does not count
  double label_smoothing = 0;  // share of the target's weight that all V classes divide among them
};

// The mean of −ln p(target) over the targets that count: how surprised the model was. logits
// [..., V], one target per row → []. If no target counts, the loss and its gradient are 0.
// ShapeError if the number of targets is not the number of rows, or if a target lies outside
// [0, V). The targets are copied.
Var cross_entropy(const Var& logits, std::span<const int> targets,
                  CrossEntropyOptions options = {});

inline Var transpose(const Var& x, Axis a, Axis b) { return x.transpose(a, b); }
inline Var mT(const Var& x) { return x.mT(); }
inline Var permute(const Var& x, std::vector<Index> axes) { return x.permute(std::move(axes)); }
inline Var reshape(const Var& x, Shape shape) { return x.reshape(shape); }
inline Var slice(const Var& x, Axis axis, Index begin, Index end, Index step = 1) {
  return x.slice(axis, begin, end, step);
}
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
inline Var take(const Var& x, Axis axis, std::initializer_list<int> indices) {
  return take(x, axis, std::span(indices.begin(), indices.size()));
}

// Draws once from rng unless p is 0.
Var dropout(const Var& x, double p, Rng& rng);
// dropout(relu(x), p, rng) in one pass each way, with a VJP that draws no random numbers.
Var relu_dropout(const Var& x, double p, Rng& rng);

}  // namespace glass
