// # The graph, made visible
//
// The nodes that `backward()` would walk, as text to read and as a drawing for Graphviz; and what
// `backward()` did, step by step. The steps are recorded by the sweep itself, not by a second sweep
// that imitates it.
#pragma once

#include <string>
#include <vector>

#include "autograd/var.h"

namespace glass {

// The node of x and every node that it was made from, newest first: the order of the reverse sweep.
std::vector<NodePtr> nodes_of(const Var& x);

// One line per node: its number, op, shape, and the numbers of its parents.
std::string to_text(const Var& x);

// A `digraph` for Graphviz: dot -Tsvg. Boxes are ops, ellipses leaves and constants.
std::string to_dot(const Var& x);

// ---- the sweep, step by step ----

// A gradient as a VJP gave it, and the same summed to the parent's shape, if that was broadcast.
struct Given {
  std::uint64_t parent;  // its birth
  Tensor vjp, gradient;
};

// What the sweep did at one node. The tensors are copies; nodes are named by their birth numbers.
struct Step {
  std::uint64_t node;
  std::string op;
  Tensor value, g;                          // g: the sum of all that was given for this value
  std::vector<std::uint64_t> waiting = {};  // the others that had a gradient waiting, newest first
  std::vector<Given> given = {};
  Index allocated = 0;  // bytes of new gradients
  Index freed = 0;      // bytes freed with this node: g, the value, what its VJPs had saved
};

// The interface for watching a sweep; trace_backward implements it.
struct SweepObserver {
  virtual ~SweepObserver() = default;
  // `waiting` lists the interior nodes that have a gradient waiting. The VJPs of the first one run
  // next. The list is empty once, at the end, before the gradients of the leaves are written.
  virtual void next(std::span<const NodePtr> waiting) = 0;
  // A VJP gave g for this parent; it is about to be added to the parent's waiting gradient.
  virtual void gave(const Edge& to, const Tensor& g) = 0;
  // The node's VJPs have run; what they saved is still there.
  virtual void pulled() = 0;
};

// Calls x.backward(seed), and returns its steps. Bytes are those of the whole process, other
// threads included.
std::vector<Step> trace_backward(const Var& x, const Tensor& seed = 1, BackwardOptions o = {});

}  // namespace glass
