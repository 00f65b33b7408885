// Tests that the example explain shows the right numbers and formulas.
#include <nlohmann/json.hpp>
#include <set>

#include "examples/explain/formulas.h"
#include "examples/explain/options.h"
#include "examples/explain/show.h"
#include "tests/op_table.h"

namespace explain_test {

using namespace explain;
using Catch::Matchers::ContainsSubstring;
using glass::oracle::exact_difference;

namespace {

std::vector<Story> stories() { return {tell(expression), tell(attention_head)}; }

// What the symbols of a formula stand for.
struct Symbols {
  Tensor a, b, y, g;
};
using Meaning = std::function<Tensor(const Symbols&)>;

// Every formula of the program must be in this table, letter by letter.
const std::map<std::string_view, Meaning> meanings = {
    // of the value
    {"a + b", [](const Symbols& s) { return s.a + s.b; }},
    {"a − b", [](const Symbols& s) { return s.a - s.b; }},
    {"a ⊙ b", [](const Symbols& s) { return s.a * s.b; }},
    {"a / b", [](const Symbols& s) { return s.a / s.b; }},
    {"−a", [](const Symbols& s) { return -s.a; }},
    {"eᵃ", [](const Symbols& s) { return exp(s.a); }},
    {"ln a", [](const Symbols& s) { return log(s.a); }},
    {"√a", [](const Symbols& s) { return sqrt(s.a); }},
    {"tanh a", [](const Symbols& s) { return tanh(s.a); }},
    {"max(a, 0)", [](const Symbols& s) { return glass::maximum(s.a, 0); }},
    {"Σ a", [](const Symbols& s) { return sum(s.a); }},
    {"1 / (1 + e⁻ᵃ)", [](const Symbols& s) { return 1 / (1 + exp(-s.a)); }},
    {"Σ a / n",
     [](const Symbols& s) { return sum(s.a) * double(s.y.numel()) / double(s.a.numel()); }},
    {"a b", [](const Symbols& s) { return matmul(s.a, s.b); }},
    {"aᵀ", [](const Symbols& s) { return s.a.mT(); }},
    {"exp a / Σ exp a", [](const Symbols& s) { return exp(s.a) / sum(exp(s.a), -1, true); }},
    // of what a parent is given
    {"g", [](const Symbols& s) { return s.g; }},
    {"g ⊙ y", [](const Symbols& s) { return s.g * s.y; }},
    {"g / a", [](const Symbols& s) { return s.g / s.a; }},
    {"g / (2 y)", [](const Symbols& s) { return s.g / (2 * s.y); }},
    {"g ⊙ (1 − y²)", [](const Symbols& s) { return s.g * (1 - s.y * s.y); }},
    {"g where a > 0", [](const Symbols& s) { return where(greater(s.a, 0), s.g, 0); }},
    {"−g", [](const Symbols& s) { return -s.g; }},
    {"g ⊙ b", [](const Symbols& s) { return s.g * s.b; }},
    {"g ⊙ a", [](const Symbols& s) { return s.g * s.a; }},
    {"g / b", [](const Symbols& s) { return s.g / s.b; }},
    {"−g ⊙ y / b", [](const Symbols& s) { return -s.g * s.y / s.b; }},
    {"g ⊙ y ⊙ (1 − y)", [](const Symbols& s) { return s.g * s.y * (1 - s.y); }},
    {"g / n",
     [](const Symbols& s) {
       return (s.g * double(s.y.numel()) / double(s.a.numel())).expand(s.a.shape());
     }},
    {"g bᵀ", [](const Symbols& s) { return matmul(s.g, s.b.mT()); }},
    {"aᵀ g", [](const Symbols& s) { return matmul(s.a.mT(), s.g); }},
    {"gᵀ", [](const Symbols& s) { return s.g.mT(); }},
    {"y ⊙ (g − Σ g ⊙ y)", [](const Symbols& s) { return s.y * (s.g - sum(s.g * s.y, -1, true)); }},
};

Symbols symbols(const Story& story, const Node& node, const Tensor& g) {
  const Tensor a = story.node(node.parents.at(0)).value;
  return {a, node.parents.size() > 1 ? story.node(node.parents[1]).value : a, node.value, g};
}

}  // namespace

TEST_CASE("each formula of a page says what the op computed and what its VJP gave") {
  std::set<std::string> met;
  for (const Story& story : stories()) {
    for (const Act& act : story.acts) {
      const Node& node = story.node(act.node);
      const Formula& formula = formula_of(node.op);
      INFO(story.id << ": " << node.code);
      met.insert(node.op);
      REQUIRE(formula.vjp.size() == node.parents.size());
      const Symbols values = symbols(story, node, act.g);
      CHECK(allclose(meanings.at(formula.value)(values), node.value, 1e-5, 1e-6));
      for (const Gift& gift : act.gifts) {
        INFO(formula.vjp.at(gift.slot));
        CHECK(allclose(meanings.at(formula.vjp[gift.slot])(values), gift.vjp, 1e-5, 1e-6));
      }
    }
  }
  CHECK(met.size() == 9);  // the ops of both pages
}

TEST_CASE("an op without a formula is an error that names it") {
  CHECK_THROWS_WITH(formula_of("fused"), ContainsSubstring("no formula for the op 'fused'"));
}

// Every rule of the table, also rules that the pages' graphs do not use: a division by a constant
// gives no gradient to the constant.
TEST_CASE("each rule agrees with its VJP where all parents want a gradient") {
  const Var a(glass::tensor({{1.0, -2.0}, {0.5, 3.0}}), true);
  const Var b(glass::tensor({{2.0, 1.0}, {-1.0, 0.25}}), true);
  const Tensor g = glass::tensor({{1.0, 2.0}, {-1.0, 0.5}});
  const Var p(glass::tensor({{0.5, 2.0}, {1.5, 0.25}}), true);  // above 0, for log and sqrt
  std::set<std::string_view> met;
  for (const Var& y : {a + b, a - b, a * b, a / b, matmul(a, b), -a, exp(a), log(p), sqrt(p),
                       tanh(a), relu(a), sigmoid(a), softmax(a), a.mT(), sum(a), mean(a)}) {
    const Tensor value = y.value().clone();
    const Tensor first = y.node()->parents()[0].node->value.clone();
    const std::vector<glass::Step> steps = trace_backward(y, y.rank() == 0 ? Tensor(2) : g);
    const Formula& formula = formula_of(steps.at(0).op);
    INFO(formula.op);
    met.insert(formula.op);
    REQUIRE(steps[0].given.size() == formula.vjp.size());
    const Symbols values{first, b.value(), value, steps[0].g};
    CHECK(allclose(meanings.at(formula.value)(values), value, 1e-5, 1e-6));
    for (std::size_t slot = 0; slot < formula.vjp.size(); ++slot)
      CHECK(allclose(meanings.at(formula.vjp[slot])(values), steps[0].given[slot].vjp, 1e-5, 1e-6));
  }
  CHECK(met.size() == formulas().size());
}

TEST_CASE("the expression uses values twice, in one op and in two, and broadcasts") {
  const Story story = tell(expression);
  std::map<std::string, int> uses;
  for (const Node& node : story.nodes) uses[node.name] = node.uses;
  CHECK(uses == std::map<std::string, int>{{"x", 0},
                                           {"t", 0},
                                           {"w", 1},
                                           {"c", 1},
                                           {"z", 1},
                                           {"u", 2},
                                           {"s", 1},
                                           {"h", 1},
                                           {"e", 2},
                                           {"q", 1},
                                           {"loss", 0}});
  int broadcast = 0, waits = 0;
  for (const Act& act : story.acts) {
    for (const Gift& gift : act.gifts) broadcast += gift.vjp.shape() != gift.gradient.shape();
    for (const int other : act.waiting) {
      CHECK(other < act.node);
      ++waits;
    }
  }
  CHECK(broadcast == 1);
  CHECK(waits == 1);  // u waits with one of its two gradients until the gate has added the other
}

TEST_CASE("the attention head is softmax(Q Kᵀ / √d) V, and its story ends with each gradient") {
  const Subject head = attention_head();
  const Tensor x = head.leaves.at(0).value();
  const auto projected = [&](std::size_t i) { return matmul(x, head.leaves.at(i).value()); };
  const Tensor context =
      matmul(softmax(matmul(projected(1), projected(2).mT()) / std::sqrt(2.0)), projected(3));
  CHECK(allclose(head.result.value(), context));

  const Story story = tell(attention_head);
  head.result.backward(*head.seed);
  for (std::size_t i = 0; i < head.leaves.size(); ++i) {
    Tensor last;
    for (const Act& act : story.acts)
      for (const Gift& gift : act.gifts)
        if (gift.parent == static_cast<int>(i) + 1) last = gift.sum;
    INFO(story.nodes[i].name);
    CHECK(exact_difference(last, head.leaves[i].grad()) == "");
  }
}

TEST_CASE("a story's bytes begin with the graph and end with leaves, gradients and the result") {
  for (const Story& story : stories()) {
    Index leaves = 0, graph = 0;
    for (const Node& node : story.nodes) {
      const Index bytes = node.value.numel() * Index{sizeof(glass::Real)};
      // The seed of the attention head belongs to the subject, too; a view has no memory of its
      // own.
      if (node.op != "mT") graph += bytes;
      if (!node.is_op && !node.name.starts_with("√"))
        leaves += bytes * (node.wants_gradient ? 2 : 1);
    }
    const Tensor& result = story.nodes.back().value;
    const Index seed = story.id == "attention" ? result.numel() * Index{sizeof(glass::Real)} : 0;
    INFO(story.id);
    CHECK(story.alive >= graph + seed);
    CHECK(story.acts.back().alive < story.alive);
    // Constants live as long as an op's edge holds them: x and t are leaves of the subject.
    CHECK(story.acts.back().alive == leaves + result.numel() * Index{sizeof(glass::Real)} + seed);
  }
}

// ---- the drawing ----

TEST_CASE("arrows of a drawing point forward, one rank at a time, and nodes keep their distance") {
  for (const Story& story : stories()) {
    for (const Arrow& arrow : story.arrows) {
      CHECK(arrow.way.front().rank == story.node(arrow.from).point.rank);
      CHECK(arrow.way.back().place == story.node(arrow.to).point.place);
      for (std::size_t i = 1; i < arrow.way.size(); ++i)
        CHECK(arrow.way[i].rank == arrow.way[i - 1].rank + 1);
    }
    for (const Node& a : story.nodes) {
      CHECK(a.point.place >= 0);
      for (const Node& b : story.nodes)
        if (a.number < b.number && a.point.rank == b.point.rank)
          CHECK(std::abs(a.point.place - b.point.place) >= 1 - 1e-6);
    }
  }
}

TEST_CASE("a drawing ranks by the longest way, and puts an input right before its first use") {
  //  0 → 2 → 3 → 5,  1 → 5,  0 → 5,  4 alone
  const Layout drawing = layout({{}, {}, {0}, {2}, {}, {3, 1, 0, 1}});
  std::vector<double> ranks;
  for (const Point& point : drawing.nodes) ranks.push_back(point.rank);
  CHECK(ranks == std::vector<double>{0, 2, 1, 2, 0, 3});
  REQUIRE(drawing.arrows.size() == 5);  // 1 → 5 once, though it is used twice
  CHECK(drawing.arrows.back().way.size() == 4);
  CHECK(layout({}).nodes.empty());
}

TEST_CASE("a drawing uncrosses what can be uncrossed") {
  const Layout drawing = layout({{}, {}, {}, {2}, {1}, {0}});
  for (int i = 0; i < 3; ++i)
    CHECK(drawing.nodes[std::size_t(i)].place == drawing.nodes[std::size_t(5 - i)].place);
}

// ---- the page, the text, the command ----

TEST_CASE("the page's data holds every node and every act") {
  const std::vector<Story> all = stories();
  const auto data = nlohmann::json::parse(data_of(all));
  REQUIRE(data.size() == 2);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(data[i]["nodes"].size() == all[i].nodes.size());
    REQUIRE(data[i]["acts"].size() == all[i].acts.size());
    const auto& first = data[i]["acts"][0];
    CHECK(first["node"] == all[i].acts[0].node);
    CHECK(first["g"]["values"].size() == std::size_t(all[i].acts[0].g.numel()));
  }
  CHECK(data[0]["nodes"][7]["rules"] == nlohmann::json{"g ⊙ s", "g ⊙ u"});
  CHECK_THAT(page::html(page_of(all)), ContainsSubstring("How a gradient flows"));
}

