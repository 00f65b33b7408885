// # libtorch's training step
//
// The model of nn/transformer.h, in the ways that people write it.
//
// B batch, T target length, S source length, C width
#include <cmath>

#include "tests/benchmarks/torch_parts.h"

namespace bench {
namespace {

using torch::Tensor;

struct Layer : torch::nn::Module {
  Layer(const Model& m, Way way, bool decoder) : dropout(m.dropout) {
    const auto norm = [&](const char* name) {
      return register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({m.width})));
    };
    self_norm = norm("self_norm"), feed_norm = norm("feed_norm");
    self = register_module("self",
                           std::make_shared<Attention>(m.width, m.heads, m.dropout, way, true));
    if (decoder) {
      cross_norm = norm("cross_norm");
      cross = register_module("cross",
                              std::make_shared<Attention>(m.width, m.heads, m.dropout, way, false));
    }
    up = register_module("up", torch::nn::Linear(m.width, m.hidden));
    down = register_module("down", torch::nn::Linear(m.hidden, m.width));
  }

  Tensor forward(Tensor x, const Mask& mask, const Tensor& memory, const Mask& memory_mask) {
    const auto drop = [&](const Tensor& y) { return torch::dropout(y, dropout, true); };
    const Tensor n = self_norm(x);            // [B, T, C]
    x = x + drop(self->forward(n, n, mask));  // [B, T, C]
    if (cross) x = x + drop(cross->forward(cross_norm(x), memory, memory_mask));
    return x + drop(down(drop(torch::relu(up(feed_norm(x))))));  // [B, T, C]
  }

  double dropout;
  torch::nn::LayerNorm self_norm{nullptr}, cross_norm{nullptr}, feed_norm{nullptr};
  std::shared_ptr<Attention> self, cross;
  torch::nn::Linear up{nullptr}, down{nullptr};
};

struct Translator : torch::nn::Module {
  Translator(const Model& m, Way w) : way(w), heads(m.heads), dropout(m.dropout) {
    const auto norm = [&](const char* name) {
      return register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({m.width})));
    };
    source_embedding = register_module("source", torch::nn::Embedding(m.vocabulary, m.width));
    target_embedding = register_module("target", torch::nn::Embedding(m.vocabulary, m.width));
    for (int i = 0; i < 2 * m.layers; ++i)
      (i < m.layers ? encoder : decoder)
          .push_back(register_module(fmt::format("layer{}", i),
                                     std::make_shared<Layer>(m, way, i >= m.layers)));
    encoder_norm = norm("encoder_norm"), decoder_norm = norm("decoder_norm");
    output = register_module("output", torch::nn::Linear(m.width, m.vocabulary));

    const Tensor time = torch::arange(m.length).unsqueeze(1);  // [T, 1]
    const Tensor pair = torch::arange(0, m.width, 2);          // [C / 2]
    const Tensor angle = time / torch::pow(10000.0, pair / static_cast<double>(m.width));
    positions = torch::stack({angle.sin(), angle.cos()}, 2).view({m.length, m.width});  // [T, C]
  }

  // Tokens [B, S] and [B, T]; all else is [T, B, …] where MultiheadAttention wants it.
  Tensor forward(const Tensor& source, const Tensor& target) {
    const Tensor source_padding = source == 0, target_padding = target == 0;  // [B, S], [B, T]
    const Tensor later =
        torch::ones({target.size(1), target.size(1)}, torch::kBool).triu(1);  // [T, T]
    const auto queries = [&](const Tensor& blocked, int64_t count) {
      if (way == Way::multihead) return Mask{};
      Tensor bias = torch::zeros(blocked.sizes()).masked_fill_(blocked, -INFINITY);
      if (way == Way::packed)  // one for every product
        bias = bias.expand({-1, heads, count, -1}).reshape({-1, count, blocked.size(3)});
      return Mask{bias, {}, {}};
    };
    const auto spread = [](const Tensor& padding) { return padding.unsqueeze(1).unsqueeze(2); };
    Mask see_source = queries(spread(source_padding), source.size(1));
    Mask see_memory = queries(spread(source_padding), target.size(1));
    Mask see_target = queries(spread(target_padding) | later, target.size(1));
    if (way == Way::multihead) {
      see_source = see_memory = {{}, source_padding, {}};
      see_target = {{}, target_padding, later};
    }

    Tensor x = embed(source, source_embedding);                                   // [B, S, C]
    for (const auto& layer : encoder) x = layer->forward(x, see_source, {}, {});  // [B, S, C]
    const Tensor memory = encoder_norm(x);                                        // [B, S, C]
    Tensor y = embed(target, target_embedding);                                   // [B, T, C]
    for (const auto& layer : decoder) y = layer->forward(y, see_target, memory, see_memory);
    return output(decoder_norm(y));  // [B, T, V]
  }

  Tensor embed(const Tensor& tokens, torch::nn::Embedding& table) const {
    const bool turned = way == Way::multihead;
    const Tensor where = turned ? positions.unsqueeze(1) : positions;
    return torch::dropout(table(turned ? tokens.t() : tokens) + where, dropout, true);
  }

  Way way;
  int heads;
  double dropout;
  torch::nn::Embedding source_embedding{nullptr}, target_embedding{nullptr};
  std::vector<std::shared_ptr<Layer>> encoder, decoder;
  torch::nn::LayerNorm encoder_norm{nullptr}, decoder_norm{nullptr};
  torch::nn::Linear output{nullptr};
  Tensor positions;  // [T, C]
};

Trainer trainer(const Model& m, Way way) {
  const auto model = std::make_shared<Translator>(m, way);
  const auto adam =
      std::make_shared<torch::optim::Adam>(model->parameters(), torch::optim::AdamOptions(1e-3));
  const auto ids = [&](const std::vector<int>& v) {
    return torch::tensor(v, torch::kLong).view({m.batch, m.length});
  };
  const Tensor source = ids(m.source), target = ids(m.target), answers = ids(m.answers);
  // Answers lie as the logits do.
  const Tensor wanted = (way == Way::multihead ? answers.t() : answers).reshape({-1});
  const auto last = std::make_shared<Tensor>();
  std::int64_t count = 0;
  for (const Tensor& p : model->parameters()) count += p.numel();
  return {[=] {
            const Tensor logits = model->forward(source, target);
            const Tensor loss =
                torch::nn::functional::cross_entropy(logits.view({-1, logits.size(2)}), wanted);
            loss.backward();
            *last = loss.detach();
            const std::vector<Tensor> parameters = model->parameters();
            torch::nn::utils::clip_grad_norm_(parameters, 1.0);
            adam->step();
            for (const Tensor& p : parameters) p.mutable_grad().reset();  // cheaper than zeros
          },
          [last] { return last->item<double>(); }, count};
}

}  // namespace

Makers<Trainer, Model> torch_trainers() { return in_every_way<Trainer, Model>(trainer); }

}  // namespace bench
