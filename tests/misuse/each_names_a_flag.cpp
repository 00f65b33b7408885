// expect: each\(\) may name Vars, Tensors
#include "glassgrad.h"

struct Block {
  bool flag = true;
  void each(auto&& f) { f("flag", flag); }
};

auto parameters_of(const Block& block) { return glass::nn::parameters(block); }
