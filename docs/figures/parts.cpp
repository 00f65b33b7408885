// # The drawing kit: axes, cells and graphs, made of its shapes
#include <algorithm>
#include <cmath>
#include <map>

#include "docs/figures/kit.h"
#include "examples/explain/layout.h"

namespace figures {

using glass::check;
using glass::StateError;

// ---- axes ----

double Axis::share(double value) const {
  check<StateError>(!log || (from > 0 && value > 0), "a logarithmic axis needs numbers above 0");
  return log ? std::log(value / from) / std::log(to / from) : (value - from) / (to - from);
}

namespace {

// The powers of ten of a logarithmic axis; on a linear axis 4 to 10 steps of 1, 2 or 5 times a
// power of ten.
std::vector<double> ticks_of(const Axis& axis) {
  if (!axis.ticks.empty()) return axis.ticks;
  std::vector<double> ticks;
  const auto [low, high] = std::minmax(axis.from, axis.to);
  if (axis.log) {
    for (double power = std::floor(std::log10(low)); power <= std::ceil(std::log10(high)); ++power)
      ticks.push_back(std::pow(10, power));
  } else {
    const double tenth = std::pow(10, std::floor(std::log10((high - low) / 4)));
    const double most = (high - low) / 4 / tenth;
    const double step = tenth * (most >= 5 ? 5 : most >= 2 ? 2 : 1);
    for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
      ticks.push_back(k * step);
  }
  // Powers of ten outside of the axis are left out.
  std::erase_if(ticks, [&](double tick) { return std::abs(axis.share(tick) - 0.5) > 0.5 + 1e-9; });
  return ticks;
}

// On a logarithmic axis, powers of ten above 10,000 are written as such: 10⁵.
std::string text_of(const Axis& axis, double tick) {
  if (axis.text) return axis.text(tick);
  return axis.log && tick > 5e4 ? power_of_ten(static_cast<int>(std::lround(std::log10(tick))))
                                : three(tick);
}

}  // namespace

Plot::Plot(Figure& figure, Box box, Axis x, Axis y)
    : figure_(figure), box_(box), x_(std::move(x)), y_(std::move(y)) {
  const double foot = box.y + box.height;
  for (const double tick : ticks_of(x_)) {
    const double px = box.x + x_.share(tick) * box.width;
    figure.segment({px, foot}, {px, foot + 5}, {.stroke = muted, .width = 1});
    figure.text({px, foot + 16}, text_of(x_, tick), {.size = 13, .paint = muted});
  }
  for (const double tick : ticks_of(y_)) {
    const double py = foot - y_.share(tick) * box.height;
    figure.segment({box.x, py}, {box.x + box.width, py}, thin);
    figure.text({box.x - 8, py}, text_of(y_, tick),
                {.size = 13, .paint = muted, .anchor = Anchor::end});
  }
  // The axes themselves, and what they are.
  figure.segment({box.x, foot}, {box.x + box.width, foot}, {.stroke = muted, .width = 1});
  figure.text({box.x + box.width / 2, foot + 37}, x_.label);
  figure.text({box.x, box.y - 16}, y_.label, {.anchor = Anchor::start});
}

Point Plot::at(double x, double y) const {
  return {box_.x + x_.share(x) * box_.width, box_.y + (1 - y_.share(y)) * box_.height};
}

void Plot::line(std::span<const Point> points, const Style& style) const {
  std::vector<Point> way;
  for (const Point& p : points) way.push_back(at(p.x, p.y));
  figure_.polyline(way, style);
}

void Plot::points(std::span<const Point> points, const Style& style) const {
  for (const Point& p : points) figure_.circle(at(p.x, p.y), 3.5, style);
}

void Plot::bar(double x, double height, double width, const Style& style) const {
  const Point top = at(x, height);
  figure_.rectangle({top.x - width / 2, top.y, width, box_.y + box_.height - top.y}, style);
}

NumberLine::NumberLine(Figure& figure, Point left, double length, Axis axis)
    : left_(left), length_(length), axis_(std::move(axis)) {
  figure.segment(left, left + Point{length, 0}, {.stroke = muted, .width = 1});
  for (const double tick : ticks_of(axis_)) {
    figure.segment(at(tick) - Point{0, 4}, at(tick) + Point{0, 4}, {.stroke = muted, .width = 1});
    figure.text(at(tick) + Point{0, 16}, text_of(axis_, tick), {.size = 13, .paint = muted});
  }
  figure.text(left + Point{length / 2, 37}, axis_.label);
}

Point NumberLine::at(double value) const { return left_ + Point{axis_.share(value) * length_, 0}; }

// ---- cells ----

Point cell(Box grid, int rows, int columns, int index) {
  const double width = grid.width / columns, height = grid.height / rows;
  const int i = index / columns, j = index % columns;
  return {grid.x + (j + 0.5) * width, grid.y + (i + 0.5) * height};
}

namespace {

// The names of rows and columns, and of the whole.
void name_grid(Figure& figure, Box box, const GridOptions& options) {
  for (std::size_t i = 0; i < options.rows.size(); ++i)
    figure.text({box.x - 8, box.y + (double(i) + 0.5) * options.height}, options.rows[i],
                {.size = 13, .paint = muted, .anchor = Anchor::end});
  for (std::size_t j = 0; j < options.columns.size(); ++j)
    figure.text({box.x + (double(j) + 0.5) * options.width, box.y - 11}, options.columns[j],
                {.size = 13, .paint = muted});
  const double above = options.columns.empty() ? 12 : 32;
  figure.text({box.x + box.width / 2, box.y - above}, options.label);
}

}  // namespace

Box grid(Figure& figure, Point corner, int rows, int columns, const std::vector<std::string>& texts,
         GridOptions options) {
  const Box box{corner.x, corner.y, columns * options.width, rows * options.height};
  const auto cell_box = [&](int i) {
    const Point middle = cell(box, rows, columns, i);
    return Box{middle.x - options.width / 2, middle.y - options.height / 2, options.width,
               options.height};
  };
  // First what lies behind, then the texts, then what stands out.
  for (int i = 0; i < rows * columns; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Paint fill = at < options.fills.size() ? options.fills[at] : none;
    figure.rectangle(cell_box(i), {.stroke = muted, .fill = fill, .width = 1});
  }
  for (const int i : options.hatched) figure.hatch(cell_box(i));
  for (std::size_t i = 0; i < std::min(texts.size(), std::size_t(rows * columns)); ++i)
    figure.text(cell(box, rows, columns, static_cast<int>(i)), texts[i], options.type);
  for (const int i : options.outlined)
    figure.rectangle(cell_box(i), {.stroke = accent, .width = 2.5});
  name_grid(figure, box, options);
  return box;
}

Box strip(Figure& figure, Point corner, const std::vector<std::string>& texts,
          GridOptions options) {
  return grid(figure, corner, 1, static_cast<int>(texts.size()), texts, std::move(options));
}

namespace {

struct Numbers {
  int rows = 1, columns = 1;
  std::vector<double> values;
};

Numbers numbers_of(const glass::Tensor& x) {
  check<StateError>(x.rank() <= 2, "a figure shows at most two axes; got {}", x.shape());
  Numbers out;
  if (x.rank() > 0) out.columns = static_cast<int>(x.size(-1));
  if (x.rank() > 1) out.rows = static_cast<int>(x.size(0));
  for (const glass::Real value : x.to_vector()) out.values.push_back(static_cast<double>(value));
  return out;
}

}  // namespace

Box matrix(Figure& figure, Point corner, const glass::Tensor& x, GridOptions options) {
  const Numbers numbers = numbers_of(x);
  std::vector<std::string> texts;
  for (const double value : numbers.values) texts.push_back(three(value));
  return grid(figure, corner, numbers.rows, numbers.columns, texts, std::move(options));
}

// Text stays readable on half of the hue, in dark too; without numbers the map uses all of it.
Box heat_map(Figure& figure, Point corner, const glass::Tensor& x, double most,
             GridOptions options) {
  const Numbers numbers = numbers_of(x);
  const bool shows_numbers = numbers.values.size() < 60;
  std::vector<std::string> texts;
  for (const double value : numbers.values) {
    check<StateError>(value >= 0 && value <= most * (1 + 1e-9),
                      "a heat map goes from 0 to {}; got {}", most, value);
    texts.push_back(shows_numbers ? three(value) : "");
    options.fills.push_back(heat((shows_numbers ? 0.5 : 1) * value / most));
  }
  return grid(figure, corner, numbers.rows, numbers.columns, texts, std::move(options));
}

void sized(Figure& figure, Box box, std::string_view name, std::string_view rows,
           std::string_view columns, const Style& style) {
  figure.rectangle(box, style);
  figure.text(box.centre(), name, {.size = 16, .italic = true});
  figure.text({box.x - 9, box.centre().y}, rows, {.paint = muted, .anchor = Anchor::end});
  figure.text({box.centre().x, box.y - 11}, columns, {.paint = muted});
}

// ---- graphs ----

namespace {

// Turns ranks and places into px, and draws nodes and arrows there.
class GraphDrawing {
 public:
  GraphDrawing(Figure& figure, Box box, const std::vector<GraphNode>& nodes, GraphOptions options)
      : figure_(figure), box_(box), nodes_(nodes), options_(options) {
    std::vector<std::vector<int>> parents;
    for (const GraphNode& node : nodes) parents.push_back(node.parents);
    layout_ = explain::layout(parents);
    for (const explain::Arrow& arrow : layout_.arrows)
      for (const explain::Point& p : arrow.way) spread(p);
    for (const explain::Point& p : layout_.nodes) spread(p);
  }

