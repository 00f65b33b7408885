// # The options of picture_query
#pragma once

#include <string>

#include "examples/common/options.h"
#include "examples/picture_query/seer.h"

namespace picture_query {

struct Options {
  WorldOptions world;
  SeerOptions model;
  Index questions = 8;  // about each picture in training
  Index test = 1000;    // pictures to mark on
  Index show = 3;       // questions to draw
  std::vector<std::string> ask;
  examples::Colours colour = examples::Colours::automatic;
  std::string svg;
  examples::TrainingOptions training = {
      .steps = 3000, .batch = 32, .rate = 5e-3, .warmup = 100, .metrics = {}};
};

// Reads the command line. CLI::ParseError, or ShapeError, if the arguments are not valid.
Options parse_options(int argc, char** argv);

}  // namespace picture_query
