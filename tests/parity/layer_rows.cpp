// # Layers, losses and optimisers
//
// glassgrad deliberately differs from PyTorch in two cases. An attention row in which every key is
// blocked is 0, forward and backward, and so is a cross-entropy without targets; PyTorch gives NaN.
// The references made here by hand follow that rule; nn.MultiheadAttention cannot follow it, so its
// masks leave at least one key for every query.
//
// B batch, T queries, S keys, C width, H heads, D width of a head, V vocabulary
#include "tests/parity/rows.h"

namespace glass::parity {

namespace {

namespace F = torch::nn::functional;

// ---- attention ----

// [T, S], [B, T, S] or [B, H, T, S], some axes of the last one stretched.
Tensor some_mask(Dice& d, Index B, Index H, Index T, Index S) {
  const double ones = d.one_of({0.3, 0.7, 0.9});
  switch (d.between(0, 3)) {
    case 0:
      return d.mask({T, S}, ones);
    case 1:
      return d.mask({B, T, S}, ones);
    case 2:
      return d.mask({B, 1, 1, S}, ones);
    default:
      return d.mask({d.chance(0.5) ? B : 1, d.chance(0.5) ? H : 1, T, S}, ones);
  }
}

// The mask with four axes; true where the query sees the key.
torch::Tensor allowed(const Reference& r, at::IntArrayRef scores) {
  if (r.masks.empty()) return torch::ones(scores, torch::kBool);
  const torch::Tensor mask = r.masks[0] != 0;
  return (mask.dim() == 3 ? mask.unsqueeze(1) : mask).expand(scores);  // [B, H, T, S]
}

torch::Tensor weights_of(const torch::Tensor& scores, const torch::Tensor& allowed) {
  const torch::Tensor any = allowed.any(-1, true);
  return torch::softmax(scores.masked_fill(~allowed & any, -infinity), -1) * any;
}

Case some_attention(Dice& d) {
  const Index B = d.size(), H = d.length() % 5, T = d.length(), S = d.length(), D = d.length();
  Case c{{d.numbers({B, H, T, D}), d.numbers({B, H, S, D}), d.numbers({B, H, S, d.size()})},
         {},
         list(d.chance(0.3), d.one_of({0, 0, 0.5}))};
  if (d.chance(0.7)) c.constants = {some_mask(d, B, H, T, S)};
  return c;
}

torch::Tensor torch_attention(const Reference& r) {
  const double scale = r.flag(1) ? r.number(1) : 1 / std::sqrt(double(r.x[0].size(-1)));
  const torch::Tensor scores = torch::matmul(r.x[0], r.x[1].mT()) * scale;  // [B, H, T, S]
  torch::Tensor mask = allowed(r, scores.sizes());
  if (r.flag(0)) mask = mask & torch::ones_like(mask).tril(scores.size(3) - scores.size(2));
  return torch::matmul(weights_of(scores, mask), r.x[2]);
}

// Which of query, key and value are one and the same, and the layer's weights; see cases.h.
Case some_layer(Dice& d, Index B, bool key_as_value) {
  const Index H = d.between(1, 3), C = H * d.between(1, d.small ? 2 : 4);
  const Index given = d.between(1, 3), T = d.length(), S = given == 1 ? T : d.length();
  const Index key = given > 1 && d.chance(0.5) ? d.length() : C;
  const Index value = given < 3 || key_as_value ? key : d.chance(0.5) ? d.length() : C;
  const bool bias = d.chance(0.8);
  Case c{{}, {}, list(H, given, bias, d.chance(0.5))};
  const std::vector<Shape> shapes = {{B, T, C}, {B, S, key}, {B, S, value}};
  for (std::size_t i = 0; i < static_cast<std::size_t>(given); ++i)
    c.inputs.push_back(d.numbers(shapes[i]));
  for (const Index width : {C, key, value, C}) {
    c.inputs.push_back(d.numbers({C, width}, {-1, 1}));
    if (bias) c.inputs.push_back(d.numbers({C}, {-1, 1}));
  }
  return c;
}

// The tensors of such a case, by name.
struct Parts {
  explicit Parts(const Reference& r)
      : query(r.x[0]),
        key(r.x[r.index(1) > 1 ? 1 : 0]),
        value(r.x[static_cast<std::size_t>(r.index(1)) - 1]) {
    auto next = r.x.begin() + r.index(1);
    for (std::size_t i = 0; i < 4; ++i) {
      weight.push_back(*next++);
      bias.push_back(r.flag(2) ? *next++ : torch::Tensor());
    }
  }
  torch::Tensor query, key, value;
  std::vector<torch::Tensor> weight, bias;  // of query, key, value and output; undefined without
};

torch::Tensor with_weights(const Reference& r, const torch::Tensor& y, const torch::Tensor& w) {
  return r.flag(3) ? torch::cat({y.flatten(), w.detach().flatten()}) : y;
}

// The formula of the paper: one head at a time, with its own rows of the projections.
torch::Tensor torch_cross_attention(const Reference& r) {
  const Parts p(r);
  const int64_t H = r.index(0), D = p.query.size(2) / H;
  const torch::Tensor mask =
      allowed(r, {p.query.size(0), H, p.query.size(1), p.key.size(1)});  // [B, H, T, S]
  std::vector<torch::Tensor> contexts, weights;
  for (int64_t h = 0; h < H; ++h) {
    const auto project = [&](const torch::Tensor& x, std::size_t i) {
      const auto rows = [&](const torch::Tensor& t) {
        return t.defined() ? t.narrow(0, h * D, D) : t;
      };
      return F::linear(x, rows(p.weight[i]), rows(p.bias[i]));
    };
    const torch::Tensor q = project(p.query, 0), k = project(p.key, 1), v = project(p.value, 2);
    const torch::Tensor scores = torch::matmul(q, k.mT()) / std::sqrt(double(D));  // [B, T, S]
    weights.push_back(weights_of(scores, mask.select(1, h)));
    contexts.push_back(torch::matmul(weights.back(), v));  // [B, T, D]
  }
  const torch::Tensor y = F::linear(torch::cat(contexts, -1), p.weight[3], p.bias[3]);  // [B, T, C]
  return with_weights(r, y, torch::stack(weights, 1));
}

// The C++ layer of torch takes only masks of [T, S] and [B, S], and keys as wide as the values.
Case for_torch_layer(Dice& d) {
  const Index B = d.small ? d.between(1, 2) : d.between(1, 4);
  Case c = some_layer(d, B, true);
  const Index T = c.inputs[0].size(1), S = c.inputs[c.index(1) > 1 ? 1 : 0].size(1);
  const Index seen = d.below(S);  // by every query, of every batch entry
  c.constants = {d.mask({T, S}, d.one_of({0, 0.3, 0.8})), d.mask({B, S}, d.one_of({0, 0.3, 0.8}))};
  for (Tensor& mask : c.constants) mask.select(1, seen).fill(0);
  return c;
}

torch::Tensor torch_layer(const Reference& r) {
  const Parts p(r);
  const auto transposed = [](const torch::Tensor& x) { return x.transpose(0, 1); };  // [T, B, C]
  const int64_t C = p.query.size(2), width = p.key.size(2);
  torch::nn::MultiheadAttention layer(
      torch::nn::MultiheadAttentionOptions(C, r.index(0)).bias(r.flag(2)).kdim(width).vdim(width));
  layer->to(torch::kDouble);
  if (width == C) {
    layer->in_proj_weight = torch::cat({p.weight[0], p.weight[1], p.weight[2]});
  } else {
    layer->q_proj_weight = p.weight[0];
    layer->k_proj_weight = p.weight[1];
    layer->v_proj_weight = p.weight[2];
  }
  if (r.flag(2)) layer->in_proj_bias = torch::cat({p.bias[0], p.bias[1], p.bias[2]});
  layer->out_proj->weight = p.weight[3];
  layer->out_proj->bias = p.bias[3];
  const torch::Tensor blocked =
      torch::zeros_like(r.masks[0]).masked_fill(r.masks[0] != 0, -infinity);
  const auto [y, weights] = layer->forward(transposed(p.query), transposed(p.key),
                                           transposed(p.value), r.masks[1] != 0, true, blocked);
  return with_weights(r, transposed(y), weights);
}

// ---- other layers ----

Case some_linear(Dice& d) {
  const Index in = d.length(), out = d.length();
  const Shape front = d.shape(0, 3);
  Case c{{d.numbers(front.insert(front.rank(), in)), d.numbers({out, in})}, {}, {}};
  if (d.chance(0.7)) c.inputs.push_back(d.numbers({out}));
  return c;
}

Case some_norm(Dice& d) {
  const Index C = d.length();
  const Shape front = d.shape(0, 3);
  return {{d.numbers(front.insert(front.rank(), C)), d.numbers({C}), d.numbers({C})}, {}, {1e-5}};
}

Case some_tokens(Dice& d) {
  const Index B = d.size(), T = d.size(), V = d.length();
  return {{d.numbers({V, d.length()})}, {}, list(B, T, d.ids(B * T, V))};
}

Case some_logits(Dice& d) {
  const Index V = d.length();
  const Shape front = d.shape(0, 2);
  const double ignored = d.one_of({-100, 0, 1e6});
  std::vector<Index> targets = d.ids(front.numel(), V);
  for (Index& target : targets)
    if (d.chance(0.2)) target = std::llround(ignored);
  return {{d.numbers(front.insert(front.rank(), V), {-2, 2, {1e-3, 1, 1, 1e4}})},
          {},
          list(d.one_of({0, 0.1, 0.5}), ignored, targets)};
}

torch::Tensor torch_cross_entropy_of_each(const Reference& r) {
  const torch::Tensor targets = torch::tensor(r.rest(2), torch::kLong);
  const torch::Tensor losses =
      F::cross_entropy(r.x[0].reshape({targets.size(0), r.x[0].size(-1)}), targets,
                       F::CrossEntropyFuncOptions()
                           .ignore_index(r.index(1))
                           .label_smoothing(r.number(0))
                           .reduction(torch::kNone));
  return losses.reshape(r.x[0].select(-1, 0).sizes());
}

// Some targets are 0 and 1, some are probabilities.
Case some_answers(Dice& d) {
  const Shape shape = d.shape(0, 3);
  const Tensor answers = d.chance(0.5) ? d.mask(shape, 0.5) : d.numbers(shape, {0, 1});
  const Range range{-2, 2, {1e-3, 1, 1, 30, 1e4}, {0, -0.0, 1e300, -1e300, not_a_number}};
  return {{d.numbers(shape, range)}, {answers}, {d.chance(0.5) ? 1.0 : 0.0}};
}

// The mean of no elements is 0, where PyTorch says NaN.
torch::Tensor torch_binary_cross_entropy(const Reference& r) {
  const bool reduce = r.flag(0) && r.x[0].numel() > 0;
  const torch::Tensor losses = F::binary_cross_entropy_with_logits(
      r.x[0], r.masks[0], F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone));
  return reduce ? losses.mean() : r.flag(0) ? losses.sum() : losses;
}

torch::Tensor torch_cross_entropy(const Reference& r) {
  const torch::Tensor targets = torch::tensor(r.rest(2), torch::kLong);
  if ((targets != r.index(1)).sum().item<int64_t>() == 0) return (r.x[0] * 0).sum();
  return F::cross_entropy(
      r.x[0].reshape({targets.size(0), r.x[0].size(-1)}), targets,
      F::CrossEntropyFuncOptions().ignore_index(r.index(1)).label_smoothing(r.number(0)));
}

// ---- optimisers ----

// A network, its examples, and a thousand steps; see cases.h.
template <class Options>
auto training(Options options) {
  return [options](Dice& d) {
    const Index in = d.between(1, 3), hidden = d.between(1, 3);
    return Case{{d.numbers({in, hidden}), d.numbers({hidden}), d.numbers({hidden, 1}),
                 d.numbers({8, in}), d.numbers({8, 1})},
                {},
                list(1000, d.one_of({0, 0, 0.5}), options(d))};
  };
}

std::vector<double> sgd_options(Dice& d) {
  const double momentum = d.one_of({0, 0.5, 0.9});
  return {d.one_of({1e-3, 0.01}), momentum, momentum > 0 && d.chance(0.5) ? 1.0 : 0.0,
          d.one_of({0, 0.01})};
}

std::vector<double> adam_options(Dice& d) {
  return {d.one_of({1e-3, 0.01}), d.one_of({0.9, 0.5}), d.one_of({0.999, 0.98}),
          d.one_of({1e-8, 1e-4}), d.one_of({0, 0.01, 0.1})};
}

template <class Make>
torch::Tensor torch_trajectory(const Reference& r, Make make) {
  std::vector<torch::Tensor> p, seen;
  for (std::size_t i = 0; i < 3; ++i) p.push_back(r.x[i].detach().clone().requires_grad_());
  auto optimiser = make(p);
  for (int64_t step = 1; step <= r.index(0); ++step) {
    const int64_t at = 2 * (step % 4), sign = step % 8 < 4 ? 1 : -1;
    const torch::Tensor x = r.x[3].detach().narrow(0, at, 2), y = r.x[4].detach().narrow(0, at, 2);
    optimiser.zero_grad();
    F::mse_loss((x.matmul(p[0]) + p[1]).tanh().matmul(p[2]), y * sign).backward();
    if (r.number(1) > 0) torch::nn::utils::clip_grad_norm_(p, r.number(1));
    optimiser.step();
    if (is_milestone(step))
      for (const torch::Tensor& w : p) seen.push_back(w.detach().clone().flatten());
  }
  return torch::cat(seen);
}

template <class Optimiser, class Options>
torch::Tensor torch_adam(const Reference& r) {
  return torch_trajectory(r, [&](const std::vector<torch::Tensor>& p) {
    return Optimiser(p, Options(r.number(2))
                            .betas(std::make_tuple(r.number(3), r.number(4)))
                            .eps(r.number(5))
                            .weight_decay(r.number(6)));
  });
}

torch::Tensor torch_sgd(const Reference& r) {
  return torch_trajectory(r, [&](const std::vector<torch::Tensor>& p) {
    return torch::optim::SGD(p, torch::optim::SGDOptions(r.number(2))
                                    .momentum(r.number(3))
                                    .nesterov(r.flag(4))
                                    .weight_decay(r.number(5)));
  });
}

Case some_gradients(Dice& d) {
  Case c{{}, {}, {d.one_of({0.1, 1, 1e3, 1e9})}};
  for (Index i = d.between(2, 4); i > 0; --i)
    c.inputs.push_back(d.numbers(d.shape(0, 3), {-2, 2, {1e-3, 1, 30}}));
  return c;
}

torch::Tensor torch_clipped(const Reference& r) {
  std::vector<torch::Tensor> leaves, seen;
  for (const torch::Tensor& x : r.x) leaves.push_back(x.detach().clone().requires_grad_());
  for (std::size_t i = 0; i + 1 < leaves.size(); ++i) leaves[i].pow(3).sum().backward();
  const double norm = torch::nn::utils::clip_grad_norm_(leaves, r.number(0));
  for (const torch::Tensor& leaf : leaves)
    if (leaf.grad().defined()) seen.push_back(leaf.grad().flatten());
  seen.push_back(torch::full({1}, norm, torch::kDouble));
  return torch::cat(seen);
}

}  // namespace

