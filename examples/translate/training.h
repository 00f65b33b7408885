// # Training that can be resumed
//
// A training can be resumed from its last save, whatever ended the program: the weights come out
// the same as without the interruption, bit for bit, with any number of threads. For this,
// everything that a step reads is in the file (weights, the optimiser's means, random streams, the
// place in the data), or follows from the arguments, which must be the same.
#pragma once

#include "examples/translate/history.h"
#include "examples/translate/translator.h"

namespace translate {

// What the watcher is told during the training.
struct Progress {
  Index step = 0, steps = 0, epoch = 0;
  double loss = 0;  // mean over the last steps, in nats a token
  double tokens_per_second = 0;
  double grad_norm = 0;  // before clipping
  double seconds_left = 0;
};

struct Watcher {
  std::function<void(const Progress&)> progress = [](const auto&) {};  // after every step
  std::function<void(const Progress&, const TrainPoint&)> logged = [](const auto&, const auto&) {};
  std::function<void(const Progress&, const ValidPoint&)> validated = [](const auto&, const auto&) {
  };
  std::function<bool()> stop = [] { return false; };  // asked after every step
};

struct Training {
  Index steps = 0;  // in all, those of a resumed training's past included
  double loss = 0;  // of the last Progress
  double seconds = 0;
  bool stopped = false;  // because `stop` asked for it
  bool resumed = false;  // there were steps before `seconds` began
};

// What changes from step to step, besides the model and the optimiser.
struct TrainingState {
  Index step = 0, pass = 0, batch = 0;  // batches of the present pass that are done
  glass::Rng order;                     // as it was when the present pass began
  Index validated = 0;                  // the step of the last validation
  double best_loss = std::numeric_limits<double>::infinity();
  Index worse = 0;                          // validations since the best
  double loss = 0;                          // a running mean over about fifty steps
  double window_loss = 0, window_norm = 0;  // sums since the last point of the history
  Index window = 0;                         // so many steps

  // All members, by the names that they have in a checkpoint.
  void each(auto&& f) {
    f("step", step);
    f("pass", pass);
    f("batch", batch);
    f("order", order);
    f("validated", validated);
    f("best_loss", best_loss);
    f("worse", worse);
    f("loss", loss);
    f("window_loss", window_loss);
    f("window_norm", window_norm);
    f("window", window);
  }
};

// A step of a running mean: a ← a + share · (x − a), number by number, by all threads.
void pull(glass::Tensor average, const glass::Tensor& x, double share);

// A hash of the corpus, words and order included.
std::string hash_of(const Corpus& corpus);

// The settings of the training that a file is from; none, if it says nothing of a training.
Settings settings_in(const std::filesystem::path& path);

class Trainer {
 public:
  // Trains `translator`, which must live longer than the trainer.
  Trainer(Translator& translator, const Corpus& corpus, const Options& options);

  // Continues the training that was saved in the file. FileError, with nothing changed, if the file
  // holds no training, or a training with other options or other sentences.
  void resume(const std::filesystem::path& path);

  // Trains until the end, or until `stop`. Saves to options.save on the way, but not when it stops
  // and not at the end: the caller calls save(). At the end the translator has the weights of the
  // best validation. StateError if the loss stops being a number.
  Training run(const Watcher& watcher);

  // Saves the best weights so far and, while the training is not finished, all that resume() needs.
  void save(const std::filesystem::path& path);

  bool finished() const { return finished_; }
  Index step() const { return state_.step; }
  const History& history() const { return history_; }

 private:
  struct Snapshot;
  struct Pace;
  glass::nn::State everything();

  // The course of a run.
  void start_pass();
  void start_next_pass_if_due();
  bool validation_is_due() const;
  bool window_is_full() const;
  bool is_at_the_end() const;
  void validate(Pace& pace, const Progress& progress, const Watcher& watcher);
  Progress advance(Pace& pace, const Watcher& watcher);
  void step(Pace& pace);
  Index batches_of_step() const;
  Progress progress_of(const Pace& pace) const;
  void close_window(Progress& progress, const Watcher& watcher);
  void save_if_due();
  void take_best_weights();

  // The parts of a step.
  double loss_and_gradients(std::span<const Batch> batches);  // returns the loss
  double add_gradients(const Batch& batch, double share);     // returns the batch's loss
  double rate_of_step() const;
  void update_average();
  void keep_if_best(const Translator& candidate, double loss);

  glass::nn::Metadata notes() const;

  Translator& translator_;
  const Corpus& corpus_;
  const Options& options_;
  std::vector<glass::Var> parameters_;
  glass::optim::Adam adam_;
  std::optional<Translator> average_;  // the running mean of the weights, if it is asked for
  std::vector<glass::Tensor> best_;    // weights
  std::vector<Example> valid_;
  std::string sentences_;  // a hash of all of them
  TrainingState state_;
  History history_;
  bool finished_ = false;

  std::vector<Batch> batches_;  // of the present pass
  std::optional<glass::Rng> next_order_;
  Index steps_ = 0;  // in all
};

}  // namespace translate
