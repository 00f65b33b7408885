// # The command line of certificate
#pragma once

#include <string>

#include "examples/04_certificate/enclose.h"
#include "examples/04_certificate/sizes.h"

namespace certificate {

struct Options {
  Task task;
  Checks checks;
  std::string page;           // a file to write, or empty
  std::string float_program;  // empty: beside this program
};

// Throws Done after --help, and CLI::ParseError if the arguments are not valid.
Options parse_options(int argc, char** argv);

}  // namespace certificate
