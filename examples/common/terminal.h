// # What a terminal can show
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace examples {

// ---- numbers ----

// 0:07, 12:34 or 1:02:03.
std::string duration(double seconds);

// 9,038,341: commas between groups of three digits.
std::string grouped(std::int64_t number);

// ---- one live line ----

// Whether `file` goes to a screen that can move its cursor.
bool is_terminal(std::FILE* file);

// On a terminal each line overwrites the one before. Elsewhere, in a file for instance, a new line
// appears every few seconds, and less often as a long run goes on. The first and the last step are
// always shown.
class LiveLine {
 public:
  explicit LiveLine(std::FILE* out = stdout) : out_(out), terminal_(is_terminal(out)) {}

  void show(std::int64_t step, std::int64_t steps, std::string_view text);
  // For work that has no steps: shown on a terminal only.
  void show(std::string_view text);

  // To be called before anything else is printed: end() keeps the line, erase() removes it.
  void end();
  void erase();

 private:
  std::FILE* out_;
  bool terminal_ = false, open_ = false;
  std::chrono::steady_clock::time_point shown_{};
  std::chrono::milliseconds pause_{2000};
};

// ---- colours ----

enum class Colours { automatic, always, never };

// The colours that a terminal can show. Each kind includes the kinds before it.
enum class Palette {
  none,   // no terminal, TERM is dumb or not set, or NO_COLOR asks for none (https://no-color.org)
  named,  // red, green, …
  greys,  // 256 colours, 24 of them grey
  full    // 24 bits
};
Palette palette_for(bool is_terminal, const std::function<const char*(const char*)>& variable);
Palette palette();  // of the standard output

// Whether to print 24-bit colours. `automatic`: if the standard output can show them.
bool shows_colours(Colours wish);

// Red, green and blue, from 0 to 1.
using Rgb = std::array<double, 3>;

// Two pixels, one above the other, as one character ▀: its ink is the upper pixel's colour, its
// paper the lower pixel's.
std::string half_block(const Rgb& upper, const Rgb& lower);
// `text` in the colour `ink` on the background `paper`.
std::string painted(const Rgb& ink, const Rgb& paper, std::string_view text);

// A weight from 0 to 1 without colours: a shade, two columns wide, from empty to solid.
std::string_view shade(double weight);

}  // namespace examples
