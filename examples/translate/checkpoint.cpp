// # What a training keeps in its file
//
// The file has three parts:
//   under the names of the model's parameters, the best weights so far: so --load can use any save;
//   under names that begin with `training.`, until the training is finished, all else that the next
//   step depends on;
//   in the metadata, the arguments and a hash of the sentences, so that --resume can refuse another
//   training's file.
#include <fmt/ranges.h>

#include <charconv>
#include <sstream>

#include "examples/common/quote.h"
#include "examples/translate/hash.h"
#include "examples/translate/training.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace nn = glass::nn;

namespace {

// ---- the sentences, as one number ----

void add(Hash& hash, const std::vector<Pair>& pairs) {
  for (const Pair& pair : pairs)
    for (const Sentence* sentence : {&pair.source, &pair.target})
      hash.add(fmt::format("{}", fmt::join(*sentence, " ")));
}

// ---- the history, as text: a point a line ----

std::string to_text(const History& history) {
  std::string text;
  for (const auto& [step, loss, rate] : history.train)
    text += fmt::format("train {} {} {}\n", step, loss, rate);
  for (const auto& [step, loss, score] : history.valid)
    text += fmt::format("valid {} {} {}\n", step, loss, score.value_or(0));
  return text;
}

// The history that to_text() wrote. FileError if a line is not of its form.
History history_from(const std::string& text, const std::string& score_name) {
  History history{.score_name = score_name};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // A kind, a step and two numbers.
    std::istringstream words(line);
    std::string kind;
    Index step = 0;
    double a = 0, b = 0;
    words >> kind >> step >> a >> b;
    check<FileError>(words && (kind == "train" || kind == "valid"),
                     "resume: '{}' is no point of a history", examples::shortened(line));
    if (kind == "train") history.train.push_back({step, a, b});
    if (kind == "valid") history.valid.push_back({step, a, b});
  }
  return history;
}

// ---- the arguments, as text: name=value a line ----

std::string to_text(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) text += fmt::format("{}={}\n", name, value);
  return text;
}

Settings settings_from(const std::string& text) {
  Settings settings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = std::min(line.find('='), line.size());
    settings.emplace_back(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
  }
  return settings;
}

// FileError, with all differences, unless the saved settings are the present ones.
void expect_same(const std::string& path, const std::string& before, const Settings& now) {
  // An option that the file does not name did not exist when the file was written. It then counts
  // as 0, which stands for the behaviour without it; --accumulate counts as 1, and the inner
  // dropout was the same as the other.
  std::map<std::string, std::string> saved;
  for (const auto& [name, value] : settings_from(before)) saved[name] = value;
  saved.try_emplace("accumulate", "1");
  saved.try_emplace("inner-dropout", saved["dropout"]);

  // Compare all settings.
  std::vector<std::string> faults;
  for (const auto& [name, value] : now) {
    const std::string& was = saved.try_emplace(name, "0").first->second;
    if (was != value)
      faults.push_back(fmt::format("--{} was {} and is {}", name, examples::shortened(was), value));
  }
  check<FileError>(faults.empty(), "--resume: {} is of a training with other arguments: {}", path,
                   fmt::join(faults, "; "));
}

}  // namespace

std::string hash_of(const Corpus& corpus) {
  Hash hash;
  hash.add(corpus.source_words.to_text());
  hash.add(corpus.target_words.to_text());
  add(hash, corpus.train);
  add(hash, corpus.valid);
  return hash.text();
}

Settings settings_in(const std::filesystem::path& path) {
  return settings_from(nn::read_metadata(path)["settings"]);
}

// ---- the file ----

// Everything of an unfinished training, as a module: each member has a name in the file.
struct Trainer::Snapshot {
  Trainer& trainer;
  std::vector<glass::Var> average;

  explicit Snapshot(Trainer& t) : trainer(t) {
    if (t.average_) average = nn::parameters(t.average_->model);
  }
  void each(auto&& f) {
    f("training.model", trainer.translator_.model);
    f("training.adam", trainer.adam_);
    f("training.average", average);
    f("training.state", trainer.state_);
  }
};

nn::State Trainer::everything() {
  nn::State state = nn::state_of(Snapshot(*this));
  const auto names = nn::named_parameters(translator_.model);
  for (std::size_t i = 0; i < best_.size(); ++i)
    state.tensors.emplace_back(names[i].first, best_[i]);
  return state;
}

nn::Metadata Trainer::notes() const {
  nn::Metadata notes = translator_.notes();
  notes["training"] = finished_ ? "finished" : "unfinished";
  notes["settings"] = to_text(settings_of(options_));
  notes["sentences"] = sentences_;
  notes["history"] = to_text(history_);
  return notes;
}

void Trainer::save(const std::filesystem::path& path) {
  if (finished_) return nn::save(translator_.model, path, notes());
  // Before the first validation the latest weights are the best that there are.
  const std::vector<glass::Var> latest =
      nn::parameters(average_ ? average_->model : translator_.model);
  for (std::size_t i = 0; history_.valid.empty() && i < best_.size(); ++i)
    best_[i].copy_from(latest[i].value());
  nn::save_state(everything(), path, notes());
}

void Trainer::resume(const std::filesystem::path& path) {
  // All checks come first, so that a file that does not fit changes nothing.
  nn::Metadata saved = nn::read_metadata(path);
  const bool finished = saved["training"] == "finished";
  check<FileError>(finished || saved["training"] == "unfinished",
                   "--resume: {} holds a model, but no training that could go on", path.string());
  expect_same(path.string(), saved["settings"], settings_of(options_));
  check<FileError>(saved["sentences"] == sentences_,
                   "--resume: {} is of a training with other sentences", path.string());
  History history = history_from(saved["history"], history_.score_name);

  // A finished training has no state left but its model.
  if (finished) {
    nn::load(translator_.model, path);
    state_.step = history.valid.empty() ? 0 : history.valid.back().step;
  } else {
    nn::load_state(everything(), path, {});
  }
  history_ = std::move(history);
  finished_ = finished;
}

}  // namespace translate
