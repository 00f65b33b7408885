// # The exam: translating and marking, or marking a file
#include "examples/translate/exam.h"

#include <algorithm>

#include "examples/common/files.h"
#include "examples/translate/record.h"
#include "examples/translate/use.h"

namespace translate {

ExamResult examine(const Translator& translator, LinePairs lines, const std::string& name,
                   Search search, Case letters) {
  const Index faulty = empty_faulty_lines(translator, lines.first, name);
  const std::vector<std::string> translations = translator.translate(lines.first, search);
  return {score(count(translations, lines.second, letters)), faulty};
}

std::optional<LinePairs> exam_lines(const Options& o) {
  if (o.test.source.empty()) return {};
  return read_line_pairs(o.test.source, o.test.target);
}

namespace {

Case letters_of(const Options& o) { return o.lowercase ? Case::lower : Case::mixed; }

// The settings of the training that a model comes from. Of a model that was only loaded, those in
// its file; of one that was loaded and trained further, none: no command line repeats both.
Settings settings_of_model(const Options& o) {
  if (o.load.empty()) return settings_of(o);
  return o.mode == Mode::train ? Settings() : settings_in(o.load);
}

// The line of the table for this model.
std::string row_for(const Translator& translator, const Options& o, const Training& training,
                    const Score& score, Search search) {
  const Settings settings = settings_of_model(o);
  Record record{.score = score, .weights = hash_of(translator.model)};
  if (training.seconds > 0 && !training.resumed && o.load.empty())
    record.seconds = training.seconds;
  if (settings.empty()) return row_of(record);

  // The model says how it was trained.
  const auto seed = std::ranges::find(settings, "seed", &Settings::value_type::first);
  record.seed = seed == settings.end() ? "" : seed->second;
  record.recipe = recipe_of(settings);
  const std::string of_search = recipe_of(search);
  if (!of_search.empty()) record.recipe += " " + of_search;
  return row_of(record);
}

}  // namespace

std::optional<ExamResult> take_exam(const Translator& translator, const Options& o,
                                    const Training& training, const std::optional<LinePairs>& lines,
                                    Search search) {
  if (!lines) return {};
  const ExamResult result = examine(translator, *lines, o.test.source, search, letters_of(o));
  const std::string name = !o.save.empty() ? o.save : o.load.empty() ? "The model" : o.load;
  fmt::print("\n{}", describe(name, result.score));
  if (result.faulty > 0)
    fmt::print("{} of the sentences could not be translated, and count as empty translations\n",
               result.faulty);
  fmt::print("\nFor the table of docs/speedrun.md:\n{}\n",
             row_for(translator, o, training, result.score, search));
  return result;
}

// ---- files ----

std::string score_files(const Options& o) {
  const auto counted_file = [&](const std::string& translations) {
    const LinePairs lines = read_line_pairs(translations, o.reference);
    return count(lines.first, lines.second, letters_of(o));
  };
  const Counted system = counted_file(o.score);
  const Score marks = score(system);
  std::string text = describe(o.score, marks);
  examples::Json json;
  add_score(json, marks);

  // The same resamples of both systems.
  if (!o.baseline.empty()) {
    const Counted baseline = counted_file(o.baseline);
    const Comparison by_bleu = compare(system.bleu, baseline.bleu);
    const Comparison by_chrf = compare(system.chrf, baseline.chrf);
    text += describe_difference(o.baseline, by_bleu, by_chrf);
    add_difference(json, by_bleu, by_chrf);
  }
  if (!o.metrics.empty()) examples::write_file(o.metrics, json.text() + "\n");
  return text;
}

}  // namespace translate
