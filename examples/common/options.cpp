#include "examples/common/options.h"

#include <CLI/CLI.hpp>
#include <map>

#include "examples/common/bounds.h"
#include "examples/common/program.h"
#include "examples/common/quote.h"

namespace examples {

void add_training_options(CLI::App& app, TrainingOptions& o, std::string_view batch) {
  const auto option = [&app](const char* name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->capture_default_str()->group("Training");
  };
  within(option("--steps", o.steps, "Batches to learn from; 0 only marks"), WholeNumber{});
  within(option("--batch", o.batch, fmt::format("{} in a batch", batch)), WholeNumber{1, 10000});
  within(option("--rate", o.rate, "Largest learning rate"), RealNumber{0, 10, true});
  within(option("--warmup", o.warmup, "Steps over which the rate rises, at most --steps"),
         WholeNumber{});
  within(option("--seed", o.seed, "Of everything random"), any_seed);
  within(app.add_option("--threads", o.threads,
                        "Threads to compute with; all cores if not given, and the same results "
                        "always"),
         WholeNumber{1, 1024})
      ->group("Training");
  app.add_option("--metrics", o.metrics, "Write the marks here, as JSON")
      ->type_name("FILE")
      ->group("Files");
}

void add_colour_option(CLI::App& app, Colours& wish) {
  const std::map<std::string, Colours> names = {
      {"auto", Colours::automatic}, {"always", Colours::always}, {"never", Colours::never}};
  app.add_option_function<std::string>(
         "--colour", [&wish, names](const std::string& name) { wish = names.at(name); },
         "auto: where the terminal has 24-bit colours, and NO_COLOR is not set; always, never")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

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
  // Nobody names no file on purpose: a variable of a script was empty.
  for (const CLI::Option* option : app.get_options())
    if (option->get_type_name() == "FILE" && option->count() > 0 && option->results()[0].empty())
      throw CLI::ParseError(
          fmt::format("{} must be the name of a file; got ''", option->get_name()),
          CLI::ExitCodes::ValidationError);
}

int finish(const TrainingOptions& o, const Training& training, Index parameters, Json marks) {
  marks.add("train_loss", training.loss).add("seconds", training.seconds);
  marks.add("steps", training.steps).add("stopped", training.stopped);
  marks.add("parameters", parameters);
  if (!o.metrics.empty()) write_file(o.metrics, marks.text() + "\n");
  return training.stopped ? interrupted_exit : 0;
}

}  // namespace examples
