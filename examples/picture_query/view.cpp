// # Pictures and attention, drawn in the terminal and as SVG
#include "examples/picture_query/view.h"

#include <algorithm>
#include <cmath>

#include "examples/common/terminal.h"

namespace picture_query {

using examples::Rgb;

namespace {

Index grid_of(const View& view) {
  return static_cast<Index>(std::lround(std::sqrt(view.attention.size())));
}

Index side_of(const View& view) {
  return static_cast<Index>(
      std::lround(std::sqrt(static_cast<double>(view.picture.patches.size(1)) / 3)));
}

// A pixel of a patch, cut to the range that can be shown.
Rgb pixel(const View& view, Index patch, Index y, Index x) {
  const Index first = 3 * (y * side_of(view) + x);
  Rgb colour{};
  for (Index c = 0; c < 3; ++c)
    colour[static_cast<std::size_t>(c)] =
        std::clamp(static_cast<double>(view.picture.patches(patch, first + c)), 0.0, 1.0);
  return colour;
}

double weight(const View& view, Index row, Index column) {
  return view.attention[static_cast<std::size_t>(row * grid_of(view) + column)];
}

// The colour of a weight: dark blue for 0, bright yellow for 1. The square root lifts small
// weights.
Rgb heat(double weight) {
  const double w = std::sqrt(std::clamp(weight, 0.0, 1.0));
  return {0.08 + 0.92 * w, 0.08 + 0.80 * w, 0.14 + 0.36 * w};
}

Rgb ink_on_heat(double weight) { return weight > 0.25 ? Rgb{0, 0, 0} : Rgb{0.75, 0.75, 0.75}; }

// A weight in whole per cents; an empty text if it would be 0.
std::string per_cent(double weight) {
  return weight < 0.005 ? "" : fmt::format("{:.0f}", 100 * weight);
}

std::string_view colour_of(int number) { return colours[static_cast<std::size_t>(number)]; }

// The question, the answer, and what would have been right.
std::string headline(const View& view) {
  const bool right = view.answer == view.object().colour;
  std::string text = fmt::format("{} {}: {}", right ? "✓" : "✗", text_of(view.question.words),
                                 colour_of(view.answer));
  if (!right) text += fmt::format(" ({} expected)", colour_of(view.object().colour));
  return text + fmt::format(", {:.0f} % of its attention there", 100 * view.on_the_object());
}

// ---- the terminal ----

// A line of the picture's row of patches: n pixels of each patch, in pairs, one above the other.
// `line` counts the pairs of a patch from the top.
std::string picture_line(const View& view, Index row, Index line, Index n) {
  const Index grid = grid_of(view), side = side_of(view);
  std::string out;
  for (Index column = 0; column < grid; ++column)
    for (Index x = 0; x < n; ++x) {
      const auto at = [&](Index y) {
        return pixel(view, row * grid + column, y * side / n, x * side / n);
      };
      out += examples::half_block(at(2 * line), at(2 * line + 1));
    }
  return out;
}

// A line of the attention on the same patches, each `cell` columns wide, with its per cents if
// `numbered`.
std::string attention_line(const View& view, Index row, Index cell, bool numbered) {
  std::string out;
  for (Index column = 0; column < grid_of(view); ++column) {
    const double w = weight(view, row, column);
    const std::string text = numbered ? per_cent(w) : "";
    out += examples::painted(ink_on_heat(w), heat(w), fmt::format("{:^{}}", text, cell));
  }
  return out;
}

// With colours: the picture, and the attention beside it.
std::string draw_colours(const View& view) {
  // Large pictures are drawn with fewer pixels, so that picture and attention fit 80 columns. The
  // number is even, since one character shows two pixels.
  const Index grid = grid_of(view);
  const Index n = std::max<Index>(std::min(side_of(view), 40 / grid) / 2 * 2, 2);
  const Index cell = std::min<Index>(n, 8);
  std::string out;
  for (Index row = 0; row < grid; ++row)
    for (Index line = 0; line < n / 2; ++line) {
      const bool numbered = line == n / 4 && n >= 4;
      out += "  " + picture_line(view, row, line, n);
      out += "  " + attention_line(view, row, cell, numbered) + '\n';
    }
  return out;
}

constexpr std::string_view signs[2][4] = {{"•", "▪", "▴", "+"}, {"●", "■", "▲", "✚"}};

// The sign of a patch: the form and size of its object, and the first letter of its colour.
std::string sign_of(const View& view, Index patch) {
  const auto& objects = view.picture.objects;
  const auto object = std::ranges::find(objects, patch, &Object::patch);
  if (object == objects.end()) return "·   ";
  return fmt::format("{}{}  ", signs[object->size][object->form],
                     colour_of(object->colour).substr(0, 1));
}

// Without colours: a sign for each patch, and the attention beside them.
std::string draw_plain(const View& view) {
  const Index grid = grid_of(view);
  std::string out;
  for (Index row = 0; row < grid; ++row) {
    out += "  ";
    for (Index column = 0; column < grid; ++column) out += sign_of(view, row * grid + column);
    out += " │ ";
    for (Index column = 0; column < grid; ++column) {
      const double w = weight(view, row, column);
      out += fmt::format("{}{:>3} ", examples::shade(w), per_cent(w));
    }
    // No line ends with spaces.
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out + "  ● ■ ▲ ✚ large, • ▪ ▴ + small; red, green, blue, yellow, magenta, cyan\n";
}

// ---- SVG ----

constexpr double patch_size = 48, gap = 24, line_height = 22;

std::string hex(const Rgb& colour) {
  std::string out = "#";
  for (const double part : colour)
    out += fmt::format("{:02x}", static_cast<int>(std::lround(255 * part)));
  return out;
}

std::string rectangle(double x, double y, double width, std::string_view rest) {
  return fmt::format("<rect x='{:.6g}' y='{:.6g}' width='{:.6g}' height='{:.6g}' {}/>\n", x, y,
                     width, width, rest);
}

// The pixels of one patch, whose corner is at x, y.
std::string svg_pixels(const View& view, Index patch, double x, double y) {
  const Index side = side_of(view);
  const double dot = patch_size / static_cast<double>(side);
  std::string out;
  for (Index py = 0; py < side; ++py)
    for (Index px = 0; px < side; ++px)
      out += rectangle(x + static_cast<double>(px) * dot, y + static_cast<double>(py) * dot, dot,
                       fmt::format("fill='{}'", hex(pixel(view, patch, py, px))));
  return out;
}

// A patch in the colour of its attention, with its per cents in the middle.
std::string svg_weight(double weight, double x, double y) {
  const std::string box =
      rectangle(x, y, patch_size, fmt::format("fill='{}' stroke='#444'", hex(heat(weight))));
  return box + fmt::format("<text x='{}' y='{}' text-anchor='middle' style='fill:{}'>{}</text>\n",
                           x + patch_size / 2, y + patch_size / 2 + 5, hex(ink_on_heat(weight)),
                           per_cent(weight));
}

// One view: a headline, the picture on the left, the attention on the right.
std::string card(const View& view, double top) {
  const Index grid = grid_of(view);
  const double left = gap, right = left + static_cast<double>(grid) * patch_size + gap;
  std::string out = fmt::format("<text x='{}' y='{}'>{}</text>\n", left, top, headline(view));
  top += line_height / 2;
  for (Index row = 0; row < grid; ++row)
    for (Index column = 0; column < grid; ++column) {
      const double y = top + static_cast<double>(row) * patch_size;
      const double dx = static_cast<double>(column) * patch_size;
      out += svg_pixels(view, row * grid + column, left + dx, y);
      out += svg_weight(weight(view, row, column), right + dx, y);
    }
  // A white frame around the patch that was meant, on both sides.
  const Index row = view.object().patch / grid, column = view.object().patch % grid;
  for (const double x : {left, right})
    out += rectangle(x + static_cast<double>(column) * patch_size,
                     top + static_cast<double>(row) * patch_size, patch_size,
                     "fill='none' stroke='#fff' stroke-width='2'");
  return out;
}

}  // namespace

View look_at(const Seer& model, const Picture& picture, const Question& question) {
  const glass::NoGrad no_grad;
  glass::nn::set_training(model, false);
  const Batch batch = make_batch({picture}, {question});
  Tensor weights;
  const Tensor logits = model(batch.patches, batch.words, &weights).value();  // [1, 1, colours]
  View view{picture, question, argmax(logits, -1)[0], {}};
  for (const glass::Real w :
       mean(weights.select(0, 0).select(1, 0), 0).to_vector())  // [H, P] → [P]
    view.attention.push_back(static_cast<double>(w));
  return view;
}

std::string draw(const View& view, bool coloured) {
  return headline(view) + "\n\n" + (coloured ? draw_colours(view) : draw_plain(view));
}

std::string to_svg(std::span<const View> views) {
  double height = gap, width = 800;  // a headline fits
  std::string cards;
  for (const View& view : views) {
    const double picture = static_cast<double>(grid_of(view)) * patch_size;
    cards += card(view, height + line_height / 2);
    height += line_height + picture + 2 * gap;
    width = std::max(width, 2 * picture + 3 * gap);
  }
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' width='{0}' height='{1}'>\n"
      "<title>Pictures, questions, and where the layer looked</title>\n"
      "<style>text {{ font: 14px sans-serif; fill: #111 }} rect {{ shape-rendering: crispEdges "
      "}}</style>\n<rect width='100%' height='100%' fill='#fff'/>\n{2}</svg>\n",
      width, height, cards);
}

}  // namespace picture_query
