// # What the command lines of small examples have in common
#pragma once

#include <string_view>

#include "examples/common/arguments.h"
#include "examples/common/files.h"
#include "examples/common/program.h"
#include "examples/common/training.h"

namespace CLI {
class App;
}

namespace examples {

// --steps, --batch, --rate, --warmup, --seed, --threads and --metrics, with what `o` holds as
// defaults. `batch` says what a batch is made of.
void add_training_options(CLI::App& app, TrainingOptions& o, std::string_view batch);

// Whether to print colours: --colour auto, always or never.
void add_colour_option(CLI::App& app, Colours& wish);

// With --metrics, writes the marks (the scores of the evaluation) and a summary of the training to
// that file. Returns the program's exit status: 0, or after Ctrl-C the status of an interrupted
// program.
int finish(const TrainingOptions& o, const Training& training, Index parameters, Json marks);

}  // namespace examples
