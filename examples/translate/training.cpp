// # The loop that trains a translator
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

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

namespace {

// Writes new numbers into a parameter. value() gives a view of the parameter's memory, so writing
// into the view writes into the parameter.
void overwrite(const Var& parameter, const Tensor& numbers) {
  Tensor weights = parameter.value();
  weights.copy_from(numbers);
}

// How many tokens the batches have to predict.
double tokens_in(std::span<const Batch> batches) {
  double tokens = 0;
  for (const Batch& batch : batches) tokens += static_cast<double>(batch.target_tokens);
  return tokens;
}

}  // namespace

void pull(Tensor average, const Tensor& x, double share) {
  const auto part = static_cast<glass::Real>(share);
  glass::parallel_for(x.numel(), 32768, [=, a = average.data(), in = x.data()](Index i, Index end) {
    for (; i < end; ++i) a[i] += part * (in[i] - a[i]);
  });
}

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

// ---- the course of a training ----

void Trainer::start_pass() {
  // A resumed training makes the pass again. So state_.order stays as it was before the pass, and
  // the pass draws from a copy.
  next_order_ = state_.order;
  const Recipe& r = options_.recipe;
  batches_ = make_batches(next_pass(corpus_, *next_order_, r.bpe_dropout), *next_order_,
                          {.sentences = r.batch, .tokens = r.tokens});

  // With dropout of merges, sentences have other lengths in each pass, and a pass may have another
  // number of batches. The passes that follow are taken to have as many as this one. In the last
  // pass the number of steps is therefore exact. The rest of a pass is a step, even if it has fewer
  // than `accumulate` batches.
  const auto steps_for = [&](Index batches) { return (batches + r.accumulate - 1) / r.accumulate; };
  const Index before = state_.step - steps_for(state_.batch);
  const Index passes_left = r.epochs - state_.pass;
  steps_ = r.epochs > 0 ? before + passes_left * steps_for(std::ssize(batches_)) : r.steps;
}

void Trainer::start_next_pass_if_due() {
  if (state_.batch < std::ssize(batches_)) return;
  state_.order = *next_order_;
  state_.batch = 0;
  ++state_.pass;
  start_pass();
}

bool Trainer::validation_is_due() const {
  if (state_.step == 0 || state_.step == state_.validated) return false;
  const Index every = options_.recipe.validate_every;
  return state_.step == steps_ ||
         (every > 0 ? state_.step % every == 0 : state_.batch == std::ssize(batches_));
}

bool Trainer::window_is_full() const {
  return state_.window == options_.recipe.log_every || state_.step == steps_;
}

void Trainer::save_if_due() {
  const Index every = options_.checkpoint_every;
  if (!options_.save.empty() && every > 0 && state_.step % every == 0) save(options_.save);
}

// After the last step, or when too many validations in a row were not better than the best.
bool Trainer::is_at_the_end() const {
  const Index patience = options_.recipe.patience;
  return state_.step >= steps_ || (patience > 0 && state_.worse >= patience);
}

// What this run did, without the past of a resumed training.
struct Trainer::Pace {
  Index begun = 0;    // the step before its first
  Clock clock = {};   // since it began
  double paused = 0;  // seconds of validations
  double tokens = 0;  // that it learnt from
};

Training Trainer::run(const Watcher& watcher) {
  Pace pace{.begun = state_.step};
  start_pass();
  Progress progress{.step = state_.step, .steps = steps_, .epoch = state_.pass + 1};
  bool stopped = false;
  while (!stopped) {
    // Between two steps: a validation, or the end of the training.
    if (validation_is_due()) validate(pace, progress, watcher);
    finished_ = is_at_the_end();
    if (finished_) break;
    progress = advance(pace, watcher);

    // If the training is stopped, the caller saves it.
    stopped = watcher.stop();
    if (!stopped) save_if_due();
  }
  if (finished_) take_best_weights();
  return {state_.step, state_.loss, pace.clock.seconds(), stopped, pace.begun > 0};
}

// One step, and the report of it to the watcher. If the last pass is over, a new one begins first.
Progress Trainer::advance(Pace& pace, const Watcher& watcher) {
  start_next_pass_if_due();
  step(pace);
  Progress progress = progress_of(pace);
  if (window_is_full()) close_window(progress, watcher);
  watcher.progress(progress);
  return progress;
}

Progress Trainer::progress_of(const Pace& pace) const {
  const double now = pace.clock.seconds(), here = static_cast<double>(state_.step - pace.begun);
  return {.step = state_.step,
          .steps = steps_,
          .epoch = state_.pass + 1,
          .loss = state_.loss,
          .tokens_per_second = pace.tokens / std::max(now - pace.paused, 1e-9),
          .grad_norm = 0,
          .seconds_left = now / here * static_cast<double>(steps_ - state_.step)};
}

