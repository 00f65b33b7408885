// # What a terminal can show
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace examples {

// ---- one live line ----

// 0:07, 12:34 or 1:02:03.
std::string duration(double seconds);

// On a terminal the line is written over itself; elsewhere a new one appears every few seconds, and
// more rarely as a long run goes on. The first and the last step are always shown.
class LiveLine {
 public:
  void show(std::int64_t step, std::int64_t steps, std::string_view text);
  // Before anything else is printed.
  void end();

 private:
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_{};
  std::chrono::milliseconds pause_{2000};
};

// ---- colours ----

enum class Colours { automatic, always, never };

// Whether to print 24-bit colours. Left to itself, it takes a terminal that promises them by
// COLORTERM, and no NO_COLOR (https://no-color.org).
bool shows_colours(Colours wish);

// Red, green and blue, from 0 to 1.
using Rgb = std::array<double, 3>;

// Two pixels, one above the other, are one character: the upper half is its ink, the lower its
// paper.
std::string half_block(const Rgb& upper, const Rgb& lower);
// What is between them is written in ink on paper.
std::string painted(const Rgb& ink, const Rgb& paper, std::string_view text);

// The same without colours, two columns wide: no weight at all is left white, all of it is black.
std::string_view shade(double weight);

}  // namespace examples
