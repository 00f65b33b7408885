// # What every command line has in common
//
// No argument is silently ignored: an argument that no option takes is an error, and so is an
// option that has no effect.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace examples {

// Parses the command line. With --help, prints the help and throws Done. CLI::ParseError if an
// argument fits no option, or if the name of a file is empty.
void parse(CLI::App& app, int argc, char** argv);

// parse(), for a program that takes no argument but --help, which prints what `about` says.
void expect_no_arguments(std::string_view about, int argc, char** argv);

// The long names of the options that the command line has. To be called after parse().
std::set<std::string> given_options(const CLI::App& app);

// If `applies`, the options have no effect, for this reason.
struct NoEffect {
  bool applies;
  std::string reason;
  std::vector<std::string> options;
};

// CLI::ParseError, with the reason, if one of the options that were `given` changes nothing:
// "--rate has no effect here: with --steps 0 nothing is trained".
void expect_effects(const std::set<std::string>& given, const std::vector<NoEffect>& rules);

}  // namespace examples
