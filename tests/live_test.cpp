// Tests of what the live pieces of the course answer.
#include <set>

#include "docs/live/pieces.h"
#include "tests/catch.h"

namespace live_test {

using namespace live;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensor tensor_from(const Json& x) {  // {"shape": …, "values": …}
  const auto sizes = x.at("shape").get<std::vector<Index>>();
  return tensor_of(x.at("values")).reshape(glass::Shape(std::span<const Index>(sizes)));
}

double sum_of(const Json& row) {
  double sum = 0;
  for (const Json& x : row) sum += x.get<double>();
  return sum;
}

bool has_only_numbers(const Json& x) {
  const std::string text = x.dump();
  return text.find("null") == std::string::npos;
}

}  // namespace

TEST_CASE("every state of a piece answers, with a sentence, and is asked for once") {
  for (const Piece& piece : pieces()) {
    std::set<std::string> requests;
    for (const Json& request : piece.requests) {
      INFO(piece.name << ": " << request.dump());
      const Json answer = piece.answer(request);
      CHECK(requests.insert(request.dump()).second);
      CHECK(!answer.at("sentence").get<std::string>().empty());
      CHECK(has_only_numbers(answer));
    }
    INFO(piece.name);
    CHECK(requests.contains(piece.first.dump()));
  }
}

