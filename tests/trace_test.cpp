#include "autograd/trace.h"

#include "tests/op_table.h"

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
