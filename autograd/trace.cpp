#include "autograd/trace.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace glass {

std::vector<NodePtr> nodes_of(const Var& x) {
  std::vector<NodePtr> found{x.node()};
  std::unordered_set<const Node*> seen{x.node().get()};
  for (std::size_t next = 0; next < found.size(); ++next) {
    const NodePtr node = found[next];
    for (const Edge& edge : node->parents())
      if (seen.insert(edge.node.get()).second) found.push_back(edge.node);
  }
  std::sort(found.begin(), found.end(),
            [](const NodePtr& a, const NodePtr& b) { return a->birth > b->birth; });
  return found;
}

namespace {

// Nodes numbered from 1 in the order of their birth, so that a drawing does not depend on what was
// computed before.
struct Numbered {
  explicit Numbered(const Var& x) : nodes(nodes_of(x)) {
    for (std::size_t i = 0; i < nodes.size(); ++i) number[nodes[i].get()] = nodes.size() - i;
  }
  std::vector<NodePtr> nodes;
  std::unordered_map<const Node*, std::size_t> number;
};

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

}  // namespace

std::string to_text(const Var& x) {
  const Numbered graph(x);
  std::string text;
  for (const NodePtr& node : graph.nodes) {
    text += fmt::format("#{} {} {}", graph.number.at(node.get()), node->name, node->value.shape());
    std::string_view separator = " ← ";
    for (const Edge& edge : node->parents()) {
      text += fmt::format("{}#{}", separator, graph.number.at(edge.node.get()));
      separator = ", ";
    }
    text += node->freed ? " (freed)\n" : "\n";
  }
  return text;
}

std::string to_dot(const Var& x) {
  const Numbered graph(x);
  std::string dot = "digraph glassgrad {\n  rankdir=BT\n  node [fontname=\"sans-serif\"]\n";
  for (const NodePtr& node : graph.nodes) {
    const std::size_t number = graph.number.at(node.get());
    dot += fmt::format("  n{} [label=\"{}\\n{}\" shape={}{}]\n", number, escaped(node->name),
                       node->value.shape(), node->is_leaf() ? "ellipse" : "box",
                       node->requires_grad ? "" : " style=dashed");
    for (const Edge& edge : node->parents())
      dot += fmt::format("  n{} -> n{}\n", graph.number.at(edge.node.get()), number);
  }
  return dot + "}\n";
}

// ---- the NaN watch ----

namespace {

using Names = std::vector<std::pair<std::string, Var>>;

// Graphs cross threads, and so may a NaN.
struct Watch {
  std::mutex mutex;
  Names names;
};
Watch& watch() {
  static Watch instance;
  return instance;
}

bool is_nan(Real x) { return x != x; }

bool has_nan(const Tensor& x) {
  const std::vector<Real> values = x.to_vector();
  return std::any_of(values.begin(), values.end(), is_nan);
}

// "3 NaNs among the 6 elements of shape [2, 3], the first at element 4"
std::string described(const Tensor& x) {
  const std::vector<Real> values = x.to_vector();
  const auto count = std::count_if(values.begin(), values.end(), is_nan);
  const auto first = std::find_if(values.begin(), values.end(), is_nan) - values.begin();
  return fmt::format("{} NaN{} among the {} elements of shape {}, the first at element {}", count,
                     count == 1 ? "" : "s", values.size(), x.shape(), first);
}

// The first three trained leaves on the way back from these nodes, breadth first.
std::string nearest_parameters(std::vector<NodePtr> front) {
  const std::lock_guard lock(watch().mutex);
  const auto name_of = [](const NodePtr& leaf) {
    for (const auto& [name, var] : watch().names)
      if (var.node().get() == leaf.get()) return name;
    return std::string("an unnamed leaf");
  };
  std::unordered_set<const Node*> seen;
  std::string text;
  int found = 0;
  for (std::size_t next = 0; next < front.size() && found < 3; ++next) {
    const NodePtr node = front[next];
    if (!seen.insert(node.get()).second) continue;
    if (node->is_leaf() && node->requires_grad)
      text += fmt::format("{}{} {}", found++ ? ", " : "", name_of(node), node->value.shape());
    for (const Edge& edge : node->parents()) front.push_back(edge.node);
  }
  return found ? "nearest parameters upstream: " + text : "no parameter upstream";
}

}  // namespace

void set_nan_check(bool on, Names names) {
  const std::lock_guard lock(watch().mutex);
  watch().names = std::move(names);
  settings().nan_check = on;
}

void watch_nan(std::string_view op, const Tensor& value, std::span<const Var* const> parents) {
  if (!has_nan(value)) return;
  std::string shapes;
  std::vector<NodePtr> nodes;
  for (const Var* parent : parents) {
    if (has_nan(parent->value())) return;
    shapes += fmt::format("{}{}", shapes.empty() ? "" : ", ", parent->shape());
    nodes.push_back(parent->node());
  }
  throw StateError(fmt::format("{}: made the first NaN: {}, from operands without one, of {}; {}",
                               op, described(value), shapes, nearest_parameters(std::move(nodes))));
}

void watch_nan(const Node& op, const Tensor& g, const Edge& parent, const Tensor& gradient) {
  if (!has_nan(gradient) || has_nan(g) || has_nan(op.value)) return;
  for (const Edge& edge : op.parents())
    if (has_nan(edge.node->value)) return;
  throw StateError(fmt::format("backward: the VJP of '{}' made the first NaN: {}; {}", op.name,
                               described(gradient), nearest_parameters({parent.node})));
}

}  // namespace glass
