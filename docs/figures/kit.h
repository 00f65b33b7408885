// # The drawing kit of the course's figures
//
// A figure is an SVG picture that the book's pages contain. Its numbers come from runs of the
// library. Forward is solid and in ink, a gradient is dashed and in the accent. Memory is a strip
// of cells of 28 px. A heat map has one hue.
//
// Lengths are in px; x grows to the right, y downwards. A coordinate that is NaN, and an element
// that leaves the picture, is a StateError: a figure cannot be wrong in silence.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensor/error.h"
#include "tensor/tensor.h"

namespace figures {

// ---- places, colours, styles ----

struct Point {
  double x = 0, y = 0;
  friend Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
  friend Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
  friend Point operator*(double s, Point a) { return {s * a.x, s * a.y}; }
};

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  Point centre() const { return {x + width / 2, y + height / 2}; }
};

// A colour is a variable of the page, so a figure is light where the page is light.
struct Paint {
  std::string css;
};
inline const Paint none{"none"}, ink{"var(--f-ink)"}, muted{"var(--f-muted)"},
    accent{"var(--f-accent)"}, line{"var(--f-line)"}, panel{"var(--f-panel)"};
Paint heat(double share);  // 0: the ground, 1: the full hue

struct Style {
  Paint stroke = ink, fill = none;
  double width = 1.5;
  bool dashed = false;
  double round = 0;  // radius of a rectangle's corners
};
inline const Style forward{}, gradient{.stroke = accent, .dashed = true},
    thin{.stroke = line, .width = 1};

enum class Anchor { start, middle, end };

struct Type {
  double size = 14;  // at least 13
  Paint paint = ink;
  Anchor anchor = Anchor::middle;
  bool bold = false, italic = false, mono = false;
  bool upwards = false;  // read from below
  bool halo = false;     // a rim in the colour of the page, for text that lies on lines
};

struct ArrowStyle {
  Style line = forward;
  double bend = 0;  // how far the middle lies to the left of the straight way; negative: right
  std::string label = {};
  Type type = {.halo = true};
  double label_gap = 12;  // from the middle of the arrow to the middle of the label, to the left
};

// Three significant digits, with a true minus sign: 0.638, −1.5, 2.2·10⁻¹¹. A number of 1,000 and
// more is rounded to a whole one: 16,777,216.
std::string three(double value);
std::string power_of_ten(int exponent);  // 10⁻¹²

// ---- the figure ----

// What stands in the table of a figure's numbers.
struct Cell : std::variant<double, std::string> {
  Cell(glass::Number auto value) : variant(static_cast<double>(value)) {}
  Cell(std::string text) : variant(std::move(text)) {}
  Cell(const char* text) : variant(std::string(text)) {}
};

class Figure {
 public:
  // The description says in full sentences what a person who does not see the figure must know.
  Figure(double width, double height, std::string title, std::string description);

  void segment(Point from, Point to, const Style& style = {});
  void polyline(const std::vector<Point>& points, const Style& style = {});  // closed where filled
  void rectangle(Box box, const Style& style = {});
  void circle(Point centre, double radius, const Style& style = {});
  // `at` is the middle of the line's height, and its start, middle or end.
  void text(Point at, std::string_view words, const Type& type = {});
  void arrow(Point from, Point to, const ArrowStyle& style = {});
  // A smooth curve through points. It leaves and arrives level, or upright.
  void curve(const std::vector<Point>& way, const Style& style, bool upright = false,
             bool tip = true);
  void hatch(Box box);  // blocked, or empty: diagonal lines

  // The table behind "numbers".
  void numbers(std::vector<std::string> columns, std::vector<std::vector<Cell>> rows);

  double width() const { return width_; }
  double height() const { return height_; }
  std::string svg(std::string_view name) const;  // ids begin with the name
  std::string table() const;  // JSON: {"columns": …, "rows": …}; "" if there is none