TEST_CASE("the text tells each step of the sweep") {
  const std::string told = text(tell(expression));
  CHECK_THAT(told, ContainsSubstring("1 of 7   #11 mean   loss = mean(q)"));
  CHECK_THAT(told, ContainsSubstring("newer than what else waits: #6 u"));
  CHECK_THAT(told, ContainsSubstring("gives to s      g ⊙ u"));
  CHECK_THAT(told, ContainsSubstring("gives to c      g, a gradient of [3, 2], summed to [2]"));
}

TEST_CASE("a rule that transposes a transposed parent names the parent itself") {
  CHECK_THAT(text(tell(attention_head)), ContainsSubstring("gives to Q      g K\n"));
}

TEST_CASE("the command shows both stories unless one is asked for") {
  const auto parse = [](std::vector<std::string> words) {
    words.insert(words.begin(), "explain");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return parse_options(static_cast<int>(argv.size()), argv.data());
  };
  CHECK((parse({}).expression && parse({}).attention && !parse({}).text));
  CHECK(parse({}).output == "explain.html");
  CHECK((parse({"--expression"}).expression && !parse({"--expression"}).attention));
  CHECK((!parse({"--attention"}).expression && parse({"--attention"}).attention));
  CHECK((parse({"--attention", "--expression"}).expression));
  CHECK(parse({"--output", "x.html"}).output == "x.html");
  CHECK_THROWS(parse({"--text", "--output", "x.html"}));
  CHECK_THROWS(parse({"--loud"}));
}

}  // namespace explain_test
