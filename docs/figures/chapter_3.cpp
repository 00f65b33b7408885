// # The figures of chapter 3: Reverse mode
//
// The first four show one run: the story of `expression()`, which examples/explain tells too.
#include <algorithm>

#include "docs/figures/kit.h"
#include "examples/explain/story.h"

namespace figures {

using explain::Act;
using explain::Gift;
using explain::Story;
using glass::check;
using glass::Index;
using glass::StateError;
using glass::Tensor;

namespace {

const Story& story() {
  static const Story told = explain::tell(explain::expression);
  return told;
}

// How many payments has the node received before the step?
int received(const Story& s, int node, std::size_t step) {
  int count = 0;
  for (std::size_t i = 0; i < step; ++i)
    for (const Gift& gift : s.acts[i].gifts) count += gift.parent == node;
  return count;
}

// The step in which the node pays; none for a leaf.
std::optional<std::size_t> turn_of(const Story& s, int node) {
  for (std::size_t i = 0; i < s.acts.size(); ++i)
    if (s.acts[i].node == node) return i;
  return {};
}

const Type small{.size = 13, .paint = muted};
const Type small_left{.size = 13, .paint = muted, .anchor = Anchor::start};

// ---- the graph ----

Figure draw_graph() {
  const Story& s = story();
  std::vector<GraphNode> nodes;
  for (const explain::Node& node : s.nodes) {
    GraphNode drawn{.name = node.name, .above = fmt::format("#{}", node.number)};
    for (const int parent : node.parents) drawn.parents.push_back(parent - 1);
    drawn.marked = node.name == "u" || node.name == "e" || node.name == "c";
    nodes.push_back(drawn);
  }

  Figure figure(680, 330, "The graph of the program",
                "Eleven nodes in eight columns, from the leaves x, t, w and c at the left to the "
                "loss at the right.");
  const std::vector<Point> middles =
      graph(figure, {2, 36, 676, 250}, nodes, {.width = 56, .height = 34});

  // Below each node its op and its shape.
  for (std::size_t i = 0; i < middles.size(); ++i) {
    const explain::Node& node = s.nodes[i];
    const std::string op = node.is_op ? node.op : node.wants_gradient ? "leaf" : "constant";
    figure.text(middles[i] + Point{0, 26}, op, small);
    figure.text(middles[i] + Point{0, 42}, fmt::format("{}", node.value.shape()), small);
  }
  return figure;
}

// ---- who has its turn ----

// A cell of the table: what the node does in this step.
struct State {
  std::string text;
  bool pays = false, waits = false, done = false;
};

State state_of(const Story& s, int node, std::size_t step) {
  const Act& act = s.acts[step];
  const int has = received(s, node, step), needs = s.node(node).uses;
  const std::string share = needs == 0 ? "seed" : fmt::format("{} of {}", has, needs);
  if (act.node == node) return {.text = share, .pays = true};
  if (std::ranges::find(act.waiting, node) != act.waiting.end())
    return {.text = share, .waits = true};
  return {.text = "", .done = *turn_of(s, node) < step};
}

// "u, s", or "e twice".
std::string paid(const Story& s, const Act& act) {
  std::string text;
  for (const Gift& gift : act.gifts) {
    const std::string& name = s.node(gift.parent).name;
    text = text == name ? name + " twice" : text + (text.empty() ? "" : ", ") + name;
  }
  return text;
}

// Where the table of steps stands, and the size of its cells.
constexpr Box step_cells{64, 58, 70, 32};

// The nodes of ops, newest first, are the columns.
void draw_columns(Figure& figure, const Story& s, const std::vector<int>& ops) {
  double x = step_cells.x + step_cells.width / 2;
  for (const int node : ops) {
    figure.text({x, 20}, fmt::format("#{}", node), small);
    figure.text({x, 40}, s.node(node).name, {.bold = true});
    x += step_cells.width;
  }
  figure.text({x - step_cells.width / 2 + 14, 40}, "pays to", small_left);
}

void draw_state(Figure& figure, Box box, const State& state) {
  figure.rectangle(box, {.stroke = line, .fill = state.pays ? heat(0.5) : none, .width = 1});
  if (state.done) figure.hatch(box);
  if (state.waits)
    figure.rectangle({box.x + 3, box.y + 3, box.width - 6, box.height - 6},
                     {.stroke = accent, .dashed = true});
  figure.text(box.centre(), state.text, {.size = 13, .bold = state.pays});
}

// A step: the state of each node, and the names of those that are paid.
void draw_step(Figure& figure, const Story& s, const std::vector<int>& ops, std::size_t step) {
  Box box = step_cells;
  box.y += double(step) * box.height;
  const double middle = box.centre().y;
  figure.text({box.x - 12, middle}, fmt::format("step {}", step + 1),
              {.size = 13, .paint = muted, .anchor = Anchor::end});
  for (const int node : ops) {
    draw_state(figure, box, state_of(s, node, step));
    box.x += box.width;
  }
  figure.text({box.x + 14, middle}, paid(s, s.acts[step]), {.anchor = Anchor::start});
}

Figure draw_heap() {
  const Story& s = story();
  Figure figure(680, 300, "The seven steps of the sweep",
                "A table with a row for each step and a column for each node, newest first.");
  std::vector<int> ops;
  for (const Act& act : s.acts) ops.push_back(act.node);
  draw_columns(figure, s, ops);

  std::vector<std::vector<Cell>> rows;
  for (std::size_t i = 0; i < s.acts.size(); ++i) {
    draw_step(figure, s, ops, i);
    rows.push_back({double(i + 1), s.node(s.acts[i].node).name, paid(s, s.acts[i])});
  }
  figure.numbers({"step", "pays", "pays to"}, rows);
  return figure;
}

// ---- broadcasting ----

// The act in which the named node pays, and what it gave to a parent.
const Gift& gift_to(const Story& s, std::string_view parent) {
  for (const Act& act : s.acts)
    for (const Gift& gift : act.gifts)
      if (s.node(gift.parent).name == parent) return gift;
  throw StateError(fmt::format("nothing was given to {}", parent));
}

const Tensor& value_of(const Story& s, std::string_view name) {
  for (const explain::Node& node : s.nodes)
    if (node.name == name) return node.value;
  throw StateError(fmt::format("no value has the name {}", name));
}

Figure draw_broadcast() {
  const Story& s = story();
  const Gift& to_c = gift_to(s, "c");
  const double first = 24, second = 258, third = 492, top = 34, below = 226;
  Figure figure(680, 350, "A broadcast, forward and back",
                "Above, z plus c, whose row is repeated three times, gives u. Below, the gradient "
                "of u goes to z as it is, and to c as the sum over its rows.");
  const auto block = [&](double x, double y, const Tensor& values, std::string label) {
    return matrix(figure, {x, y}, values, {.width = 72, .label = std::move(label)});
  };

  // Forward: c is stretched to the shape of z.
  block(first, top, value_of(s, "z"), "z  [3, 2]");
  const Box c = block(second, top, value_of(s, "c").expand({3, 2}), "c  [2], read three times");
  figure.hatch({c.x, c.y + cell_size, c.width, 2 * cell_size});
  block(third, top, value_of(s, "u"), "u  [3, 2]");
  figure.text({(first + second + 144) / 2, top + 42}, "+", {.size = 20});
  figure.text({(second + third + 144) / 2, top + 42}, "=", {.size = 20});

  // Back: from the right to the left.
  const Box g = block(third, below, to_c.vjp, "g, the gradient of u  [3, 2]");
  const Box z = block(first, below, gift_to(s, "z").gradient, "to z: g  [3, 2]");
  const Box sum = block(second, below + cell_size, to_c.gradient, "to c: its sum  [2]");
  const double y = g.centre().y;
  figure.arrow({g.x - 8, y}, {sum.x + sum.width + 10, y},
               {.line = gradient, .label = "Σ rows", .type = {.paint = accent}});
  figure.polyline({{g.centre().x, g.y + g.height + 4},
                   {g.centre().x, g.y + g.height + 24},
                   {z.centre().x, g.y + g.height + 24}},
                  gradient);
  figure.arrow({z.centre().x, g.y + g.height + 24}, {z.centre().x, g.y + g.height + 5},
               {.line = gradient});
  return figure;
}

// ---- memory ----

// What is alive after a number of steps, in numbers: of each node its value and its gradient.
struct Alive {
  std::vector<Index> values, gradients;  // by node, from 0
  Index total = 0;
};

Alive alive_after(const Story& s, std::size_t steps) {
  Alive out;
  Index values = 0;
  for (const explain::Node& node : s.nodes) {
    const auto turn = turn_of(s, node.number);
    const bool kept = !turn || *turn >= steps || &node == &s.nodes.back();
    out.values.push_back(kept ? node.value.numel() : 0);
    values += out.values.back();
    // A node has a gradient between its first payment and its turn; a leaf to the end.
    const bool has = received(s, node.number, steps) > 0 && (!turn || *turn >= steps);
    out.gradients.push_back(has ? node.value.numel() : 0);
  }
  const Index bytes = steps == 0 ? s.alive : s.acts[steps - 1].alive;
  out.total = bytes / Index{sizeof(glass::Real)};

  // The gradient that a mean gives is one number, repeated: it takes the room that is left.
  if (steps == 1) out.gradients[static_cast<std::size_t>(s.acts[1].node - 1)] = out.total - values;
  Index sum = values;
  for (const Index count : out.gradients) sum += count;
  check<StateError>(sum == out.total, "after step {} the run has {} numbers alive, the figure {}",
                    steps, out.total, sum);
  return out;
}

constexpr double px_per_number = 9;

// Each node has its place: where its block begins.
std::vector<double> draw_places(Figure& figure, const Story& s) {
  std::vector<double> places;
  double x = 70;
  for (const explain::Node& node : s.nodes) {
    const double width = double(node.value.numel()) * px_per_number;
    places.push_back(x);
    figure.text({x + width / 2, 20}, node.name, {.bold = true});
    x += width + 3;
  }
  return places;
}

// A moment: values above, gradients below.
void draw_moment(Figure& figure, double y, const std::vector<double>& places, const Alive& alive) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const double values = double(alive.values[i]), grads = double(alive.gradients[i]);
    if (values > 0)
      figure.rectangle({places[i], y, values * px_per_number, 16}, {.fill = panel, .width = 1});
    if (grads > 0)
      figure.rectangle({places[i], y + 18, grads * px_per_number, 14},
                       {.stroke = accent, .fill = heat(0.3), .width = 1.2, .dashed = true});
  }
  figure.text({672, y + 16}, fmt::format("{}", alive.total), {.anchor = Anchor::end});
}

