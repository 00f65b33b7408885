// # The rules: options without effect, and files named twice
#include "examples/translate/option_rules.h"

#include "examples/common/arguments.h"
#include "examples/common/files.h"

namespace translate {

namespace {

// ---- options without effect ----

constexpr const char* only_translates =
    "--load with --translate, --translate-file or --interactive only translates; with --task, "
    "--source or --steps as well, the model is also marked";

// Why a program with these options does not train, if it does not.
std::string why_no_training(const std::set<std::string>& given, const Options& o) {
  if (o.mode == Mode::translate) return only_translates;
  if (!o.load.empty() && !given.contains("--steps"))
    return "a model of --load is trained further only with --steps or --epochs";
  return "--steps 0 trains nothing";
}

// Which options have no effect under which circumstances, and why.
std::vector<examples::NoEffect> rules(const std::set<std::string>& given, const Options& o) {
  const bool loads = !o.load.empty(), files = !o.files.source.empty();
  const bool trains = o.mode == Mode::train, translates = o.mode == Mode::translate;
  const std::string no_training = why_no_training(given, o);

  // Each rule: whether it applies, the reason, and the options.
  return {
      {translates, only_translates, {"--save", "--metrics", "--report"}},
      {loads,
       "a model of --load keeps the sizes and the dropout that it was made with",
       {"--dim", "--heads", "--layers", "--hidden", "--tied", "--dropout"}},
      {loads,
       "--load begins a new training, --resume goes on with the one in --save",
       {"--resume"}},
      {!trains,
       no_training,
       {"--batch", "--batch-tokens", "--rate", "--warmup", "--schedule", "--smoothing", "--average",
        "--validate-every", "--patience", "--log", "--log-every", "--checkpoint-every",
        "--resume"}},
      // Some options have an effect also without a training.
      {!trains && o.save.empty(), no_training, {"--dropout"}},
      {!trains && loads, no_training, {"--seed", "--preset"}},
      {o.log.empty() && o.report.empty() && o.save.empty(),
       "nothing is written down without --log, --report or --save",
       {"--log-every"}},
      {!files,
       "it tells how --source is read, which is not given",
       {"--max-tokens", "--min-count"}},
      {loads, "a model of --load keeps the words that it knows", {"--min-count"}},
      {o.recipe.beams == 1,
       "with one beam there is nothing to choose from; give --beams 2 or more",
       {"--length-penalty"}},
  };
}

}  // namespace

void expect_effects(const std::set<std::string>& given, const Options& options) {
  examples::expect_effects(given, rules(given, options));
}

// ---- files named twice ----

void expect_distinct_files(const Options& o) {
  const std::vector<examples::NamedFile> outputs = {{"--save", o.save},
                                                    {"--metrics", o.metrics},
                                                    {"--log", o.log},
                                                    {"--report", o.report},
                                                    {"--output", o.output}};
  const std::vector<examples::NamedFile> inputs = {
      {"--source", o.files.source},
      {"--target", o.files.target},
      {"--valid-source", o.files.valid_source},
      {"--valid-target", o.files.valid_target},
      {"--load", o.load},
      {"--translate-file", o.translate_file},
  };
  // An output may be neither another output nor an input.
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) expect_distinct(outputs[j], outputs[i]);
    for (const examples::NamedFile& input : inputs) expect_distinct(outputs[i], input);
  }
}

}  // namespace translate
