// expect: each\(\) is missing
#include "glassgrad.h"

struct Block {
  glass::nn::Linear up, down;
};

auto parameters_of(const Block& block) { return glass::nn::parameters(block); }
