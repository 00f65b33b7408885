#include "autograd/trace.h"

#include <map>
#include <set>

#include "tests/op_table.h"

namespace trace_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("the text lists every node once, newest first, with shapes and parents") {
  const Var a(ones({2, 3}), true), b(ones({3}));
  const Var y = sum(a * b + a);
  CHECK(to_text(y) ==
        "#5 sum [] ← #4\n"
        "#4 add [2, 3] ← #3, #1\n"
        "#3 mul [2, 3] ← #1, #2\n"
        "#2 constant [3]\n"
        "#1 leaf [2, 3]\n");
}

TEST_CASE("the text does not depend on what was computed before, and changes nothing") {
  const auto make = [] {
    const Var x(1, true);
    return std::pair(x, exp(x) * x);
  };
  const auto [x, y] = make();
  const std::string text = to_text(y);
  CHECK(to_text(make().second) == text);
  y.backward();
  CHECK(x.has_grad());
}

TEST_CASE("a freed graph shows its last node only, and says so") {
  const Var x(1, true);
  const Var y = exp(x * 2);
  y.backward();
  CHECK(to_text(y) == "#1 exp [] (freed)\n");
  CHECK(to_text(x) == "#1 leaf []\n");
}

TEST_CASE(
    "the drawing has a box for each op, an ellipse for each leaf, and an arrow for each edge") {
  const Var x(ones({2}), true);
  const std::string dot = to_dot(x * 3 + x);
  CHECK_THAT(dot, ContainsSubstring("digraph"));
  CHECK_THAT(dot, ContainsSubstring("n1 [label=\"leaf\\n[2]\" shape=ellipse]"));
  CHECK_THAT(dot, ContainsSubstring("n2 [label=\"constant\\n[]\" shape=ellipse style=dashed]"));
  CHECK_THAT(dot, ContainsSubstring("n3 [label=\"mul\\n[2]\" shape=box]"));
  CHECK_THAT(dot, ContainsSubstring("n1 -> n3") && ContainsSubstring("n2 -> n3"));
  CHECK_THAT(dot, ContainsSubstring("n3 -> n4") && ContainsSubstring("n1 -> n4"));
}

TEST_CASE("names of users' ops are escaped in the drawing") {
  const Var x(1, true);
  const Var y = record("a \"quoted\\\nname", x.value(), {{x, [](const Tensor& g) { return g; }}});
  CHECK_THAT(to_dot(y), ContainsSubstring("a \\\"quoted\\\\ name"));
}

