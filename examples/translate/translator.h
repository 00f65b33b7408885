// # A model and the words that it knows
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "examples/translate/options.h"
#include "examples/translate/text.h"
#include "glassgrad.h"

namespace translate {

// The model, and all that is needed to use it again: one safetensors file holds them.
struct Translator {
  std::string task;
  Unit unit = Unit::words;
  Vocabulary source_words, target_words;
  glass::nn::EncoderDecoder model;

  static Translator create(const Corpus& corpus, const Options& options);
  static Translator load(const std::filesystem::path& path);
  void save(const std::filesystem::path& path) const;

  // The likeliest target for each source, without <s> and </s>.
  std::vector<std::vector<int>> decode(std::span<const Example> examples) const;

  // One sentence as typed; an empty one stays empty. FileError if it is not UTF-8, ShapeError if it
  // is longer than the model can read.
  std::string translate(std::string_view text) const;
  void expect_translatable(std::string_view text) const;

  // Where the last decoder layer looked while it wrote each of the target's tokens and </s>: the
  // cross-attention averaged over heads [T + 1, S + 1], </s> last on both sides.
  glass::Tensor attention(const Example& example) const;
};

// ---- training ----

// What the trainer tells while it works.
struct Progress {
  Index step = 0, steps = 0;
  double loss = 0;  // mean over the last steps, in nats a token
  double tokens_per_second = 0;
  double seconds_left = 0;
};

struct Training {
  Index steps = 0;
  double loss = 0;  // the last that Progress told
  double seconds = 0;
  bool stopped = false;  // because `stop` asked for it
};

struct Watcher {
  std::function<void(const Progress&)> progress;           // after every step
  std::function<void(Index step, double loss)> validated;  // after every pass
  std::function<bool()> stop;                              // asked after every step
};

// StateError if the loss stops being a number.
Training train(Translator& translator, const Corpus& corpus, const Options& options,
               const Watcher& watcher);

// ---- marking ----

struct Marks {
  double exact_match = 0;           // share of test sentences translated to the letter
  std::optional<double> alignment;  // share of predicted tokens that looked at the true position
  double loss = 0;                  // mean over the test pairs' tokens
};

// The mean cross-entropy a token, without dropout or smoothing.
double mean_loss(const Translator& translator, std::span<const Example> examples);
Marks mark(const Translator& translator, const Corpus& corpus);

}  // namespace translate