 private:
  Point inside(Point p, std::string_view what) const;
  void tip(Point at, Point direction, const Paint& paint);

  double width_, height_;
  std::string title_, description_, body_;
  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// ---- axes ----

struct Axis {
  double from = 0, to = 1;
  std::string label = {};
  bool log = false;
  std::vector<double> ticks = {};                // none: chosen by the kit
  std::function<std::string(double)> text = {};  // of a tick; none: three()
  double share(double value) const;              // 0 at `from`, 1 at `to`
};

// Axes around a box. Their labels stand outside of it: leave 60 px at the left and 50 px below.
class Plot {
 public:
  Plot(Figure& figure, Box box, Axis x, Axis y);
  Point at(double x, double y) const;
  void line(std::span<const Point> points, const Style& style = {}) const;
  void points(std::span<const Point> points, const Style& style = {.fill = ink}) const;
  // A bar from the foot of the plot, `width` px wide.
  void bar(double x, double height, double width, const Style& style = {.fill = panel}) const;

 private:
  Figure& figure_;
  Box box_;
  Axis x_, y_;
};

// A horizontal axis alone.
class NumberLine {
 public:
  NumberLine(Figure& figure, Point left, double length, Axis axis);
  Point at(double value) const;

 private:
  Point left_;
  double length_;
  Axis axis_;
};

// ---- cells ----

inline constexpr double cell_size = 28;  // of a cell of memory

struct GridOptions {
  double width = cell_size, height = cell_size;
  std::string label = {};                 // above
  std::vector<std::string> rows = {};     // at the left of each row
  std::vector<std::string> columns = {};  // above each column
  std::vector<Paint> fills = {};          // of each cell, row by row; none: empty
  std::vector<int> hatched = {};          // indices of cells
  std::vector<int> outlined = {};         // in the accent
  Type type = {.size = 13};
};
// rows × columns cells, filled row by row with texts ("" leaves a cell empty). Returns its box.
Box grid(Figure& figure, Point corner, int rows, int columns, const std::vector<std::string>& texts,
         GridOptions options = {});
// A strip of memory: one row.
Box strip(Figure& figure, Point corner, const std::vector<std::string>& texts,
          GridOptions options = {});
// The middle of the cell `index` of a grid.
Point cell(Box grid, int rows, int columns, int index);

// A tensor of at most two axes, a vector as a row, with its numbers.
Box matrix(Figure& figure, Point corner, const glass::Tensor& x,
           GridOptions options = {.width = 56});
// Its heat map, from 0 to `most`: the cell holds its number where there are fewer than 60 cells.
Box heat_map(Figure& figure, Point corner, const glass::Tensor& x, double most,
             GridOptions options = {.width = 56});

// A rectangle that stands for a matrix, with its name inside and its sizes at the left and above.
void sized(Figure& figure, Box box, std::string_view name, std::string_view rows,
           std::string_view columns, const Style& style = {.fill = panel});

// ---- graphs ----

struct GraphNode {
  std::string name;
  std::vector<int> parents = {};  // indices of earlier nodes; twice where a value is used twice
  std::string above = {};         // in ink, such as its value
  std::string below = {};         // in the accent, such as its gradient
  std::vector<std::string> payments = {};  // what goes back to each parent; "": no arrow
  bool marked = false;
};
struct GraphOptions {
  double width = 76, height = 36;  // of a node
  bool down = false;               // ranks go down instead of to the right
};
// Lays the graph out in the box (by examples/explain), draws it, and returns the nodes' middles.
std::vector<Point> graph(Figure& figure, Box box, const std::vector<GraphNode>& nodes,
                         GraphOptions options = {});

// ---- the book's figures ----

struct Entry {
  std::string_view name;  // "chapter-0/graph"
  Figure (*draw)();
};
std::vector<Entry> chapter_0();
std::vector<Entry> chapter_3();
std::vector<Entry> chapter_6();

}  // namespace figures
