// # The options of translate
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "examples/translate/corpus.h"

namespace translate {

enum class Schedule { cosine, inverse_sqrt };

// The sizes of a model, its training, and its search. Each kind of corpus has a recipe that suits
// it.
struct Recipe {
  // The model.
  Index dim = 128, heads = 4, layers = 2, hidden = 256;
  // The target's embedding is also the output layer and, with a joint vocabulary, the source's.
  bool tied = false;
  double dropout = 0.1;
  std::optional<double> inner_dropout =
      {};  // of attention weights and hidden numbers; else the same

  // Its training. Steps below 0: as many as the epochs take.
  Index steps = -1, epochs = 10;
  Index batch = 64, tokens = 0;  // sentence pairs in a batch at most, and tokens; 0: any number
  Index accumulate = 1;          // batches whose gradients are added before each step
  double bpe_dropout = 0;        // share of merges of subwords that are left out
  Schedule schedule = Schedule::cosine;
  double rate = 1e-3, smoothing = 0.1;
  Index warmup = 400;
  double average = 0;        // how much of the running mean of the weights stays from step to step
  Index patience = 0;        // stop after so many validations without a better one; 0: never
  Index validate_every = 0;  // steps; 0: after each pass
  Index log_every = 50;      // steps

  // Its use.
  Index beams = 1;
  double length_penalty = 0.6;

  double inner() const { return inner_dropout.value_or(dropout); }
};

// What the program does: it trains a model and evaluates it, only evaluates it, only translates
// with a loaded one (and marks these translations), or marks the translations of a file.
enum class Mode { train, mark, translate, score };

struct TestFiles {
  std::string source = {}, target = {};
};

struct Options {
  Mode mode = Mode::train;

  // What to learn from: a made-up task, or parallel text.
  std::string task, preset;
  TextFiles files;
  Recipe recipe;
  std::uint64_t seed = 1;
  int threads = 0;  // 0: every core

  // The files and sentences that are read and written.
  std::string load, save, metrics, log, report;
  bool resume = false;
  Index checkpoint_every = 500;        // steps; 0: only at the end
  std::vector<std::string> sentences;  // to translate
  std::string translate_file, output;
  bool interactive = false;
  Index nbest = 0;  // translations of each sentence, with their probabilities; 0: one, without

  // What is marked at the end, and how: sentences that the model translates, or a file of
  // translations, perhaps compared with those of another system.
  TestFiles test;
  std::string score, reference, baseline;
  bool lowercase = true;

  bool trains() const { return recipe.steps > 0 || recipe.epochs > 0; }
};

// Reads the command line. The recipe is that of the preset, the task or the loaded model, changed
// by the arguments. Throws Done after --help, CLI::ParseError if the arguments are not valid, and
// FileError if --load names no model, or if two arguments name one file that would be written.
Options parse_options(int argc, char** argv);

// The names and values of everything that the course of a training depends on, except the
// sentences. A training can be resumed only with the same settings.
using Settings = std::vector<std::pair<std::string, std::string>>;
Settings settings_of(const Options& options);

// The settings of a preset or a task without any other option; of text, for another name.
Settings settings_for(const std::string& name);

}  // namespace translate