  std::vector<Point> draw() {
    for (const explain::Arrow& arrow : layout_.arrows) draw_arrow(arrow);
    std::vector<Point> middles;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      middles.push_back(place(layout_.nodes[i]));
      draw_node(nodes_[i], middles.back());
    }
    return middles;
  }

 private:
  void spread(const explain::Point& p) {
    ranks_ = std::max(ranks_, p.rank);
    places_ = std::max(places_, p.place);
  }

  // The middles of the outermost nodes are half a node away from the edge of the box.
  Point place(const explain::Point& p) const {
    const double across = places_ > 0 ? p.place / places_ : 0.5;
    const double along = ranks_ > 0 ? p.rank / ranks_ : 0.5;
    const double w = options_.width, h = options_.height;
    return {box_.x + w / 2 + (options_.down ? across : along) * (box_.width - w),
            box_.y + h / 2 + (options_.down ? along : across) * (box_.height - h)};
  }

  // An arrow for each use, side by side, and a dashed one back for each payment.
  void draw_arrow(const explain::Arrow& arrow) {
    const GraphNode& child = nodes_[static_cast<std::size_t>(arrow.to)];
    std::vector<std::size_t> slots;
    for (std::size_t slot = 0; slot < child.parents.size(); ++slot)
      if (child.parents[slot] == arrow.from) slots.push_back(slot);
    const double apart = child.payments.empty() ? 14 : options_.down ? 44 : 26;
    for (std::size_t k = 0; k < slots.size(); ++k) {
      const double shift = (double(k) - double(slots.size() - 1) / 2) * apart;
      const bool pays = slots[k] < child.payments.size() && !child.payments[slots[k]].empty();
      figure_.curve(way(arrow, shift - (pays ? 5 : 0)), forward, options_.down);
      if (pays) pay(way(arrow, shift + 5), child.payments[slots[k]]);
    }
  }

