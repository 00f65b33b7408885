// # The figures of chapter 6: attention in blocks
//
// A softmax that meets its keys in three blocks, the memory that the graph keeps, and the blocks
// that causality skips.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.h"
#include "docs/figures/chapter_6.h"
#include "tensor/attention_block.h"

namespace figures {

using glass::Index;
using glass::Tensor;
using glass::Var;

// ---- 6.9 ----

namespace {

constexpr int keys_in_block = 4;
const std::vector<double> scores{0.4, -0.8, 1.1, 0.2, 1.9, 0.7, -0.3, 1.5, 0.9, 2.6, -1.2, 0.6};
const std::vector<Point> values{{1, 0}, {0, 1}, {2, 1}, {1, 2}, {3, 1}, {0, 2},
                                {1, 1}, {2, 0}, {1, 3}, {2, 2}, {0, 1}, {1, 1}};

// What is kept of the keys so far: the largest score, the sum of exponentials, the sum of values.
struct Running {
  double m = -std::numeric_limits<double>::infinity(), l = 0;
  Point o = {};
};

// One block more. `old` is what is left of the state before it, `fresh` what its keys add.
struct BlockStep {
  double fade = 0;
  Running before = {}, old = {}, fresh = {}, after = {};
};

BlockStep take_block(const Running& before, int first) {
  BlockStep step;
  step.before = before;
  const auto begin = scores.begin() + first;
  const double m = std::max(before.m, *std::max_element(begin, begin + keys_in_block));
  step.fade = std::exp(before.m - m);
  step.old = {m, before.l * step.fade, step.fade * before.o};
  step.fresh.m = m;
  for (int j = first; j < first + keys_in_block; ++j) {
    const auto at = static_cast<std::size_t>(j);
    const double weight = std::exp(scores[at] - m);
    step.fresh.l += weight;
    step.fresh.o = step.fresh.o + weight * values[at];
  }
  step.after = {m, step.old.l + step.fresh.l, step.old.o + step.fresh.o};
  return step;
}

// The scores as points: earlier ones muted, those of this block in the accent; m as a bar.
void draw_scores(Figure& figure, double y, int first, const BlockStep& step) {
  const NumberLine line(figure, {14, y + 80}, 290, {.from = -1.5, .to = 3, .label = ""});
  for (int j = 0; j < first + keys_in_block; ++j) {
    const bool now = j >= first;
    const Paint paint = now ? accent : muted;
    figure.circle(line.at(scores[static_cast<std::size_t>(j)]), 4.5,
                  {.stroke = paint, .fill = paint});
  }
  const auto bar = [&](double m, const Style& style, std::string_view name) {
    const Point at = line.at(m);
    figure.segment(at - Point{0, 34}, at + Point{0, 10}, style);
    figure.text(at - Point{0, 44}, name, {.italic = true});
  };
  if (first > 0) bar(step.before.m, {.stroke = muted, .dashed = true}, "m");
  bar(step.after.m, {.width = 2.5}, first > 0 ? "m′" : "m");
}

// ℓ and both numbers of O as bars: the old part, then the new one.
void draw_sums(Figure& figure, double y, const BlockStep& step) {
  const auto bar = [&](double at, std::string_view name, double old, double fresh) {
    const double scale = 28, x = 374;
    figure.text({x - 8, at + 9}, name, {.anchor = Anchor::end, .italic = true});
    if (old > 0) figure.rectangle({x, at, scale * old, 18}, {.fill = panel, .width = 1});
    figure.rectangle({x + scale * old, at, scale * fresh, 18},
                     {.stroke = accent, .fill = heat(0.5), .width = 1});
    figure.text({x + scale * (old + fresh) + 8, at + 9}, fixed(old + fresh),
                {.size = 13, .anchor = Anchor::start});
  };
  bar(y + 36, "ℓ", step.old.l, step.fresh.l);
  bar(y + 62, "o[0]", step.old.o.x, step.fresh.o.x);
  bar(y + 88, "o[1]", step.old.o.y, step.fresh.o.y);
}

std::vector<Cell> row_of(int number, const BlockStep& step) {
  return {number,       step.after.m, step.fade,      step.old.l,
          step.fresh.l, step.after.l, step.after.o.x, step.after.o.y};
}

}  // namespace

Figure running_softmax() {
  Figure figure(
      680, 424, "One query meets twelve keys in three blocks",
      "Three panels, one for each block of four keys. On the left the scores seen so far "
      "as points, and their maximum, which only moves to the right. On the right the sums "
      "after the block. When the maximum rises, the old sums shrink by a factor, and the "
      "new block is added. At the end the sums of the values, divided by the sum of the "
      "exponentials, are the result of attention.");
  std::vector<std::vector<Cell>> table;
  Running state;
  for (int i = 0; i < 3; ++i) {
    const BlockStep step = take_block(state, i * keys_in_block);
    const double y = 132 * static_cast<double>(i);
    const std::string fade = i == 0 ? "" : fmt::format(": old sums × {}", fixed(step.fade));
    figure.text({14, y + 10}, fmt::format("block {}{}", i + 1, fade),
                {.anchor = Anchor::start, .bold = true});
    draw_scores(figure, y, i * keys_in_block, step);
    draw_sums(figure, y, step);
    table.push_back(row_of(i + 1, step));
    state = step.after;
  }
  figure.text(
      {374, 408},
      fmt::format("o / ℓ = ({}, {})", fixed(state.o.x / state.l), fixed(state.o.y / state.l)),
      {.anchor = Anchor::start, .bold = true});
  figure.numbers({"block", "m", "factor", "ℓ, old part", "ℓ, new part", "ℓ", "o[0]", "o[1]"},
                 table);
  return figure;
}

// ---- 6.10 ----

namespace {

struct Bytes {
  double plain, fused;
};

// What a graph keeps until its sweep, with D = 64 and one head.
Bytes measure_bytes(Index T) {
  glass::Rng rng(1);
  const auto leaf = [&] { return Var(normal({1, 1, T, 64}, 0, 1, rng), true); };
  const Var q = leaf(), k = leaf(), v = leaf();
  const Index before = glass::live_bytes();
  const auto kept = [&](const auto& run) {
    const Var result = run();
    return static_cast<double>(glass::live_bytes() - before);
  };
  return {kept([&] { return matmul(softmax(matmul(q, k.mT()) / 8.0), v); }),
          kept([&] { return attention(q, k, v); })};
}

}  // namespace

Figure graph_bytes() {
  Figure figure(680, 320, "What the graph keeps",
                "Bytes that the graph keeps until the sweep, against the length T. The plain "
                "computation keeps matrices of T × T numbers, so its bytes grow with the square of "
                "T. The fused op keeps its result and one number for each query, so its bytes grow "
                "with T.");
  std::vector<Point> plain, fused;
  std::vector<std::vector<Cell>> table;
  for (const Index T : {64, 128, 256, 512, 1024}) {
    const Bytes bytes = measure_bytes(T);
    const double t = static_cast<double>(T);
    plain.push_back({t, bytes.plain / 1024});
    fused.push_back({t, bytes.fused / 1024});
    table.push_back({t, bytes.plain, bytes.fused});
  }
  const Plot plot(
      figure, {80, 40, 560, 220},
      {.from = 56, .to = 1200, .label = "T = S", .log = true, .ticks = {64, 128, 256, 512, 1024}},
      {.from = 10, .to = 100000, .label = "KiB that the graph keeps", .log = true});
  plot.line(plain), plot.points(plain);
  plot.line(fused, {.stroke = accent}), plot.points(fused, {.stroke = accent, .fill = accent});
  figure.text(plot.at(230, 6000), "step by step");
  figure.text(plot.at(600, 60), "fused", {.paint = accent});
  figure.numbers({"T", "bytes, step by step", "bytes, fused"}, table);
  return figure;
}

// ---- 6.11 ----

namespace {

constexpr Index length = 4 * glass::block_queries;  // T = S

// The first `skipped` queries of a block see none of its keys: 0, or all of them, or some.
struct CausalBlock {
  Index query, key, width, skipped;
  bool is_whole() const { return key + width <= query + 1; }  // every query sees every key
  Index computed() const { return width * (glass::block_queries - skipped); }
};

std::vector<CausalBlock> blocks_of_scores() {
  std::vector<CausalBlock> blocks;
  for (Index query = 0; query < length; query += glass::block_queries)
    for (Index key = 0; key < length; key += glass::block_keys)
      blocks.push_back({query, key, std::min(glass::block_keys, length - key),
                        std::clamp<Index>(key - query, 0, glass::block_queries)});
  return blocks;
}

constexpr Point corner{60, 40};
constexpr double scale = 0.52;  // px for a query or a key

void draw_block(Figure& figure, const CausalBlock& block) {
  const auto px = [](Index n) { return scale * static_cast<double>(n); };
  const double x = corner.x + px(block.key), y = corner.y + px(block.query);
  const double width = px(block.width), height = px(glass::block_queries);
  if (block.computed() > 0) {
    const Box part{x, y + px(block.skipped), width, height - px(block.skipped)};
    figure.rectangle(part, {.stroke = none, .fill = heat(block.is_whole() ? 0.5 : 0.2)});
    if (!block.is_whole()) figure.hatch(part);
  }
  figure.rectangle({x, y, width, height}, {.stroke = muted, .width = 1});
}

void draw_legend(Figure& figure) {
  const std::vector<std::string> names{"computed as a whole", "computed in part", "skipped"};
  const std::vector<Paint> fills{heat(0.5), heat(0.2), none};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Box box{450, 60 + 40 * static_cast<double>(i), 28, 22};
    figure.rectangle(box, {.stroke = muted, .fill = fills[i], .width = 1});
    if (i == 1) figure.hatch(box);
    figure.text({488, box.y + 11}, names[i], {.anchor = Anchor::start});
  }
}

}  // namespace

