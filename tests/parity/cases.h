// # The glassgrad side of the comparison with PyTorch
//
// One row an op: what glassgrad makes of a case. The program `parity` draws cases and asks libtorch
// for the same numbers; golden_test reads cases that libtorch has answered already. Nothing here
// knows torch. Dropout has no row: its random stream is its own.
//
// B batch, T queries or target length, S keys, C width, H heads, V vocabulary
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/sgd.h"

namespace glass::parity {

struct Case {
  std::vector<Tensor> inputs;     // each gets a gradient
  std::vector<Tensor> constants;  // masks: none
  std::vector<double> options;    // axes, sizes, token ids, rates: the row says which

  double number(std::size_t i) const { return options.at(i); }
  Index index(std::size_t i) const { return std::llround(options.at(i)); }
  bool flag(std::size_t i) const { return options.at(i) != 0; }
  template <class Integer = Index>
  std::vector<Integer> rest(std::size_t begin) const {
    std::vector<Integer> result;
    for (std::size_t i = begin; i < options.size(); ++i)
      result.push_back(static_cast<Integer>(index(i)));
    return result;
  }
  Shape sizes(std::size_t begin) const { return Shape(std::span<const Index>(rest(begin))); }
  Tokens tokens() const { return {index(0), index(1), rest<int>(2)}; }
  std::optional<Tensor> mask() const {
    return constants.empty() ? std::nullopt : std::optional(constants[0]);
  }
};

// A case whose inputs have become Vars.
struct Call : Case {
  std::vector<Var> x;
};

using Op = std::function<Var(const Call&)>;

// ---- layers ----

// Inputs: query [B, T, C], key [B, S, Ck] and value [B, S, Cv], or the first one or two of them,
// where the last one given stands for the others; then the weight and, with biases, the bias of
// each projection. Options: heads, how many of the three are given, whether there are biases,
// whether the weights are asked for.
inline nn::CrossAttention attention_layer(const Call& c) {
  const std::size_t given = static_cast<std::size_t>(c.index(1));
  const bool bias = c.flag(2);
  const Index width = c.x[0].size(-1);
  Rng rng(0);
  nn::CrossAttention layer(width, c.index(0), rng,
                           {.dropout = 0,
                            .bias = bias,
                            .key_dim = c.x[given > 1 ? 1 : 0].size(-1),
                            .value_dim = c.x[given - 1].size(-1)});
  std::size_t next = given;
  for (nn::Linear* linear : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj}) {
    linear->weight = c.x[next++];
    if (bias) linear->bias = c.x[next++];
  }
  return layer;
}

inline Var flat(const Var& x) { return x.reshape(Shape{x.numel()}); }

// The output, and the weights behind it where they are asked for.
inline Var attend(const Call& c, const std::optional<Tensor>& mask, bool mean_of_heads) {
  const nn::CrossAttention layer = attention_layer(c);
  const Var& key = c.x[c.index(1) > 1 ? 1 : 0];
  const Var& value = c.x[static_cast<std::size_t>(c.index(1)) - 1];
  if (!c.flag(3)) return layer(c.x[0], key, value, mask);  // [B, T, C]
  Tensor weights;
  const Var y = layer(c.x[0], key, value, mask, &weights);                     // [B, T, C]
  return cat({flat(y), flat(mean_of_heads ? mean(weights, 1) : weights)}, 0);  // [B T C + …]
}

// Torch's layer has two masks in which 1 blocks: [T, S], and [B, S] of padding.
inline Tensor allowed(const Call& c) {
  const Tensor padding = c.constants[1].unsqueeze(1).unsqueeze(1);  // [B, 1, 1, S]
  return from_torch_mask(maximum(c.constants[0], padding));         // [B, 1, T, S]
}

inline Var surprise(const Call& c, bool reduce) {  // label smoothing, ignored index, targets
  return nn::cross_entropy(c.x[0], c.rest<int>(2),
                           {.ignore_index = static_cast<int>(c.index(1)),
                            .label_smoothing = c.number(0),
                            .reduce = reduce});
}

// ---- optimisers ----

// 1, 2, 5, 10, 20, 50, …: the steps after which the parameters are looked at.
inline bool is_milestone(Index step) {
  while (step % 10 == 0) step /= 10;
  return step == 1 || step == 2 || step == 5;
}

