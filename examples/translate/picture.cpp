// # How attention is drawn with half-block characters
#include "examples/translate/picture.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "examples/common/terminal.h"

namespace translate {

namespace {

// The letters of a token: each code point with those that are drawn on it, as vowels of Thai are.
// If the first is drawn on another, a dotted circle stands below it.
Sentence letters(std::string_view token) {
  Sentence result;
  for (const char32_t c : decode_utf8(token)) {
    const std::string letter = encode_utf8({&c, 1});
    if (columns_of(c) > 0)
      result.push_back(letter);
    else if (result.empty())
      result.push_back("◌" + letter);
    else
      result.back() += letter;
  }
  return result;
}

// How many columns of the terminal a token takes.
Index width(std::string_view token) {
  Index columns = 0;
  for (const std::string& letter : letters(token)) columns += columns_of(letter);
  return columns;
}

bool has_wide(const Sentence& tokens) {
  return std::ranges::any_of(tokens, [](const std::string& token) {
    return std::ranges::any_of(letters(token),
                               [](const std::string& letter) { return columns_of(letter) > 1; });
  });
}

// The width of the widest token, among every `step`-th token from `begin` on.
Index widest(const Sentence& tokens, std::size_t begin, std::size_t step) {
  Index most = 0;
  for (std::size_t i = begin; i < tokens.size(); i += step) most = std::max(most, width(tokens[i]));
  return most;
}

std::string spaces(Index count) { return std::string(static_cast<std::size_t>(count), ' '); }

std::string padded(const std::string& token, Index columns) {
  std::string text;
  for (const std::string& letter : letters(token)) text += letter;
  return spaces(columns - width(token)) + text;
}

// The escape sequence of a grey, from black for 0 to white for 1. The square root lifts small
// weights, which would be invisible otherwise. `ground` is 0 for the ink and 10 for the paper.
std::string color(Ink ink, double weight, int ground) {
  const double level = std::sqrt(weight);
  if (ink == Ink::greys)
    return fmt::format("\033[{};5;{}m", 38 + ground, 232 + std::lround(23 * level));
  const long grey = 16 + std::lround(239 * level);
  return fmt::format("\033[{};2;{};{};{}m", 38 + ground, grey, grey, grey);
}

// How many of a cell's half blocks a weight fills.
Index filled(double weight, Index across) {
  return across == 1 ? weight >= 0.3 : (weight >= 0.15) + (weight >= 0.5);
}

// Two weights, one above the other, in `across` characters.
std::string cell(double upper, double lower, Index across, Ink ink) {
  constexpr std::string_view blocks[] = {" ", "▄", "▀", "█"};
  std::string out;
  if (ink != Ink::blocks) out += color(ink, upper, 0) + color(ink, lower, 10);
  for (Index i = 0; i < across; ++i)
    out += ink == Ink::blocks
               ? blocks[2 * (filled(upper, across) > i) + (filled(lower, across) > i)]
               : "▀";
  return out;
}

// The source tokens above their columns, written from top to bottom. Their last letters are on the
// lowest line. A column has `across` characters; no letter has more.
std::string heading(const Sentence& source, Index margin, Index across) {
  Index height = 0;
  for (const std::string& token : source) height = std::max(height, std::ssize(letters(token)));
  std::string out;
  for (Index line = 0; line < height; ++line) {
    out += spaces(margin);
    for (const std::string& token : source) {
      // The letter of this line, or a space above a short token.
      const Sentence name = letters(token);
      const Index at = line + std::ssize(name) - height;
      const std::string letter = at >= 0 ? name[static_cast<std::size_t>(at)] : " ";
      out += letter + spaces(across - columns_of(letter));
    }
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out;
}

}  // namespace

Ink ink_for(bool is_terminal, const std::function<const char*(const char*)>& variable) {
  switch (examples::palette_for(is_terminal, variable)) {
    case examples::Palette::full:
      return Ink::true_greys;
    case examples::Palette::greys:
      return Ink::greys;
    default:
      return Ink::blocks;
  }
}

Terminal this_terminal() {
  const bool is_terminal = examples::is_terminal(stdout);
  Terminal terminal{ink_for(is_terminal, [](const char* name) { return std::getenv(name); })};
  winsize size{};
  if (is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    terminal.columns = size.ws_col;
  return terminal;
}

std::string draw_attention(const glass::Tensor& weights, const Sentence& source,
                           const Sentence& target, Terminal terminal) {
  // The margin has room for two target tokens. A weight takes two characters if they fit, or if a
  // letter above it does.
  const Index rows = std::ssize(target), columns = std::ssize(source);
  const Index left = widest(target, 0, 2), right = widest(target, 1, 2);
  const Index margin = 2 + left + 1 + right + 2;
  const bool fits = margin + 2 * columns + 1 <= terminal.columns;
  const Index across = fits || has_wide(source) ? 2 : 1;
  const auto weight = [&](Index t, Index s) {
    const double w = t < rows ? static_cast<double>(weights(t, s)) : 0;
    return std::isfinite(w) ? std::clamp(w, 0.0, 1.0) : 0;
  };

  // Two rows of weights to a line. Below an odd last row the line has an empty row.
  std::string out = heading(source, margin, across);
  for (Index t = 0; t < rows; t += 2) {
    const auto at = target.begin() + t;
    out +=
        fmt::format("  {} {} │", padded(*at, left), padded(t + 1 < rows ? *(at + 1) : "", right));
    for (Index s = 0; s < columns; ++s)
      out += cell(weight(t, s), weight(t + 1, s), across, terminal.ink);
    if (terminal.ink != Ink::blocks) out += "\033[0m";
    out += "│\n";
  }
  return out;
}

}  // namespace translate
