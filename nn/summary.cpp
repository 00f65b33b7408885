// # The table of a model
//
// Three columns, as wide as their longest entries, and the notes behind them:
//
//     name         shape      count
//     up.weight    [64, 32]   2,048
//     up.bias      [64]          64  frozen
//     2,048 trained, 64 frozen; 8,448 bytes
#include "nn/summary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <unordered_map>

namespace glass::nn {

Summary summary_of(const NamedVars& parameters,
                   const std::vector<std::pair<std::string, Tensor>>& buffers) {
  Summary result;
  std::unordered_map<const Node*, std::size_t> row_of;
  for (const auto& [name, parameter] : parameters) {
    const Node& node = *parameter.node();
    // A name of a parameter that has a row already goes into the note of this row.
    const auto [entry, is_new] = row_of.try_emplace(&node, result.rows.size());
    if (!is_new) {
      Summary::Row& row = result.rows[entry->second];
      row.also.push_back(name);
      continue;
    }
    const std::string kind = node.requires_grad ? "" : node.frozen ? "frozen" : "constant";
    Index& total = kind.empty() ? result.trained : node.frozen ? result.frozen : result.others;
    total += parameter.numel();
    result.rows.push_back({name, parameter.shape(), kind, {}});
  }
  for (const auto& [name, buffer] : buffers) {
    result.rows.push_back({name, buffer.shape(), "buffer", {}});
    result.others += buffer.numel();
  }
  result.bytes = (result.trained + result.frozen + result.others) * Index{sizeof(Real)};
  return result;
}

namespace {

// "frozen, also b, c"
std::string note_of(const Summary::Row& row) {
  if (row.also.empty()) return row.kind;
  return fmt::format("{}{}also {}", row.kind, row.kind.empty() ? "" : ", ",
                     fmt::join(row.also, ", "));
}

// 1234567 is written as 1,234,567.
std::string grouped(Index n) {
  std::string digits = std::to_string(n);
  for (std::ptrdiff_t end = std::ssize(digits) - 3; end > 0; end -= 3)
    digits.insert(static_cast<std::size_t>(end), ",");
  return digits;
}

// How many columns a text takes: bytes that continue a character of UTF-8 take none.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// The cells of one line, and the width of each column.
using Cells = std::array<std::string, 3>;
using Widths = std::array<std::size_t, 3>;

// Names and shapes begin at one column, counts end at one column.
std::string line_of(const Cells& cells, const Widths& widths, const std::string& note) {
  const auto& [name, shape, count] = cells;
  const std::string gap(widths[0] - width_of(name), ' ');
  return fmt::format("{}{}  {:<{}}  {:>{}}{}{}\n", name, gap, shape, widths[1], count, widths[2],
                     note.empty() ? "" : "  ", note);
}

}  // namespace

std::string Summary::text() const {
  std::vector<Cells> lines{{"name", "shape", "count"}};
  for (const Row& row : rows)
    lines.push_back({row.name, fmt::format("{}", row.shape), grouped(row.shape.numel())});
  Widths widths{};
  for (const Cells& cells : lines)
    for (std::size_t i = 0; i < 3; ++i) widths[i] = std::max(widths[i], width_of(cells[i]));

  std::string table = line_of(lines[0], widths, "");
  for (std::size_t i = 0; i < rows.size(); ++i)
    table += line_of(lines[i + 1], widths, note_of(rows[i]));
  table += fmt::format("{} trained, {} frozen", grouped(trained), grouped(frozen));
  if (others > 0) table += fmt::format(", {} others", grouped(others));
  return table + fmt::format("; {} bytes", grouped(bytes));
}

std::ostream& operator<<(std::ostream& out, const Summary& summary) {
  return out << summary.text();
}

}  // namespace glass::nn

fmt::appender fmt::formatter<glass::nn::Summary>::format(const glass::nn::Summary& x,
                                                         fmt::format_context& context) const {
  return fmt::formatter<std::string_view>::format(x.text(), context);
}
