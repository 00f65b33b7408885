// # The table of ops: all rows together
#include <algorithm>

#include "tests/programs/program.h"

namespace glass::programs {

bool fits_first(const Shape& shape, First first) {
  switch (first) {
    case First::any:
      return true;
    case First::line:
      return shape.rank() >= 1;
    case First::grid:
      return shape.rank() >= 2;
    case First::matrix:
      return shape.rank() == 2;
    case First::sequence:
      return shape.rank() == 3;
    case First::heads:
      return shape.rank() == 4;
  }
  return false;
}

const Table& ops() {
  static const Table table = [] {
    Table all;
    for (const auto part : {elementwise_ops, reduction_ops, product_ops, view_ops, layer_ops})
      for (Op& op : part()) all.push_back(std::move(op));
    return all;
  }();
  return table;
}

bool is_layer(const Op& op) {
  return op.text.starts_with("with(") || op.text.starts_with("logits_of(");
}

std::size_t op_called(const std::string& text) {
  const auto row = std::ranges::find(ops(), text, &Op::text);
  check<StateError>(row != ops().end(), "programs: no op is called {}", text);
  return static_cast<std::size_t>(row - ops().begin());
}

}  // namespace glass::programs
