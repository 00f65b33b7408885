// # glassgrad's training step
//
// The step of examples/translate/training.cpp, for any model and any batches.
#include "tests/benchmarks/our_trainer.h"

#include <glassgrad.h>

#include <memory>
#include <optional>

#include "examples/translate/training.h"

namespace bench {

using glass::Tokens;
using glass::Var;

namespace nn = glass::nn;
namespace optim = glass::optim;

namespace {

struct OurBatch {
  Tokens source, target;     // [B, S], [B, T]
  std::vector<int> answers;  // [B·T]
};

struct OurTrainer {
  explicit OurTrainer(const Model& m)
      : plan(m),
        model(rng, {.source_vocab = m.source_vocabulary,
                    .target_vocab = m.target_vocabulary,
                    .dim = m.width,
                    .heads = m.heads,
                    .layers = m.layers,
                    .hidden = m.hidden,
                    .dropout = m.dropout,
                    .max_length = m.max_length,
                    .padding = padding,
                    .tied = m.tied,
                    .shared = m.shared,
                    .inner_dropout = m.inner_dropout}),
        parameters(nn::parameters(model)),
        adam(parameters, {.rate = m.rate(1), .beta2 = m.beta2, .eps = m.eps}) {
    for (const Batch& b : m.batches)
      batches.push_back(
          {{b.rows, b.source_length, b.source}, {b.rows, b.target_length, b.target}, b.answers});
    plan.batches.clear();  // they are in `batches`
    if (m.average == 0) return;
    averages.emplace(model);
    averages->tie();
  }

  void step() {
    // The gradients.
    const OurBatch& batch = batches[static_cast<std::size_t>(steps) % batches.size()];
    const Var logits = model(batch.source, batch.target);  // [B, T, V]
    const Var loss = nn::cross_entropy(
        logits, batch.answers, {.ignore_index = padding, .label_smoothing = plan.smoothing});  // []
    last = loss.item();
    loss.backward();
    optim::clip_grad_norm(parameters, 1.0);

    // The weights, and their running mean.
    ++steps;
    adam.options.rate = plan.rate(steps);
    adam.step();
    adam.zero_grad();
    if (averages) update_averages();
  }

  void update_averages() {
    const double stays = share_that_stays(plan, steps);
    const std::vector<Var> means = nn::parameters(*averages);
    for (std::size_t i = 0; i < means.size(); ++i)
      translate::pull(means[i].value(), parameters[i].value(), 1 - stays);
  }

  Model plan;
  glass::Rng rng{1};
  nn::EncoderDecoder model;
  std::vector<Var> parameters;
  optim::Adam adam;
  std::optional<nn::EncoderDecoder> averages;
  std::vector<OurBatch> batches;
  int steps = 0;
  double last = 0;
};

}  // namespace

Trainer our_trainer(const Model& m) {
  const auto ours = std::make_shared<OurTrainer>(m);
  return {[ours, turn = m.batches_in_turn] {
            for (int i = 0; i < turn; ++i) ours->step();
          },
          [ours] { return ours->last; }, nn::count_parameters(ours->model)};
}

}  // namespace bench
