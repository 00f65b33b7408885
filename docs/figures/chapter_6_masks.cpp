// # The figures of chapter 6: masks
//
// Four conventions on one example, the axis of heads that is missing, and the row that sees
// nothing. The examples and their results are those of examples/masks.
#include <cmath>

#include "docs/figures/chapter_6.h"
#include "examples/masks/conventions.h"

namespace figures {

using glass::Index;
using glass::Real;
using glass::Tensor;

// ---- 6.5 ----

namespace {

std::string text_of(Real value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "−∞" : "∞";
  if (value <= -1e6) return "−10⁹";
  return value == std::round(value) ? three(value) : fixed(value);
}

// Three rows of four cells. The row of the query that sees no key is hatched.
void draw_block(Figure& figure, Point corner, const Tensor& x, std::vector<std::string> rows = {}) {
  GridOptions look{.width = 46, .height = 24, .rows = std::move(rows)};
  std::vector<std::string> texts;
  for (const Real value : x.to_vector()) texts.push_back(text_of(value));
  look.type.halo = true;
  look.hatched = {8, 9, 10, 11};
  grid(figure, corner, 3, 4, texts, look);
}

void draw_outcome(Figure& figure, double y, const std::string& name, const Tensor& mask,
                  const masks::Outcome& outcome) {
  figure.text({68, y - 14}, name, {.anchor = Anchor::start, .bold = true});
  draw_block(figure, {68, y}, mask, {"query 1", "query 2", "query 3"});
  draw_block(figure, {276, y}, outcome.weights);
  draw_block(figure, {484, y}, outcome.score_gradients);
}

void add_rows(std::vector<std::vector<Cell>>& table, const std::string& name, const Tensor& mask,
              const masks::Outcome& outcome) {
  for (Index i = 0; i < 3; ++i)
    for (Index j = 0; j < 4; ++j)
      table.push_back({name, static_cast<double>(i + 1), static_cast<double>(j + 1),
                       text_of(mask(i, j)), text_of(outcome.weights(i, j)),
                       text_of(outcome.score_gradients(i, j))});
}

}  // namespace

Figure conventions() {
  Figure figure(
      680, 610, "Four conventions for a mask",
      "Three queries and four keys. Query 1 sees all keys, query 2 the first two, query 3 "
      "none. The weights of queries 1 and 2 are the same under all conventions. Query 3 gets NaN "
      "under the first three. Under the additive one it gets the weight 0.25 for each key, and its "
      "scores have gradients. In glassgrad its weights and gradients are 0.");
  const Type heading{.paint = muted};
  figure.text({160, 14}, "the mask, as written", heading);
  figure.text({368, 14}, "weights", heading);
  figure.text({576, 14}, "gradient of the scores", heading);
  std::vector<std::vector<Cell>> table;
  double y = 56;
  for (const masks::Convention& convention : masks::conventions()) {
    const masks::Outcome literal = masks::outcome(convention);
    draw_outcome(figure, y, convention.name, convention.mask, literal);
    add_rows(table, convention.name, convention.mask, literal);
    y += 112;
  }
  const masks::Outcome here = masks::outcome_here(masks::conventions().front());
  draw_outcome(figure, y, "glassgrad", masks::allowed(), here);
  add_rows(table, "glassgrad", masks::allowed(), here);
  figure.numbers({"convention", "query", "key", "mask", "weight", "gradient of the score"}, table);
  return figure;
}

// ---- 6.6 ----

namespace {

// For each sentence (a row) and head (a column) a strip of three keys. Cells that differ from `due`
// are outlined.
void draw_cells(Figure& figure, Point corner, const Tensor& got, const Tensor& due) {
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 2; ++h) {
      GridOptions look{};
      std::vector<std::string> texts;
      for (Index j = 0; j < 3; ++j) {
        const bool attends = got(b, h, 0, j) != 0;
        texts.push_back(attends ? "1" : "0");
        if (!attends) look.hatched.push_back(static_cast<int>(j));
        if (attends != (due(b, h, 0, j) != 0)) look.outlined.push_back(static_cast<int>(j));
      }
      look.type.halo = true;
      strip(figure, corner + Point{104 * static_cast<double>(h), 44 * static_cast<double>(b)},
            texts, look);
    }
}

}  // namespace

