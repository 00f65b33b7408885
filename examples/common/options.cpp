// # The options that the small examples share
#include "examples/common/options.h"

#include <CLI/CLI.hpp>
#include <map>

#include "examples/common/bounds.h"
#include "examples/common/program.h"

namespace examples {

void add_training_options(CLI::App& app, TrainingOptions& o, std::string_view batch) {
  const auto option = [&app](const char* name, auto& value, const std::string& help) {
    return app.add_option(name, value, help)->capture_default_str()->group("Training");
  };
  // How long, with which batches and at which rate.
  within(option("--steps", o.steps, "Batches to learn from; 0 only marks"), WholeNumber{});
  within(option("--batch", o.batch, fmt::format("{} in a batch", batch)), WholeNumber{1, 10000});
  within(option("--rate", o.rate, "Largest learning rate"), RealNumber{0, 10, true});
  within(option("--warmup", o.warmup, "Steps over which the rate rises, at most --steps"),
         WholeNumber{});
  // Random numbers, threads, and the file for the results.
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

// CLI11 checks the name, and the table turns it into a value.
void add_colour_option(CLI::App& app, Colours& wish) {
  const std::map<std::string, Colours> names = {
      {"auto", Colours::automatic}, {"always", Colours::always}, {"never", Colours::never}};
  app.add_option_function<std::string>(
         "--colour", [&wish, names](const std::string& name) { wish = names.at(name); },
         "auto: where the terminal has 24-bit colours, and NO_COLOR is not set; always, never")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

// The results of the training are added to the marks, which the program measured.
int finish(const TrainingOptions& o, const Training& training, Index parameters, Json marks) {
  marks.add("train_loss", training.loss).add("seconds", training.seconds);
  marks.add("steps", training.steps).add("stopped", training.stopped);
  marks.add("parameters", parameters);
  if (!o.metrics.empty()) write_file(o.metrics, marks.text() + "\n");
  return training.stopped ? interrupted_exit() : 0;
}

}  // namespace examples
