// # Every gradient, from one table
//
// One row an op: adding an op adds a row. Each row is checked for its shapes (broadcast, size 1,
// size 0) and for leaves that lie in memory in every layout, or are read through views.
#include "autograd/ops.h"

#include "tests/op_table.h"

using namespace glass;
using namespace glass::oracle;

namespace {

using Inputs = std::vector<Var>;

struct Row {
  std::string name;
  std::function<Var(const Inputs&)> op;
  std::vector<std::vector<Shape>> shapes;  // of the inputs, case by case
  double lo = -2, hi = 2;
};

const std::vector<std::vector<Shape>> one = {{Shape{}},     {Shape{1}},       {Shape{4}},
                                             {Shape{3, 2}}, {Shape{2, 1, 3}}, {Shape{0, 2}}};
const std::vector<std::vector<Shape>> lines = {
    {Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{2, 1, 3}}, {Shape{0, 2}}};
const std::vector<std::vector<Shape>> grids = {
    {Shape{3, 2}}, {Shape{1, 4}}, {Shape{2, 3, 4}}, {Shape{2, 0}}};
const std::vector<std::vector<Shape>> cubes = {
    {Shape{2, 3, 4}}, {Shape{1, 3, 2}}, {Shape{0, 3, 2}}};
const std::vector<std::vector<Shape>> two = {{Shape{}, Shape{}},
                                             {Shape{3}, Shape{3}},
                                             {Shape{2, 3}, Shape{3}},
                                             {Shape{}, Shape{2, 3}},
                                             {Shape{2, 1}, Shape{1, 3}},
                                             {Shape{1}, Shape{2, 0}},
                                             {Shape{2, 2, 3}, Shape{2, 1}},
                                             {Shape{0, 3}, Shape{1, 1}}};

const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      // element-wise, one operand
      {"exp", [](auto& x) { return exp(x[0]); }, one},
      {"log", [](auto& x) { return log(x[0]); }, one, 0.2, 3},
      {"sqrt", [](auto& x) { return sqrt(x[0]); }, one, 0.2, 3},
      {"tanh", [](auto& x) { return tanh(x[0]); }, one},
      {"sigmoid", [](auto& x) { return sigmoid(x[0]); }, one, -5, 5},
      {"relu", [](auto& x) { return relu(x[0]); }, one},
      {"gelu", [](auto& x) { return gelu(x[0]); }, one, -4, 4},
      {"abs", [](auto& x) { return abs(x[0]); }, one},
      {"neg", [](auto& x) { return -x[0]; }, one},
      {"pow 0", [](auto& x) { return pow(x[0], 0) * x[0]; }, one},
      {"pow 1", [](auto& x) { return pow(x[0], 1); }, one},
      {"pow 2", [](auto& x) { return pow(x[0], 2); }, one},
      {"pow 3", [](auto& x) { return pow(x[0], 3); }, one},
      {"pow -1", [](auto& x) { return pow(x[0], -1); }, one, 0.5, 3},
      {"pow 0.5", [](auto& x) { return pow(x[0], 0.5); }, one, 0.2, 3},
      {"number first", [](auto& x) { return 2 - 3 / x[0] + 1.5 * x[0]; }, one, 0.5, 3},
      {"number last", [](auto& x) { return (x[0] + 2) * 3 / 4 - 1; }, one},

      // element-wise, two operands
      {"+", [](auto& x) { return x[0] + x[1]; }, two},
      {"-", [](auto& x) { return x[0] - x[1]; }, two},
      {"*", [](auto& x) { return x[0] * x[1]; }, two},
      {"/", [](auto& x) { return x[0] / x[1]; }, two, 0.5, 3},
      {"maximum", [](auto& x) { return maximum(x[0], x[1]); }, two},
      {"minimum", [](auto& x) { return minimum(x[0], x[1]); }, two},
      {"where", [](auto& x) { return where(greater(x[0].value(), x[1].value() / 3), x[0], x[1]); },
       two},
      {"where, numbers",
       [](auto& x) { return where(tensor({{1}, {0}, {1}}), x[0], 2) * where(arange(2), 3, x[0]); },
       {{Shape{3, 2}}, {Shape{2}}, {Shape{}}}},
      {"x with itself",
       [](auto& x) { return x[0] * x[0] + x[0] / (x[0] * x[0] + 1) - maximum(x[0], -x[0]); }, one},

