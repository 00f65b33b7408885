// # The live piece "scalar graph": a formula of numbers, and its sweep
//
// Two requests. {"formula": "neuron"} gives the graph: nodes, their parents, and where they are drawn.
// {"formula": "neuron", "at": [0.5, -1.5, 2]} gives the values, the steps of the sweep, and the slopes
// by trying, for these inputs.
#include "docs/live/pieces.h"
#include "examples/explain/story.h"

namespace live {

namespace {

using explain::leaf;
using explain::noted;
using explain::Subject;

// ---- the formulas ----

struct Input {
  std::string name;
  std::vector<double> values;  // that a slider offers
  double first = 0;            // where the slider stands
};

using Inputs = std::vector<Var>;

struct Formula {
  std::string id, text, lead;
  std::vector<Input> inputs;
  Var (*build)(Subject& subject, const Inputs& in);  // notes a line for each op
};

Var neuron(Subject& s, const Inputs& in) {
  const Var &x = in[0], &w = in[1], &b = in[2];
  const Var p = noted(s, "p", "p = w * x", w * x);
  const Var z = noted(s, "z", "z = p + b", p + b);
  const Var t = noted(s, "t", "t = tanh(z)", tanh(z));
  return noted(s, "y", "y = t * x", t * x);
}

Var doubled(Subject& s, const Inputs& in) {
  const Var b = noted(s, "b", "b = a + a", in[0] + in[0]);
  return noted(s, "c", "c = b + b", b + b);
}

// p is used at once, and again by the newest node: it must wait for both.
Var early_and_late(Subject& s, const Inputs& in) {
  const Var p = noted(s, "p", "p = a * b", in[0] * in[1]);
  const Var q = noted(s, "q", "q = p + a", p + in[0]);
  const Var r = noted(s, "r", "r = tanh(q)", tanh(q));
  return noted(s, "y", "y = r * p", r * p);
}

Var product(Subject& s, const Inputs& in) {
  const Var p = noted(s, "p", "p = a * b", in[0] * in[1]);
  return noted(s, "y", "y = p * c", p * in[2]);
}

const std::vector<Formula>& formulas() {
  static const std::vector<Formula> all = {
      {"neuron",
       "y = tanh(w·x + b)·x",
       "A neuron. x is used twice, so its slope is a sum of two payments.",
       {{"x", {-1, -0.5, 0, 0.5, 1, 1.5, 2}, 0.5},
        {"w", {-3, -1.5, 0, 1.5, 3}, -1.5},
        {"b", {-2, -1, 0, 1, 2}, 2}},
       neuron},
      {"twice",
       "b = a + a;  c = b + b",
       "Every value is used twice. c = 4a, so the slope is 4 wherever a is.",
       {{"a", {-2, -1, -0.5, 0, 0.5, 1, 2}, 1}},
       doubled},
      {"early",
       "p = a·b;  y = tanh(p + a)·p",
       "p is used early by q and late by y. It waits until q has paid, too.",
       {{"a", {-2, -1, -0.5, 0, 0.5, 1, 2}, 0.5}, {"b", {-2, -1, -0.5, 0, 0.5, 1, 2}, 1}},
       early_and_late},
      {"product",
       "y = a·b·c",
       "The slope along one factor is the product of the others.",
       {{"a", {-2, -1, 0, 1, 2}, 2}, {"b", {-2, -1, 0, 1, 2}, -1}, {"c", {-2, -1, 0, 1, 2}, 1}},
       product}};
  return all;
}

const Formula& formula_of(const Json& request) {
  const std::string id = request.at("formula");
  for (const Formula& formula : formulas())
    if (formula.id == id) return formula;
  throw glass::ShapeError(fmt::format("scalar-graph: no formula '{}'", id));
}

Subject subject_of(const Formula& formula, const std::vector<double>& at) {
  glass::check<glass::ShapeError>(at.size() == formula.inputs.size(),
                                  "scalar-graph: {} has {} inputs; got {}", formula.text,
                                  formula.inputs.size(), at.size());
  Subject subject{.id = formula.id, .title = formula.text, .lead = formula.lead, .asks = {}};
  Inputs in;
  for (std::size_t i = 0; i < at.size(); ++i)
    in.push_back(leaf(subject, formula.inputs[i].name, "an input", Var(Tensor(at[i]), true)));
  subject.result = formula.build(subject, in);
  subject.asks = subject.lines.at(subject.result.node()->birth).name;
  return subject;
}

// ---- the graph ----

Json graph_of(const explain::Story& story) {
  Json nodes = Json::array(), arrows = Json::array();
  for (const explain::Node& node : story.nodes)
    nodes.push_back({{"name", node.name},
                     {"code", node.is_op ? node.code : ""},
                     {"op", node.is_op ? node.op : ""},
                     {"parents", node.parents},
                     {"rank", node.point.rank},
                     {"place", number(node.point.place, 4)}});
  for (const explain::Arrow& arrow : story.arrows) {
    Json way = Json::array();
    for (const explain::Point& p : arrow.way) way.push_back({p.rank, number(p.place, 4)});
    arrows.push_back({{"from", arrow.from}, {"to", arrow.to}, {"way", way}});
  }
  const std::string sentence =
      fmt::format("{} is a graph of {} nodes. {}", story.title, story.nodes.size(), story.lead);
  return {{"sentence", sentence}, {"asks", story.asks}, {"nodes", nodes}, {"arrows", arrows}};
}

// ---- its numbers ----

double item(const Tensor& x) { return static_cast<double>(x.item()); }

// A step: its node, the gradient that has gathered there, who else waits, and each payment.
Json steps_of(const explain::Story& story) {
  Json steps = Json::array();
  for (const explain::Act& act : story.acts) {
    Json payments = Json::array();
    for (const explain::Gift& gift : act.gifts)
      payments.push_back({{"to", gift.parent},
                          {"slot", gift.slot},
                          {"pays", number(item(gift.gradient))},
                          {"sum", number(item(gift.sum))}});
    steps.push_back({{"node", act.node},
                     {"g", number(item(act.g))},
                     {"waiting", act.waiting},
                     {"payments", payments}});
  }
  return steps;
}

// The gradient that each node had gathered at the end.
std::map<int, double> slopes_of(const explain::Story& story) {
  std::map<int, double> slopes;
  for (const explain::Act& act : story.acts)
    for (const explain::Gift& gift : act.gifts) slopes[gift.parent] = item(gift.sum);
  return slopes;
}

// (f(a + h) − f(a − h)) / 2h along each input: two runs an input.
std::vector<double> by_trying(const Formula& formula, const std::vector<double>& at) {
  constexpr double h = 1e-6;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::vector<double> above = at, below = at;
    above[i] += h;
    below[i] -= h;
    const double rise = item(subject_of(formula, above).result.value()) -
                        item(subject_of(formula, below).result.value());
    slopes.push_back(rise / (2 * h));
  }
  return slopes;
}

Json numbers_of(const explain::Story& story, const Formula& formula,
                const std::vector<double>& at) {
  Json values = Json::array(), tried = Json::array();
  for (const explain::Node& node : story.nodes) values.push_back(number(item(node.value)));
  for (const double slope : by_trying(formula, at)) tried.push_back(number(slope, 4));
  std::vector<std::string> slopes;
  for (const auto& [node, slope] : slopes_of(story))
    if (!story.node(node).is_op)
      slopes.push_back(
          fmt::format("d{}/d{} = {}", story.asks, story.node(node).name, three(slope)));
  const std::string sentence =
      fmt::format("{} = {}, and one sweep of {} steps gives {}.", story.asks,
                  three(item(story.nodes.back().value)), story.acts.size(), listed(slopes));
  return {{"sentence", sentence}, {"values", values}, {"steps", steps_of(story)}, {"tried", tried}};
}

Json answer(const Json& request) {
  return guarded([&]() -> Json {
    const Formula& formula = formula_of(request);
    std::vector<double> at;
    for (const Input& input : formula.inputs) at.push_back(input.first);
    if (request.contains("at")) at = request.at("at").get<std::vector<double>>();
    const explain::Story story = explain::tell([&] { return subject_of(formula, at); });
    return request.contains("at") ? numbers_of(story, formula, at) : graph_of(story);
  });
}

// Adds a request for every place of the sliders from `at` on.
void add_places(const Formula& formula, std::vector<double> at, std::vector<Json>& requests) {
  if (at.size() == formula.inputs.size()) {
    Json place = Json::array();
    for (const double value : at) place.push_back(number(value));
    requests.push_back({{"formula", formula.id}, {"at", place}});
    return;
  }
  for (const double value : formula.inputs[at.size()].values) {
    at.push_back(value);
    add_places(formula, at, requests);
    at.pop_back();
  }
}

}  // namespace

Piece scalar_graph() {
  Piece piece{.name = "scalar-graph",
              .title = "A graph of numbers and its sweep",
              .answer = answer,
              .first = {{"formula", "neuron"}, {"at", {0.5, -1.5, 2}}},
              .controls = Json::array(),
              .requests = {}};
  for (const Formula& formula : formulas()) {
    Json inputs = Json::array();
    for (const Input& input : formula.inputs) {
      Json values = Json::array();
      for (const double value : input.values) values.push_back(number(value));
      inputs.push_back({{"name", input.name}, {"values", values}, {"first", number(input.first)}});
    }
    piece.controls.push_back({{"formula", formula.id}, {"text", formula.text}, {"inputs", inputs}});
    piece.requests.push_back({{"formula", formula.id}});
    add_places(formula, {}, piece.requests);
  }
  return piece;
}

}  // namespace live
