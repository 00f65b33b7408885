#include "examples/translate/option_rules.h"

#include <CLI/CLI.hpp>
#include <filesystem>

namespace translate {

namespace fs = std::filesystem;

namespace {

// ---- options without effect ----

// These options change nothing if `applies`, for this reason.
struct Rule {
  bool applies;
  std::string reason;
  std::vector<std::string> options;
};

std::vector<Rule> rules(const std::set<std::string>& given, const Options& o) {
  const bool loads = !o.load.empty(), files = !o.files.source.empty();
  const bool trains = o.mode == Mode::train, translates = o.mode == Mode::translate;
  const std::string only_translates =
      "--load with --translate, --translate-file or --interactive only translates; with --task, "
      "--source or --steps as well, the model is also marked";
  std::string no_training = "--steps 0 trains nothing";
  if (translates)
    no_training = only_translates;
  else if (loads && !given.contains("--steps"))
    no_training = "a model of --load is trained further only with --steps or --epochs";

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

// ---- files ----

struct Named {
  std::string option, path;
};

// The path without links, also where it ends in a link to a file that is not there yet.
fs::path resolved(fs::path path) {
  std::error_code ignored;
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(path, ignored)); ++links) {
    const fs::path target = fs::read_symlink(path, ignored);
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  const fs::path absolute = fs::absolute(path, ignored);
  fs::path result = fs::weakly_canonical(absolute, ignored);
  if (result.empty()) result = absolute.lexically_normal();
  return result.has_filename() ? result : result.parent_path();  // "a/" is "a"
}

bool are_one_file(const std::string& a, const std::string& b) {
  std::error_code error;
  const fs::file_status status = fs::status(a, error);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) return false;
  if (fs::exists(status) && fs::exists(b, error)) return fs::equivalent(a, b, error);
  return resolved(a) == resolved(b);
}

void expect_distinct(const Named& written, const Named& other) {
  if (written.path.empty() || other.path.empty()) return;
  glass::check<glass::FileError>(!are_one_file(written.path, other.path),
                                 "{} and {} must name different files; got {} and {}",
                                 written.option, other.option, written.path, other.path);
}

}  // namespace

void expect_effects(const std::set<std::string>& given, const Options& options) {
  for (const Rule& rule : rules(given, options))
    for (const std::string& option : rule.options)
      if (rule.applies && given.contains(option))
        throw CLI::ParseError(fmt::format("{} has no effect here: {}", option, rule.reason),
                              CLI::ExitCodes::ExcludesError);
}

void expect_distinct_files(const Options& o) {
  const std::vector<Named> outputs = {{"--save", o.save},
                                      {"--metrics", o.metrics},
                                      {"--log", o.log},
                                      {"--report", o.report},
                                      {"--output", o.output}};
  const std::vector<Named> inputs = {
      {"--source", o.files.source},
      {"--target", o.files.target},
      {"--valid-source", o.files.valid_source},
      {"--valid-target", o.files.valid_target},
      {"--load", o.load},
      {"--translate-file", o.translate_file},
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) expect_distinct(outputs[j], outputs[i]);
    for (const Named& input : inputs) expect_distinct(outputs[i], input);
  }
}

}  // namespace translate
