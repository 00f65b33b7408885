// # The graph, made visible
//
// What `backward()` would walk, as text to read and as a drawing for Graphviz. Nothing here changes
// the graph.
#pragma once

#include <string>
#include <vector>

#include "autograd/var.h"

namespace glass {

// Every node that x was made from, x's own first, newest first: the order of the reverse sweep.
std::vector<NodePtr> nodes_of(const Var& x);

// One line a node: its number, op, shape, and the numbers of its parents.
std::string to_text(const Var& x);

// A `digraph` for Graphviz: dot -Tsvg. Boxes are ops, ellipses leaves and constants.
std::string to_dot(const Var& x);

}  // namespace glass