Figure draw_memory() {
  const Story& s = story();
  Figure figure(680, 420, "Numbers in memory, before the sweep and after each step",
                "Eight rows of blocks. A block is a value or a gradient, as wide as it has "
                "numbers. Values disappear from the newest to the oldest.");
  const std::vector<double> places = draw_places(figure, s);
  figure.text({676, 20}, "numbers", {.size = 13, .paint = muted, .anchor = Anchor::end});

  std::vector<std::vector<Cell>> rows;
  for (std::size_t steps = 0; steps <= s.acts.size(); ++steps) {
    const double y = 44 + double(steps) * 46;
    const std::string moment = steps == 0 ? "before" : fmt::format("step {}", steps);
    const Alive alive = alive_after(s, steps);
    figure.text({58, y + 16}, moment, {.size = 13, .paint = muted, .anchor = Anchor::end});
    draw_moment(figure, y, places, alive);
    rows.push_back({moment, double(alive.total)});
  }
  figure.numbers({"after", "numbers alive"}, rows);
  return figure;
}

// ---- the products of a matmul ----

// One line: a product of two matrices. Sizes are in px, names beside them.
struct Side {
  double px;
  std::string_view name;
};
struct Factor {
  std::string_view name;
  Side rows, columns;
};

void product(Figure& figure, double y, double height, const std::vector<Factor>& factors) {
  double x = 60;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const Factor& f = factors[i];
    const Style style = f.name.find("\u0304") != f.name.npos || f.name == "Ȳ" || f.name == "Ā"
                            ? Style{.stroke = accent, .fill = panel, .dashed = true}
                            : Style{.fill = panel};
    sized(figure, {x, y + (height - f.rows.px) / 2, f.columns.px, f.rows.px}, f.name, f.rows.name,
          f.columns.name, style);
    x += f.columns.px + 34;
    if (i + 1 < factors.size()) figure.text({x, y + height / 2}, i == 0 ? "·" : "=", {.size = 20});
    x += 44;
  }
}

