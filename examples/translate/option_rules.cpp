// # The rules: options without effect, and files named twice
#include "examples/translate/option_rules.h"

#include <CLI/CLI.hpp>

#include "examples/common/arguments.h"
#include "examples/common/files.h"

namespace translate {

namespace {

// ---- options without effect ----

constexpr const char* only_translates =
    "--load with --translate, --translate-file, --interactive or --test-source only translates; "
    "with --task, --source or --steps as well, the model is also marked on held-out pairs";

// The options that were given, without some.
std::vector<std::string> without(std::set<std::string> given,
                                 const std::vector<std::string>& some) {
  for (const std::string& option : some) given.erase(option);
  return {given.begin(), given.end()};
}

// Why a program with these options does not train, if it does not.
std::string why_no_training(const std::set<std::string>& given, const Options& o) {
  if (o.mode == Mode::translate) return only_translates;
  if (!o.load.empty() && !given.contains("--steps"))
    return "a model of --load is trained further only with --steps or --epochs";
  return "--steps 0 trains nothing";
}

// Which options of training and of text have no effect under which circumstances, and why. Each
// rule: whether it applies, the reason, and the options.
std::vector<examples::NoEffect> rules(const std::set<std::string>& given, const Options& o) {
  const bool loads = !o.load.empty(), files = !o.files.source.empty();
  const bool trains = o.mode == Mode::train;
  const std::string no_training = why_no_training(given, o);
  return {
      {loads,
       "a model of --load keeps the sizes and the dropout that it was made with",
       {"--dim", "--heads", "--layers", "--hidden", "--tied", "--dropout", "--inner-dropout"}},
      {loads,
       "--load begins a new training, --resume goes on with the one in --save",
       {"--resume"}},
      {!trains,
       no_training,
       {"--batch", "--batch-tokens", "--bpe-dropout", "--rate", "--warmup", "--schedule",
        "--smoothing", "--average", "--accumulate", "--validate-every", "--patience", "--log",
        "--log-every", "--checkpoint-every", "--resume"}},
      // Some options have an effect also without a training.
      {!trains && o.save.empty(), no_training, {"--dropout", "--inner-dropout"}},
      {!trains && loads, no_training, {"--seed", "--preset"}},
      {o.log.empty() && o.report.empty() && o.save.empty(),
       "nothing is written down without --log, --report or --save",
       {"--log-every"}},
      {!files,
       "it tells how --source is read, which is not given",
       {"--max-tokens", "--min-count", "--subwords", "--joint", "--bpe-dropout"}},
      {loads,
       "a model of --load keeps the words that it knows",
       {"--min-count", "--subwords", "--joint"}},
      {!loads && o.files.subwords == 0,
       "the tokens are words; give --subwords 4000, say",
       {"--joint", "--bpe-dropout"}},
  };
}

// The same for options of using and marking a model.
std::vector<examples::NoEffect> rules_of_use(const std::set<std::string>& given, const Options& o) {
  const bool translates = o.mode == Mode::translate, scores = o.mode == Mode::score;
  const bool tests = !o.test.source.empty();
  const bool has_texts = !o.sentences.empty() || !o.translate_file.empty() || o.interactive;
  return {
      {scores, "--score compares two files, and uses no model",
       without(given, {"--score", "--reference", "--baseline", "--lowercase", "--metrics"})},
      {translates, only_translates, {"--save", "--report"}},
      {translates && !tests, only_translates, {"--metrics"}},
      {!has_texts,
       "there is nothing to translate; give --translate, --translate-file or --interactive",
       {"--nbest"}},
      {!tests && !scores,
       "it tells how --test-source or --score is marked, and neither is given",
       {"--lowercase"}},
      {o.recipe.beams == 1,
       "with one beam there is nothing to choose from; give --beams 2 or more",
       {"--length-penalty"}},
  };
}

}  // namespace

void expect_effects(const std::set<std::string>& given, const Options& options) {
  examples::expect_effects(given, rules_of_use(given, options));
  examples::expect_effects(given, rules(given, options));
  if (options.nbest > options.recipe.beams)
    throw CLI::ParseError(fmt::format("--nbest {} needs at least as many --beams; got {}",
                                      options.nbest, options.recipe.beams),
                          CLI::ExitCodes::ValidationError);
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
      {"--test-source", o.test.source},
      {"--test-target", o.test.target},
      {"--score", o.score},
      {"--reference", o.reference},
      {"--baseline", o.baseline},
  };
  // An output may be neither another output nor an input.
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) expect_distinct(outputs[j], outputs[i]);
    for (const examples::NamedFile& input : inputs) expect_distinct(outputs[i], input);
  }
}

}  // namespace translate
