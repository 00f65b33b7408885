// # The options of explain
#pragma once

#include <string>

namespace explain {

struct Options {
  bool expression = true, attention = true;
  bool text = false;  // in the terminal, instead of a page
  std::string output = "explain.html";
};

// Reads the command line. With --help, prints the help and throws Done. CLI::ParseError if the
// arguments contradict each other.
Options parse_options(int argc, char** argv);

}  // namespace explain