// Adds a point to the history, the mean of the steps since the last point.
void Trainer::close_window(Progress& progress, const Watcher& watcher) {
  const auto n = static_cast<double>(state_.window);
  progress.grad_norm = state_.window_norm / n;
  history_.train.push_back({state_.step, state_.window_loss / n, adam_.options.rate});
  state_.window = 0;
  state_.window_norm = 0;
  state_.window_loss = 0;
  watcher.logged(progress, history_.train.back());
}

void Trainer::take_best_weights() {
  for (std::size_t i = 0; i < best_.size(); ++i) overwrite(parameters_[i], best_[i]);
}

// ---- one step ----

// The batches of the next step: `accumulate`, or the rest of the pass.
Index Trainer::batches_of_step() const {
  return std::min(options_.recipe.accumulate, std::ssize(batches_) - state_.batch);
}

void Trainer::step(Pace& pace) {
  const Index count = batches_of_step();
  const auto batches = std::span(batches_).subspan(static_cast<std::size_t>(state_.batch),
                                                   static_cast<std::size_t>(count));
  const double loss = loss_and_gradients(batches);
  state_.window_norm += optim::clip_grad_norm(parameters_, 1.0);
  ++state_.step;
  adam_.options.rate = rate_of_step();
  adam_.step();
  if (average_) update_average();

  // What the step adds to the sums and means. The running mean is over about fifty steps; the first
  // steps are weighted equally, so that it is a true mean from the first step on.
  state_.window_loss += loss;
  ++state_.window;
  state_.batch += count;
  state_.loss += std::max(0.02, 1.0 / static_cast<double>(state_.step)) * (loss - state_.loss);
  pace.tokens += tokens_in(batches);
}

// The loss is a mean over tokens. So each batch counts by its share of all tokens, and the sum of
// the gradients is the gradient of one large batch.
double Trainer::loss_and_gradients(std::span<const Batch> batches) {
  nn::set_training(translator_.model, true);
  adam_.zero_grad();
  const double tokens = tokens_in(batches);
  double loss = 0;
  for (const Batch& batch : batches) {
    const double share = static_cast<double>(batch.target_tokens) / tokens;
    loss += share * add_gradients(batch, share);
  }
  return loss;
}

double Trainer::add_gradients(const Batch& batch, double share) {
  const nn::EncoderDecoder& model = translator_.model;
  const Var logits = model(batch.source, batch.target_in);  // [B, T, V]
  const Var loss = nn::cross_entropy(
      logits, batch.target_out,
      {.ignore_index = Vocabulary::pad, .label_smoothing = options_.recipe.smoothing});  // []
  const auto value = static_cast<double>(loss.item());
  check<StateError>(std::isfinite(value),
                    "train: the loss became {} at step {}; try a smaller --rate", value,
                    state_.step + 1);
  if (state_.step == 0) nn::check_parameters(loss, model);
  loss.backward(Tensor(share));
  return value;
}

// The rate rises over the first steps and falls after them.
double Trainer::rate_of_step() const {
  const Recipe& r = options_.recipe;
  const optim::ScheduleOptions o{
      .rate = r.rate, .warmup = std::min(r.warmup, steps_), .total = steps_};
  return r.schedule == Schedule::cosine ? optim::warmup_cosine(state_.step, o)
                                        : optim::warmup_inverse_sqrt(state_.step, o);
}

// The running mean of the weights. The first weights are random and should not stay in it, so the
// first steps keep a smaller share of the mean.
void Trainer::update_average() {
  const auto t = static_cast<double>(state_.step);
  const double stays = std::min(options_.recipe.average, (1 + t) / (10 + t));
  const std::vector<Var> averages = nn::parameters(average_->model);
  for (std::size_t i = 0; i < averages.size(); ++i)
    pull(averages[i].value(), parameters_[i].value(), 1 - stays);
}

// ---- a validation ----

void Trainer::validate(Pace& pace, const Progress& progress, const Watcher& watcher) {
  // The time of a validation does not count for the speed of the training.
  const double before = pace.clock.seconds();
  const Translator& candidate = average_ ? *average_ : translator_;
  const double loss = mean_loss(candidate, valid_);
  history_.valid.push_back({state_.step, loss, valid_score(candidate, corpus_)});
  state_.validated = state_.step;
  keep_if_best(candidate, loss);
  pace.paused += pace.clock.seconds() - before;
  watcher.validated(progress, history_.valid.back());
}

void Trainer::keep_if_best(const Translator& candidate, double loss) {
  ++state_.worse;
  if (!(loss < state_.best_loss)) return;  // worse, or NaN
  state_.best_loss = loss;
  state_.worse = 0;
  const std::vector<Var> weights = nn::parameters(candidate.model);
  for (std::size_t i = 0; i < best_.size(); ++i) best_[i].copy_from(weights[i].value());
}

}  // namespace translate
