// # How a story is recorded from a real sweep
#include "examples/explain/story.h"

namespace explain {

namespace {

using Numbers = std::map<std::uint64_t, int>;  // birth → 1, 2, 3, …

// A node of the graph, as the story keeps it: with a copy of its value, and its line of the
// program.
Node drawn(const glass::NodePtr& node, const Subject& subject, const Numbers& numbers) {
  Node out{.number = numbers.at(node->birth),
           .op = std::string(node->name),
           .value = node->value.clone(),
           .is_op = !node->is_leaf(),
           .wants_gradient = node->requires_grad};
  // Its line of the program, and its parents.
  if (const auto line = subject.lines.find(node->birth); line != subject.lines.end()) {
    out.name = line->second.name;
    out.code = line->second.code;
  }
  for (const glass::Edge& edge : node->parents())
    out.parents.push_back(numbers.at(edge.node->birth));
  return out;
}

// Gives each node of the drawing its point, and draws the arrows. The layout counts nodes from 0,
// the story from 1.
void lay_out(Story& story) {
  std::vector<std::vector<int>> parents;
  for (const Node& node : story.nodes) {
    parents.emplace_back();
    for (const int number : node.parents) parents.back().push_back(number - 1);
  }
  // Take the points and the arrows from the layout.
  const Layout drawing = layout(parents);
  for (std::size_t i = 0; i < story.nodes.size(); ++i) story.nodes[i].point = drawing.nodes[i];
  story.arrows = drawing.arrows;
  for (Arrow& arrow : story.arrows) {
    ++arrow.from;
    ++arrow.to;
  }
}

// Puts the graph into the story, while it is whole, and returns the number of each node. Nothing
// here may hold a node when the sweep begins, or the sweep could not free it.
Numbers draw(const Subject& subject, Story& story) {
  Numbers numbers;
  std::vector<glass::NodePtr> nodes = nodes_of(subject.result);
  std::ranges::reverse(nodes);
  for (const glass::NodePtr& node : nodes) {
    numbers[node->birth] = static_cast<int>(story.nodes.size()) + 1;
    story.nodes.push_back(drawn(node, subject, numbers));
  }
  lay_out(story);
  return numbers;
}

// What a step of the sweep gave to the parents of its node. `sums` holds what each node got so far.
void take_gifts(const glass::Step& step, Act& act, Story& story, const Numbers& numbers,
                std::map<int, Tensor>& sums) {
  const std::vector<int>& parents = story.node(act.node).parents;
  std::size_t slot = 0;
  for (const glass::Given& given : step.given) {
    Gift gift{.parent = numbers.at(given.parent), .vjp = given.vjp, .gradient = given.gradient};
    // A VJP ran for each parent that requires a gradient, in the order of the parents.
    while (parents.at(slot) != gift.parent) ++slot;
    gift.slot = slot++;
    gift.nth = ++story.nodes.at(static_cast<std::size_t>(gift.parent - 1)).uses;
    Tensor& sum = sums[gift.parent];
    sum = gift.nth == 1 ? given.gradient : sum + given.gradient;
    gift.sum = sum;
    act.gifts.push_back(std::move(gift));
  }
}

}  // namespace

Story tell(const std::function<Subject()>& make) {
  // The graph, and the memory that it takes.
  const Index others = glass::live_bytes();
  const Subject subject = make();
  Index alive = glass::live_bytes() - others;
  Story story{.id = subject.id,
              .title = subject.title,
              .lead = subject.lead,
              .asks = subject.asks,
              .seed = subject.seed.value_or(glass::ones(subject.result.shape()))};
  story.alive = alive;
  const Numbers numbers = draw(subject, story);

  // The sweep, one act for each step.
  std::map<int, Tensor> sums;
  for (const glass::Step& step : trace_backward(subject.result, story.seed)) {
    alive += step.allocated - step.freed;
    Act act{.node = numbers.at(step.node),
            .g = step.g,
            .allocated = step.allocated,
            .freed = step.freed,
            .alive = alive};
    for (const std::uint64_t birth : step.waiting) act.waiting.push_back(numbers.at(birth));
    take_gifts(step, act, story, numbers, sums);
    story.acts.push_back(std::move(act));
  }
  return story;
}

}  // namespace explain