Figure draw_matmul() {
  const Side m{54, "M"}, k{80, "K"}, n{124, "N"};
  Figure figure(560, 440, "A product of matrices and its two gradients",
                "Three lines of rectangles: A times B is Y; the gradient of Y times B transposed "
                "is the gradient of A; A transposed times the gradient of Y is that of B.");
  product(figure, 30, 80, {{"A", m, k}, {"B", k, n}, {"Y", m, n}});
  product(figure, 158, 124, {{"Ȳ", m, n}, {"Bᵀ", n, k}, {"Ā", m, k}});
  product(figure, 330, 80, {{"Aᵀ", k, m}, {"Ȳ", m, n}, {"B\u0304", k, n}});
  return figure;
}

// ---- how nodes die ----

void node_box(Figure& figure, Box box, int number, std::string_view before, const Style& style) {
  figure.rectangle(box, style);
  figure.text(box.centre(), fmt::format("{}#{}", before, number));
}

constexpr int chain = 5;  // nodes

// Recursion: each call stands on the call that made it.
void draw_stack(Figure& figure) {
  figure.text({20, 20}, "recursion: the stack", {.anchor = Anchor::start, .bold = true});
  for (int i = 0; i < chain; ++i)
    node_box(figure, {20, 240 - 46.0 * i, 200, 40}, chain - i, "destructor of ",
             {.fill = panel, .round = 4});
  figure.arrow({238, 276}, {238, 58}, {.line = {.stroke = muted}});
  figure.text({258, 167}, "calls", {.size = 13, .paint = muted, .upwards = true});
}

