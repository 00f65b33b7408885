// # The torch side of the comparison, and what is drawn for it
//
// One row an op: how a case is drawn, and what libtorch makes of it.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/parity/dice.h"

namespace glass::parity {

// A case whose tensors have become torch's.
struct Reference : Case {
  std::vector<torch::Tensor> x, masks;
};

struct Row {
  std::string op;
  std::function<Case(Dice&)> draw;
  std::function<torch::Tensor(const Reference&)> torch;
  double tolerance = 0;  // of long trajectories; 0: the tolerances of values and gradients
  int rarity = 1;        // every how many cases of other rows this one gets one
  int golden = 3;        // how many cases the golden files have of it
};

std::vector<Row> op_rows();
std::vector<Row> layer_rows();

// Row-major copies, in f64.
torch::Tensor to_torch(const Tensor& x);
Tensor from_torch(const torch::Tensor& x);

// Writes the state dicts of torch modules to a folder, as torch names them, and returns what each
// makes of its inputs, under the name of its file.
std::map<std::string, std::vector<Tensor>> write_layers(const std::string& folder);

}  // namespace glass::parity
