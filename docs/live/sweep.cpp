// # The live piece "sweep": an expression of tensors, its graph, and each step of its sweep
//
// The request {"expression": "gate", "shapes": [[2]]} names an expression and the shapes of some of
// its leaves. The answer holds the story that examples/explain tells: nodes, arrows, steps.
// Memory is counted in numbers: a number takes 4 bytes in the float build and 8 in this one.
#include "docs/live/pieces.h"
#include "examples/explain/data.h"

namespace live {

namespace {

using explain::leaf;
using explain::noted;
using explain::Subject;
using glass::Shape;

// ---- the expressions ----

struct Expression {
  std::string id, text;
  std::vector<std::string> leaves;         // whose shapes can be chosen
  std::vector<std::vector<Shape>> shapes;  // the choices: a shape for each of them
  Subject (*make)(const std::vector<Shape>& shapes);
};

// Numbers of one decimal, between −1.2 and 1.2, that are not all alike; `salt` tells leaves apart.
Tensor values(const Shape& shape, int salt) {
  const Index n = glass::zeros(shape).numel();
  Tensor flat = glass::zeros({n});
  for (Index i = 0; i < n; ++i)
    flat(i) = static_cast<double>((i * 7 + salt * 5 + 2) % 25 - 12) / 10;
  return flat.reshape(shape);
}

Var asked(const Shape& shape, int salt) { return Var(values(shape, salt), true); }

Subject gate(const std::vector<Shape>& shapes) {
  Subject s =
      explain::gated(shapes[0] == Shape{2} ? glass::tensor({0.1, -0.2}) : values(shapes[0], 1));
  s.lead = "A layer that gates itself, h = u ⊙ sigmoid(u), and its mean squared error from t.";
  return s;
}

Subject attention_head(const std::vector<Shape>& /*shapes*/) { return explain::attention_head(); }

Subject twice(const std::vector<Shape>& shapes) {
  Subject s{.id = "twice",
            .title = "Used twice",
            .lead = "Every value is used twice, so every node waits for two gradients.",
            .asks = "y"};
  const Var a = leaf(s, "a", "a leaf", asked(shapes[0], 1));
  const Var b = noted(s, "b", "b = a + a", a + a);
  const Var c = noted(s, "c", "c = b + b", b + b);
  s.result = noted(s, "y", "y = sum(c)", sum(c));
  return s;
}

Subject broadcast(const std::vector<Shape>& shapes) {
  Subject s{
      .id = "broadcast",
      .title = "Broadcasting",
      .lead =
          "A product stretches its factors to one shape. Each factor gets the sum over its copies.",
      .asks = "y"};
  const Var a = leaf(s, "a", "a leaf", asked(shapes[0], 1));
  const Var b = leaf(s, "b", "a leaf", asked(shapes[1], 3));
  const Var p = noted(s, "p", "p = a * b", a * b);
  const Var t = noted(s, "t", "t = tanh(p)", tanh(p));
  s.result = noted(s, "y", "y = sum(t)", sum(t));
  return s;
}

Subject layer(const std::vector<Shape>& shapes) {
  Subject s{.id = "layer",
            .title = "A layer",
            .lead = "A linear layer and relu. x is a constant: nobody asked for its gradient.",
            .asks = "y"};
  const Var x = leaf(s, "x", "a constant", Var(values(shapes[0], 1)));
  const Var w = leaf(s, "w", "weights", asked(shapes[1], 2));
  const Var b = leaf(s, "b", "a bias", asked(shapes[2], 4));
  const Var z = noted(s, "z", "z = matmul(x, w)", matmul(x, w));
  const Var u = noted(s, "u", "u = z + b", z + b);
  const Var h = noted(s, "h", "h = relu(u)", relu(u));
  s.result = noted(s, "y", "y = sum(h)", sum(h));
  return s;
}

// NOLINTNEXTLINE(readability-function-size): a table, one entry for each expression
const std::vector<Expression>& expressions() {
  static const std::vector<Expression> all = {
      {"gate",
       "loss = mean((u ⊙ sigmoid(u) − t)²), u = x·w + c",
       {"c"},
       {{{2}}, {{3, 1}}, {Shape{}}, {{3, 2}}, {{3}}},
       gate},
      {"attention", "C = softmax(Q Kᵀ / √d) V", {}, {{}}, attention_head},
      {"twice", "y = sum((a + a) + (a + a))", {"a"}, {{Shape{}}, {{3}}, {{2, 3}}}, twice},
      {"broadcast",
       "y = sum(tanh(a * b))",
       {"a", "b"},
       {{{3, 1}, {4}}, {{2, 3}, {3}}, {{2, 3}, Shape{}}, {{2, 3}, {2, 1}}, {{2, 3}, {2}}},
       broadcast},
      {"layer",
       "y = sum(relu(matmul(x, w) + b))",
       {"x", "w", "b"},
       {{{3, 2}, {2, 2}, {2}}, {{2, 3}, {3, 1}, {1}}, {{3, 2}, {3, 2}, {2}}, {{3, 2}, {2, 2}, {3}}},
       layer}};
  return all;
}

const Expression& expression_of(const Json& request) {
  const std::string id = request.at("expression");
  for (const Expression& expression : expressions())
    if (expression.id == id) return expression;
  throw glass::ShapeError(fmt::format("sweep: no expression '{}'", id));
}

std::vector<Shape> shapes_of(const Json& list) {
  std::vector<Shape> shapes;
  for (const Json& sizes : list) {
    const std::vector<Index> axes = sizes.get<std::vector<Index>>();
    shapes.emplace_back(std::span<const Index>(axes));
  }
  return shapes;
}

Json json_of(const std::vector<Shape>& shapes) {
  Json out = Json::array();
  for (const Shape& shape : shapes) out.push_back(std::vector<Index>(shape.begin(), shape.end()));
  return out;
}

// ---- the answer ----

// Bytes of this build, as a count of numbers.
Index count(Index bytes) { return bytes / Index{sizeof(glass::Real)}; }

std::string sentence_of(const explain::Story& story) {
  std::vector<std::string> leaves;
  for (const explain::Node& node : story.nodes)
    if (!node.is_op && node.wants_gradient)
      leaves.push_back(fmt::format("{} {}", node.name, node.value.shape()));
  Index most = story.alive;
  for (const explain::Act& act : story.acts) most = std::max(most, act.alive);
  return fmt::format(
      "The sweep takes {} steps, newest node first, and gives {} {}. Memory: {} numbers before "
      "the sweep, {} at most, {} after it.",
      story.acts.size(), leaves.size() == 1 ? "its gradient to" : "their gradients to",
      listed(leaves), count(story.alive), count(most), count(story.acts.back().alive));
}

Json answer(const Json& request) {
  return guarded([&]() -> Json {
    const Expression& expression = expression_of(request);
    const std::vector<Shape> shapes = shapes_of(request.at("shapes"));
    glass::check<glass::ShapeError>(shapes.size() == expression.leaves.size(),
                                    "sweep: {} shapes for {} leaves", shapes.size(),
                                    expression.leaves.size());
    const explain::Story story = explain::tell([&] { return expression.make(shapes); });
    // Bytes become counts of numbers, which are the same in each build.
    Json out = explain::json_of(story);
    out["sentence"] = sentence_of(story);
    out["alive"] = count(story.alive);
    for (std::size_t i = 0; i < story.acts.size(); ++i)
      for (const std::string key : {"alive", "allocated", "freed"})
        out["acts"][i][key] = count(out["acts"][i][key].get<Index>());
    return out;
  });
}

}  // namespace

Piece sweep() {
  Piece piece{.name = "sweep",
              .title = "A sweep, step by step",
              .answer = answer,
              .first = {{"expression", "gate"}, {"shapes", {{2}}}},
              .controls = Json::array(),
              .requests = {}};
  for (const Expression& expression : expressions()) {
    Json choices = Json::array();
    for (const std::vector<Shape>& shapes : expression.shapes) {
      choices.push_back(json_of(shapes));
      piece.requests.push_back({{"expression", expression.id}, {"shapes", choices.back()}});
    }
    piece.controls.push_back({{"expression", expression.id},
                              {"text", expression.text},
                              {"leaves", expression.leaves},
                              {"shapes", choices}});
  }
  return piece;
}

}  // namespace live
