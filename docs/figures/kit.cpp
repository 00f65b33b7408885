// # The drawing kit: shapes, text, and the file
#include "docs/figures/kit.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace figures {

using glass::check;
using glass::StateError;

namespace {

// Text that may stand in XML.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// Characters of UTF-8: bytes that do not continue a character.
std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string attributes(const Style& style) {
  std::string out = fmt::format(R"(fill="{}")", style.fill.css);
  if (style.stroke.css == none.css) return out;
  out += fmt::format(R"( stroke="{}" stroke-width="{:.4g}")", style.stroke.css, style.width);
  return style.dashed ? out + R"( stroke-dasharray="5 4")" : out;
}

std::string with_minus(std::string text) {
  if (text.starts_with('-')) text.replace(0, 1, "−");
  return text;
}

std::string attributes(const Type& type) {
  constexpr std::string_view anchors[] = {"start", "middle", "end"};
  std::string out = fmt::format(R"(font-size="{}" fill="{}" text-anchor="{}")", type.size,
                                type.paint.css, anchors[static_cast<std::size_t>(type.anchor)]);
  if (type.bold) out += R"( font-weight="650")";
  if (type.italic) out += R"( font-style="italic")";
  if (type.mono) out += " style=\"font-family: var(--mono, monospace)\"";
  if (type.halo) out += " paint-order=\"stroke\" stroke=\"var(--f-ground)\" stroke-width=\"5\"";
  return out;
}

// A whole number with a comma before every three digits from the right.
std::string with_commas(double value) {
  std::string out = fmt::format("{:.0f}", value);
  for (auto at = static_cast<int>(out.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    out.insert(static_cast<std::size_t>(at), ",");
  return out;
}

// 2.2e-11 becomes 2.2·10⁻¹¹, and 1e-11 becomes 10⁻¹¹.
std::string with_power(const std::string& text) {
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;  // 0.00012
  const std::string digits = text.substr(0, e);
  const std::string power = power_of_ten(std::stoi(text.substr(e + 1)));
  if (digits == "1") return power;
  return digits == "-1" ? "-" + power : digits + "·" + power;
}

double norm(Point p) { return std::hypot(p.x, p.y); }

}  // namespace

Paint heat(double share) {
  const double percent = 100 * std::clamp(share, 0.0, 1.0);
  return {fmt::format("color-mix(in oklab, var(--f-heat-1) {:.0f}%, var(--f-heat-0))", percent)};
}

std::string power_of_ten(int exponent) {
  constexpr std::string_view digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "10⁻" : "10";
  for (const char c : std::to_string(std::abs(exponent))) out += digits[c - '0'];
  return out;
}

std::string three(double value) {
  const double size = std::abs(value);
  if (value == 0) return "0";
  if (!std::isfinite(value)) return std::isnan(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (size >= 999.5 && size < 1e9) return with_minus(with_commas(value));
  return with_minus(with_power(fmt::format("{:.3g}", value)));
}

// ---- the figure ----

Figure::Figure(double width, double height, std::string title, std::string description)
    : width_(width),
      height_(height),
      title_(std::move(title)),
      description_(std::move(description)) {
  check<StateError>(width > 0 && width <= 680 && height > 0 && std::isfinite(height),
                    "a figure is at most 680 px wide; got {} × {}", width, height);
  check<StateError>(!title_.empty() && !description_.empty(),
                    "a figure needs a title and a description");
}

// Half a pixel is the half of a line's width at the edge.
Point Figure::inside(Point p, std::string_view what) const {
  check<StateError>(p.x >= -0.5 && p.y >= -0.5 && p.x <= width_ + 0.5 && p.y <= height_ + 0.5,
                    "{} at {:.1f}, {:.1f} leaves the picture of {} × {}", what, p.x, p.y, width_,
                    height_);
  return p;
}

void Figure::segment(Point from, Point to, const Style& style) { polyline({from, to}, style); }

void Figure::polyline(const std::vector<Point>& points, const Style& style) {
  std::string list;
  for (const Point& p : points) {
    inside(p, "a line");
    list += fmt::format("{}{:.2f},{:.2f}", list.empty() ? "" : " ", p.x, p.y);
  }
  body_ +=
      fmt::format("<{} points=\"{}\" {} stroke-linejoin=\"round\"/>\n",
                  style.fill.css == none.css ? "polyline" : "polygon", list, attributes(style));
}

void Figure::rectangle(Box box, const Style& style) {
  inside({box.x, box.y}, "a rectangle");
  inside({box.x + box.width, box.y + box.height}, "a rectangle");
  body_ += fmt::format(
      "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" rx=\"{}\" {}/>\n", box.x,
      box.y, box.width, box.height, style.round, attributes(style));
}

void Figure::circle(Point centre, double radius, const Style& style) {
  inside(centre - Point{radius, radius}, "a circle");
  inside(centre + Point{radius, radius}, "a circle");
  body_ += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" {}/>\n", centre.x,
                       centre.y, radius, attributes(style));
}

void Figure::text(Point at, std::string_view words, const Type& type) {
  if (words.empty()) return;
  check<StateError>(type.size >= 13, "'{}' is {} px high; type has at least 13", words, type.size);
  // Where the text begins and ends. The width of a letter is a mean, a little low, so that no text
  // that fits is refused.
  const double extent = (type.mono ? 0.6 : 0.5) * type.size * static_cast<double>(length(words));
  const double before = type.anchor == Anchor::start ? 0 : type.anchor == Anchor::end ? 1 : 0.5;
  const Point along = type.upwards ? Point{0, -1} : Point{1, 0};
  const Point across = type.size / 2 * Point{along.y, -along.x};
  const std::string what = fmt::format("the text '{}'", words);
  inside(at + -before * extent * along + across, what);
  inside(at + (1 - before) * extent * along - across, what);

  // The baseline lies 0.35 of the size below the middle.
  const std::string turn =
      type.upwards ? fmt::format(" transform=\"rotate(-90 {:.2f} {:.2f})\"", at.x, at.y) : "";
  body_ += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" {}{}>{}</text>\n", at.x,
                       at.y + 0.35 * type.size, attributes(type), turn, escaped(words));
}

// The tip is a triangle of its own: a marker would need an id, and a colour for each kind of line.
void Figure::tip(Point at, Point direction, const Paint& paint) {
  const Point along = 9 / norm(direction) * direction;
  const Point across = 0.45 * Point{-along.y, along.x};
  polyline({at, at - along + across, at - along - across}, {.stroke = none, .fill = paint});
}

void Figure::arrow(Point from, Point to, const ArrowStyle& style) {
  // The middle of a curve with one control point lies half as far out as that point.
  const Point way = to - from;
  check<StateError>(norm(way) > 0, "an arrow needs two places; got {:.1f}, {:.1f} twice", from.x,
                    from.y);
  const Point left = 1 / norm(way) * Point{way.y, -way.x};
  const Point middle = 0.5 * (from + to) + style.bend * left;
  const Point control = middle + style.bend * left;
  inside(from, "an arrow"), inside(to, "an arrow"), inside(middle, "an arrow");

  // The line ends inside its tip, so that its blunt end does not show.
  const Point into = to - control;
  const Point end = to - 6 / norm(into) * into;
  body_ += fmt::format("<path d=\"M{:.2f},{:.2f} Q{:.2f},{:.2f} {:.2f},{:.2f}\" {}/>\n", from.x,
                       from.y, control.x, control.y, end.x, end.y, attributes(style.line));
  tip(to, into, style.line.stroke);
  text(middle + style.label_gap * left, style.label, style.type);
}

void Figure::curve(const std::vector<Point>& way, const Style& style, bool upright, bool with_tip) {
  check<StateError>(way.size() >= 2, "a curve needs two points; got {}", way.size());
  std::string path = fmt::format("M{:.2f},{:.2f}", inside(way[0], "a curve").x, way[0].y);
  for (std::size_t i = 1; i < way.size(); ++i) {
    // Both control points stand half of the way on.
    const Point a = way[i - 1], b = inside(way[i], "a curve"), half = 0.5 * (a + b);
    const Point c = upright ? Point{a.x, half.y} : Point{half.x, a.y};
    const Point d = upright ? Point{b.x, half.y} : Point{half.x, b.y};
    path +=
        fmt::format(" C{:.2f},{:.2f} {:.2f},{:.2f} {:.2f},{:.2f}", c.x, c.y, d.x, d.y, b.x, b.y);
  }
  body_ += fmt::format("<path d=\"{}\" {}/>\n", path, attributes(style));
  if (!with_tip) return;
  const Point last = way.back() - way[way.size() - 2];
  tip(way.back(), upright ? Point{0, last.y} : Point{last.x, 0}, style.stroke);
}

// Lines from the upper edge or the right edge down to the left or the lower one, 6 px apart.
void Figure::hatch(Box box) {
  for (double at = 6; at < box.width + box.height; at += 6) {
    const Point from{box.x + std::min(at, box.width), box.y + std::max(0.0, at - box.width)};
    const Point to{box.x + std::max(0.0, at - box.height), box.y + std::min(at, box.height)};
    segment(from, to, {.stroke = muted, .width = 0.8});
  }
}

// ---- the numbers, and the file ----

void Figure::numbers(std::vector<std::string> columns, std::vector<std::vector<Cell>> rows) {
  for (const auto& row : rows)
    check<StateError>(row.size() == columns.size(), "a row of {} numbers under {} columns",
                      row.size(), columns.size());
  columns_ = std::move(columns);
  rows_ = std::move(rows);
}

std::string Figure::table() const {
  if (columns_.empty()) return "";
  nlohmann::json rows = nlohmann::json::array();
  for (const std::vector<Cell>& row : rows_) {
    rows.push_back(nlohmann::json::array());
    for (const Cell& cell : row) {
      const double* number = std::get_if<double>(&cell);
      check<StateError>(!number || std::isfinite(*number), "a number of the table is not finite");
      // Six digits, as many as a reader may want to compare.
      if (number)
        rows.back().push_back(std::stod(fmt::format("{:.6g}", *number)));
      else
        rows.back().push_back(std::get<std::string>(cell));
    }
  }
  return nlohmann::json{{"columns", columns_}, {"rows", rows}}.dump(1) + "\n";
}

// The variables of the page, or, where the file stands alone, colours for light and for dark.
std::string Figure::svg(std::string_view name) const {
  std::string id(name);
  std::ranges::replace(id, '/', '-');
  const auto variable = [](std::string_view own, std::string_view page, std::string_view light,
                           std::string_view dark) {
    return fmt::format("--f-{}: var(--{}, light-dark({}, {})); ", own, page, light, dark);
  };
  const std::string style =
      variable("ground", "ground", "#fdfcf8", "#131519") +
      variable("ink", "ink", "#20242b", "#ece9e2") +
      variable("muted", "muted", "#5c6068", "#a6abb4") +
      variable("accent", "accent", "#b0480f", "#f2955c") +
      variable("line", "line", "#e5e1d8", "#2e333c") +
      variable("panel", "panel", "#f5f3ed", "#20242b") +
      variable("heat-0", "heat-0", "#fdfcf8", "#1a1d23") +
      variable("heat-1", "heat-1", "#d9742f", "#b5622c") +
      "font-family: var(--sans, Inter, system-ui, sans-serif); font-variant-numeric: tabular-nums";
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" "
      "height=\"{1:g}\" "
      "role=\"img\" aria-labelledby=\"{2}-title {2}-desc\" style=\"{3}\">\n"
      "<title id=\"{2}-title\">{4}</title>\n<desc id=\"{2}-desc\">{5}</desc>\n"
      "<style>:where(svg:root) {{ color-scheme: light dark }}</style>\n{6}</svg>\n",
      width_, height_, id, style, escaped(title_), escaped(description_), body_);
}

}  // namespace figures
