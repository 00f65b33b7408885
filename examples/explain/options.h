// # What can be asked of explain
#pragma once

#include <string>

namespace explain {

struct Options {
  bool expression = true, attention = true;
  bool text = false;  // in the terminal, instead of a page
  std::string output = "explain.html";
};

// Prints help and exits where asked; CLI::ParseError for what makes no sense.
Options parse_options(int argc, char** argv);

}  // namespace explain
