#include "examples/common/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace examples {

namespace {

bool on_a_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string code(int layer, const Rgb& colour) {
  const auto byte = [](double part) {
    return static_cast<int>(std::lround(255 * std::clamp(part, 0.0, 1.0)));
  };
  return fmt::format("\033[{};2;{};{};{}m", layer, byte(colour[0]), byte(colour[1]),
                     byte(colour[2]));
}

}  // namespace

std::string duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

void LiveLine::show(std::int64_t step, std::int64_t steps, std::string_view text) {
  static const bool terminal = on_a_terminal();
  const auto now = std::chrono::steady_clock::now();
  const auto pause = terminal ? std::chrono::milliseconds(100) : pause_;
  if (step != 1 && step != steps && now - shown_ < pause) return;
  shown_ = now;
  if (step > 1) pause_ = std::min(pause_ * 5 / 4, std::chrono::milliseconds(60000));
  fmt::print("{}step {}/{}  {}{}", terminal ? "\r" : "", step, steps, text,
             terminal ? "\033[K" : "\n");
  open_ = terminal;
  std::fflush(stdout);
}

void LiveLine::end() {
  if (std::exchange(open_, false)) fmt::print("\n");
}

bool shows_colours(Colours wish) {
  if (wish != Colours::automatic) return wish == Colours::always;
  const std::string_view promised = variable("COLORTERM");
  return on_a_terminal() && variable("NO_COLOR").empty() && variable("TERM") != "dumb" &&
         (promised == "truecolor" || promised == "24bit");
}

std::string painted(const Rgb& ink, const Rgb& paper, std::string_view text) {
  return fmt::format("{}{}{}\033[0m", code(38, ink), code(48, paper), text);
}

std::string half_block(const Rgb& upper, const Rgb& lower) { return painted(upper, lower, "▀"); }

std::string_view shade(double weight) {
  constexpr std::string_view shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  const double level = std::clamp(weight, 0.0, 1.0) * 5;
  return shades[std::min<std::size_t>(static_cast<std::size_t>(level), 4)];
}

}  // namespace examples
