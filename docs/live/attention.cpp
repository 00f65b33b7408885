// # The live piece "attention": one query looks at three keys
//
// Queries and keys are vectors of the plane, so C = 2. Two heads divide it: D = 1 each. The request
// {"query": [2, 0], "keys": "apart", "allowed": [1, 1, 0], "scale": true, "heads": 1} is one row of
// attention; a page with two queries asks twice, and adds what the keys and values get, as a sweep
// does. The gradient g of the context is given.
//
// {"allowed": [1, 1, 0]} alone asks how four conventions write this row of a mask.
//
// T = 1 query, S = 3 keys, H heads, D = 2/H
#include <cmath>
#include <map>

#include "docs/live/pieces.h"
#include "examples/masks/conventions.h"

namespace live {

namespace {

// ---- the values that a reader can choose ----

const std::map<std::string, Json> key_places = {{"apart", {{1, 0}, {0, 1}, {-1, -1}}},
                                                {"close", {{1, 0}, {0.8, 0.6}, {0, 1}}}};

Tensor values() { return glass::tensor({{2, 0}, {0, 2}, {-2, -1}}); }  // [S, C]
Tensor cotangent() { return glass::tensor({1, -0.5}); }                // [C]

// ---- one row of attention ----

struct Row {
  Var query, keys, values;  // the leaves
  Var scores = {}, weights = {}, context = {};
};

// x [n, C] → [H, n, D]
Var split(const Var& x, Index heads) {
  return x.reshape({x.size(0), heads, x.size(1) / heads}).transpose(0, 1);
}

Row row_of(const Json& request) {
  const Index heads = request.at("heads");
  Row row{.query = Var(tensor_of(request.at("query")).reshape({1, -1}), true),
          .keys = Var(tensor_of(key_places.at(request.at("keys"))), true),
          .values = Var(values(), true)};
  const Var q = split(row.query, heads), k = split(row.keys, heads);  // [H, 1, D], [H, S, D]
  const Var products = matmul(q, k.mT());                             // [H, 1, S]
  const double root = std::sqrt(static_cast<double>(q.size(-1)));
  row.scores = request.at("scale").get<bool>() ? products / root : products;
  // A blocked score becomes −∞, and its weight 0. A row of −∞ alone becomes weights of 0.
  const Tensor allowed = tensor_of(request.at("allowed"));          // [S]
  row.weights = softmax(masks::fill(row.scores, allowed));          // [H, 1, S]
  const Var means = matmul(row.weights, split(row.values, heads));  // [H, 1, D]
  row.context = means.transpose(0, 1).reshape({1, -1});             // [1, C]
  return row;
}

// ---- the sentence ----

std::string sentence_of(const Json& allowed, const Tensor& weights) {
  std::vector<std::string> looks, blocked;
  const Tensor means = mean(weights, {0, 1});  // over the heads   [S]
  for (std::size_t j = 0; j < allowed.size(); ++j) {
    const std::string key = fmt::format("key {}", j + 1);
    const double weight = static_cast<double>(means(static_cast<Index>(j)));
    if (allowed[j] == 0)
      blocked.push_back(key);
    else
      looks.push_back(fmt::format("{} to {}", three(weight), key));
  }
  if (looks.empty())
    return "The query may see no key: its weights, its context and all gradients that it passes on "
           "are 0.";
  std::string out = fmt::format("The query gives a weight of {}{}.", listed(looks),
                                weights.size(0) > 1 ? ", on average over the heads" : "");
  if (blocked.empty()) return out;
  return out +
         fmt::format(" Blocked: {}, with a weight of 0 and a gradient of 0.", listed(blocked));
}

// ---- the answers ----

// The gradient of an inner value, which no Var keeps: what the sweep brought there.
Tensor gradient_of(const std::vector<glass::Step>& steps, std::uint64_t birth) {
  for (const glass::Step& step : steps)
    if (step.node == birth) return step.g;
  throw glass::StateError("attention: the sweep did not visit this value");
}

Json answer_row(const Json& request) {
  const Row row = row_of(request);
  // The sweep frees the inner values that nobody holds; their births are kept.
  const std::uint64_t scores = row.scores.node()->birth, weights = row.weights.node()->birth;
  const auto steps = trace_backward(row.context, cotangent().reshape({1, -1}));
  const auto of_heads = [](const Tensor& x) { return numbers(x.squeeze(1)); };  // [H, S]
  return {{"sentence", sentence_of(request.at("allowed"), row.weights.value())},
          {"scores", of_heads(row.scores.value())},
          {"weights", of_heads(row.weights.value())},
          {"context", numbers(row.context.value().select(0, 0))},
          {"dweights", of_heads(gradient_of(steps, weights))},
          {"dscores", of_heads(gradient_of(steps, scores))},
          {"dquery", numbers(row.query.grad().select(0, 0))},
          {"dkeys", numbers(row.keys.grad())},
          {"dvalues", numbers(row.values.grad())}};
}

// A row of the mask in each convention, and the weights that it gives to equal scores if the softmax
// is computed literally.
Json answer_mask(const Json& request) {
  const Tensor allowed = tensor_of(request.at("allowed"));  // [S]
  Json ways = Json::array();
  const std::vector<Tensor> written = {allowed, allowed, 1 - allowed, (allowed - 1) * 1e9};
  const std::vector<masks::Convention> conventions = masks::conventions();
  for (std::size_t i = 0; i < conventions.size(); ++i) {
    const masks::Convention& convention = conventions[i];
    const Var equal = glass::zeros(allowed.shape());
    const Var weights = masks::literal_softmax(convention.apply(equal, written.at(i)));
    ways.push_back({{"name", convention.name},
                    {"rule", convention.rule},
                    {"mask", numbers(written[i])},
                    {"converted", numbers(convention.converted(written[i]))},
                    {"weights", numbers(weights.value(), 3)}});
  }
  const bool none = allclose(allowed, 0);
  return {
      {"sentence",
       none ? "A row that sees no key: literally, −∞ becomes NaN and −10⁹ becomes equal weights; "
              "glassgrad gives 0."
            : "Four ways to write this row of the mask, and the same weights."},
      {"conventions", ways}};
}

Json answer(const Json& request) {
  return guarded(
      [&] { return request.contains("query") ? answer_row(request) : answer_mask(request); });
}

// All rows of a mask: 1 1 1, 0 1 1, …
std::vector<Json> mask_rows() {
  std::vector<Json> rows;
  for (int bits = 7; bits >= 0; --bits)
    rows.push_back(Json::array({bits >> 2 & 1, bits >> 1 & 1, bits & 1}));
  return rows;
}

const std::vector<Json> query_places = {{0, 0},  {2, 0},   {2, 2},  {0, 2}, {-2, 2},
                                        {-2, 0}, {-2, -2}, {0, -2}, {2, -2}};

Json request_of(const Json& query, const std::string& keys, const Json& allowed, bool scale,
                int heads) {
  return {
      {"query", query}, {"keys", keys}, {"allowed", allowed}, {"scale", scale}, {"heads", heads}};
}

}  // namespace

Piece attention() {
  Json keys = Json::array();
  for (const auto& [name, places] : key_places)
    keys.push_back({{"name", name}, {"places", places}});
  Piece piece{.name = "attention",
              .title = "Attention of queries in the plane",
              .answer = answer,
              .first = request_of({2, 0}, "apart", {1, 1, 1}, true, 1),
              .controls = {{"queries", query_places},
                           {"keys", keys},
                           {"values", numbers(values())},
                           {"cotangent", numbers(cotangent())},
                           {"heads", {1, 2}}},
              .requests = {}};
  for (const Json& allowed : mask_rows()) {
    piece.requests.push_back({{"allowed", allowed}});
    for (const auto& name : {"apart", "close"})
      for (const Json& query : query_places)
        for (const bool scale : {true, false})
          for (const int heads : {1, 2})
            piece.requests.push_back(request_of(query, name, allowed, scale, heads));
  }
  return piece;
}

}  // namespace live