      // reductions
      {"sum", [](auto& x) { return sum(x[0] * x[0]); }, one},
      {"sum of an axis", [](auto& x) { return sum(x[0] * x[0], 0); }, lines},
      {"sum, kept", [](auto& x) { return x[0] * sum(x[0], -1, true); }, lines},
      {"sum of two axes", [](auto& x) { return sum(x[0] * x[0], {0, -1}); }, cubes},
      {"sum of neighbours, kept", [](auto& x) { return x[0] * sum(x[0], {1, 2}, true); }, cubes},
      {"mean", [](auto& x) { return mean(x[0] * x[0]); }, {{Shape{}}, {Shape{5}}, {Shape{3, 2}}}},
      {"mean of an axis", [](auto& x) { return mean(x[0] * x[0], 0); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{2, 0}}}},
      {"mean of two axes, kept", [](auto& x) { return mean(x[0] * x[0], {0, 2}, true); },
       {{Shape{2, 3, 4}}, {Shape{2, 0, 3}}}},
      {"max", [](auto& x) { return max(x[0], 0); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{2, 3, 4}}, {Shape{2, 0}}}},
      {"max, kept", [](auto& x) { return x[0] * max(x[0], -2, true); },
       {{Shape{3, 2}}, {Shape{2, 3, 4}}, {Shape{1, 4}}}},

      // rows
      {"softmax", [](auto& x) { return softmax(x[0]); }, lines},
      {"softmax of an axis", [](auto& x) { return softmax(x[0], 0); }, lines},
      {"log_softmax", [](auto& x) { return log_softmax(x[0]); }, lines},
      {"log_softmax of an axis", [](auto& x) { return log_softmax(x[0], -2); }, grids},
      {"layer_norm", [](auto& x) { return layer_norm(x[0], x[1], x[2], 0.1); },
       {{Shape{5}, Shape{5}, Shape{5}}, {Shape{3, 4}, Shape{4}, Shape{4}},
       {Shape{2, 3, 4}, Shape{4}, Shape{4}},
        {Shape{2, 1}, Shape{1}, Shape{1}}, {Shape{0, 3}, Shape{3}, Shape{3}}}},

      // matmul
      {"matmul", [](auto& x) { return matmul(x[0], x[1]); },
       {{Shape{2, 3}, Shape{3, 4}}, {Shape{3, 3}, Shape{3, 3}}, {Shape{1, 1}, Shape{1, 1}},
       {Shape{7, 5}, Shape{5, 1}},
        {Shape{2, 0}, Shape{0, 3}}, {Shape{0, 3}, Shape{3, 2}}, {Shape{2, 3}, Shape{3, 0}}}},
      {"matmul of batches", [](auto& x) { return matmul(x[0], x[1]); },
       {{Shape{2, 3, 4}, Shape{2, 4, 5}}, {Shape{2, 3, 4}, Shape{4, 5}},
       {Shape{3, 4}, Shape{2, 4, 5}},
        {Shape{2, 1, 3, 4}, Shape{3, 4, 2}}, {Shape{1, 3, 4}, Shape{2, 4, 1}},
        {Shape{2, 3, 0}, Shape{0, 4}},
        {Shape{0, 3, 4}, Shape{4, 5}}, {Shape{2, 2, 2, 3}, Shape{3, 2}}}},
      {"matmul of vectors", [](auto& x) { return matmul(x[0], x[1]); },
       {{Shape{3}, Shape{3}}, {Shape{3}, Shape{3, 4}}, {Shape{2, 3}, Shape{3}},
        {Shape{3}, Shape{2, 3, 4}}, {Shape{2, 4, 3}, Shape{3}}, {Shape{1}, Shape{1}},
        {Shape{0}, Shape{0}},
        {Shape{2, 2, 0}, Shape{0}}, {Shape{3}, Shape{0, 3, 2}}}},

      {"linear", [](auto& x) { return linear(x[0], x[1], x[2]); },
       {{Shape{2, 3}, Shape{4, 3}, Shape{4}}, {Shape{3, 3}, Shape{3, 3}, Shape{3}},
        {Shape{2, 3, 4}, Shape{5, 4}, Shape{5}}, {Shape{3}, Shape{2, 3}, Shape{2}},
        {Shape{2, 0}, Shape{3, 0}, Shape{3}}, {Shape{0, 3}, Shape{2, 3}, Shape{2}}}},

      // views
      {"transpose", [](auto& x) { return x[0].transpose(0, -1) * 2; }, lines},
      {"mT", [](auto& x) { return exp(mT(x[0])); }, grids},
      {"permute", [](auto& x) { return x[0].permute({1, -1, 0}); }, cubes},
      {"reshape", [](auto& x) { return x[0].reshape({3, -1}); },
       {{Shape{3, 2}}, {Shape{2, 3, 4}}, {Shape{6}}}},
      {"reshape of a transposed", [](auto& x) { return x[0].mT().reshape({x[0].numel()}); }, grids},
      {"slice", [](auto& x) { return x[0].slice(0, 1, -1); }, lines},
      {"slice with a step", [](auto& x) { return x[0].slice(-1, 0, 100, 2); }, lines},
      {"slices that overlap",
       [](auto& x) { return x[0].slice(0, 0, 2) * sum(x[0].slice(0, 1, 3)); }, lines},
      {"select", [](auto& x) { return x[0].select(-1, -1); }, lines},
      {"expand", [](auto& x) { return x[0].expand({2, 3, 4}); },
       {{Shape{}}, {Shape{4}}, {Shape{3, 1}}, {Shape{2, 1, 1}}, {Shape{1, 1, 1}},
        {Shape{2, 3, 4}}}},
      {"expand to nothing", [](auto& x) { return x[0].expand({0, -1}); },
       {{Shape{1, 2}}, {Shape{3}}}},
      {"squeeze", [](auto& x) { return x[0].squeeze(0).squeeze(-1); },
       {{Shape{1, 3, 1}}, {Shape{1, 1}}, {Shape{2, 3}}}},
      {"unsqueeze", [](auto& x) { return x[0].unsqueeze(0).unsqueeze(-1); }, one},

      // joining and picking
      {"cat", [](auto& x) { return cat({x[0], x[1], x[0]}, 0); },
       {{Shape{2}, Shape{3}}, {Shape{2, 3}, Shape{1, 3}}, {Shape{0, 2}, Shape{3, 2}}}},
      {"cat of the last axis, with a constant",
       [](auto& x) { return cat({x[0], ones(x[0].shape()), x[1]}, -1); },
       {{Shape{2}, Shape{3}}, {Shape{2, 3}, Shape{2, 1}}}},
      {"stack", [](auto& x) { return stack({x[0], x[1], x[0]}, -1); },
       {{Shape{}, Shape{}}, {Shape{3}, Shape{3}}, {Shape{2, 3}, Shape{2, 3}},
        {Shape{2, 0}, Shape{2, 0}}}},
      {"take", [](auto& x) { return take(x[0], {2, 3, {1, 0, 1, 1, 2, 0}}); },
       {{Shape{4, 3}}, {Shape{3, 1}}, {Shape{3, 0}}}},
      {"take nothing", [](auto& x) { return take(x[0], {0, 3, {}}); }, {{Shape{4, 3}}}},
      {"dropout", [](auto& x) { Rng rng(5); return dropout(x[0], 0.4, rng); }, one},
      {"relu_dropout", [](auto& x) { Rng rng(5); return relu_dropout(x[0], 0.4, rng); }, one},
  };
  return rows;
}