Figure head_axis() {
  const Tensor due = masks::broadcast_with_heads(), got = masks::broadcast_without_heads();
  Figure figure(
      680, 160, "A mask without an axis for the heads",
      "Two sentences and two heads. The mask of sentence 1 lets key 1 through, the mask "
      "of sentence 2 keys 1 and 2. As it should be, both heads of a sentence have the mask "
      "of that sentence. With plain broadcasting, head 1 has the mask of sentence 1 and "
      "head 2 the mask of sentence 2, in both sentences.");
  for (const bool right : {true, false}) {
    const double x = right ? 104 : 440;
    figure.text({x + 94, 14}, right ? "as it should be" : "as broadcasting lays it",
                {.bold = true});
    for (Index h = 0; h < 2; ++h)
      figure.text({x + 42 + 104 * static_cast<double>(h), 42}, fmt::format("head {}", h + 1),
                  {.size = 13, .paint = muted});
    for (Index b = 0; b < 2; ++b)
      figure.text({x - 10, 72 + 44 * static_cast<double>(b)}, fmt::format("sentence {}", b + 1),
                  {.size = 13, .paint = muted, .anchor = Anchor::end});
    draw_cells(figure, {x, 58}, right ? due : got, due);
  }
  figure.text({534, 148}, "outlined: wrong", {.size = 13, .paint = accent});
  return figure;
}

// ---- 6.7 ----

namespace {

struct Lane {
  std::string name;
  Tensor scores, shifted, exponentials, sum, weights;
};

// The steps of softmax for a row of −∞ alone.
Lane lane_of(std::string name, const Tensor& scores, const Tensor& shift) {
  const Tensor shifted = scores - shift;
  const Tensor e = exp(shifted);
  return {std::move(name), scores, shifted, e, sum(e, -1, true), e / sum(e, -1, true)};
}

void draw_lane(Figure& figure, double y, const Lane& lane) {
  figure.text({10, y - 14}, lane.name, {.anchor = Anchor::start});
  double x = 10;
  const auto draw = [&](const Tensor& numbers) {
    std::vector<std::string> texts;
    for (const Real value : numbers.to_vector()) texts.push_back(text_of(value));
    const Box box = strip(figure, {x, y}, texts, {.width = 40});
    x += box.width + 28;
    return box;
  };
  for (const Tensor* part : {&lane.scores, &lane.shifted, &lane.exponentials, &lane.sum}) {
    const Box box = draw(*part);
    figure.arrow({box.x + box.width + 3, y + 14}, {x - 3, y + 14});
  }
  draw(lane.weights);
}

}  // namespace

Figure blind_row() {
  const Tensor scores = glass::full({3}, masks::minus_infinity);
  Figure figure(680, 236, "A row that sees nothing",
                "Three scores of −∞. From the formula alone, the exponentials and their sum are 0, "
                "and 0/0 is NaN. With the largest score subtracted, −∞ − (−∞) is already NaN. "
                "glassgrad subtracts 0 and takes 0 for the inverse of an empty sum: all weights "
                "are 0.");
  Lane literal = lane_of("the formula", scores, 0);
  Lane shifted = lane_of("with the largest score subtracted", scores, max(scores, -1, true));
  Lane ours = lane_of("glassgrad: such a row is shifted by 0, and 1/0 is taken as 0", scores, 0);
  ours.weights = softmax(scores);
  const std::vector<std::string> heads{"scores", "− shift", "exponentials", "sum", "weights"};
  const double centres[] = {70, 218, 366, 474, 582};
  for (std::size_t i = 0; i < heads.size(); ++i)
    figure.text({centres[i], 12}, heads[i], {.size = 13, .paint = muted});
  double y = 56;
  for (const Lane* lane : {&literal, &shifted, &ours}) {
    draw_lane(figure, y, *lane);
    y += 68;
  }
  return figure;
}

}  // namespace figures
