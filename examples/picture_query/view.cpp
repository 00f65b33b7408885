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

// From night to sunlight.
Rgb heat(double weight) {
  const double w = std::sqrt(std::clamp(weight, 0.0, 1.0));
  return {0.08 + 0.92 * w, 0.08 + 0.80 * w, 0.14 + 0.36 * w};
}

Rgb ink_on_heat(double weight) { return weight > 0.25 ? Rgb{0, 0, 0} : Rgb{0.75, 0.75, 0.75}; }

// Whole per cents; nothing is written where there is next to nothing.
std::string per_cent(double weight) {
  return weight < 0.005 ? "" : fmt::format("{:.0f}", 100 * weight);
}

std::string_view colour_of(int number) { return colours[static_cast<std::size_t>(number)]; }

std::string headline(const View& view) {
  const bool right = view.answer == view.object().colour;
  std::string text = fmt::format("{} {}: {}", right ? "✓" : "✗", text_of(view.question.words),
                                 colour_of(view.answer));
  if (!right) text += fmt::format(" ({} expected)", colour_of(view.object().colour));
  return text + fmt::format(", {:.0f} % of its attention there", 100 * view.on_the_object());
}

// ---- the terminal ----

std::string draw_colours(const View& view) {
  const Index grid = grid_of(view), side = side_of(view);
  // Large pictures are drawn with fewer pixels, so that both fit 80 columns. An even number of
  // them, for two stand in one character.
  const Index n = std::max<Index>(std::min(side, 40 / grid) / 2 * 2, 2);
  const Index cell = std::min<Index>(n, 8);
  std::string out;
  for (Index row = 0; row < grid; ++row)
    for (Index line = 0; line < n / 2; ++line) {
      out += "  ";
      for (Index column = 0; column < grid; ++column)
        for (Index x = 0; x < n; ++x) {
          const auto at = [&](Index y) {
            return pixel(view, row * grid + column, y * side / n, x * side / n);
          };
          out += examples::half_block(at(2 * line), at(2 * line + 1));
        }
      out += "  ";
      for (Index column = 0; column < grid; ++column) {
        const double w = weight(view, row, column);
        const std::string text = line == n / 4 && n >= 4 ? per_cent(w) : "";
        out += examples::painted(ink_on_heat(w), heat(w), fmt::format("{:^{}}", text, cell));
      }
      out += '\n';
    }
  return out;
}

constexpr std::string_view signs[2][4] = {{"•", "▪", "▴", "+"}, {"●", "■", "▲", "✚"}};

std::string draw_plain(const View& view) {
  const Index grid = grid_of(view);
  std::string out;
  for (Index row = 0; row < grid; ++row) {
    out += "  ";
    for (Index column = 0; column < grid; ++column) {
      const auto here = [&](const Object& o) { return o.patch == row * grid + column; };
      const auto& objects = view.picture.objects;
      const auto object = std::ranges::find_if(objects, here);
      out += object == objects.end() ? "·   "
                                     : fmt::format("{}{}  ", signs[object->size][object->form],
                                                   colour_of(object->colour).substr(0, 1));
    }
    out += " │ ";
    for (Index column = 0; column < grid; ++column) {
      const double w = weight(view, row, column);
      out += fmt::format("{}{:>3} ", examples::shade(w), per_cent(w));
    }
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

std::string card(const View& view, double top) {
  const Index grid = grid_of(view), side = side_of(view);
  const double left = gap, right = left + static_cast<double>(grid) * patch_size + gap,
               dot = patch_size / static_cast<double>(side);
  std::string out = fmt::format("<text x='{}' y='{}'>{}</text>\n", left, top, headline(view));
  top += line_height / 2;
  for (Index row = 0; row < grid; ++row)
    for (Index column = 0; column < grid; ++column) {
      const double y = top + static_cast<double>(row) * patch_size;
      const double dx = static_cast<double>(column) * patch_size;
      for (Index py = 0; py < side; ++py)
        for (Index px = 0; px < side; ++px)
          out += rectangle(left + dx + static_cast<double>(px) * dot,
                           y + static_cast<double>(py) * dot, dot,
                           fmt::format("fill='{}'", hex(pixel(view, row * grid + column, py, px))));
      const double w = weight(view, row, column);
      out += rectangle(right + dx, y, patch_size,
                       fmt::format("fill='{}' stroke='#444'", hex(heat(w))));
      out += fmt::format("<text x='{}' y='{}' text-anchor='middle' style='fill:{}'>{}</text>\n",
                         right + dx + patch_size / 2, y + patch_size / 2 + 5, hex(ink_on_heat(w)),
                         per_cent(w));
    }
  // What was meant.
  const Index patch = view.object().patch;
  for (const double x : {left, right})
    out += rectangle(x + static_cast<double>(patch % grid) * patch_size,
                     top + static_cast<double>(patch / grid) * patch_size, patch_size,
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