  // From the edge of the parent to the edge of the child.
  std::vector<Point> way(const explain::Arrow& arrow, double shift) const {
    const Point aside = options_.down ? Point{shift, 0} : Point{0, shift};
    const Point half = options_.down ? Point{0, options_.height / 2} : Point{options_.width / 2, 0};
    std::vector<Point> points;
    for (const explain::Point& p : arrow.way) points.push_back(place(p) + aside);
    points.front() = points.front() + half;
    points.back() = points.back() - half;
    return points;
  }

  void pay(std::vector<Point> points, const std::string& payment) {
    std::ranges::reverse(points);
    figure_.curve(points, gradient, options_.down);
    // The label stands beside the middle of the arrow's first stretch.
    const Point middle = 0.5 * (points[0] + points[1]);
    const Point beside = options_.down ? Point{6, 0} : Point{0, 12};
    figure_.text(middle + beside, payment,
                 {.size = 13,
                  .paint = accent,
                  .anchor = options_.down ? Anchor::start : Anchor::middle,
                  .halo = true});
  }

  void draw_node(const GraphNode& node, Point middle) {
    const Box box{middle.x - options_.width / 2, middle.y - options_.height / 2, options_.width,
                  options_.height};
    const bool leaf = node.parents.empty();
    figure_.rectangle(box, {.stroke = node.marked ? accent : ink,
                            .fill = panel,
                            .width = node.marked ? 2.5 : 1.2,
                            .round = leaf ? options_.height / 2 : 4});
    figure_.text(middle, node.name);
    figure_.text({middle.x, box.y - 10}, node.above, {.size = 13});
    figure_.text({middle.x, box.y + box.height + 11}, node.below, {.size = 13, .paint = accent});
  }

  Figure& figure_;
  Box box_;
  const std::vector<GraphNode>& nodes_;
  GraphOptions options_;
  explain::Layout layout_;
  double ranks_ = 0, places_ = 0;
};

}  // namespace

std::vector<Point> graph(Figure& figure, Box box, const std::vector<GraphNode>& nodes,
                         GraphOptions options) {
  return GraphDrawing(figure, box, nodes, options).draw();
}

}  // namespace figures
