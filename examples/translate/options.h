// # What can be asked for
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "examples/translate/text.h"

namespace translate {

struct Options {
  // What to learn from: a made-up task, or parallel text.
  std::string task;
  TextFiles files;

  // The model. 0 or less: what suits the task.
  Index dim = 0, heads = 0, layers = 0, hidden = 0;
  double dropout = -1;

  // The training.
  Index steps = -1, epochs = 0, batch = 0, warmup = -1;
  double rate = 0, smoothing = -1;
  std::uint64_t seed = 1;
  int threads = 0;  // 0: every core

  // What comes in and goes out.
  std::string load, save, metrics;
  std::vector<std::string> sentences;  // to translate
};

// Reads the command line. Leaves the program with status 0 after --help; throws CLI::ParseError
// where the arguments make no sense.
Options parse_options(int argc, char** argv);

// The options with every open question answered for this corpus.
Options with_defaults(Options options, const Corpus& corpus);

}  // namespace translate
