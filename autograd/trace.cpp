#include "autograd/trace.h"

#include <algorithm>
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

}  // namespace glass
