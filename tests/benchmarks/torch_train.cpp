// # libtorch's training step
//
// The model of nn/transformer.h, in the ways that people write it.
//
// B batch, T target length, S source length, C width
#include <array>
#include <cmath>

#include "tests/benchmarks/torch_adam.h"

namespace bench {
namespace {

using torch::Tensor;

struct Layer : torch::nn::Module {
  Layer(const Model& m, Way way, bool decoder)
      : dropout(m.dropout), inner_dropout(m.inner_dropout) {
    const auto norm = [&](const char* name) {
      return register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({m.width})));
    };
    self_norm = norm("self_norm"), feed_norm = norm("feed_norm");
    self = register_module("self",
                           std::make_shared<Attention>(m.width, m.heads, inner_dropout, way, true));
    if (decoder) {
      cross_norm = norm("cross_norm");
      cross = register_module(
          "cross", std::make_shared<Attention>(m.width, m.heads, inner_dropout, way, false));
    }
    up = register_module("up", torch::nn::Linear(m.width, m.hidden));
    down = register_module("down", torch::nn::Linear(m.hidden, m.width));
  }

  Tensor forward(Tensor x, const Mask& mask, const Tensor& memory, const Mask& memory_mask) {
    const Tensor n = self_norm(x);                        // [B, T, C]
    x = x + dropped(self->forward(n, n, mask), dropout);  // [B, T, C]
    if (cross)
      x = x + dropped(cross->forward(cross_norm(x), memory, memory_mask), dropout);  // [B, T, C]
    const Tensor h = dropped(torch::relu(up(feed_norm(x))), inner_dropout);  // [B, T, hidden]
    return x + dropped(down(h), dropout);                                    // [B, T, C]
  }

  double dropout, inner_dropout;
  torch::nn::LayerNorm self_norm{nullptr}, cross_norm{nullptr}, feed_norm{nullptr};
  std::shared_ptr<Attention> self, cross;
  torch::nn::Linear up{nullptr}, down{nullptr};
};

struct Translator : torch::nn::Module {
  Translator(const Model& m, Way w) : way(w), heads(m.heads), dropout(m.dropout) {
    make_tables(m);
    const auto norm = [&](const char* name) {
      return register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({m.width})));
    };
    for (int i = 0; i < 2 * m.layers; ++i)
      (i < m.layers ? encoder : decoder)
          .push_back(register_module(fmt::format("layer{}", i),
                                     std::make_shared<Layer>(m, way, i >= m.layers)));
    encoder_norm = norm("encoder_norm"), decoder_norm = norm("decoder_norm");

    const Tensor time = torch::arange(m.max_length).unsqueeze(1);  // [T, 1]
    const Tensor pair = torch::arange(0, m.width, 2);              // [C / 2]
    const Tensor angle = time / torch::pow(10000.0, pair / static_cast<double>(m.width));
    positions = torch::stack({angle.sin(), angle.cos()}, 2).view({-1, m.width});  // [T, C]
  }

  // The embeddings and the output layer. A tied table starts small, as an output layer should, and
  // embeddings are then multiplied by √C. A tied weight is registered once, so that it is one
  // parameter.
  void make_tables(const Model& m) {
    const auto embedding = [&](const char* name, int count) {
      return register_module(name, torch::nn::Embedding(count, m.width));
    };
    target_embedding = embedding("target", m.target_vocabulary);
    source_embedding = m.shared ? target_embedding : embedding("source", m.source_vocabulary);
    if (m.tied) {
      stretch = std::sqrt(m.width);
      for (auto* table : {&source_embedding, &target_embedding})
        torch::nn::init::normal_((*table)->weight, 0, 1 / stretch);
      output_weight = target_embedding->weight;
      output_bias = register_parameter("output_bias", torch::zeros({m.target_vocabulary}));
    } else {
      auto output = register_module("output", torch::nn::Linear(m.width, m.target_vocabulary));
      output_weight = output->weight, output_bias = output->bias;
    }
  }

  // Tokens [B, S] and [B, T]; all else is [T, B, …] where MultiheadAttention wants it.
  Tensor forward(const Tensor& source, const Tensor& target) {
    const auto [see_source, see_memory, see_target] = masks(source, target);
    Tensor x = embed(source, source_embedding);                                   // [B, S, C]
    for (const auto& layer : encoder) x = layer->forward(x, see_source, {}, {});  // [B, S, C]
    const Tensor memory = encoder_norm(x);                                        // [B, S, C]
    Tensor y = embed(target, target_embedding);                                   // [B, T, C]
    for (const auto& layer : decoder) y = layer->forward(y, see_target, memory, see_memory);
    return torch::linear(decoder_norm(y), output_weight, output_bias);  // [B, T, V]
  }

  // What the encoder, the decoder looking at the source, and the decoder looking at the target may
  // not see. Made once a step, for all layers.
  std::array<Mask, 3> masks(const Tensor& source, const Tensor& target) const {
    const Tensor source_padding = source == padding, target_padding = target == padding;
    const Tensor later =
        torch::ones({target.size(1), target.size(1)}, torch::kBool).triu(1);  // [T, T]
    if (way == Way::multihead) {
      const Mask see_source{{}, source_padding, {}};
      return {see_source, see_source, Mask{{}, target_padding, later}};
    }
    const auto queries = [&](const Tensor& blocked, int64_t count) {
      Tensor bias = torch::zeros(blocked.sizes()).masked_fill_(blocked, -INFINITY);
      if (way == Way::packed)  // one for every product
        bias = bias.expand({-1, heads, count, -1}).reshape({-1, count, blocked.size(3)});
      return Mask{bias, {}, {}};
    };
    const auto spread = [](const Tensor& x) { return x.unsqueeze(1).unsqueeze(2); };
    return {queries(spread(source_padding), source.size(1)),
            queries(spread(source_padding), target.size(1)),
            queries(spread(target_padding) | later, target.size(1))};
  }

  Tensor embed(const Tensor& tokens, torch::nn::Embedding table) const {
    const bool turned = way == Way::multihead;
    const Tensor first = positions.slice(0, 0, tokens.size(1));  // [T, C]
    const Tensor where = turned ? first.unsqueeze(1) : first;
    const Tensor x = table(turned ? tokens.t() : tokens);  // [B, T, C]
    return dropped(stretch == 1 ? x + where : torch::add(where, x, stretch), dropout);
  }

  Way way;
  int heads;
  double dropout, stretch = 1;
  torch::nn::Embedding source_embedding{nullptr}, target_embedding{nullptr};
  std::vector<std::shared_ptr<Layer>> encoder, decoder;
  torch::nn::LayerNorm encoder_norm{nullptr}, decoder_norm{nullptr};
  Tensor output_weight, output_bias;  // [V, C], [V]
  Tensor positions;                   // [max_length, C]
};

