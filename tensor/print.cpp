// # How shapes, tensors and dual numbers are printed
//
// A Tensor is printed as nested rows, with one width for all numbers. The middle of a long axis is
// left out. fmt and `<<` give the same text.
#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <span>

#include "tensor/dual.h"
#include "tensor/tensor.h"

namespace glass {

namespace {

constexpr Index shown_at_each_end = 3;  // positions of an axis that is elided

// Is the middle of a long axis left out, all but its first three and its last three positions?
bool elided(Index size) { return size > 2 * shown_at_each_end + 1; }

// Calls item(i, skip) for each position that is shown; `skip` says that positions before it are
// not.
template <class Item>
void for_shown(Index size, Item item) {
  for (Index i = 0; i < size; ++i) {
    const bool skip = elided(size) && i == shown_at_each_end;
    if (skip) i = size - shown_at_each_end;
    item(i, skip);
  }
}

// The length in characters. In UTF-8 a character may take several bytes, as the ε of a dual number
// does; all but its first byte begin with the bits 10.
std::size_t length(std::string_view text) {
  const auto begins = [](char byte) { return (byte & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

// A NaN without its sign, which says nothing: on many CPUs 0/0 gives a negative one.
#ifdef GLASS_REAL_CERTIFIED
Real without_sign_of_nan(Real x) {
  const Interval plain = std::numeric_limits<double>::quiet_NaN();
  return {isnan(x.v) ? plain : x.v, isnan(x.d) ? plain : x.d};
}
#else
Real without_sign_of_nan(Real x) {
  using std::abs, std::isnan;
  return isnan(x) ? abs(x) : x;
}
#endif

// The text of each number that is shown, in row-major order.
void collect(const Tensor& x, std::string_view spec, std::vector<std::string>& cells) {
  if (x.rank() == 0) {
    cells.push_back(
        fmt::format(fmt::runtime(fmt::format("{{:{}}}", spec)), without_sign_of_nan(x.item())));
  } else {
    for_shown(x.size(0), [&](Index i, bool) { collect(x.select(0, i), spec, cells); });
  }
}

// Appends brackets and cells to `out`, and takes each cell that it writes from the front of
// `cells`. Rows of the last axis stand on one line; each further axis adds a bracket and an indent.
void write_rows(const Shape& shape, Index axis, std::span<const std::string>& cells,
                std::size_t width, std::string& out) {
  if (axis == shape.rank()) {
    fmt::format_to(std::back_inserter(out), "{:>{}}", cells.front(), width);
    cells = cells.subspan(1);
    return;
  }
  const bool row = axis == shape.rank() - 1;
  const std::string newline = ",\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
  out += '[';
  for_shown(shape[axis], [&](Index i, bool skip) {
    const std::string_view separator = row ? std::string_view(", ") : std::string_view(newline);
    if (i > 0) out += separator;
    if (skip) {
      out += "…";
      out += separator;
    }
    write_rows(shape, axis + 1, cells, width, out);
  });
  out += ']';
}

}  // namespace

// First the text of all numbers, since the widest of them decides the width of each column.
std::string to_string(const Tensor& x, std::string_view spec) {
  if (x.numel() == 0) return fmt::format("[] {}", x.shape());
  std::vector<std::string> cells;
  collect(x, spec, cells);
  // All cells as wide as the widest.
  std::size_t width = 0;
  for (const std::string& cell : cells) width = std::max(width, length(cell));
  std::string out;
  std::span<const std::string> rest = cells;
  write_rows(x.shape(), 0, rest, width, out);
  return out;
}

// ---- streams ----

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << fmt::format("{}", shape);
}
std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }
std::ostream& operator<<(std::ostream& out, Dual x) { return out << fmt::format("{}", x); }
#ifdef GLASS_REAL_CERTIFIED
std::ostream& operator<<(std::ostream& out, Real x) { return out << fmt::format("{}", x); }
#endif

}  // namespace glass

// ---- fmt ----

fmt::appender fmt::formatter<glass::Tensor>::format(const glass::Tensor& x,
                                                    fmt::format_context& context) const {
  return fmt::format_to(context.out(), "{}", glass::to_string(x, spec));
}

fmt::appender fmt::formatter<glass::Shape>::format(const glass::Shape& shape,
                                                   fmt::format_context& context) const {
  std::string sizes;
  for (const glass::Index size : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return fmt::format_to(context.out(), "[{}]", sizes);
}
