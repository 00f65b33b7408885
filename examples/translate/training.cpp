#include "examples/translate/training.h"

#include <chrono>
#include <cmath>

#include "examples/translate/marks.h"

namespace translate {

using glass::check;
using glass::StateError;
using glass::Tensor;
using glass::Var;

namespace nn = glass::nn;
namespace optim = glass::optim;

namespace {

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// a ← a + share · (x − a), number by number.
void pull(Tensor average, const Tensor& x, double share) {
  const auto part = static_cast<glass::Real>(share);
  glass::Real* const a = average.data();
  const glass::Real* const in = x.data();
  for (Index i = 0, n = x.numel(); i < n; ++i) a[i] += part * (in[i] - a[i]);
}

}  // namespace

Trainer::Trainer(Translator& translator, const Corpus& corpus, const Options& options)
    : translator_(translator),
      corpus_(corpus),
      options_(options),
      parameters_(nn::parameters(translator.model)),
      adam_(parameters_, {.rate = options.recipe.rate, .beta2 = 0.98, .eps = 1e-9}),
      valid_(corpus.encode(corpus.valid)),
      sentences_(hash_of(corpus)),
      // Streams of their own for the order of the data and, in the layers, for dropout.
      state_{.order = glass::Rng(options.seed).split()} {
  if (options.recipe.average > 0) average_ = translator.copy();
  for (const Var& p : parameters_) best_.push_back(p.value().clone());
  history_.score_name = score_name(corpus);
}

// ---- the course of events ----

void Trainer::start_pass() {
  // The pass can be made again from the state that the stream had before it.
  next_order_ = state_.order;
  const Recipe& r = options_.recipe;
  batches_ = make_batches(next_pass(corpus_, *next_order_), *next_order_,
                          {.sentences = r.batch, .tokens = r.tokens});
  steps_ = r.epochs > 0 ? r.epochs * std::ssize(batches_) : r.steps;
}

bool Trainer::is_due() const {
  if (state_.step == 0 || state_.step == state_.validated) return false;
  const Index every = options_.recipe.validate_every;
  return state_.step == steps_ ||
         (every > 0 ? state_.step % every == 0 : state_.batch == std::ssize(batches_));
}

Training Trainer::run(const Watcher& watcher) {
  const Recipe& r = options_.recipe;
  const Index begun = state_.step;
  const Clock clock;
  Progress progress;
  double tokens = 0, paused = 0;
  bool stopped = false;
  start_pass();
  progress.step = begun, progress.steps = steps_, progress.epoch = state_.pass + 1;
  for (;;) {
    if (is_due()) {
      const double before = clock.seconds();
      validate();
      paused += clock.seconds() - before;
      watcher.validated(progress, history_.valid.back());
    }
    finished_ = state_.step >= steps_ || (r.patience > 0 && state_.worse >= r.patience);
    if (finished_ || stopped) break;
    if (state_.batch == std::ssize(batches_)) {
      state_.order = *next_order_;
      state_.batch = 0;
      ++state_.pass;
      start_pass();
    }

    const Batch& batch = batches_[static_cast<std::size_t>(state_.batch)];
    const double loss = train_step(batch);
    ++state_.batch;
    // True from the first step on.
    state_.loss += std::max(0.02, 1.0 / static_cast<double>(state_.step)) * (loss - state_.loss);
    tokens += static_cast<double>(batch.target_tokens);
    const double now = clock.seconds(), here = static_cast<double>(state_.step - begun);
    progress = {.step = state_.step,
                .steps = steps_,
                .epoch = state_.pass + 1,
                .loss = state_.loss,
                .tokens_per_second = tokens / std::max(now - paused, 1e-9),
                .grad_norm = 0,
                .seconds_left = now / here * static_cast<double>(steps_ - state_.step)};
    if (state_.window == r.log_every || state_.step == steps_) {
      const double n = static_cast<double>(std::exchange(state_.window, 0));
      progress.grad_norm = std::exchange(state_.window_norm, 0) / n;
      history_.train.push_back(
          {state_.step, std::exchange(state_.window_loss, 0) / n, adam_.options.rate});
      watcher.logged(progress, history_.train.back());
    }
    watcher.progress(progress);
    stopped = watcher.stop();
    if (!stopped && !options_.save.empty() && options_.checkpoint_every > 0 &&
        state_.step % options_.checkpoint_every == 0)
      save(options_.save);
    if (stopped) break;
  }
  if (finished_)
    for (std::size_t i = 0; i < best_.size(); ++i)
      Tensor(parameters_[i].value()).copy_from(best_[i]);
  return {state_.step, state_.loss, clock.seconds(), stopped};
}

double Trainer::train_step(const Batch& batch) {
  const Recipe& r = options_.recipe;
  const nn::EncoderDecoder& model = translator_.model;
  nn::set_training(model, true);
  adam_.zero_grad();
  const Var logits = model(batch.source, batch.target_in);  // [B, T, V]
  const Var loss = nn::cross_entropy(
      logits, batch.target_out, {.ignore_index = Vocabulary::pad, .label_smoothing = r.smoothing});
  const auto value = static_cast<double>(loss.item());
  check<StateError>(std::isfinite(value),
                    "train: the loss became {} at step {}; try a smaller --rate", value,
                    state_.step + 1);
  if (state_.step == 0) nn::check_parameters(loss, model);
  loss.backward();
  state_.window_norm += optim::clip_grad_norm(parameters_, 1.0);
  const optim::ScheduleOptions o{
      .rate = r.rate, .warmup = std::min(r.warmup, steps_), .total = steps_};
  ++state_.step;
  adam_.options.rate = r.schedule == Schedule::cosine ? optim::warmup_cosine(state_.step, o)
                                                      : optim::warmup_inverse_sqrt(state_.step, o);
  adam_.step();
  state_.window_loss += value;
  ++state_.window;
  if (average_) {
    // The first weights are no use to anyone: a young mean forgets them sooner.
    const auto t = static_cast<double>(state_.step);
    const double stays = std::min(r.average, (1 + t) / (10 + t));
    const std::vector<Var> averages = nn::parameters(average_->model);
    for (std::size_t i = 0; i < averages.size(); ++i)
      pull(averages[i].value(), parameters_[i].value(), 1 - stays);
  }
  return value;
}

void Trainer::validate() {
  const Translator& candidate = average_ ? *average_ : translator_;
  const double loss = mean_loss(candidate, valid_);
  history_.valid.push_back({state_.step, loss, valid_score(candidate, corpus_)});
  state_.validated = state_.step;
  ++state_.worse;
  if (!(loss < state_.best_loss)) return;
  state_.best_loss = loss;
  state_.worse = 0;
  const std::vector<Var> weights = nn::parameters(candidate.model);
  for (std::size_t i = 0; i < best_.size(); ++i) best_[i].copy_from(weights[i].value());
}

}  // namespace translate
