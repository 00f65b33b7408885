// # glassgrad's part in the races of training
#pragma once

#include "tests/benchmarks/torch.h"

namespace bench {

inline const std::string our_name = "glassgrad";

Trainer our_trainer(const Model& model);

}  // namespace bench
