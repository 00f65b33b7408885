// # The options of memory
#pragma once

#include "examples/common/options.h"
#include "examples/memory/recall.h"

namespace memory {

struct Options {
  WorldOptions world;
  Index value_dim = 32;
  Index heads = 1;
  Index slots = 64;    // of the largest memory in training
  Index queries = 32;  // to each memory in training
  Index test = 4096;   // queries to mark on, of each size
  std::vector<Index> sizes = {16, 64, 256, 1024};
  examples::TrainingOptions training = {
      .steps = 400, .batch = 16, .rate = 5e-3, .warmup = 50, .metrics = {}};
};

// Reads the command line. CLI::ParseError, or ShapeError, if the arguments are not valid.
Options parse_options(int argc, char** argv);

}  // namespace memory