TEST_CASE("a record begins with the first state, and is small enough for a page") {
  for (const Piece& piece : pieces()) {
    const Json record = recorded(piece);
    INFO(piece.name);
    CHECK(record.at("first").at("request") == piece.first);
    CHECK(record.at("first").at("answer") == piece.answer(piece.first));
    CHECK(record.at("states").size() == piece.requests.size());
    CHECK(record.dump().size() < 300'000);
  }
}

TEST_CASE("numbers are rounded, and what is no number is a word") {
  CHECK(number(0.638312) == 0.63831);
  CHECK(number(-0.0).dump() == "0");
  CHECK(number(2.0).dump() == "2");
  CHECK(number(std::nan("")) == "NaN");
  CHECK(number(-1 / 0.0) == "−∞");
  CHECK(three(-0.21034) == "−0.21");
  CHECK(listed({"a", "b", "c"}) == "a, b and c");
}

// ---- scalar graph ----

TEST_CASE("scalar graph: the sweep's slopes are those found by trying, at every place") {
  const Piece piece = scalar_graph();
  int places = 0;
  for (const Json& request : piece.requests) {
    if (!request.contains("at")) continue;
    const Json answer = piece.answer(request);
    std::map<int, double> slopes;
    for (const Json& step : answer.at("steps"))
      for (const Json& payment : step.at("payments")) slopes[payment.at("to")] = payment.at("sum");
    for (std::size_t i = 0; i < request.at("at").size(); ++i) {
      INFO(request.dump() << ", input " << i);
      const double tried = answer.at("tried")[i];
      CHECK(std::abs(slopes.at(static_cast<int>(i) + 1) - tried) < 1e-3 * (1 + std::abs(tried)));
    }
    ++places;
  }
  CHECK(places > 300);
}

TEST_CASE("scalar graph: a node that is used early and late waits for both") {
  const Piece piece = scalar_graph();
  const Json graph = piece.answer({{"formula", "early"}});
  const Json steps = piece.answer({{"formula", "early"}, {"at", {0.5, 1}}}).at("steps");
  // The nodes are a, b, p, q, r, y. y pays p first, but p's turn comes last.
  CHECK(graph.at("nodes")[2].at("name") == "p");
  CHECK(steps.front().at("node") == 6);
  CHECK(steps.back().at("node") == 3);
  CHECK(steps[1].at("waiting") == Json::array({3}));
}

TEST_CASE("a formula that does not exist is an answer that says so") {
  const Json answer = scalar_graph().answer({{"formula", "no"}, {"at", {1}}});
  CHECK_THAT(answer.at("sentence").get<std::string>(), ContainsSubstring("refuses"));
  CHECK_THAT(answer.at("error").get<std::string>(), ContainsSubstring("no formula 'no'"));
}

// ---- sweep ----

namespace {

using Build = std::function<Var(const std::map<std::string, Var>&)>;

const std::map<std::string, Build> builds = {
    {"gate",
     [](const std::map<std::string, Var>& v) {
       const Var u = matmul(v.at("x"), v.at("w")) + v.at("c");
       return mean(pow(u * sigmoid(u) - v.at("t"), 2));
     }},
    {"twice", [](const std::map<std::string, Var>& v) { return 4 * sum(v.at("a")); }},
    {"broadcast",
     [](const std::map<std::string, Var>& v) { return sum(tanh(v.at("a") * v.at("b"))); }},
    {"layer", [](const std::map<std::string, Var>& v) {
       return sum(relu(matmul(v.at("x"), v.at("w")) + v.at("b")));
     }}};

// The sum of what a leaf was given.
Tensor last_sum(const Json& answer, int number) {
  Tensor last;
  for (const Json& act : answer.at("acts"))
    for (const Json& gift : act.at("gifts"))
      if (gift.at("parent") == number) last = tensor_from(gift.at("sum"));
  return last;
}

}  // namespace

TEST_CASE("sweep: the leaves' gradients are right for every choice of shapes") {
  const Piece piece = sweep();
  int checked = 0;
  for (const Json& request : piece.requests) {
    const Json answer = piece.answer(request);
    const auto build = builds.find(request.at("expression"));
    if (answer.contains("error") || build == builds.end()) continue;
    INFO(request.dump());
    std::map<std::string, Var> leaves;
    std::vector<std::pair<std::string, Var>> wanted;
    for (const Json& node : answer.at("nodes")) {
      if (node.at("isOp")) continue;
      const std::string name = node.at("name");
      leaves.emplace(name, Var(tensor_from(node.at("value")), node.at("wants").get<bool>()));
      if (node.at("wants")) wanted.emplace_back(name, leaves.at(name));
    }
    // The expression by other words, judged by differences, and compared with what was told.
    CHECK(gradcheck([&] { return build->second(leaves); }, wanted).ok);
    build->second(leaves).backward();
    for (const Json& node : answer.at("nodes"))
      if (!node.at("isOp") && node.at("wants"))
        CHECK(allclose(last_sum(answer, node.at("number")), leaves.at(node.at("name")).grad(), 1e-5,
                       1e-6));
    ++checked;
  }
  CHECK(checked == 13);
}

TEST_CASE("sweep: the numbers that are alive add up, and are those of the float build's bytes") {
  const Piece piece = sweep();
  const Json answer = piece.answer(piece.first);
  std::vector<Index> bytes = {4 * answer.at("alive").get<Index>()};
  for (const Json& act : answer.at("acts")) {
    bytes.push_back(4 * act.at("alive").get<Index>());
    CHECK(bytes.back() == bytes[bytes.size() - 2] + 4 * act.at("allocated").get<Index>() -
                              4 * act.at("freed").get<Index>());
  }
  CHECK(bytes == std::vector<Index>{220, 224, 220, 196, 196, 148, 132, 100});
}

TEST_CASE("sweep: shapes that do not fit are an answer with the library's own message") {
  const Json answer = sweep().answer({{"expression", "layer"}, {"shapes", {{3, 2}, {3, 2}, {2}}}});
  CHECK(answer.at("error") == "matmul: inner sizes must agree; got [3, 2] @ [3, 2]");
}

// ---- attention ----

TEST_CASE("attention: weights of a row sum to 1, and a blocked key gets weight and gradient 0") {
  const Piece piece = attention();
  for (const Json& request : piece.requests) {
    if (!request.contains("query")) continue;
    INFO(request.dump());
    const Json answer = piece.answer(request), &allowed = request.at("allowed");
    for (const Json& row : answer.at("weights"))
      CHECK(std::abs(sum_of(row) - (sum_of(allowed) > 0 ? 1 : 0)) < 2e-5);
    for (const Json& row : answer.at("dscores")) CHECK(std::abs(sum_of(row)) < 1e-4);
    for (std::size_t j = 0; j < allowed.size(); ++j) {
      if (allowed[j] != 0) continue;
      for (const Json& row : answer.at("weights")) CHECK(row[j] == 0);
      for (const Json& row : answer.at("dscores")) CHECK(row[j] == 0);
      CHECK(answer.at("dkeys")[j] == Json::array({0, 0}));
      CHECK(answer.at("dvalues")[j] == Json::array({0, 0}));
    }
  }
}

TEST_CASE("attention: the query's gradient is what the context says when the query moves") {
  const Piece piece = attention();
  const Json g = piece.controls.at("cotangent");
  const auto shifted = [&](Json request, std::size_t axis, double h) {
    request["query"][axis] = request["query"][axis].get<double>() + h;
    const Json context = piece.answer(request).at("context");
    return context[0].get<double>() * g[0].get<double>() +
           context[1].get<double>() * g[1].get<double>();
  };
  for (const Json& request : piece.requests) {
    if (!request.contains("query")) continue;
    const Json answer = piece.answer(request);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      INFO(request.dump() << ", axis " << axis);
      const double slope = (shifted(request, axis, 0.02) - shifted(request, axis, -0.02)) / 0.04;
      CHECK(std::abs(slope - answer.at("dquery")[axis].get<double>()) < 5e-3);
    }
  }
}

TEST_CASE("attention: the four conventions say the same, unless a row sees no key") {
  const Piece piece = attention();
  for (const Json& ways = piece.answer({{"allowed", {1, 0, 1}}}).at("conventions");
       const Json& way : ways) {
    CHECK(way.at("converted") == Json::array({1, 0, 1}));
    CHECK(way.at("weights") == Json::array({0.5, 0, 0.5}));
  }
  const Json blind = piece.answer({{"allowed", {0, 0, 0}}}).at("conventions");
  CHECK(blind[0].at("weights") == Json::array({"NaN", "NaN", "NaN"}));
  CHECK(blind[3].at("weights") == Json::array({0.333, 0.333, 0.333}));
  CHECK(blind[2].at("mask") == Json::array({1, 1, 1}));
}

}  // namespace live_test
