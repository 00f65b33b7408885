// # What each op does in the backward pass, in symbols
//
// The formulas are for the pages only: the ops themselves are in autograd/ops.cpp. A test computes
// each formula and compares the result with what the op's VJP gave in a real sweep.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace explain {

// In a formula a and b are the parents, y is the value, and g is the gradient of y that arrives.
struct Formula {
  std::string_view op;                // the name that the op gave to record()
  std::string_view value;             // "a ⊙ b": what y is
  std::vector<std::string_view> vjp;  // for each parent, the gradient that it gets
  std::string_view why;               // the reason for the VJP, in a sentence
};

const std::vector<Formula>& formulas();

// The formula of an op. StateError if there is none.
const Formula& formula_of(std::string_view op);

}  // namespace explain
