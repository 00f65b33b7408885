// # What the files of the libtorch module share
#pragma once

#include <torch/torch.h>

#include "tests/benchmarks/torch.h"

namespace bench {

Makers<Trainer, Model> torch_trainers();

}  // namespace bench