TEST_CASE("nodes_of walks a deep and a wide graph") {
  Var y(1, true);
  for (int i = 0; i < 100'000; ++i) y = y + y;
  CHECK(nodes_of(y).size() == 100'001);
}

TEST_CASE("a constant is a graph of one node") { CHECK(to_text(Var(2) * 3) == "#1 constant []\n"); }

// ---- the sweep, step by step ----

namespace {

// A graph with a value used twice, a broadcast, and branches of unequal length.
struct Shared {
  const Var x{tensor({{1, 2, 3}, {4, 5, 6}}), true}, w{tensor({{0.1}, {-0.2}, {0.3}}), true};
  const Var b{tensor({0.5, -0.5}), true};
  Var loss() const {
    const Var h = tanh(matmul(x, w) + b);  // [2, 2]
    return mean(h * h + exp(h)) + sum(b * 2);
  }
  std::vector<Var> leaves() const { return {x, w, b}; }
};

Index bytes_of(const Tensor& x) { return x.numel() * Index{sizeof(Real)}; }

}  // namespace

TEST_CASE("a traced sweep takes each node once, the newest of those that wait") {
  const Shared shared;
  const Var loss = shared.loss();
  std::vector<std::uint64_t> births;
  for (const NodePtr& node : nodes_of(loss))
    if (!node->is_leaf()) births.push_back(node->birth);
  const std::vector<Step> steps = trace_backward(loss);
  REQUIRE(steps.size() == births.size());
  std::set<std::uint64_t> waiting = {loss.node()->birth};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    CHECK(steps[i].node == births[i]);
    CHECK(steps[i].node == *waiting.rbegin());
    waiting.erase(steps[i].node);
    CHECK(steps[i].waiting == std::vector(waiting.rbegin(), waiting.rend()));
    for (const Given& given : steps[i].given)
      if (std::ranges::count(births, given.parent)) waiting.insert(given.parent);
  }
  CHECK(waiting.empty());
}

TEST_CASE("what a traced sweep gives to a node adds up to its g, and to a leaf's gradient") {
  const Shared shared;
  const Var loss = shared.loss();
  std::map<std::uint64_t, Tensor> sums;
  for (const Step& step : trace_backward(loss)) {
    INFO(step.op);
    if (step.node != loss.node()->birth)
      CHECK(exact_difference(step.g, sums.at(step.node)) == "");
    else
      CHECK(exact_difference(step.g, Tensor(1)) == "");
    CHECK(step.g.shape() == step.value.shape());
    for (const Given& given : step.given) {
      const bool first = !sums.contains(given.parent);
      Tensor& sum = sums[given.parent];
      sum = first ? given.gradient : sum + given.gradient;
    }
  }
  for (const Var& leaf : shared.leaves())
    CHECK(exact_difference(leaf.grad(), sums.at(leaf.node()->birth)) == "");
}

TEST_CASE("a trace shows the gradient as the VJP gave it, and as it was summed over a broadcast") {
  const Var x(ones({2, 3}), true), b(ones({3}), true);
  const std::vector<Step> steps = trace_backward(sum((x + b) * 2));
  REQUIRE(steps.size() == 3);
  const Step& add = steps.back();
  CHECK(add.op == "add");
  CHECK(exact_difference(add.value, full({2, 3}, 2)) == "");
  REQUIRE(add.given.size() == 2);
  CHECK(add.given[1].parent == b.node()->birth);
  CHECK(exact_difference(add.given[1].vjp, full({2, 3}, 2)) == "");
  CHECK(exact_difference(add.given[1].gradient, full({3}, 4)) == "");
}

TEST_CASE("a seed is the first g of a traced sweep") {
  const Var x(ones({2}), true);
  const std::vector<Step> steps = trace_backward(x * 3, tensor({5, 7}));
  CHECK(exact_difference(steps.at(0).g, tensor({5, 7})) == "");
  CHECK(exact_difference(x.grad(), tensor({15, 21})) == "");
}

TEST_CASE("the bytes that a traced sweep takes and frees add up to what is alive") {
  const Shared shared;
  const Index before = live_bytes();
  {
    const Var loss = shared.loss();
    const Index graph = live_bytes();
    const std::vector<Step> steps = trace_backward(loss);
    Index alive = graph, copies = 0, freed = 0;
    for (const Step& step : steps) {
      alive += step.allocated - step.freed;
      freed += step.freed;
      copies += bytes_of(step.value) + bytes_of(step.g);
      for (const Given& given : step.given)
        copies += bytes_of(given.vjp) + bytes_of(given.gradient);
    }
    CHECK(alive == live_bytes() - copies);
    CHECK(freed >= graph - before - bytes_of(loss.value()));
  }
  Index gradients = 0;
  for (const Var& leaf : shared.leaves()) gradients += bytes_of(leaf.grad());
  CHECK(live_bytes() == before + gradients);
}

TEST_CASE("a traced sweep that retains the graph frees gradients only, and can be had again") {
  const Shared shared;
  const Var loss = shared.loss();
  const Index graph = live_bytes();
  Index kept = 0, let_go = 0;
  for (const Step& step : trace_backward(loss, 1, {.retain_graph = true}))
    kept += step.allocated - step.freed;
  Index gradients = 0;
  for (const Var& leaf : shared.leaves()) gradients += bytes_of(leaf.grad());
  CHECK(kept == gradients);
  CHECK(live_bytes() == graph + gradients);
  for (const Var& leaf : shared.leaves()) leaf.zero_grad();
  for (const Step& step : trace_backward(loss)) let_go += step.allocated - step.freed;
  CHECK(let_go < gradients);
  CHECK(live_bytes() == graph + let_go);
}

TEST_CASE("a sweep leaves the same bits and the same memory whether it is traced or not") {
  const auto [quiet, traced] = std::pair<Shared, Shared>();
  const Index before = live_bytes();
  quiet.loss().backward();
  const Index after_quiet = live_bytes();
  trace_backward(traced.loss());
  CHECK(live_bytes() - after_quiet == after_quiet - before);
  for (std::size_t i = 0; i < quiet.leaves().size(); ++i)
    CHECK(exact_difference(traced.leaves()[i].grad(), quiet.leaves()[i].grad()) == "");
}

TEST_CASE("an error in a VJP comes out of a traced sweep and leaves all as it was") {
  const Var x(ones({3}), true);
  bool fails = true;
  const Var y = record("moody", x.value(), {{x, [&fails](const Tensor& g) {
                                               if (fails) throw std::runtime_error("not today");
                                               return g;
                                             }}});
  const Var loss = sum(exp(y) + x);
  const Index before = live_bytes();
  CHECK_THROWS_WITH(trace_backward(loss, 1, {.retain_graph = true}), "not today");
  CHECK(live_bytes() == before);
  CHECK_FALSE(x.has_grad());
  fails = false;
  CHECK(trace_backward(loss).size() == 4);
  CHECK(x.has_grad());
}

TEST_CASE("the NaN watch works in a traced sweep") {
  set_nan_check(true);
  const Var x(1, true);
  const Var y = record("breaks", x.value(), {{x, [](const Tensor&) { return Tensor(NAN); }}});
  CHECK_THROWS_WITH(trace_backward(y), ContainsSubstring("the VJP of 'breaks'"));
  set_nan_check(false);
}

}  // namespace trace_test
