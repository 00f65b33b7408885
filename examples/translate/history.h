// # What happened during a training
//
// Plain numbers, which the report draws.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "glassgrad.h"

namespace translate {

using glass::Index;

// The mean of some steps, of which `step` was the last.
struct TrainPoint {
  Index step = 0;
  double loss = 0;  // nats a token, with label smoothing and dropout
  double rate = 0;  // of the last of these steps
};

struct ValidPoint {
  Index step = 0;
  double loss = 0;  // nats a token, without label smoothing and dropout
  std::optional<double> score = {};
};

struct History {
  std::vector<TrainPoint> train = {};
  std::vector<ValidPoint> valid = {};
  std::string score_name = {};  // what the scores are: "BLEU", or nothing
};

}  // namespace translate
