// # Walks through the graph
//
// The graph as text and as a drawing, the record of a sweep, and the NaN watch. A walk uses a
// queue: a chain of a million nodes would be too deep for recursion. Nothing here runs in training,
// unless a program asks for it.
#include "autograd/trace.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace glass {

namespace {

// The given nodes and all nodes that they were made from, each once, the nearest first.
std::vector<NodePtr> upstream(std::vector<NodePtr> queue) {
  std::vector<NodePtr> found;
  std::unordered_set<const Node*> seen;
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const NodePtr node = queue[next];
    if (!seen.insert(node.get()).second) continue;
    found.push_back(node);
    for (const Edge& edge : node->parents()) queue.push_back(edge.node);
  }
  return found;
}

}  // namespace

std::vector<NodePtr> nodes_of(const Var& x) {
  std::vector<NodePtr> nodes = upstream({x.node()});
  std::ranges::sort(nodes, std::greater<>(), [](const NodePtr& node) { return node->birth; });
  return nodes;
}

namespace {

// Joins line(node, number, its parents' numbers) of each node, newest first. Numbers count from 1
// in the order of birth, so that a drawing does not depend on what was computed before.
std::string written(const Var& x, auto line) {
  const std::vector<NodePtr> nodes = nodes_of(x);
  std::unordered_map<const Node*, std::size_t> numbers;
  for (std::size_t i = 0; i < nodes.size(); ++i) numbers[nodes[i].get()] = nodes.size() - i;
  std::string text;
  for (const NodePtr& node : nodes) {
    std::vector<std::size_t> parents;
    for (const Edge& edge : node->parents()) parents.push_back(numbers.at(edge.node.get()));
    text += line(*node, numbers.at(node.get()), parents);
  }
  return text;
}

// Text for a quoted string of a .dot file: quotes and backslashes get a backslash, line ends become
// spaces.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

}  // namespace

// For example "#3 mul [2, 2] ← #1, #2".
std::string to_text(const Var& x) {
  return written(x, [](const Node& node, std::size_t number, const auto& parents) {
    return fmt::format("#{} {} {}{}{}{}\n", number, node.name, node.value.shape(),
                       parents.empty() ? "" : " ← #", fmt::join(parents, ", #"),
                       node.freed    ? " (freed)"
                       : node.frozen ? " (frozen)"
                                     : "");
  });
}

std::string to_dot(const Var& x) {
  const auto line = [](const Node& node, std::size_t number, const auto& parents) {
    std::string text = fmt::format(
        "  n{} [label=\"{}\\n{}\" shape={}{}]\n", number, escaped(node.name), node.value.shape(),
        node.is_leaf() ? "ellipse" : "box", node.requires_grad ? "" : " style=dashed");
    for (const std::size_t parent : parents) text += fmt::format("  n{} -> n{}\n", parent, number);
    return text;
  };
  return "digraph glassgrad {\n  rankdir=BT\n  node [fontname=\"sans-serif\"]\n" +
         written(x, line) + "}\n";
}

// ---- the sweep, step by step ----

namespace {

// Records each step of a sweep. It holds copies only. A handle to a node would keep the node alive,
// and a handle to a gradient would make the sweep copy the gradient; then the record would show
// other memory than that of a sweep without a record.
struct Recorder final : SweepObserver {
  void next(std::span<const NodePtr> waiting) override {
    if (!steps.empty()) steps.back().freed -= live();
    if (waiting.empty()) return;
    const Node& top = *waiting.front();
    steps.push_back({top.birth, std::string(top.name), copied(top.value), copied(*top.pending)});
    for (const NodePtr& other : waiting.subspan(1)) steps.back().waiting.push_back(other->birth);
    std::ranges::sort(steps.back().waiting, std::greater<>());
    steps.back().allocated = -live();
  }
  // What a VJP gave, and the same summed over the axes that were broadcast.
  void gave(const Edge& to, const Tensor& g) override {
    const Tensor gradient = copied(sum_to(g, to.node->value.shape()));
    steps.back().given.push_back({to.node->birth, copied(g), gradient});
  }
  void pulled() override {
    steps.back().allocated += live();
    steps.back().freed = live();
  }
  Tensor copied(const Tensor& x) {
    copies += x.numel() * Index{sizeof(Real)};
    return x.clone();
  }
  // Bytes that the program holds, without the copies of this record.
  Index live() const { return live_bytes() - copies; }