// ---- a step ----

// The batch as libtorch wants it. The answers lie as the logits do.
struct Sentences {
  Sentences(const Batch& b, Way way) {
    const auto ids = [&](const std::vector<int>& v) {
      return torch::tensor(v, torch::kLong).view({b.rows, -1});
    };
    source = ids(b.source), target = ids(b.target), answers = ids(b.answers);
    answers = (way == Way::multihead ? answers.t() : answers).reshape({-1});
  }
  Tensor source, target, answers;  // [B, S], [B, T], [B·T]
};

struct TorchTrainer {
  TorchTrainer(const Model& m, Way way)
      : plan(m), model(m, way), parameters(model.parameters()), adam(parameters, m) {
    for (const Batch& b : m.batches) batches.emplace_back(b, way);
    plan.batches.clear();  // they are in `batches`
    if (m.average > 0)
      for (const Tensor& p : parameters) averages.push_back(p.detach().clone());
  }

  void step() {
    // The gradients.
    const Sentences& batch = batches[static_cast<std::size_t>(steps) % batches.size()];
    const Tensor logits = model.forward(batch.source, batch.target);  // [B, T, V]
    const auto options =
        torch::nn::functional::CrossEntropyFuncOptions().ignore_index(padding).label_smoothing(
            plan.smoothing);
    const Tensor loss = torch::nn::functional::cross_entropy(logits.view({-1, logits.size(2)}),
                                                             batch.answers, options);
    loss.backward();
    last = loss.item<double>();
    torch::nn::utils::clip_grad_norm_(parameters, 1.0);

    // The weights, and their running mean.
    ++steps;
    adam.step(plan.rate(steps));
    for (const Tensor& p : parameters) p.mutable_grad().reset();  // cheaper than zeros
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < averages.size(); ++i)
      averages[i].lerp_(parameters[i], 1 - share_that_stays(plan, steps));
  }

  Model plan;
  Translator model;
  std::vector<Tensor> parameters;
  TorchAdam adam;
  std::vector<Tensor> averages;
  std::vector<Sentences> batches;
  int steps = 0;
  double last = 0;
};

Trainer trainer(const Model& m, Way way) {
  const auto torch = std::make_shared<TorchTrainer>(m, way);
  std::int64_t count = 0;
  for (const Tensor& p : torch->parameters) count += p.numel();
  return {[torch, turn = m.batches_in_turn] {
            for (int i = 0; i < turn; ++i) torch->step();
          },
          [torch] { return torch->last; }, count};
}

}  // namespace

Makers<Trainer, Model> torch_trainers() { return in_every_way<Trainer, Model>(trainer); }

}  // namespace bench
