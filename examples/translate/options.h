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
  bool tied = false;  // the target's embedding is also the output layer
  double dropout = 0.1;

  // Its training. Steps below 0: as many as the epochs take.
  Index steps = -1, epochs = 10;
  Index batch = 64, tokens = 0;  // sentence pairs in a batch at most, and tokens; 0: any number
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
};

// What the program does: it trains a model and evaluates it, only evaluates it, or only translates
// with a loaded one.
enum class Mode { train, mark, translate };

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

}  // namespace translate
