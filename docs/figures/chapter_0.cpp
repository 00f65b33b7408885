// # The figures of chapter 0: A number that knows its slopes
//
// Their numbers come from the code of `examples/00_scalar.cpp`.
#include "docs/figures/chapter_0.h"

#include <algorithm>

#include "docs/figures/kit.h"

namespace figures {

namespace {

using glass::check;
using glass::StateError;
using scalar::Node;
using scalar::Scalar;

// ---- 0.1: the graph of the neuron, with its payments ----

struct Named {
  std::string name;
  Scalar value;
};

// As the chapter prints it: with three decimals, unless fewer are exact.
std::string decimals(double value) {
  const double thousands = 1000 * value;
  if (std::abs(thousands - std::round(thousands)) < 1e-9) return three(value);
  return fmt::format("{}{:.3f}", value < 0 ? "−" : "", std::abs(value));
}

int index_of(const Node& node, const std::vector<Named>& values) {
  const auto same = [&](const Named& named) { return named.value.node.get() == &node; };
  return static_cast<int>(std::ranges::find_if(values, same) - values.begin());
}

// A parent comes before the nodes that were computed from it, as in the program.
std::vector<GraphNode> nodes_of(const std::vector<Named>& values) {
  std::vector<GraphNode> nodes;
  for (const auto& [name, value] : values) {
    GraphNode node{.name = name, .above = decimals(value.value()), .below = decimals(value.grad())};
    for (const auto& [parent, slope] : value.node->parents) {
      node.parents.push_back(index_of(*parent, values));
      node.payments.push_back(decimals(value.grad() * slope));
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

// The values of `main` in the file.
Figure graph_of_the_neuron() {
  const Scalar w = -1.5, b = 2.0, x = 0.5;
  const Scalar p = w * x, z = p + b, t = tanh(z), y = t * x;
  y.backward();

  const std::vector<Named> values{{"w", w},       {"b", b},          {"x", x},      {"p = w·x", p},
                                  {"z = p+b", z}, {"t = tanh z", t}, {"y = t·x", y}};
  Figure figure(680, 350, "The graph of tanh(w·x + b)·x",
                "Seven nodes with their values above and their gradients below. Solid arrows lead "
                "from parents to results, dashed arrows are payments from results to parents. x "
                "receives one payment from p and one from y.");
  graph(figure, {4, 24, 672, 296}, nodes_of(values), {.width = 80});

  std::vector<std::vector<Cell>> rows;
  for (const auto& [name, value] : values) rows.push_back({name, value.value(), value.grad()});
  figure.numbers({"node", "value", "gradient"}, rows);
  return figure;
}

// ---- 0.2: three orders of the same payments ----

// A payment, and the gradients of c, b and a after it.
struct Payment {
  std::string text;
  double c, b, a;
};

// b = a + a; c = b + b. Notes each payment.
class Doubling {
 public:
  Doubling() { c_.node->grad = 1; }

  // As in the chapter: goes on after each payment.
  void recurse(const Node& node) {
    for (const auto& [parent, slope] : node.parents) {
      pay(node, *parent, slope);
      recurse(*parent);
    }
  }
  // Makes all payments of the node, and then goes on to each parent.
  void pay_then_recurse(const Node& node) {
    for (const auto& [parent, slope] : node.parents) pay(node, *parent, slope);
    for (const auto& link : node.parents) pay_then_recurse(*link.first);
  }
  // c is newer than b, and b is newer than a.
  void newest_first() {
    for (const Scalar& value : {c_, b_, a_})
      for (const auto& [parent, slope] : value.node->parents) pay(*value.node, *parent, slope);
  }

  const Node& result() const { return *c_.node; }
  const std::vector<Payment>& payments() const { return payments_; }

 private:
  void pay(const Node& from, Node& to, double slope) {
    to.grad += from.grad * slope;
    payments_.push_back(
        {fmt::format("{} pays {}", name(from), name(to)), c_.grad(), b_.grad(), a_.grad()});
  }
  const char* name(const Node& node) const {
    return &node == c_.node.get() ? "c" : &node == b_.node.get() ? "b" : "a";
  }

  Scalar a_ = 1.0, b_ = a_ + a_, c_ = b_ + b_;
  std::vector<Payment> payments_;
};

// The gradient of a by the sweep of `00_scalar.cpp`.
double right_gradient() {
  const Scalar a = 1.0, b = a + a, c = b + b;
  c.backward();
  return a.grad();
}

// A table of one order. The last gradient of a is outlined.
void panel_of(Figure& figure, Point corner, const std::string& title,
              const std::vector<Payment>& payments) {
  std::vector<std::string> texts, names;
  for (const Payment& payment : payments) {
    names.push_back(payment.text);
    for (const double value : {payment.c, payment.b, payment.a}) texts.push_back(three(value));
  }
  const int rows = static_cast<int>(payments.size());
  const Box box =
      grid(figure, corner, rows, 3, texts,
           {.width = 36, .rows = names, .columns = {"c", "b", "a"}, .outlined = {3 * rows - 1}});
  figure.text({box.x + box.width, box.y - 36}, title, {.anchor = Anchor::end, .bold = true});

  // The judgement below it.
  const bool right = payments.back().a == right_gradient();
  figure.text({box.x + box.width, box.y + box.height + 18}, right ? "right" : "wrong",
              {.paint = right ? ink : accent, .anchor = Anchor::end, .bold = right});
}

// The two recursions, and newest first.
Figure used_twice() {
  Doubling each, both, newest;
  each.recurse(each.result());
  both.pay_then_recurse(both.result());
  newest.newest_first();
  check<StateError>(newest.payments().back().a == right_gradient(), "newest first is wrong");

  Figure figure(680, 262, "b = a + a; c = b + b in three orders",
                "Three tables, with a row for each payment and the gradients of c, b and a after "
                "it. Recursion after each payment ends with 6 for a, recursion after both "
                "payments of a node ends with 8, and newest first ends with 4, which is right.");
  panel_of(figure, {96, 60}, "recursion at once", each.payments());
  panel_of(figure, {330, 60}, "recursion after both", both.payments());
  panel_of(figure, {564, 60}, "newest first", newest.payments());

  std::vector<std::vector<Cell>> rows;
  const auto add = [&](const char* order, const std::vector<Payment>& payments) {
    for (const Payment& p : payments) rows.push_back({order, p.text, p.c, p.b, p.a});
  };
  add("recursion at once", each.payments());
  add("recursion after both", both.payments());
  add("newest first", newest.payments());
  figure.numbers({"order", "payment", "c", "b", "a"}, rows);
  return figure;
}

// ---- 0.3: what all slopes cost ----

// Ops of one run, and payments of one sweep.
struct Work {
  double inputs, ops, payments;
  double by_differences() const { return 2 * inputs * ops; }
  double by_sweep() const { return ops + payments; }
};

// tanh(w₁x₁ + … + wₙxₙ + b), counted by births and by links.
Work work_of_neuron(int inputs) {
  // One at a time: copies of a Scalar would be the same node.
  std::vector<Scalar> xs, weights, results;
  for (int i = 0; i < inputs; ++i) {
    xs.emplace_back(0.5);
    weights.emplace_back(0.1);
  }
  Scalar sum = 2.0;
  const long before = Node::births;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    results.push_back(weights[i] * xs[i]);
    sum = sum + results.back();
    results.push_back(sum);
  }
  results.push_back(tanh(sum));

  // Each link to a parent carries a payment.
  Work work{double(inputs), double(Node::births - before), 0};
  for (const Scalar& result : results) work.payments += double(result.node->parents.size());
  return work;
}

// Two lines over the number of inputs.
Figure cost_of_all_slopes() {
  std::vector<Point> differences, sweep;
  std::vector<std::vector<Cell>> rows;
  for (const int inputs : {1, 10, 100, 1000, 10'000}) {
    const Work work = work_of_neuron(inputs);
    differences.push_back({work.inputs, work.by_differences()});
    sweep.push_back({work.inputs, work.by_sweep()});
    rows.push_back({inputs, work.ops, work.payments, work.by_differences(), work.by_sweep()});
  }

  Figure figure(680, 360, "The work for all slopes of a neuron with n inputs",
                "Two lines on logarithmic axes. The work of finite differences grows with the "
                "square of the number of inputs, the work of reverse mode grows in proportion to "
                "it.");
  // Each tick of the upright axis is a thousand times the one below it.
  const Plot plot(figure, {70, 44, 580, 256},
                  {.from = 1, .to = 1e4, .label = "inputs n", .log = true},
                  {.from = 1,
                   .to = 1e9,
                   .label = "ops and payments",
                   .log = true,
                   .ticks = {1, 1e3, 1e6, 1e9}});
  plot.line(differences);
  plot.points(differences);
  plot.line(sweep, {.stroke = accent});
  plot.points(sweep, {.stroke = accent, .fill = accent});
  figure.text(plot.at(700, 3e7), "differences: 2n runs", {.anchor = Anchor::end});
  figure.text(plot.at(1000, 250), "reverse mode: one run, one sweep",
              {.paint = accent, .anchor = Anchor::middle});
  figure.numbers({"inputs", "ops of a run", "payments", "work by differences", "work by a sweep"},
                 rows);
  return figure;
}

// ---- 0.4: where we are ----

struct Part {
  const char* name;
  const char* chapters;
  bool known = false;
};

// A strip of boxes. The parts that this chapter explains are filled.
Figure where_we_are() {
  const std::vector<Part> parts{
      {"words", "8"}, {"numbers", "1, 2"},        {"layers", "5"},        {"attention", "6"},
      {"loss", "7"},  {"sweep", "0, 3, 4", true}, {"step", "0, 7", true}, {"translation", "8, 9"}};
  Figure figure(680, 132, "The parts of a training, and their chapters",
                "Eight boxes in a row: words, numbers, layers, attention, loss, sweep, step, "
                "translation. Sweep and step are marked.");
  figure.text({2, 14}, "he never eats any small apples", {.anchor = Anchor::start, .italic = true});
  figure.text({678, 14}, "il ne mange jamais de petites pommes",
              {.anchor = Anchor::end, .italic = true});
  double left = 2;
  for (const auto& [name, chapters, known] : parts) {
    // A box is as wide as its word.
    const double width = 32 + 6.2 * double(std::string_view(name).size());
    const Box box{left, 36, width, 40};
    figure.rectangle(box, {.stroke = known ? accent : muted,
                           .fill = known ? heat(0.3) : none,
                           .width = known ? 2.5 : 1,
                           .round = 4});
    figure.text(box.centre(), name, {.size = 13, .bold = known});
    figure.text({box.centre().x, 94}, chapters, {.size = 13, .paint = muted});
    left += width + 14;
    if (left < 670)
      figure.arrow({left - 13, 56}, {left - 1, 56}, {.line = {.stroke = muted, .width = 1}});
  }
  figure.text({340, 118}, "chapters", {.size = 13, .paint = muted});
  return figure;
}

}  // namespace

std::vector<Entry> chapter_0() {
  return {{"chapter-0/graph", graph_of_the_neuron},
          {"chapter-0/twice", used_twice},
          {"chapter-0/cost", cost_of_all_slopes},
          {"chapter-0/where", where_we_are}};
}

}  // namespace figures
