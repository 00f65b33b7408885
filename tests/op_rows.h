// # One row for every op on Vars
//
// The table says how to call each op, and on operands of which shapes. Several tests read it:
// gradients (autograd_ops_test.cpp), writes between forward and backward (saved_values_test.cpp),
// and axes of size 0 (empty_test.cpp). Adding an op adds a row.
#pragma once

#include <algorithm>

#include "tests/op_table.h"

namespace glass::oracle {

using Inputs = std::vector<Var>;

struct OpRow {
  std::string name;  // the op's name is the first word
  std::function<Var(const Inputs&)> op;
  std::vector<std::vector<Shape>> shapes;  // of the operands, case by case
  double lo = -2, hi = 2;                  // the range of the operands' numbers
  std::vector<std::size_t> masks = {};     // these operands are constant masks of 0 and 1
  std::vector<Index> fixed = {};           // sizes that the op's formula needs: they cannot be 0
};

const std::vector<OpRow>& op_rows();

inline bool is_mask(const OpRow& row, std::size_t operand) {
  return std::ranges::find(row.masks, operand) != row.masks.end();
}

// Ops whose value over an empty axis is not a finite number: the mean of nothing is NaN, ln 0 is −∞.
inline bool needs_numbers(const OpRow& row) {
  const std::string op = row.name.substr(0, row.name.find_first_of(" ,"));
  return op == "mean" || op == "var" || op == "std" || op == "logsumexp";
}

// A part of x that can be written to: no two of its elements share memory.
inline Tensor without_repeats(Tensor x) {
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (x.stride(axis) == 0 && x.size(axis) > 1) x = x.slice(axis, 0, 1);
  return x;
}

// Turns random numbers into a mask, in place: about a third of it blocks.
inline void make_mask(const Tensor& x, double lo, double hi) {
  Tensor own = without_repeats(x);
  own.copy_from(greater(own, lo + (hi - lo) / 3));
}

// Operands of the given shapes: leaves, and constants for the masks.
inline Inputs operands(const OpRow& row, const std::vector<Shape>& shapes, Rng& rng) {
  Inputs result;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Tensor x = uniform(shapes[i], row.lo, row.hi, rng);
    if (is_mask(row, i)) make_mask(x, row.lo, row.hi);
    result.emplace_back(x, !is_mask(row, i));
  }
  return result;
}

}  // namespace glass::oracle
