// # The options that both programs have: reading them, and handing them on
#include "examples/04_certificate/sizes.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "examples/common/arguments.h"
#include "examples/common/bounds.h"

namespace certificate {

using examples::WholeNumber;
using examples::within;

namespace {

void add_batch(CLI::App& app, Task& t) {
  app.add_option("--model", t.model,
                 "A model that translate --save wrote; without it, one is trained here")
      ->type_name("FILE");
  app.add_option("--source", t.source, "Sentences that the model reads; with --target")
      ->type_name("TEXT...")
      ->group("Batch");
  app.add_option("--target", t.target, "What the model should write, one for each source")
      ->type_name("TEXT...")
      ->group("Batch");
  within(app.add_option("--batch", t.batch, "Pairs of sentences in the batch")
             ->capture_default_str()
             ->group("Batch"),
         WholeNumber{1, 1024});
  within(app.add_option("--length", t.length,
                        "Tokens of the longest sentence; with --model, as long as they come")
             ->capture_default_str()
             ->group("Batch"),
         WholeNumber{1, 200});
}

void add_model(CLI::App& app, Task& t) {
  const auto option = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str()->group("Model without --model");
  };
  // The training, then the sizes.
  within(option("--steps", t.steps, "Steps of training on copying; 0: only before training"),
         WholeNumber{0, 1'000'000});
  within(option("--vocabulary", t.vocabulary, "Tokens, four of which are no letters"),
         WholeNumber{6, 65536});
  within(option("--dim", t.dim, "Width of the model"), WholeNumber{1, 4096});
  within(option("--heads", t.heads, "Attention heads; must divide the width"),
         WholeNumber{1, 4096});
  within(option("--layers", t.layers, "Layers of the encoder, and of the decoder"),
         WholeNumber{1, 100});
  within(option("--hidden", t.hidden, "Width between the two maps of a feed-forward part"),
         WholeNumber{1, 65536});
}

}  // namespace

void add_task_options(CLI::App& app, Task& t) {
  add_batch(app, t);
  add_model(app, t);
  within(app.add_option("--seed", t.seed, "Of everything random")->capture_default_str(),
         examples::any_seed);
  within(app.add_option("--threads", t.threads,
                        "Threads to compute with; all cores if not given, and the same results "
                        "always"),
         WholeNumber{1, 1024});
}

void check_task(const CLI::App& app, Task& t) {
  const auto given = examples::given_options(app);
  t.given_length = given.contains("--length");
  const auto fault = [](const std::string& text) {
    throw CLI::ParseError(text, CLI::ExitCodes::ValidationError);
  };
  // The batch.
  if (t.model.empty() && (given.contains("--source") || given.contains("--target")))
    fault("--source and --target need --model: the model that is trained here reads no text");
  if (t.source.size() != t.target.size())
    fault(fmt::format("--source and --target must have as many sentences; got {} and {}",
                      t.source.size(), t.target.size()));
  for (const std::vector<std::string>* side : {&t.source, &t.target})
    for (const std::string& text : *side)
      if (text.empty()) fault("the sentences of --source and --target must not be empty");

  // The model.
  if (t.dim % t.heads != 0)
    fault(fmt::format("--heads must divide --dim; got {} and {}", t.heads, t.dim));
  examples::expect_effects(
      given, {{!t.model.empty(),
               "the model comes from a file",
               {"--steps", "--vocabulary", "--dim", "--heads", "--layers", "--hidden"}},
              {!t.source.empty(), "the batch is --source", {"--batch", "--length"}}});
}

namespace {

using Arguments = std::vector<std::string>;

void add(Arguments& all, const char* name, const auto& value) {
  all.emplace_back(name);
  all.push_back(fmt::format("{}", value));
}

// The sizes of a model that is trained here, and its training.
void add_sizes(Arguments& all, const Task& t) {
  add(all, "--steps", t.steps);
  add(all, "--vocabulary", t.vocabulary);
  add(all, "--dim", t.dim);
  add(all, "--heads", t.heads);
  add(all, "--layers", t.layers);
  add(all, "--hidden", t.hidden);
}

// A model of a file, and the user's sentences, which may begin with a dash.
void add_file(Arguments& all, const Task& t) {
  add(all, "--model", t.model);
  for (const std::string& text : t.source) all.push_back("--source=" + text);
  for (const std::string& text : t.target) all.push_back("--target=" + text);
}

}  // namespace

std::vector<std::string> arguments_of(const Task& t) {
  Arguments all;
  add(all, "--seed", t.seed);
  if (t.threads > 0) add(all, "--threads", t.threads);
  if (t.source.empty()) add(all, "--batch", t.batch);
  if (t.source.empty() && (t.model.empty() || t.given_length)) add(all, "--length", t.length);
  if (t.model.empty()) {
    add_sizes(all, t);
  } else {
    add_file(all, t);
  }
  return all;
}

}  // namespace certificate
