// # Every gradient, from one table
//
// Each row of op_rows.h is checked for its shapes (broadcast, size 1, size 0), for leaves that lie
// in memory in every layout or are read through views, and for operands that are used again.
#include "autograd/ops.h"

#include "tests/op_rows.h"

namespace autograd_ops_test {

using namespace glass;
using namespace glass::oracle;

namespace {

// Leaves of one shape, and the views of them that the op receives.
struct Input {
  std::string name;
  Var leaf;
  std::function<Var(const Var&)> view;
};

// The layouts of one operand. A mask is a constant, so views of it are made outside the graph.
std::vector<Input> inputs(const OpRow& row, std::size_t operand, const Shape& shape, Rng& rng,
                          double spread = 1) {
  const double lo = row.lo * spread, hi = row.hi * spread;
  const auto as_it_is = [](const Var& x) { return x; };
  std::vector<Input> result;
  for (const auto& [name, value] : layouts(shape, rng, lo, hi)) {
    const bool mask = is_mask(row, operand);
    if (mask) make_mask(value, lo, hi);
    if (mask || (name != "expanded" && name != "repeated"))
      result.push_back({name, Var(value, !mask), as_it_is});
  }
  if (shape.rank() == 0 || is_mask(row, operand)) return result;
  const auto random = [&](Shape of) { return Var(uniform(of, lo, hi, rng), true); };
  result.push_back(
      {"expanded", random(shape.with(0, 1)), [shape](const Var& x) { return x.expand(shape); }});
  result.push_back({"sliced in the graph", random(shape.with(-1, 2 * shape[-1] + 1)),
                    [n = shape[-1]](const Var& x) { return x.slice(-1, 1, 2 * n + 1, 2); }});
  result.push_back({"transposed in the graph", random(shape.with(0, shape[-1]).with(-1, shape[0])),
                    [](const Var& x) { return x.transpose(0, -1); }});
  return result;
}

// How often, and in which order, operands are used. Gradients that reach an operand by several
// paths must be added, also if an op gives the same g to several operands.
enum class Use { once, before_too, after_too, twice };

// Σ x ⊙ c over all operands but masks, with numbers c that all differ.
Var weighed(const OpRow& row, const Inputs& operands) {
  Var total = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Var& x = operands[i];
    if (is_mask(row, i) || x.numel() == 0) continue;
    const Tensor c = (arange(x.numel()) + 1) / static_cast<double>(x.numel());
    total += sum(x * c.reshape(x.shape()));
  }
  return total;
}

Var used(const OpRow& row, const Inputs& x, Use use) {
  if (use == Use::before_too) {
    const Var before = weighed(row, x);
    return row.op(x) + before;
  }
  const Var y = row.op(x);
  if (use == Use::after_too) return y + weighed(row, x);
  if (use == Use::twice) return row.op(x) * 3 - y;
  return y;
}

// "" or what is wrong with the gradients of a row whose operands are read through their views.
std::string wrong_gradient(const OpRow& row, const std::vector<Input>& chosen, Use use,
                           bool interior) {
  std::vector<std::pair<std::string, Var>> leaves;
  for (const Input& input : chosen)
    if (input.leaf.requires_grad()) leaves.emplace_back(input.name, input.leaf);
  return oracle::wrong_gradient(
      [&] {
        Inputs seen;
        for (std::size_t i = 0; i < chosen.size(); ++i) {
          const Var x = chosen[i].view(chosen[i].leaf);
          seen.push_back(interior && !is_mask(row, i) ? x * 0.75 : x);
        }
        return used(row, seen, use);
      },
      leaves);
}

// For a report: the row and its operands.
std::string described(const OpRow& row, const std::vector<Shape>& shapes,
                      const std::vector<Input>& chosen) {
  std::string text = row.name + ":";
  for (std::size_t i = 0; i < chosen.size(); ++i)
    text += fmt::format(" {} {}", chosen[i].name, shapes[i]);
  return text;
}

}  // namespace

TEST_CASE("every gradient is right, for every shape and layout", "[gradcheck]") {
  Rng rng(51);
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      std::vector<std::vector<Input>> choices;
      std::size_t most = 0;
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        choices.push_back(inputs(row, i, shapes[i], rng));
        most = std::max(most, choices.back().size());
      }
      // The inputs of one op start at different layouts, so that layouts are mixed.
      for (std::size_t turn = 0; turn < most; ++turn) {
        std::vector<Input> chosen;
        for (std::size_t i = 0; i < choices.size(); ++i)
          chosen.push_back(choices[i][(turn + i) % choices[i].size()]);
        INFO(described(row, shapes, chosen));
        CHECK(wrong_gradient(row, chosen, Use::once, false) == "");
      }
    }
}

TEST_CASE("every gradient is added to what other uses of the operand give", "[gradcheck]") {
  Rng rng(55);
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      std::vector<Input> chosen;
      for (std::size_t i = 0; i < shapes.size(); ++i)
        chosen.push_back(inputs(row, i, shapes[i], rng)[0]);
      INFO(described(row, shapes, chosen));
      CHECK(wrong_gradient(row, chosen, Use::before_too, false) == "");
      CHECK(wrong_gradient(row, chosen, Use::before_too, true) == "");
      CHECK(wrong_gradient(row, chosen, Use::after_too, false) == "");
      CHECK(wrong_gradient(row, chosen, Use::twice, true) == "");
    }
}

TEST_CASE("a thousand random cases of right gradients raise no false alarm") {
  Rng rng(54);
  const auto pick = [&](const auto& list) {
    return list[static_cast<std::size_t>(rng.below(static_cast<Index>(list.size())))];
  };
  for (int i = 0; i < (is_float ? 100 : 1000); ++i) {
    const OpRow row = pick(op_rows());
    // Operands that must be positive are only scaled up. The scores of attention grow with the
    // square of its operands: at × 100 every weight is 0 or 1, and the gradients of the queries are
    // only rounding. A float's exponential overflows at 88. A softmax with weights of almost 0 or
    // 1 has gradients that are smaller than their rounding, and than the widths of intervals.
    const bool attends = row.name.find("ttention") != std::string::npos;
    const bool saturates = !is_float && !is_double && row.name.find("softmax") != std::string::npos;
    const Index sizes = row.lo > 0 || attends || saturates ? 3 : is_float || is_certified ? 4 : 5;
    const double size = std::pow(10, static_cast<double>(rng.below(sizes)) - 2);
    const double spread = row.lo > 0 ? std::max(1.0, size) : size;
    const std::vector<Shape> shapes = pick(row.shapes);
    std::vector<Input> chosen;
    for (std::size_t k = 0; k < shapes.size(); ++k)
      chosen.push_back(pick(inputs(row, k, shapes[k], rng, spread)));
    INFO(fmt::format("case {}, × {}, {}", i, spread, described(row, shapes, chosen)));
    CHECK(wrong_gradient(row, chosen, Use::once, false) == "");
  }
}

TEST_CASE("an op on Vars has the value of the same op on constants") {
  Rng rng(52);
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      const Inputs leaves = operands(row, shapes, rng);
      Inputs constants;
      for (const Var& x : leaves) constants.push_back(x.detach());
      INFO(row.name);
      const Var recorded = row.op(leaves);
      const NoGrad guard;  // for the weights of layers
      const Var constant = row.op(constants);
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
  Tensor x = uniform({300, 7}, -1, 1, values).mT();  // rows that are not contiguous
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

}  // namespace autograd_ops_test
