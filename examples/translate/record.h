// # A line for the table of runs
//
// The table in docs/speedrun.md says who reached which marks, with which recipe, on which machine.
// A program prints its line, so that nobody copies numbers by hand.
#pragma once

#include <optional>
#include <string>

#include "examples/translate/score.h"
#include "examples/translate/translator.h"

namespace translate {

// The options of a training that differ from the defaults, as they are written on a command line:
// "--preset multi30k --dropout 0.3". Of all presets the one is named that needs the fewest other
// options. Not among them: the seed, and what does not change the weights.
std::string recipe_of(const Settings& settings);

// The search, in the same way: only what differs from 4 beams with a length penalty of 2, the
// defaults of text.
std::string recipe_of(const Search& search);

// The hash (hash.h) of all parameters, in the order of their names: each one's name, byte 0xFF, and
// its numbers as little-endian float32, row-major.
std::string hash_of(const glass::nn::EncoderDecoder& model);

// The CPU's name, as Linux tells it; "unknown CPU" elsewhere.
std::string cpu_name();

struct Record {
  Score score = {};
  std::string recipe = {};  // nothing, if the model does not say how it was trained
  std::string seed = {};
  std::optional<double> seconds = {};  // nothing, if the training was not watched from its start
  std::string weights = {};            // their hash
};

// The line, of which the columns are
//
//     | BLEU | chrF | recipe | seed | minutes | CPU | weights |
std::string row_of(const Record& record);

}  // namespace translate