// The parameters of a small network along the way. Inputs: w [I, H], b [H], v [H, 1], then the
// examples x [8, I] and y [8, 1], of which every step sees the next two; every other round y has
// the other sign, so that no gradient ever dies. Options: steps, the norm to clip to (0: none),
// then the optimiser's.
inline Var trajectory(const Call& c, const auto& make) {
  const auto& in = c.inputs;
  const std::vector<Var> p = {Var(in[0].clone(), true), Var(in[1].clone(), true),
                              Var(in[2].clone(), true)};
  auto optimiser = make(p);
  std::vector<Tensor> seen;
  for (Index step = 1; step <= c.index(0); ++step) {
    const Index at = 2 * (step % 4), sign = step % 8 < 4 ? 1 : -1;
    const Tensor x = in[3].slice(0, at, at + 2), y = in[4].slice(0, at, at + 2);
    const Var error = matmul(tanh(matmul(x, p[0]) + p[1]), p[2]) - y * sign;
    optimiser.zero_grad();
    mean(error * error).backward();
    if (c.number(1) > 0) optim::clip_grad_norm(p, c.number(1));
    optimiser.step();
    if (is_milestone(step))
      for (const Var& w : p) seen.push_back(w.value().clone().reshape(Shape{w.numel()}));
  }
  return cat(seen, 0);
}

inline Var sgd(const Call& c) {  // rate, momentum, nesterov, decay
  return trajectory(c, [&](const std::vector<Var>& p) {
    return optim::Sgd(p, {.rate = c.number(2),
                          .momentum = c.number(3),
                          .nesterov = c.flag(4),
                          .weight_decay = c.number(5)});
  });
}

inline Var adam(const Call& c, bool decoupled) {  // rate, beta1, beta2, eps, decay
  return trajectory(c, [&](const std::vector<Var>& p) {
    return optim::Adam(p, {.rate = c.number(2),
                           .beta1 = c.number(3),
                           .beta2 = c.number(4),
                           .eps = c.number(5),
                           .weight_decay = c.number(6),
                           .decoupled = decoupled});
  });
}

// The clipped gradients of Σ w³ for every input w but the last, which has none; then their norm.
inline Var clipped(const Call& c) {  // the norm to clip to
  std::vector<Var> leaves;
  for (const Tensor& x : c.inputs) leaves.emplace_back(x, true);
  for (std::size_t i = 0; i + 1 < leaves.size(); ++i) sum(pow(leaves[i], 3)).backward();
  const double norm = optim::clip_grad_norm(leaves, c.number(0));
  std::vector<Tensor> seen;
  for (const Var& leaf : leaves)
    if (leaf.has_grad()) seen.push_back(leaf.grad().reshape(Shape{leaf.numel()}));
  seen.push_back(full(Shape{1}, static_cast<Real>(norm)));
  return cat(seen, 0);
}

// ---- programs ----

// Random straight-line code over square matrices, for both sides alike: values meet again and
// again, as one op alone never lets them. Options: triples of an op and two operands.
template <class T>
T program(std::vector<T> values, const Case& c) {
  for (std::size_t i = 0; i + 2 < c.options.size(); i += 3) {
    const T a = values[static_cast<std::size_t>(c.index(i + 1))];
    const T b = values[static_cast<std::size_t>(c.index(i + 2))];
    switch (c.index(i)) {
      case 0:
        values.push_back(a + b);
        break;
      case 1:
        values.push_back(a - tanh(b));
        break;
      case 2:
        values.push_back(a * sigmoid(b));
        break;
      case 3:
        values.push_back(tanh(matmul(a, b)));
        break;
      case 4:
        values.push_back(maximum(a, b.transpose(0, 1)));
        break;
      case 5:
        values.push_back(softmax(a, Index(-1)));
        break;
      case 6:
        values.push_back(a.select(0, 0) + b);
        break;
      default:
        values.push_back(b / (a * a + 1));
        break;
    }
  }
  return values.back();
}

// ---- the table ----

