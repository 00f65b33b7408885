// # What each op does on the way back, in symbols
//
// For the pages only: the ops themselves are in autograd/ops.cpp. A test computes each of these
// formulas and compares it with what the op's VJP gave in a real sweep.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace explain {

// In them a and b are the parents, y is the value, and g the gradient of y that arrives.
struct Formula {
  std::string_view op;                // as record() was told
  std::string_view value;             // "a ⊙ b": what y is
  std::vector<std::string_view> vjp;  // for each parent, what it is given
  std::string_view why;               // in a sentence
};

const std::vector<Formula>& formulas();

// StateError where there is none.
const Formula& formula_of(std::string_view op);

}  // namespace explain
