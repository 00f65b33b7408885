// # What a model consists of
//
// A table of all parameters and buffers, to print:
//
//     fmt::print("{}\n", nn::summary(model));    std::cout << nn::summary(model) << '\n';
#pragma once

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace glass::nn {

struct Summary {
  struct Row {
    std::string name;
    Shape shape;
    std::string kind;               // "" if it is trained; else "frozen", "constant" or "buffer"
    std::vector<std::string> also;  // the other names of a tied parameter
  };
  std::vector<Row> rows;     // parameters in the order of each(), then buffers
  Index trained = 0;         // numbers in parameters that are trained
  Index frozen = 0;          // numbers in frozen parameters
  Index others = 0;          // numbers in constants and buffers
  Index bytes = 0;           // of all numbers together
  std::string text() const;  // the table; its last line has no line break
};

Summary summary_of(const NamedVars& parameters,
                   const std::vector<std::pair<std::string, Tensor>>& buffers);

// A tied parameter is listed once, under its first name, followed by its other names.
Summary summary(const auto& module) {
  std::vector<std::pair<std::string, Tensor>> buffers;
  walk("", module, [&](const std::string& name, auto& x) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(x)>, Tensor>)
      buffers.emplace_back(name, x);
  });
  return summary_of(names_and_parameters(module), buffers);
}

std::ostream& operator<<(std::ostream& out, const Summary& summary);

}  // namespace glass::nn

// A format spec is that of a string.
template <>
struct fmt::formatter<glass::nn::Summary> : fmt::formatter<std::string_view> {
  fmt::appender format(const glass::nn::Summary& x, fmt::format_context& context) const;
};