inline const std::map<std::string, Op>& ops() {
  static const std::map<std::string, Op> rows = {
      // element-wise, one operand
      {"exp", [](const Call& c) { return exp(c.x[0]); }},
      {"log", [](const Call& c) { return log(c.x[0]); }},
      {"log1p", [](const Call& c) { return log1p(c.x[0]); }},
      {"sqrt", [](const Call& c) { return sqrt(c.x[0]); }},
      {"sin", [](const Call& c) { return sin(c.x[0]); }},
      {"cos", [](const Call& c) { return cos(c.x[0]); }},
      {"tanh", [](const Call& c) { return tanh(c.x[0]); }},
      {"sigmoid", [](const Call& c) { return sigmoid(c.x[0]); }},
      {"relu", [](const Call& c) { return relu(c.x[0]); }},
      {"softplus", [](const Call& c) { return softplus(c.x[0]); }},
      {"clamp", [](const Call& c) { return clamp(c.x[0], c.number(0), c.number(1)); }},  // lo, hi
      {"gelu", [](const Call& c) { return gelu(c.x[0]); }},
      {"abs", [](const Call& c) { return abs(c.x[0]); }},
      {"negative", [](const Call& c) { return -c.x[0]; }},
      {"pow", [](const Call& c) { return pow(c.x[0], static_cast<Real>(c.number(0))); }},
      {"numbers", [](const Call& c) { return 2 - 3 / c.x[0] + (c.x[0] + 2) * 1.5 / 4; }},

      // element-wise, two operands
      {"+", [](const Call& c) { return c.x[0] + c.x[1]; }},
      {"-", [](const Call& c) { return c.x[0] - c.x[1]; }},
      {"*", [](const Call& c) { return c.x[0] * c.x[1]; }},
      {"/", [](const Call& c) { return c.x[0] / c.x[1]; }},
      {"maximum", [](const Call& c) { return maximum(c.x[0], c.x[1]); }},
      {"minimum", [](const Call& c) { return minimum(c.x[0], c.x[1]); }},
      {"where", [](const Call& c) { return where(c.constants[0], c.x[0], c.x[1]); }},
      {"equal", [](const Call& c) { return Var(equal(c.inputs[0], c.inputs[1])); }},
      {"less", [](const Call& c) { return Var(less(c.inputs[0], c.inputs[1])); }},
      {"less_equal", [](const Call& c) { return Var(c.inputs[0] <= c.inputs[1]); }},
      {"greater", [](const Call& c) { return Var(greater(c.inputs[0], c.inputs[1])); }},
      {"greater_equal", [](const Call& c) { return Var(c.inputs[0] >= c.inputs[1]); }},

      // reductions
      {"sum", [](const Call& c) { return sum(c.x[0]); }},
      {"sum of axes",  // keep, axes
       [](const Call& c) { return sum(c.x[0], c.rest(1), c.flag(0)); }},
      {"mean", [](const Call& c) { return mean(c.x[0]); }},
      {"mean of axes", [](const Call& c) { return mean(c.x[0], c.rest(1), c.flag(0)); }},
      {"max", [](const Call& c) { return max(c.x[0], c.index(0), c.flag(1)); }},  // axis, keep
      {"argmax",                                                                  // axis
       [](const Call& c) {
         const std::vector<int> at = argmax(c.inputs[0], c.index(0));
         return Var(Tensor(Shape{at.size()}, std::vector<Real>(at.begin(), at.end())));
       }},

      {"min", [](const Call& c) { return min(c.x[0], c.index(0), c.flag(1)); }},   // axis, keep
      {"amax", [](const Call& c) { return amax(c.x[0], c.rest(1), c.flag(0)); }},  // keep, axes
      {"amin", [](const Call& c) { return amin(c.x[0], c.rest(1), c.flag(0)); }},
      {"logsumexp", [](const Call& c) { return logsumexp(c.x[0], c.rest(1), c.flag(0)); }},
      {"var",  // biased, keep, axes
       [](const Call& c) { return var(c.x[0], c.rest(2), c.flag(1), {.biased = c.flag(0)}); }},
      {"std",
       [](const Call& c) { return std(c.x[0], c.rest(2), c.flag(1), {.biased = c.flag(0)}); }},
      {"cumsum", [](const Call& c) { return cumsum(c.x[0], c.index(0)); }},  // axis

      // rows and products
      {"softmax", [](const Call& c) { return softmax(c.x[0], c.index(0)); }},          // axis
      {"log_softmax", [](const Call& c) { return log_softmax(c.x[0], c.index(0)); }},  // axis
      {"layer_norm",                                                                   // eps
       [](const Call& c) { return layer_norm(c.x[0], c.x[1], c.x[2], c.number(0)); }},
      {"matmul", [](const Call& c) { return matmul(c.x[0], c.x[1]); }},
      {"tril", [](const Call& c) { return Var(tril(c.inputs[0], c.index(0))); }},  // diagonal

      // views
      {"transpose", [](const Call& c) { return c.x[0].transpose(c.index(0), c.index(1)); }},
      {"mT", [](const Call& c) { return c.x[0].mT(); }},
      {"permute", [](const Call& c) { return c.x[0].permute(c.rest(0)); }},
      {"reshape", [](const Call& c) { return c.x[0].reshape(c.sizes(0)); }},
      {"slice",  // axis, begin, end, step
       [](const Call& c) { return c.x[0].slice(c.index(0), c.index(1), c.index(2), c.index(3)); }},
      {"select", [](const Call& c) { return c.x[0].select(c.index(0), c.index(1)); }},
      {"expand", [](const Call& c) { return c.x[0].expand(c.sizes(0)); }},
      {"squeeze", [](const Call& c) { return c.x[0].squeeze(c.index(0)); }},
      {"unsqueeze", [](const Call& c) { return c.x[0].unsqueeze(c.index(0)); }},

      // joining and picking
      {"cat", [](const Call& c) { return cat(c.x, c.index(0)); }},
      {"stack", [](const Call& c) { return stack(c.x, c.index(0)); }},
      {"take", [](const Call& c) { return take(c.x[0], c.tokens()); }},  // B, T, ids
      {"take by a list",                                                 // axis, indices
       [](const Call& c) { return take(c.x[0], c.index(0), c.rest<int>(1)); }},
      {"program", [](const Call& c) { return program(c.x, c); }},

      // layers and losses
      {"attention",  // causal, scale (0: 1/√D)
       [](const Call& c) {
         AttentionOptions options{.causal = c.flag(0)};
         if (c.flag(1)) options.scale = c.number(1);
         return attention(c.x[0], c.x[1], c.x[2], c.mask(), options);
       }},
      {"CrossAttention", [](const Call& c) { return attend(c, c.mask(), false); }},
      {"MultiheadAttention", [](const Call& c) { return attend(c, allowed(c), true); }},
      {"Linear",
       [](const Call& c) {
         Rng rng(0);
         nn::Linear layer(c.x[1].size(1), c.x[1].size(0), rng, {.bias = c.x.size() > 2});
         layer.weight = c.x[1];
         if (layer.has_bias) layer.bias = c.x[2];
         return layer(c.x[0]);
       }},
      {"LayerNorm",  // eps
       [](const Call& c) {
         nn::LayerNorm layer(c.x[1].size(0), c.number(0));
         layer.weight = c.x[1], layer.bias = c.x[2];
         return layer(c.x[0]);
       }},
      {"Embedding",  // B, T, ids
       [](const Call& c) {
         Rng rng(0);
         nn::Embedding layer(c.x[0].size(0), c.x[0].size(1), rng);
         layer.weight = c.x[0];
         return layer(c.tokens());
       }},
      {"cross_entropy", [](const Call& c) { return surprise(c, true); }},
      {"cross_entropy of each", [](const Call& c) { return surprise(c, false); }},
      {"binary_cross_entropy",  // whether it is reduced
       [](const Call& c) {
         return nn::binary_cross_entropy_with_logits(c.x[0], c.constants[0], {.reduce = c.flag(0)});
       }},

      // optimisers
      {"Sgd", sgd},
      {"Adam", [](const Call& c) { return adam(c, false); }},
      {"AdamW", [](const Call& c) { return adam(c, true); }},
      {"clip_grad_norm", clipped},
  };
  return rows;
}

// ---- running a row ----

struct Result {
  Tensor value, cotangent;
  std::vector<Tensor> gradients;  // of all inputs; none if the op has no gradient
};

// How an input reaches the op: the leaf itself, or a view of it that the graph knows.
struct Input {
  Var leaf;
  std::function<Var(const Var&)> view;
};

inline Tensor gradient_of(const Var& leaf) {
  return leaf.has_grad() ? leaf.grad() : zeros(leaf.shape());
}

// The op's value, and its leaves' gradients under a cotangent, which `draw` makes.
inline Result evaluate(const std::string& op, const Case& c, const std::vector<Input>& inputs,
                       const std::function<Tensor(const Shape&)>& draw) {
  Call call{c, {}};
  for (const Input& input : inputs) call.x.push_back(input.view(input.leaf));
  const Var y = ops().at(op)(call);
  Result result{y.value(), draw(y.shape()), {}};
  if (!y.requires_grad()) return result;
  y.backward(result.cotangent);
  for (const Input& input : inputs) result.gradients.push_back(gradient_of(input.leaf));
  return result;
}

}  // namespace glass::parity
