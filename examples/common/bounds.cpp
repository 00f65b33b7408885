// # Numbers on a command line: reading them, and refusing what is out of bounds
#include "examples/common/bounds.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "examples/common/quote.h"

namespace examples {

namespace {

// ---- reading ----

// A whole number that does not fit, or is below 0, is out of all bounds.
struct Whole {
  std::uint64_t value = 0;
  bool fits = false;
};

std::optional<Whole> read_whole(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return {};
  Whole number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  number.fits = error == std::errc() && (!negative || number.value == 0);
  return number;
}

// Infinity is a number that is out of all bounds; NaN is no number.
std::optional<double> read_real(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const bool whole_text = !text.empty() && end == text.c_str() + text.size();
  const bool decimal = text.find_first_of("xX \t\n\v\f\r") == std::string::npos;
  if (!whole_text || !decimal || std::isnan(number)) return {};
  return number;
}

// ---- refusing ----

[[noreturn]] void refuse(const CLI::Option& option, const std::string& expected,
                         const std::string& got) {
  throw CLI::ParseError(fmt::format("{} must be {}; got {}", option.get_name(), expected,
                                    got.empty() ? "nothing" : shortened(got)),
                        CLI::ExitCodes::ValidationError);
}

// `check` may write the number in another way. Its errors pass through CLI11 as they are: only
// those of CLI::ValidationError would get the option's name a second time.
CLI::Option* check_with(CLI::Option* option, const std::string& description,
                        std::function<void(std::string&)> check) {
  return option->transform(CLI::Validator(
      [check = std::move(check)](std::string& text) {
        check(text);
        return std::string();
      },
      description));
}

}  // namespace

CLI::Option* within(CLI::Option* option, WholeNumber bounds) {
  const bool two = bounds.most - bounds.least == 1;
  const std::string range = fmt::format("{} {} {}", bounds.least, two ? "or" : "to", bounds.most);
  return check_with(option, range, [=](std::string& text) {
    const std::optional<Whole> number = read_whole(text);
    if (!number) refuse(*option, fmt::format("a whole number, {}", range), text);
    if (!number->fits || number->value < bounds.least || number->value > bounds.most)
      refuse(*option,
             two ? range : fmt::format("at least {} and at most {}", bounds.least, bounds.most),
             text);
    if (number->value % bounds.factor != 0)
      refuse(*option, fmt::format("a multiple of {}", bounds.factor), text);
    text = fmt::to_string(number->value);  // CLI11 would take 010 for 8
  });
}

CLI::Option* within(CLI::Option* option, RealNumber bounds) {
  const std::string range =
      fmt::format("{}{} to {}", bounds.open ? "above " : "", bounds.least, bounds.most);
  return check_with(option, range, [=](std::string& text) {
    const std::optional<double> number = read_real(text);
    if (!number) refuse(*option, "a number", text);
    // An open range does not contain its least number.
    const bool above = bounds.open ? *number > bounds.least : *number >= bounds.least;
    if (!above || *number > bounds.most)
      refuse(*option,
             fmt::format("{} {} and at most {}", bounds.open ? "more than" : "at least",
                         bounds.least, bounds.most),
             text);
  });
}

}  // namespace examples
