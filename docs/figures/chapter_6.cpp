// # The figures of chapter 6: Cross-attention
//
// The map of a sentence, dictionaries, the size of scores, and heads. Each number is computed here,
// or comes from the recorded training in docs/chapters/recorded/phrases.json.
#include "docs/figures/chapter_6.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tensor/functions.h"
#include "tensor/matmul.h"
#include "tensor/ops.h"
#include "tensor/random.h"
#include "tensor/rows.h"

namespace figures {

using glass::Index;
using glass::Tensor;
using glass::tensor;

namespace recorded {
extern const std::string_view phrases_json;
}

std::string fixed(double value, int digits) {
  std::string text = fmt::format("{:.{}f}", value, digits);
  const bool negative = text.starts_with('-');
  if (negative) text.erase(0, 1);
  const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
  return negative && !is_zero ? "−" + text : text;
}

// ---- 6.1 ----

namespace {

struct Phrases {
  std::vector<std::string> source, target;
  std::vector<double> weights;  // row by row
};

Phrases recorded_phrases() {
  const auto json = nlohmann::json::parse(recorded::phrases_json);
  Phrases x{json.at("source"), json.at("target"), {}};
  for (const auto& row : json.at("weights"))
    for (const double weight : row) x.weights.push_back(weight);
  return x;
}

}  // namespace

Figure phrase_map() {
  const Phrases x = recorded_phrases();
  const auto rows = std::ssize(x.target), columns = std::ssize(x.source);
  Figure figure(600, 340, "Where the translator looked",
                "A table of weights. Each row is a French token, each column an English token. The "
                "row jamais has its largest weight at never, the row petites at small, the row "
                "pommes at apples, the row mange at eats. The row ne is spread over he, never and "
                "eats.");
  GridOptions look{.width = 62, .height = 32, .label = {}, .rows = x.target, .columns = x.source};
  // A row of cells, and a row of the table, for each token of the target.
  std::vector<std::string> texts;
  std::vector<std::vector<Cell>> table;
  for (std::ptrdiff_t t = 0; t < rows; ++t) {
    const auto row = x.weights.begin() + t * columns;
    look.outlined.push_back(
        static_cast<int>(std::max_element(row, row + columns) - x.weights.begin()));
    table.push_back({x.target[static_cast<std::size_t>(t)]});
    for (auto weight = row; weight != row + columns; ++weight) {
      texts.push_back(fixed(*weight));
      look.fills.push_back(heat(0.6 * *weight));
      table.back().emplace_back(*weight);
    }
  }
  grid(figure, {110, 60}, static_cast<int>(rows), static_cast<int>(columns), texts, look);
  figure.text({110 + 62 * static_cast<double>(columns) / 2, 14}, "the English sentence: keys",
              {.paint = muted});
  figure.text({12, 60 + 16 * static_cast<double>(rows)}, "the French one: queries",
              {.paint = muted, .upwards = true});
  std::vector<std::string> head = x.source;
  head.insert(head.begin(), "while writing");
  figure.numbers(head, table);
  return figure;
}

// ---- 6.2 ----

namespace {

// A dictionary's three entries; one key equals the query, and its value is the answer.
void draw_exact(Figure& figure, const std::vector<std::string>& keys,
                const std::vector<std::string>& values) {
  figure.text({150, 16}, "a dictionary", {.bold = true});
  figure.text({150, 42}, "query: eats");
  for (std::size_t j = 0; j < keys.size(); ++j) {
    const double y = 76 + 50 * static_cast<double>(j);
    const bool equal = keys[j] == "eats";
    const Style box{.stroke = equal ? accent : muted, .fill = panel, .width = equal ? 2.5 : 1};
    figure.rectangle({20, y, 90, 32}, box);
    figure.text({65, y + 16}, keys[j]);
    figure.rectangle({190, y, 90, 32}, box);
    figure.text({235, y + 16}, values[j]);
    if (equal)
      figure.arrow({112, y + 16}, {188, y + 16}, {.label = "equal"});
    else
      figure.text({150, y + 16}, "not equal", {.size = 13, .paint = muted});
  }
  figure.text({150, 248}, "result: " + values[1], {.bold = true});
}

// The same keys with scores and weights. Returns the mean of the values.
double draw_soft(Figure& figure, const std::vector<std::string>& keys, const Tensor& scores,
                 const Tensor& weights, const Tensor& values) {
  figure.text({500, 16}, "attention", {.bold = true});
  figure.text({500, 42}, "key: score → weight · value");
  double mean = 0;
  for (Index j = 0; j < scores.numel(); ++j) {
    const double y = 76 + 50 * static_cast<double>(j), weight = weights(j),
                 part = weight * values(j);
    figure.text({398, y + 16}, keys[static_cast<std::size_t>(j)], {.anchor = Anchor::end});
    figure.text({410, y + 16},
                fmt::format("{} → {} · {}", fixed(scores(j), 1), fixed(weight), three(values(j))),
                {.anchor = Anchor::start});
    // The bar of the weight; all three together are 100 px long.
    figure.rectangle({560, y + 4, 100 * weight, 24},
                     {.fill = heat(1 - 0.35 * static_cast<double>(j)), .width = 1});
    mean += part;
  }
  // The stacked bar: a value's share of the mean, 20 px for each 1.
  double x = 410;
  for (Index j = 0; j < scores.numel(); ++j) {
    const double length = 20 * weights(j) * values(j);
    figure.rectangle({x, 218, length, 20},
                     {.fill = heat(1 - 0.35 * static_cast<double>(j)), .width = 1});
    x += length;
  }
  return mean;
}

}  // namespace

Figure dictionaries() {
  const std::vector<std::string> keys{"never", "eats", "apples"};
  const Tensor scores = tensor({2.1, 0.3, -1.0}), values = tensor({10, 20, 40});
  const Tensor weights = softmax(scores);
  Figure figure(680, 262, "A dictionary, and attention",
                "On the left a dictionary with the keys never, eats and apples. The query eats is "
                "equal to one key, and the value of that key comes out. On the right the same keys "
                "have scores 2.1, 0.3 and −1.0. Softmax makes weights of them, and the mean of all "
                "three values with these weights comes out.");
  draw_exact(figure, keys, {"10", "20", "40"});
  const double mean = draw_soft(figure, keys, scores, weights, values);
  figure.segment({318, 10}, {318, 252}, thin);
  figure.text({398, 228}, "mean", {.anchor = Anchor::end});
  figure.text({500, 251}, "result: " + fixed(mean, 1), {.bold = true});
  std::vector<std::vector<Cell>> table;
  for (Index j = 0; j < 3; ++j)
    table.push_back({keys[static_cast<std::size_t>(j)], scores(j), weights(j), values(j),
                     weights(j) * values(j)});
  figure.numbers({"key", "score", "weight", "value", "weight · value"}, table);
  return figure;
}

// ---- 6.3 ----

namespace {

// Two positions, in a row each. The cells of the second one are coloured.
void draw_positions(Figure& figure, Point corner, const Tensor& x, std::string label,
                    std::vector<std::string> rows) {
  GridOptions look{.label = std::move(label), .rows = std::move(rows)};
  std::vector<std::string> texts;
  for (const glass::Real value : x.to_vector()) {
    texts.push_back(fmt::format("{}", value));
    look.fills.push_back(value >= 10 ? heat(0.45) : panel);
  }
  grid(figure, corner, 2, static_cast<int>(x.size(-1)), texts, look);
}

}  // namespace

Figure split_heads() {
  // Two positions of width 8: 0 … 7, and 10 … 17.
  const Tensor x =
      glass::cat({glass::arange(8), glass::arange(8) + 10}, 0).reshape({1, 2, 8});  // [B, T, C]
  const Tensor right = x.reshape({1, 2, 2, 4}).transpose(1, 2);                     // [B, H, T, D]
  const Tensor wrong = x.reshape({1, 2, 2, 4});                                     // not the heads
  Figure figure(
      680, 330, "Two ways to make two heads",
      "A matrix of two positions and eight columns. Done right, head 0 has columns 0 to 3 "
      "of both positions and head 1 has columns 4 to 7 of both. If the matrix is only "
      "reshaped to [B, H, T, D], head 0 has all columns of the first position and head 1 "
      "all columns of the second.");
  draw_positions(figure, {228, 30}, x.select(0, 0), "x [B, T, C] = [1, 2, 8]", {"t = 0", "t = 1"});
  for (const bool is_right : {true, false}) {
    const Tensor& heads = is_right ? right : wrong;
    const double y = is_right ? 142 : 254;
    figure.text({10, y + 18}, is_right ? "reshape, transpose" : "reshape only",
                {.anchor = Anchor::start, .bold = true});
    figure.text({10, y + 38}, is_right ? "right" : "wrong",
                {.paint = is_right ? ink : accent, .anchor = Anchor::start});
    for (Index h = 0; h < 2; ++h)
      draw_positions(figure, {228 + 240 * static_cast<double>(h), y},
                     heads.select(0, 0).select(0, h), fmt::format("head {}", h), {});
  }
  return figure;
}

// ---- 6.4 ----

namespace {

struct Sizes {
  double width, variance, without, with;  // width D; mean largest weight without and with √D
};

// 2,000 queries with 20 keys each, of independent normal numbers.
Sizes measure(Index D) {
  glass::Rng rng(6);
  const Tensor q = normal({2000, 1, D}, 0, 1, rng), k = normal({2000, 20, D}, 0, 1, rng);
  const Tensor z = matmul(q, k.mT()).reshape({2000, 20});
  const auto largest = [](const Tensor& scores) { return mean(max(softmax(scores), -1)).item(); };
  const double d = static_cast<double>(D);
  return {d, mean(z * z).item(), largest(z), largest(z / std::sqrt(d))};
}

}  // namespace

Figure score_sizes() {
  Figure figure(
      680, 300, "Scores grow with the width",
      "Left: the variance of the scores is equal to the width D. Right: the mean largest "
      "weight among 20 keys. Without the division it rises from 0.4 at D = 4 to more than "
      "0.9 at D = 256. With the division by the square root of D it stays near 0.2.");
  std::vector<Point> variance, without, with;
  std::vector<std::vector<Cell>> table;
  for (const Index D : {4, 16, 64, 256}) {
    const Sizes s = measure(D);
    variance.push_back({s.width, s.variance});
    without.push_back({s.width, s.without});
    with.push_back({s.width, s.with});
    table.push_back({s.width, s.variance, s.without, s.with});
  }
  const Axis d{.from = 3, .to = 340, .label = "D", .log = true, .ticks = {4, 16, 64, 256}};
  const Plot left(figure, {50, 40, 250, 200}, d,
                  {.from = 1, .to = 1000, .label = "variance of the scores", .log = true});
  left.line(variance, {.stroke = muted});
  left.points(variance);
  const Plot right(figure, {390, 40, 270, 200}, d,
                   {.from = 0, .to = 1, .label = "mean largest weight of 20"});
  right.line(without), right.points(without);
  right.line(with, {.stroke = accent}), right.points(with, {.stroke = accent, .fill = accent});
  figure.text(right.at(20, 0.83), "q·k", {.italic = true});
  figure.text(right.at(64, 0.32), "q·k / √D", {.paint = accent, .italic = true});
  figure.numbers({"D", "variance", "largest weight", "largest weight with √D"}, table);
  return figure;
}

// ---- all figures ----

// NOLINTNEXTLINE(readability-function-size): a table, one entry for each figure
std::vector<Entry> chapter_6() {
  return {
      {"chapter-6/map", phrase_map},          {"chapter-6/dictionaries", dictionaries},
      {"chapter-6/heads", split_heads},       {"chapter-6/scores", score_sizes},
      {"chapter-6/conventions", conventions}, {"chapter-6/head-axis", head_axis},
      {"chapter-6/blind-row", blind_row},     {"chapter-6/graph", attention_graph},
      {"chapter-6/running", running_softmax}, {"chapter-6/bytes", graph_bytes},
      {"chapter-6/causal", causal_blocks},
  };
}

}  // namespace figures