std::vector<Row> layer_rows() {
  using torch::optim::Adam, torch::optim::AdamOptions;
  using torch::optim::AdamW, torch::optim::AdamWOptions;
  constexpr double drift = 1e-6;  // allowed over a thousand steps
  constexpr int often = 1, seldom = 50, many = 8;
  return {
      {"attention", some_attention, torch_attention, 0, often, many},
      {"CrossAttention",
       [](Dice& d) {
         const Index B = d.small ? d.between(1, 2) : d.size();
         Case c = some_layer(d, B, false);
         const Index T = c.inputs[0].size(1), S = c.inputs[c.index(1) > 1 ? 1 : 0].size(1);
         if (d.chance(0.7)) c.constants = {some_mask(d, B, c.index(0), T, S)};
         return c;
       },
       torch_cross_attention, 0, often, many},
      {"MultiheadAttention", for_torch_layer, torch_layer, 0, often, many},
      {"Linear", some_linear,
       [](auto& r) {
         return F::linear(r.x[0], r.x[1], r.x.size() > 2 ? r.x[2] : torch::Tensor());
       }},
      {"LayerNorm", some_norm,
       [](auto& r) {
         return F::layer_norm(r.x[0], F::LayerNormFuncOptions({r.x[1].size(0)})
                                          .weight(r.x[1])
                                          .bias(r.x[2])
                                          .eps(r.number(0)));
       }},
      {"Embedding", some_tokens,
       [](auto& r) {
         const auto ids = torch::tensor(r.rest(2), torch::kLong);
         return F::embedding(ids.reshape({r.index(0), r.index(1)}), r.x[0]);
       }},
      {"cross_entropy", some_logits, torch_cross_entropy, 0, often, many},
      {"cross_entropy of each", some_logits, torch_cross_entropy_of_each, 0, often, many},
      {"binary_cross_entropy", some_answers, torch_binary_cross_entropy, 0, often, many},
      {"Sgd", training(sgd_options), torch_sgd, drift, seldom},
      {"Adam", training(adam_options), torch_adam<Adam, AdamOptions>, drift, seldom},
      {"AdamW", training(adam_options), torch_adam<AdamW, AdamWOptions>, drift, seldom},
      {"clip_grad_norm", some_gradients, torch_clipped},
  };
}

}  // namespace glass::parity
