// # The terminal: the live line, and its colours
#include "examples/common/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "examples/common/program.h"

namespace examples {

namespace {

// The escape sequence that selects a 24-bit colour; layer 38 is the ink, 48 the paper.
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

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::ptrdiff_t first = number < 0 ? 1 : 0;
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > first; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

bool is_terminal(std::FILE* file) {
  const char* kind = std::getenv("TERM");
  return ::isatty(::fileno(file)) == 1 && kind && std::string_view(kind) != "dumb";
}

// ---- one live line ----

void LiveLine::show(std::int64_t step, std::int64_t steps, std::string_view text) {
  // The line is shown only if the pause since the last time was long enough.
  const auto now = std::chrono::steady_clock::now();
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : pause_;
  if (step != 1 && step != steps && now - shown_ < pause) return;
  shown_ = now;
  if (step > 1) pause_ = std::min(pause_ * 5 / 4, std::chrono::milliseconds(60000));
  const std::string line = fmt::format("step {}/{}  {}", step, steps, text);
  if (terminal_) return show(line);
  fmt::print(out_, "{}\n", line);
  flush(out_);
}

void LiveLine::show(std::string_view text) {
  if (!terminal_) return;
  fmt::print(out_, "\r{}\033[K", text);
  flush(out_);
  open_ = true;
}

void LiveLine::end() {
  if (std::exchange(open_, false)) fmt::print(out_, "\n");
}

void LiveLine::erase() {
  if (!std::exchange(open_, false)) return;
  fmt::print(out_, "\r\033[K");
  flush(out_);
}

// ---- colours ----

Palette palette_for(bool is_terminal, const std::function<const char*(const char*)>& variable) {
  const auto value = [&](const char* name) {
    const char* text = variable(name);
    return std::string_view(text ? text : "");
  };
  // NO_COLOR counts if it is set to anything but an empty text.
  const std::string_view kind = value("TERM"), promised = value("COLORTERM");
  if (!is_terminal || !value("NO_COLOR").empty() || kind == "dumb") return Palette::none;
  if (promised == "truecolor" || promised == "24bit") return Palette::full;
  if (kind.find("256color") != std::string_view::npos) return Palette::greys;
  return kind.empty() ? Palette::none : Palette::named;
}

Palette palette() {
  return palette_for(is_terminal(stdout), [](const char* name) { return std::getenv(name); });
}

bool shows_colours(Colours wish) {
  if (wish != Colours::automatic) return wish == Colours::always;
  return palette() == Palette::full;
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