// Leaves of one shape, and how the op sees them.
struct Input {
  std::string name;
  Var leaf;
  std::function<Var(const Var&)> view;
};

std::vector<Input> inputs(const Shape& shape, Rng& rng, double lo, double hi) {
  const auto as_it_is = [](const Var& x) { return x; };
  std::vector<Input> result;
  for (const auto& [name, value] : layouts(shape, rng, lo, hi))
    if (name != "expanded" && name != "repeated")
      result.push_back({name, Var(value, true), as_it_is});
  if (shape.rank() == 0) return result;
  const auto random = [&](Shape of) { return Var(uniform(of, lo, hi, rng), true); };
  result.push_back(
      {"expanded", random(shape.with(0, 1)), [shape](const Var& x) { return x.expand(shape); }});
  result.push_back({"sliced in the graph", random(shape.with(-1, 2 * shape[-1] + 1)),
                    [n = shape[-1]](const Var& x) { return x.slice(-1, 1, 2 * n + 1, 2); }});
  result.push_back({"transposed in the graph", random(shape.with(0, shape[-1]).with(-1, shape[0])),
                    [](const Var& x) { return x.transpose(0, -1); }});
  return result;
}

}  // namespace

TEST_CASE("every gradient is right, for every shape and layout", "[gradcheck]") {
  Rng rng(51);
  for (const Row& row : table())
    for (const std::vector<Shape>& shapes : row.shapes) {
      std::vector<std::vector<Input>> choices;
      std::size_t most = 0;
      for (const Shape& shape : shapes) {
        choices.push_back(inputs(shape, rng, row.lo, row.hi));
        most = std::max(most, choices.back().size());
      }
      // The inputs of one op take turns, so that different layouts meet.
      for (std::size_t turn = 0; turn < most; ++turn) {
        std::vector<Input> chosen;
        std::vector<std::pair<std::string, Var>> leaves;
        std::string text = row.name + ":";
        for (std::size_t i = 0; i < choices.size(); ++i) {
          chosen.push_back(choices[i][(turn + i) % choices[i].size()]);
          leaves.emplace_back(chosen[i].name, chosen[i].leaf);
          text += fmt::format(" {} {}", chosen[i].name, shapes[i]);
        }
        INFO(text);
        const std::string wrong = wrong_gradient(
            [&] {
              Inputs seen;
              for (const Input& input : chosen) seen.push_back(input.view(input.leaf));
              return row.op(seen);
            },
            leaves);
        CHECK(wrong == "");
      }
    }
}

