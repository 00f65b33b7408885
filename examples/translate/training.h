// # Training that survives
//
// Whatever ends the program, training can go on from its last save as if nothing had happened: the
// weights come out the same, bit for bit, with any number of threads. So everything that a step
// reads is either in the file (weights, the optimiser's means, random streams, the place in the
// data) or follows from the arguments, which are compared.
#pragma once

#include "examples/translate/history.h"
#include "examples/translate/translator.h"

namespace translate {

// What the trainer tells while it works.
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
  double loss = 0;  // the last that Progress told
  double seconds = 0;
  bool stopped = false;  // because `stop` asked for it
};

// What changes from step to step beside the model and the optimiser.
struct TrainingState {
  Index step = 0, pass = 0, batch = 0;  // batches of the present pass that are done
  glass::Rng order;                     // as it was when the present pass began
  Index validated = 0;                  // the step of the last validation
  double best_loss = std::numeric_limits<double>::infinity();
  Index worse = 0;                          // validations since the best
  double loss = 0;                          // a running mean over about fifty steps
  double window_loss = 0, window_norm = 0;  // sums since the last point of the history
  Index window = 0;                         // so many steps

  void each(auto&& f) {
    f("step", step), f("pass", pass), f("batch", batch), f("order", order);
    f("validated", validated), f("best_loss", best_loss), f("worse", worse), f("loss", loss);
    f("window_loss", window_loss), f("window_norm", window_norm), f("window", window);
  }
};

// A number that tells one corpus from another, words and order included.
std::string hash_of(const Corpus& corpus);

class Trainer {
 public:
  // Trains `translator`, which outlives it.
  Trainer(Translator& translator, const Corpus& corpus, const Options& options);

  // Goes on where the training that was saved there stood. FileError, with nothing changed, if the
  // file holds none, or one of other options or other sentences.
  void resume(const std::filesystem::path& path);

  // Trains until the end, or until `stop`. Saves to options.save on the way, but neither then nor
  // at the end. In the end the translator has the weights of the best validation. StateError if
  // the loss stops being a number.
  Training run(const Watcher& watcher);

  // The best weights so far and, while it is not finished, all that resume() needs.
  void save(const std::filesystem::path& path);

  bool finished() const { return finished_; }
  Index step() const { return state_.step; }
  const History& history() const { return history_; }

 private:
  struct Snapshot;
  glass::nn::State everything();
  void start_pass();
  bool is_due() const;
  void validate();
  double train_step(const Batch& batch);  // its loss
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