// A round of the loop: a node is destroyed, and its parent joins the list.
void draw_round(Figure& figure, int round) {
  const double y = 56 + 46.0 * round, middle = y + 20;
  figure.text({320, middle}, fmt::format("{}", round + 1), small_left);
  node_box(figure, {380, y, 80, 40}, chain - round, "", {.stroke = muted, .dashed = true});
  if (round + 1 == chain) {
    figure.text({540, middle}, "empty", small_left);
  } else {
    figure.arrow({464, middle}, {534, middle}, {.label = "parent", .type = small});
    node_box(figure, {540, y, 80, 40}, chain - round - 1, "", {.fill = panel, .round = 4});
  }
}

Figure draw_dying() {
  Figure figure(680, 300, "A chain of five nodes dies, in two ways",
                "Left, five destructor calls stand on the stack at once. Right, a loop of five "
                "rounds, with one node in the list at a time.");
  draw_stack(figure);
  figure.text({320, 20}, "loop", {.anchor = Anchor::start, .bold = true});
  figure.text({380, 20}, "destroyed", small_left);
  figure.text({540, 20}, "the list dying", small_left);
  for (int round = 0; round < chain; ++round) draw_round(figure, round);
  return figure;
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table, one entry for each figure
std::vector<Entry> chapter_3() {
  return {{"chapter-3/graph", draw_graph},         {"chapter-3/heap", draw_heap},
          {"chapter-3/broadcast", draw_broadcast}, {"chapter-3/memory", draw_memory},
          {"chapter-3/matmul", draw_matmul},       {"chapter-3/dying", draw_dying}};
}

}  // namespace figures
