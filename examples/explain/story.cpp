#include "examples/explain/story.h"

namespace explain {

namespace {

using Numbers = std::map<std::uint64_t, int>;  // birth → 1, 2, 3, …

// The graph, while it is whole. Nothing here may hold a node when the sweep begins.
void draw(const Subject& subject, Story& story, Numbers& numbers) {
  std::vector<glass::NodePtr> nodes = nodes_of(subject.result);
  std::ranges::reverse(nodes);
  std::vector<std::vector<int>> parents;
  for (const glass::NodePtr& node : nodes) {
    const int number = static_cast<int>(story.nodes.size()) + 1;
    numbers[node->birth] = number;
    Node drawn{.number = number,
               .op = std::string(node->name),
               .value = node->value.clone(),
               .is_op = !node->is_leaf(),
               .wants_gradient = node->requires_grad};
    if (const auto line = subject.lines.find(node->birth); line != subject.lines.end()) {
      drawn.name = line->second.name;
      drawn.code = line->second.code;
    }
    parents.emplace_back();
    for (const glass::Edge& edge : node->parents()) {
      drawn.parents.push_back(numbers.at(edge.node->birth));
      parents.back().push_back(drawn.parents.back() - 1);
    }
    story.nodes.push_back(std::move(drawn));
  }
  const Layout drawing = layout(parents);
  for (std::size_t i = 0; i < nodes.size(); ++i) story.nodes[i].point = drawing.nodes[i];
  story.arrows = drawing.arrows;
  for (Arrow& arrow : story.arrows) ++arrow.from, ++arrow.to;
}

}  // namespace

Story tell(Subject (*make)()) {
  const Index others = glass::live_bytes();
  const Subject subject = make();
  Index alive = glass::live_bytes() - others;
  Story story{.id = subject.id,
              .title = subject.title,
              .lead = subject.lead,
              .asks = subject.asks,
              .seed = subject.seed.value_or(glass::ones(subject.result.shape()))};
  story.alive = alive;
  Numbers numbers;
  draw(subject, story, numbers);
  std::map<int, Tensor> sums;
  for (const glass::Step& step : trace_backward(subject.result, story.seed)) {
    alive += step.allocated - step.freed;
    Act act{.node = numbers.at(step.node),
            .g = step.g,
            .allocated = step.allocated,
            .freed = step.freed,
            .alive = alive};
    for (const std::uint64_t birth : step.waiting) act.waiting.push_back(numbers.at(birth));
    const std::vector<int>& parents = story.node(act.node).parents;
    std::size_t slot = 0;
    for (const glass::Given& given : step.given) {
      Gift gift{.parent = numbers.at(given.parent), .vjp = given.vjp, .gradient = given.gradient};
      // A VJP ran for each parent that wants a gradient, in their order.
      while (parents.at(slot) != gift.parent) ++slot;
      gift.slot = slot++;
      gift.nth = ++story.nodes.at(static_cast<std::size_t>(gift.parent - 1)).uses;
      Tensor& sum = sums[gift.parent];
      sum = gift.nth == 1 ? given.gradient : sum + given.gradient;
      gift.sum = sum;
      act.gifts.push_back(std::move(gift));
    }
    story.acts.push_back(std::move(act));
  }
  return story;
}

}  // namespace explain