  std::vector<Step> steps;
  Index copies = 0;  // bytes of our own
};

}  // namespace

std::vector<Step> trace_backward(const Var& x, const Tensor& seed, BackwardOptions o) {
  Recorder recorder;
  o.observer = &recorder;
  x.backward(seed, o);
  return std::move(recorder.steps);
}

// ---- the NaN watch ----

namespace {

using Names = std::vector<std::pair<std::string, Var>>;

// The names of the parameters, behind a lock: an op may fail in any thread. They are held as Vars:
// a node that was destroyed could leave its address to a new node, which would then have its name.
struct Watch {
  std::mutex mutex;
  Names names;
};
Watch& watch() {
  static Watch instance;
  return instance;
}

bool is_nan(Real x) {
  using std::isnan;
  return isnan(x);
}

// Reads all numbers of an operand again, which is slow: the watch is for debugging.
bool has_nan(const Tensor& x) { return std::ranges::any_of(x.to_vector(), is_nan); }

// "3 NaNs among the 6 elements of shape [2, 3], the first at element 4"
std::string described(const Tensor& x) {
  const std::vector<Real> values = x.to_vector();
  const auto count = std::ranges::count_if(values, is_nan);
  const auto first = std::ranges::find_if(values, is_nan) - values.begin();
  return fmt::format("{} NaN{} among the {} elements of shape {}, the first at element {}", count,
                     count == 1 ? "" : "s", values.size(), x.shape(), first);
}

// The three trained leaves that are nearest on the way back from these nodes.
std::string nearest_parameters(std::vector<NodePtr> nodes) {
  const std::lock_guard lock(watch().mutex);
  std::vector<std::string> nearest;
  for (const NodePtr& node : upstream(std::move(nodes))) {
    // Its name is known if set_nan_check was given the leaf.
    if (!node->is_leaf() || !node->requires_grad || nearest.size() == 3) continue;
    const auto is_it = [&](const auto& named) { return named.second.node().get() == node.get(); };
    const auto named = std::ranges::find_if(watch().names, is_it);
    nearest.push_back(fmt::format("{} {}",
                                  named == watch().names.end() ? "an unnamed leaf" : named->first,
                                  node->value.shape()));
  }
  return nearest.empty() ? "no parameter upstream"
                         : fmt::format("nearest parameters upstream: {}", fmt::join(nearest, ", "));
}

}  // namespace

void set_nan_check(bool on, Names names) {
  const std::lock_guard lock(watch().mutex);
  watch().names = std::move(names);
  settings().nan_check = on;
}

void watch_nan(std::string_view op, const Tensor& value, std::span<const Var* const> parents) {
  if (!has_nan(value)) return;
  std::vector<Shape> shapes;
  std::vector<NodePtr> nodes;
  for (const Var* parent : parents) {
    // If a parent holds a NaN, this op has not made the first one.
    if (has_nan(parent->value())) return;
    shapes.push_back(parent->shape());
    nodes.push_back(parent->node());
  }
  throw StateError(fmt::format("{}: made the first NaN: {}, from operands without one, of {}; {}",
                               op, described(value), fmt::join(shapes, ", "),
                               nearest_parameters(std::move(nodes))));
}

void watch_nan(const Node& op, const Tensor& g, const Edge& parent, const Tensor& gradient) {
  const auto knew = [](const Edge& edge) { return has_nan(edge.node->value); };
  if (!has_nan(gradient) || has_nan(g) || has_nan(op.value) ||
      std::ranges::any_of(op.parents(), knew))
    return;
  throw StateError(fmt::format("backward: the VJP of '{}' made the first NaN: {}; {}", op.name,
                               described(gradient), nearest_parameters({parent.node})));
}

}  // namespace glass
