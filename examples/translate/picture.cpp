#include "examples/translate/picture.h"

#include <algorithm>

namespace translate {

namespace {

// The code points of a token, each of which takes one column of the terminal.
Sentence letters(std::string_view token) { return tokenize(Unit::characters, token); }

std::size_t width(std::string_view token) { return letters(token).size(); }

std::string spaces(std::size_t count) { return std::string(count, ' '); }

// Five shades: no weight at all is left white, and all of it is black.
std::string_view shade(double weight) {
  constexpr std::string_view shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  const double level = std::clamp(weight, 0.0, 1.0) * 5;
  return shades[std::min<std::size_t>(static_cast<std::size_t>(level), 4)];
}

}  // namespace

std::string draw_attention(const glass::Tensor& weights, const Sentence& source,
                           const Sentence& target) {
  std::size_t margin = 0, height = 0;
  for (const std::string& token : target) margin = std::max(margin, width(token));
  for (const std::string& token : source) height = std::max(height, width(token));

  // The source stands above the columns, each token from top to bottom, its last letter lowest.
  std::string out;
  for (std::size_t line = 0; line < height; ++line) {
    out += spaces(margin + 4);
    for (const std::string& token : source) {
      const Sentence name = letters(token);
      const bool shown = line + name.size() >= height;
      out += shown ? name[line + name.size() - height] : " ";
      out += ' ';
    }
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  }
  for (std::size_t t = 0; t < target.size(); ++t) {
    out += fmt::format("  {}{} ", spaces(margin - width(target[t])), target[t]);
    for (std::size_t s = 0; s < source.size(); ++s)
      out += shade(static_cast<double>(weights(t, s)));
    out += "│\n";
  }
  return out;
}

}  // namespace translate
