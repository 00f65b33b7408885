// # The figures of chapter 6: the sweep through one attention head
//
// The head is the subject `attention_head()` of examples/explain. Its graph, values and gradients
// are those of one recorded sweep.
#include <map>

#include "docs/figures/chapter_6.h"
#include "examples/explain/story.h"

namespace figures {

using glass::Index;
using glass::Tensor;

namespace {

// Numbers in rows and columns without a frame, the middle of the first row at `top`.
void loose_matrix(Figure& figure, Point top, const Tensor& x, const Paint& paint) {
  const Index rows = x.size(0), columns = x.size(1);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      const double right = (columns == 2 ? 36 : 34) *
                           (static_cast<double>(j + 1) - static_cast<double>(columns) / 2);
      figure.text(top + Point{right - 2, 15 * static_cast<double>(i)},
                  fixed(static_cast<double>(x(i, j)), 1),
                  {.size = 13, .paint = paint, .anchor = Anchor::end, .halo = true});
    }
}

// The nodes that take part in the sweep, and what each of them received.
struct Swept {
  std::vector<explain::Node> nodes;
  std::map<int, Tensor> gradients;  // by a node's number

  explicit Swept(const explain::Story& story) {
    for (const explain::Node& node : story.nodes)
      if (node.wants_gradient) nodes.push_back(node);
    for (const explain::Act& act : story.acts) {
      gradients[act.node] = act.g;
      for (const explain::Gift& gift : act.gifts) gradients[gift.parent] = gift.sum;
    }
  }
};

std::vector<GraphNode> graph_of(const Swept& swept) {
  std::map<int, int> index;
  std::vector<GraphNode> graph;
  for (const explain::Node& node : swept.nodes) {
    GraphNode drawn{.name = node.name};
    for (const int parent : node.parents)
      if (index.contains(parent)) {
        drawn.parents.push_back(index[parent]);
        drawn.payments.emplace_back(" ");  // an arrow back, without a label
      }
    index[node.number] = static_cast<int>(graph.size());
    graph.push_back(std::move(drawn));
  }
  return graph;
}

}  // namespace

Figure attention_graph() {
  const Swept swept(explain::tell(explain::attention_head));
  Figure figure(
      680, 600, "The sweep through an attention head",
      "The graph of softmax(Q Kᵀ / √d) V for three tokens. x is used three times, by Q, K "
      "and V. Above each node stands its value, below it its gradient. Dashed arrows lead "
      "back from C to P and V, from P over Z, S and Kᵀ to Q and K, and from Q, K and V to x "
      "and the three weight matrices.");
  const double height = 26;
  const auto middles =
      graph(figure, {28, 58, 624, 484}, graph_of(swept), {.width = 44, .height = height});
  std::vector<std::vector<Cell>> table;
  for (std::size_t i = 0; i < swept.nodes.size(); ++i) {
    const explain::Node& node = swept.nodes[i];
    const Tensor& value = node.value;
    const Tensor& slope = swept.gradients.at(node.number);
    const double rows = static_cast<double>(value.size(0));
    loose_matrix(figure, middles[i] - Point{0, height / 2 + 9 + 15 * (rows - 1)}, value, ink);
    loose_matrix(figure, middles[i] + Point{0, height / 2 + 10}, slope, accent);
    for (Index r = 0; r < value.size(0); ++r)
      for (Index c = 0; c < value.size(1); ++c)
        table.push_back({node.name, static_cast<double>(r), static_cast<double>(c),
                         static_cast<double>(value(r, c)), static_cast<double>(slope(r, c))});
  }
  figure.numbers({"value of", "row", "column", "value", "gradient"}, table);
  return figure;
}

}  // namespace figures
