// # The loop that trains
//
// What every small example does between drawing a batch and printing the marks (the scores of the
// evaluation): loss, backward, clip, step, and a rate that rises and falls. There are no passes
// over files, no validation and no checkpoints: a program that needs them has a loop of its own
// (`examples/translate`).
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>

#include "examples/common/interrupt.h"
#include "examples/common/terminal.h"
#include "nn/module.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"

namespace examples {

using glass::Index;
using glass::Var;

struct TrainingOptions {
  Index steps = 0;   // 0: no training, only marks
  Index batch = 0;   // drawn anew at every step
  double rate = 0;   // the largest; it falls to 0 at the last step
  Index warmup = 0;  // steps over which the rate rises; at most all of them
  std::uint64_t seed = 1;
  int threads = 0;      // 0: as many as the machine has cores
  std::string metrics;  // a file for the marks, or empty
};

// What the watcher is told after each step.
struct Progress {
  Index step = 0, steps = 0;
  double loss = 0;  // a running mean
  double seconds_left = 0;
};

struct Training {
  Index steps = 0;
  double loss = 0;  // of the last Progress
  double seconds = 0;
  bool stopped = false;  // because `stop` asked for it
};

struct Watcher {
  std::function<void(const Progress&)> progress = [](const Progress&) {};
  std::function<bool()> stop = [] { return false; };  // asked after every step
};

// One step: the loss on a fresh batch, its gradients, and a change of the weights. `step` counts
// from 1. Returns the loss; StateError if it is NaN or infinite.
template <glass::nn::Module Model>
double train_step(const Model& model, glass::optim::Adam& adam, const TrainingOptions& o,
                  const std::function<Var()>& draw_loss, Index step) {
  // Forward.
  glass::nn::set_training(model, true);
  adam.zero_grad();
  const Var loss = draw_loss();
  const auto value = static_cast<double>(loss.item());
  glass::check<glass::StateError>(std::isfinite(value),
                                  "train: the loss became {} at step {}; try a smaller --rate",
                                  value, step);
  if (step == 1) glass::nn::check_parameters(loss, model);

  // Backward. Gradients longer than 1 are shortened to 1, so that no single batch moves the weights
  // far.
  loss.backward();
  glass::optim::clip_grad_norm(glass::nn::parameters(model), 1.0);

  // Update.
  adam.options.rate = glass::optim::warmup_cosine(
      step, {.rate = o.rate, .warmup = std::min(o.warmup, o.steps), .total = o.steps});
  adam.step();
  return value;
}

// Trains until the last step, or until `watcher.stop` asks for the end. `draw_loss()` draws a batch
// and gives the model's loss on it. StateError if the loss becomes NaN or infinite.
template <glass::nn::Module Model>
Training train(const Model& model, const TrainingOptions& o, const std::function<Var()>& draw_loss,
               const Watcher& watcher = {}) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  glass::optim::Adam adam(glass::nn::parameters(model), {.rate = o.rate});
  Training result;
  while (result.steps < o.steps && !result.stopped) {
    const double value = train_step(model, adam, o, draw_loss, result.steps + 1);
    ++result.steps;

    // A running mean over about fifty steps. The first steps are weighted equally, so that it is a
    // true mean from the first step on.
    const double weight = std::max(0.02, 1.0 / static_cast<double>(result.steps));
    result.loss += weight * (value - result.loss);
    const double pace = seconds() / static_cast<double>(result.steps);
    watcher.progress(
        {result.steps, o.steps, result.loss, pace * static_cast<double>(o.steps - result.steps)});
    result.stopped = watcher.stop();
  }
  glass::nn::set_training(model, false);
  result.seconds = seconds();
  return result;
}

// Trains as train() does, shows the progress on a live line, and stops early after Ctrl-C.
template <glass::nn::Module Model>
Training train_visibly(
    const Model& model, const TrainingOptions& o, const std::function<Var()>& draw_loss,
    const std::function<void(const Progress&)>& after_step = [](const Progress&) {}) {
  LiveLine line;
  const Interrupt interrupted;
  const auto progress = [&](const Progress& p) {
    line.show(p.step, p.steps,
              fmt::format("loss {:.4f}  {} left", p.loss, duration(p.seconds_left)));
    after_step(p);
  };
  const Training result =
      train(model, o, draw_loss, {.progress = progress, .stop = [&] { return interrupted(); }});
  line.end();
  return result;
}

}  // namespace examples
