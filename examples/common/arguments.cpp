// # Command lines: parsing, and refusing what has no effect
#include "examples/common/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "examples/common/program.h"
#include "examples/common/quote.h"

namespace examples {

void parse(CLI::App& app, int argc, char** argv) {
  app.get_formatter()->column_width(34);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    throw Done();
  } catch (const CLI::ParseError& error) {  // its message quotes what was typed
    throw CLI::ParseError(shortened(error.what(), 500), error.get_exit_code());
  }
  // An empty file name is a mistake, for instance an empty variable of a script.
  for (const CLI::Option* option : app.get_options())
    if (option->get_type_name() == "FILE" && option->count() > 0 && option->results()[0].empty())
      throw CLI::ParseError(
          fmt::format("{} must be the name of a file; got ''", option->get_name()),
          CLI::ExitCodes::ValidationError);
}

void expect_no_arguments(std::string_view about, int argc, char** argv) {
  CLI::App app{std::string(about)};
  parse(app, argc, argv);
}

std::set<std::string> given_options(const CLI::App& app) {
  std::set<std::string> given;
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0) given.insert(option->get_name());
  return given;
}

void expect_effects(const std::set<std::string>& given, const std::vector<NoEffect>& rules) {
  for (const NoEffect& rule : rules)
    for (const std::string& option : rule.options)
      if (rule.applies && given.contains(option))
        throw CLI::ParseError(fmt::format("{} has no effect here: {}", option, rule.reason),
                              CLI::ExitCodes::ExcludesError);
}

}  // namespace examples