TEST_CASE("a thousand random cases of right gradients raise no false alarm") {
  Rng rng(54);
  const auto pick = [&](const auto& list) {
    return list[static_cast<std::size_t>(rng.below(static_cast<Index>(list.size())))];
  };
  for (int i = 0; i < (is_float ? 100 : 1000); ++i) {
    const Row row = pick(table());
    // What must be positive only grows.
    const double size = std::pow(10, static_cast<double>(rng.below(row.lo > 0 ? 3 : 5)) - 2);
    const double spread = row.lo > 0 ? std::max(1.0, size) : size;
    std::vector<Input> chosen;
    std::vector<std::pair<std::string, Var>> leaves;
    std::string text = fmt::format("case {}, {} × {}:", i, row.name, spread);
    for (const Shape& shape : pick(row.shapes)) {
      chosen.push_back(pick(inputs(shape, rng, row.lo * spread, row.hi * spread)));
      leaves.emplace_back(chosen.back().name, chosen.back().leaf);
      text += fmt::format(" {} {}", chosen.back().name, shape);
    }
    INFO(text);
    CHECK(wrong_gradient(
              [&] {
                Inputs seen;
                for (const Input& input : chosen) seen.push_back(input.view(input.leaf));
                return row.op(seen);
              },
              leaves) == "");
  }
}

TEST_CASE("an op on Vars has the value of the same op on Tensors") {
  Rng rng(52);
  for (const Row& row : table())
    for (const std::vector<Shape>& shapes : row.shapes) {
      Inputs leaves, constants;
      for (const Shape& shape : shapes) {
        const Tensor x = uniform(shape, row.lo, row.hi, rng);
        leaves.emplace_back(x, true);
        constants.emplace_back(x);
      }
      INFO(row.name);
      const Var recorded = row.op(leaves), constant = row.op(constants);
      CHECK(recorded.requires_grad());
      CHECK(!constant.requires_grad());
      CHECK(exact_difference(recorded.value(), constant.value()) == "");
    }
}

// ---- where a derivative is a convention ----

namespace {

// The gradient of Σ f(x) at x.
template <class F>
Tensor gradient(F f, const Tensor& x) {
  const Var leaf(x, true);
  sum(f(leaf)).backward();
  return leaf.grad();
}

}  // namespace

TEST_CASE("relu and abs have slope 0 at 0") {
  CHECK(exact_difference(gradient([](auto& x) { return relu(x); }, tensor({-1, 0, 1})),
                         tensor({0, 0, 1})) == "");
  CHECK(exact_difference(gradient([](auto& x) { return abs(x); }, tensor({-2, 0, 3})),
                         tensor({-1, 0, 1})) == "");
}

TEST_CASE("maximum and minimum halve the gradient at a tie") {
  for (const bool largest : {true, false}) {
    const Var a(tensor({1, 2, 3}), true), b(tensor({2, 2, 2}), true);
    sum(largest ? maximum(a, b) : minimum(a, b)).backward();
    CHECK(exact_difference((largest ? a : b).grad(), tensor({0, 0.5, 1})) == "");
    CHECK(exact_difference((largest ? b : a).grad(), tensor({1, 0.5, 0})) == "");
  }
  CHECK(exact_difference(gradient([](auto& x) { return maximum(x, x); }, tensor({3})), ones({1})) ==
        "");
}

TEST_CASE("max sends its gradient to the first of several maxima, or to the first NaN") {
  CHECK(
      exact_difference(gradient([](auto& x) { return max(x, 1); }, tensor({{1, 3, 3}, {2, 2, 2}})),
                       tensor({{0, 1, 0}, {1, 0, 0}})) == "");
  CHECK(exact_difference(gradient([](auto& x) { return max(x, 0); }, tensor({1, not_a_number, 5})),
                         tensor({0, 1, 0})) == "");
}

