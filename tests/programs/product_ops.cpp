// # Rows, products of matrices, attention and losses, in random programs: rows of the table
//
// elementwise_ops.cpp says what a row is. The plain forms are the formulas as a textbook writes
// them: attention, for instance, with all its scores in memory.
#include <optional>

#include "tests/programs/arguments.h"

namespace glass::programs {

namespace {

using V = const Vars&;
using A = const Args&;

// ---- plain forms ----

Var plain_softmax(const Var& x, Index axis) { return exp(x) / sum(exp(x), axis, true); }
Var plain_log_softmax(const Var& x, Index axis) { return x - log(sum(exp(x), axis, true)); }

Var plain_layer_norm(const Var& x, const Var& weight, const Var& bias, double eps) {
  const Var centred = x - mean(x, -1, true);
  return centred / sqrt(mean(centred * centred, -1, true) + eps) * weight + bias;
}

// softmax(Q Kᵀ / √D) V, where blocked scores are left out. A query that sees no key gives 0.
Var plain_attention(V x, const std::optional<Tensor>& mask, double p, Rng* rng) {
  const double D = static_cast<double>(x[0].size(3));
  const Var scores = matmul(x[0], mT(x[1])) * (1 / std::sqrt(D));  // [B, H, T, S]
  Tensor seen = ones(scores.shape());
  if (mask) seen = seen * (mask->rank() == 3 ? mask->unsqueeze(1) : *mask);
  // Numbers near 0 need no shift before the exponential.
  const Var weights = exp(scores) * seen;
  const Var total = sum(weights, -1, true);
  Var p_seen = weights / where(equal(total, 0), 1, total);
  if (p > 0) p_seen = p_seen * dropout(ones(scores.shape()), p, *rng);
  return matmul(p_seen, x[2]);
}

// −Σ t ln p, where t mixes the target with an equal share for every class.
Var plain_cross_entropy(const Var& logits, A targets, double smoothing) {
  const Index classes = logits.size(-1), rows = std::ssize(targets);
  const Var log_p = plain_log_softmax(reshape(logits, Shape{rows, classes}), -1);
  Tensor t = zeros(Shape{rows, classes});
  for (Index i = 0; i < rows; ++i) {
    const Index target = targets[static_cast<std::size_t>(i)];
    for (Index j = 0; target >= 0 && j < classes; ++j)
      t(i, j) = Real(smoothing / static_cast<double>(classes) + (j == target ? 1 - smoothing : 0));
  }
  return -sum(log_p * t, -1);
}
double counted(A targets) {
  return static_cast<double>(
      std::max<std::ptrdiff_t>(1, std::ranges::count_if(targets, [](Index t) { return t >= 0; })));
}

Var plain_binary(const Var& z, const Tensor& t) {
  const Var p = 1 / (1 + exp(-z));
  return -(t * log(p) + (1 - t) * log(1 - p));
}

Var scaled(const Var& loss, double n) { return sum(loss) / std::max(n, 1.0); }

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
Table product_ops() {
  return {
      // rows
      {.text = "softmax($0, #0)",
       .first = First::line,
       .legal = axis,
       .run = [](V x, A a, Rng&) { return softmax(x[0], a[0]); },
       .plain = [](V x, A a, Rng&) { return plain_softmax(x[0], a[0]); },
       .near_one = true,
       .for_long = true},
      {.text = "log_softmax($0, #0)",
       .first = First::line,
       .legal = axis,
       .run = [](V x, A a, Rng&) { return log_softmax(x[0], a[0]); },
       .plain = [](V x, A a, Rng&) { return plain_log_softmax(x[0], a[0]); },
       .near_one = true},
      {.text = "layer_norm($0, $1, $2, 0.1)",
       .first = First::line,
       .others = row_and_row,
       .run = [](V x, A, Rng&) { return layer_norm(x[0], x[1], x[2], 0.1); },
       .plain = [](V x, A, Rng&) { return plain_layer_norm(x[0], x[1], x[2], 0.1); },
       .defined = rows_not_empty,
       .near_one = true,
       .for_long = true},

      // products of matrices
      {.text = "matmul($0, $1)",
       .first = First::line,
       .others = right_factor,
       .run = [](V x, A, Rng&) { return matmul(x[0], x[1]); },
       .for_long = true},
      {.text = "linear($0, $1, $2)",
       .first = First::line,
       .others = weights,
       .run = [](V x, A, Rng&) { return linear(x[0], x[1], x[2]); },
       .plain = [](V x, A, Rng&) { return matmul(x[0], mT(x[1])) + x[2]; },
       .for_long = true},

      // attention
      {.text = "attention($0, $1, $2)",
       .first = First::heads,
       .others = keys,
       .run = [](V x, A, Rng&) { return attention(x[0], x[1], x[2]); },
       .plain = [](V x, A, Rng&) { return plain_attention(x, {}, 0, nullptr); },
       .defined = has_width,
       .near_one = true,
       .for_long = true},
      {.text = "attention($0, $1, $2, {}, {.causal = true, .dropout = 0.25, .rng = &rng})",
       .first = First::heads,
       .others = keys,
       .run =
           [](V x, A, Rng& rng) {
             return attention(x[0], x[1], x[2], {}, {.causal = true, .dropout = 0.25, .rng = &rng});
           },
       .plain =
           [](V x, A, Rng& rng) {
             return plain_attention(x, causal_mask(x[0].size(2), x[1].size(2)), 0.25, &rng);
           },
       .defined = has_width,
       .near_one = true,
       .for_long = true},
      // attention with a mask
      {.text = "attention($0, $1, $2, $3.value())",
       .first = First::heads,
       .others = keys_and_mask,
       .run = [](V x, A, Rng&) { return attention(x[0], x[1], x[2], x[3].value()); },
       .plain = [](V x, A, Rng&) { return plain_attention(x, x[3].value(), 0, nullptr); },
       .defined = has_width,
       .mask = 3,
       .near_one = true,
       .for_long = true},
      {.text = "attention($0, $1, $2, $3.value(), {.dropout = 0.25, .rng = &rng})",
       .first = First::heads,
       .others = keys_and_mask,
       .run =
           [](V x, A, Rng& rng) {
             return attention(x[0], x[1], x[2], x[3].value(), {.dropout = 0.25, .rng = &rng});
           },
       .plain = [](V x, A, Rng& rng) { return plain_attention(x, x[3].value(), 0.25, &rng); },
       .defined = has_width,
       .mask = 3,
       .near_one = true},

      // losses
      {.text = "cross_entropy($0, std::vector<int>{@0})",
       .first = First::line,
       .legal = targets,
       .run = [](V x, A a, Rng&) { return cross_entropy(x[0], ints(a)); },
       .plain = [](V x, A a, Rng&) { return scaled(plain_cross_entropy(x[0], a, 0), counted(a)); },
       .defined = has_classes,
       .near_one = true},
      {.text =
           "cross_entropy($0, std::vector<int>{@0}, {.label_smoothing = 0.25, .reduce = false})",
       .first = First::line,
       .legal = targets,
       .run =
           [](V x, A a, Rng&) {
             return cross_entropy(x[0], ints(a), {.label_smoothing = 0.25, .reduce = false});
           },
       .plain =
           [](V x, A a, Rng&) {
             return reshape(plain_cross_entropy(x[0], a, 0.25), x[0].shape().erase(-1));
           },
       .defined = has_classes,
       .near_one = true},
      // of questions whose answer is yes or no
      {.text = "binary_cross_entropy_with_logits($0, $1.value())",
       .others = alike,
       .run = [](V x, A, Rng&) { return binary_cross_entropy_with_logits(x[0], x[1].value()); },
       .plain =
           [](V x, A, Rng&) {
             return scaled(plain_binary(x[0], x[1].value()), static_cast<double>(x[0].numel()));
           },
       .mask = 1,
       .near_one = true},
      {.text = "binary_cross_entropy_with_logits($0, 0.25 * $1.value(), {.reduce = false})",
       .others = alike,
       .run =
           [](V x, A, Rng&) {
             return binary_cross_entropy_with_logits(x[0], 0.25 * x[1].value(), {.reduce = false});
           },
       .plain = [](V x, A, Rng&) { return plain_binary(x[0], 0.25 * x[1].value()); },
       .mask = 1,
       .near_one = true},
  };
}

}  // namespace glass::programs