Figure causal_blocks() {
  Figure figure(680, 420, "Blocks that causality skips",
                "A square of 704 queries and 704 keys, cut in blocks of 176 queries and 96 keys. "
                "Blocks to the right of the diagonal are white: they are skipped. Blocks that the "
                "diagonal crosses are computed in part, blocks to its left as a whole.");
  Index computed = 0;
  for (const CausalBlock& block : blocks_of_scores()) {
    draw_block(figure, block);
    computed += block.computed();
  }
  const double side = scale * static_cast<double>(length);
  figure.segment(corner, corner + Point{side, side}, {.stroke = accent, .width = 2});
  figure.text({corner.x + side / 2, 20}, "704 keys, 96 in a block", {.paint = muted});
  figure.text({30, corner.y + side / 2}, "704 queries, 176 in a block",
              {.paint = muted, .upwards = true});
  draw_legend(figure);
  const double n = static_cast<double>(length);
  const double share = static_cast<double>(computed) / (n * n);
  figure.text({450, 196}, fmt::format("{} % of the scores", fixed(100 * share, 0)),
              {.anchor = Anchor::start});
  figure.text({450, 216}, "are computed", {.anchor = Anchor::start});
  figure.numbers({"queries", "keys", "scores computed", "share"},
                 {{n, n, static_cast<double>(computed), share}});
  return figure;
}

}  // namespace figures