TEST_CASE("powers have the slopes of their formula at 0") {
  const auto at_zero = [](double n) {
    return gradient([n](auto& x) { return pow(x, static_cast<Real>(n)); }, tensor({0}));
  };
  CHECK(exact_difference(at_zero(0), tensor({0})) == "");
  CHECK(exact_difference(at_zero(1), tensor({1})) == "");
  CHECK(exact_difference(at_zero(2), tensor({0})) == "");
  CHECK(exact_difference(at_zero(0.5), tensor({inf})) == "");
  CHECK(exact_difference(at_zero(-1), tensor({-inf})) == "");
  CHECK(exact_difference(gradient([](auto& x) { return pow(x, 3); }, tensor({-2})), tensor({12})) ==
        "");
  CHECK(exact_difference(gradient([](auto& x) { return sqrt(x); }, tensor({0})), tensor({inf})) ==
        "");
}

TEST_CASE("gradients stay finite where values are extreme") {
  for (const double x : {-1e4, 1e4}) {
    CHECK(std::isfinite(static_cast<double>(
        gradient([](auto& v) { return sigmoid(v) + tanh(v) + gelu(v); }, tensor({x})).item())));
    CHECK(difference(gradient(
                         [](auto& v) {
                           return softmax(v) * tensor({1, 2, 3});
                         },
                         tensor({x, -x, 0})),
                     zeros({3})) == "");
    CHECK(difference(
              gradient([](auto& v) { return log_softmax(v).select(0, 0); }, tensor({x, 2 * x})),
              x > 0 ? tensor({1, -1}) : zeros({2})) == "");
  }
}

TEST_CASE("entries of −∞ get no gradient from softmax, nor does a row of nothing else") {
  const auto weighted = [](auto& x) { return softmax(x) * tensor({1, 2, 3}); };
  const Tensor g = gradient(weighted, tensor({{-inf, 0, 1}, {-inf, -inf, -inf}}));
  CHECK(static_cast<double>(g(0, 0)) == 0);
  CHECK(static_cast<double>(g(0, 1)) < 0);
  CHECK(exact_difference(g.select(0, 1), zeros({3})) == "");
}

TEST_CASE("the gradients of both branches of where keep apart, NaN and infinity included") {
  const Tensor mask = tensor({1, 0});
  CHECK(exact_difference(gradient(
                             [&](auto& x) {
                               return where(mask, x, inf) * tensor({2, 0});
                             },
                             tensor({1, 1})),
                         tensor({2, 0})) == "");
  CHECK(exact_difference(
            gradient([&](auto& x) { return where(mask, x, not_a_number); }, tensor({1, 1})),
            tensor({1, 0})) == "");
}

TEST_CASE("dropout passes its mask to the gradient, and p = 0 is the operand itself") {
  Rng rng(53), same(53);
  const Var x(ones({5000, 3}), true);
  const Var y = dropout(x.mT(), 0.3, rng);
  CHECK(exact_difference(y.value(), dropout(ones({3, 5000}), 0.3, same)) == "");
  sum(y).backward();
  CHECK(exact_difference(x.grad(), y.value().mT()) == "");
  CHECK(dropout(x, 0, rng).node().get() == x.node().get());
}

TEST_CASE("relu_dropout is dropout of relu, in its value, its gradient and what it draws") {
  Rng values(54);
  Tensor x = uniform({300, 7}, -1, 1, values).mT();  // rows that lie apart
  x.slice(1, 0, 4).copy_from(tensor({0, -0.0, inf, -inf}));
  x.slice(1, 4, 5).fill(not_a_number);
  const Tensor seed = uniform(x.shape(), -1, 1, values);
  for (const double p : {0.0, 0.1, 0.9}) {
    INFO(p);
    Rng fused(55), apart(55);
    const Var a(x, true), b(x, true);
    const Var y = relu_dropout(a, p, fused), reference = dropout(relu(b), p, apart);
    CHECK(exact_difference(y.value(), reference.value()) == "");
    y.backward(seed);
    reference.backward(seed);
    CHECK(exact_difference(a.grad(), b.grad()) == "");
    CHECK(fused.state() == apart.state());
  }
  Rng rng(56);
  CHECK_THROWS_AS(relu_dropout(Var(x, true), 1, rng), ShapeError);
}

TEST_CASE("in the dual build every gradient carries a Hessian-vector product") {
  if constexpr (is_dual) {
    // f = Σ x³ has the Hessian diag(6x).
    Tensor value = tensor({1, 2, -3});
    set_direction(value.data()[1], 1);
    const Tensor g = gradient([](auto& x) { return pow(x, 3); }, value);
    CHECK(direction(g(0)) == 0);
    CHECK(direction(g(1)) == 12);
    CHECK(direction(g(2)) == 0);
  }
}
