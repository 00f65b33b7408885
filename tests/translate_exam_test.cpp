// # Marking files and finished models, and the line for the table of runs
#include "examples/translate/exam.h"

#include <fmt/format.h>

#include "examples/translate/hash.h"
#include "examples/translate/record.h"
#include "examples/translate/report_data.h"
#include "examples/translate/tasks.h"
#include "examples/translate/training.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace translate_exam_test {

using namespace translate;
using Catch::Matchers::ContainsSubstring;
using glass::FileError;
using glass::files::Folder, glass::files::read;

namespace {

// An untrained model of the smallest size.
Translator small_translator(const Corpus& corpus, std::uint64_t seed = 1) {
  Options options;
  options.seed = seed;
  options.recipe = {.dim = 8, .heads = 2, .layers = 1, .hidden = 16};
  return Translator::create(corpus, options);
}

}  // namespace

// ---- files ----

TEST_CASE("two files are marked line by line, and compared with a second system") {
  const Folder folder;
  Options o;
  o.score = folder.write("system", "The dog bit the man.\nIt was a cat.\n");
  o.reference = folder.write("reference", "The dog bit the man.\nIt was the cat.\n");
  o.baseline = folder.write("baseline", "A dog bites a man.\r\nIt is a cat.\r\n");
  o.metrics = folder / "metrics";
  const std::string text = score_files(o);
  const std::string json = read(o.metrics);
  const Score expected = score(count(read_lines(o.score), read_lines(o.reference), Case::lower));
  CHECK_THAT(json, ContainsSubstring("\"test_sentences\": 2") &&
                       ContainsSubstring(fmt::format("\"test_bleu\": {}", expected.bleu.score)) &&
                       ContainsSubstring(fmt::format("\"test_chrf\": {}", expected.chrf)) &&
                       ContainsSubstring("\"baseline_bleu_difference\": ") &&
                       ContainsSubstring("\"baseline_chrf_p\": "));
  CHECK(text.starts_with(describe(o.score, expected)));
  CHECK_THAT(text, ContainsSubstring("against " + o.baseline + " (95 % from "));
  o.lowercase = false;
  o.baseline = "";
  CHECK_THAT(score_files(o), ContainsSubstring("case:mixed") && !ContainsSubstring("against"));
  CHECK_THAT(read(o.metrics), ContainsSubstring("case:mixed") && !ContainsSubstring("baseline"));
}

TEST_CASE("files that do not fit are refused, with their names and what is wrong") {
  const Folder folder;
  const std::string two = folder.write("two", "a\nb\n"), three = folder.write("three", "a\nb\nc"),
                    empty = folder.write("empty", ""), latin = folder.write("latin", "\xE9\nb\n");
  struct Row {
    std::string score, reference, baseline, message;
  };
  const std::vector<Row> table = {
      {two, three, "", "two and " + three + ": expected as many lines in both; got 2 and 3"},
      {three, two, "", "three and " + two + ": expected as many lines in both; got 3 and 2"},
      {two, two, three, "three and " + two + ": expected as many lines in both; got 3 and 2"},
      {two, empty, "", "empty: expected one sentence a line; got an empty file"},
      {empty, two, "", "empty: expected one sentence a line; got an empty file"},
      {two, folder / "missing", "", "missing"},
      {folder / "missing", two, "", "missing"},
      {two, two, folder / "missing", "missing"},
      {latin, two, "", "UTF-8"},
  };
  for (const auto& [system, reference, baseline, message] : table) {
    Options o;
    o.score = system, o.reference = reference, o.baseline = baseline;
    try {
      (void)score_files(o);
      FAIL("accepted: " << message);
    } catch (const FileError& error) {
      CHECK_THAT(error.what(), ContainsSubstring(message));
    }
  }
}

// ---- a finished model ----

TEST_CASE("an exam marks the translations of all lines; one that cannot be translated is empty") {
  const Corpus corpus = make_task("phrases");
  const Translator translator = small_translator(corpus);
  std::vector<std::string> sources, references;
  for (std::size_t i = 0; i < 20; ++i) {
    sources.push_back(join(corpus.unit, corpus.test[i].source));
    references.push_back(corpus.test_references[i]);
  }
  const Search search{.beams = 2};
  const ExamResult plain = examine(translator, {sources, references}, "file", search, Case::lower);
  const Score expected =
      score(count(translator.translate(sources, search), references, Case::lower));
  CHECK(plain.faulty == 0);
  CHECK(plain.score.sentences == 20);
  CHECK(plain.score.bleu.score == expected.bleu.score);
  CHECK(plain.score.chrf == expected.chrf);

  // Two lines that nobody can translate: one is no text, the other too long.
  sources.push_back("\xFF");
  sources.emplace_back();
  for (int i = 0; i < 100; ++i) sources.back() += "cat ";
  for (int i = 0; i < 2; ++i) references.emplace_back("le chat dort");
  const ExamResult faulty = examine(translator, {sources, references}, "file", search, Case::lower);
  CHECK(faulty.faulty == 2);
  CHECK(faulty.score.sentences == 22);
  CHECK(faulty.score.bleu.length == plain.score.bleu.length);
  CHECK(faulty.score.bleu.reference == plain.score.bleu.reference + 6);
}

TEST_CASE("the report shows the marks of the exam first") {
  const Corpus corpus = make_task("copy");
  const Translator translator = small_translator(corpus);
  Marks marks;
  marks.test = Score{.chrf = 62.344, .bleu_interval = {41, 40, 43}, .chrf_interval = {62, 61, 63}};
  marks.test->bleu.score = 41.234;
  const Report report = make_report(translator, corpus, {}, {}, {}, marks);
  REQUIRE(report.facts.size() > 2);
  CHECK(report.facts[0] == std::pair<std::string, std::string>("BLEU of the test", "41.23 ± 1.50"));
  CHECK(report.facts[1] == std::pair<std::string, std::string>("chrF of the test", "62.34 ± 1.00"));
  CHECK(make_report(translator, corpus, {}, {}, {}, {}).facts[0].first != "BLEU of the test");
}

// ---- the line of the table ----

TEST_CASE("a hash is FNV-1a, by its published values") {
  // draft-eastlake-fnv, appendix C: of the empty text, "a" and "foobar".
  Hash hash;
  CHECK(hash.text() == "cbf29ce484222325");
  hash.add_bytes("a");
  CHECK(hash.text() == "af63dc4c8601ec8c");
  Hash other;
  other.add_bytes("foobar");
  CHECK(other.text() == "85944171f73967e8");
}

TEST_CASE("the hash of the weights is of names and numbers, and of all of them") {
  const Corpus corpus = make_task("copy");
  const Translator translator = small_translator(corpus), other = small_translator(corpus, 2);
  const std::string hash = hash_of(translator.model);
  CHECK(hash == hash_of(small_translator(corpus).model));
  CHECK(hash == hash_of(translator.copy().model));
  CHECK(hash != hash_of(other.model));

  // By the definition: names in order, and the bytes of float32.
  std::map<std::string, glass::Tensor> tensors;
  for (const auto& [name, parameter] : glass::nn::named_parameters(translator.model))
    tensors[name] = parameter.value();
  Hash expected;
  for (const auto& [name, tensor] : tensors) {
    expected.add_bytes(name + "\xFF");
    const std::vector<float> numbers = tensor.to_vector();
    expected.add_bytes({reinterpret_cast<const char*>(numbers.data()), 4 * numbers.size()});
  }
  CHECK(hash == expected.text());

  // The smallest change of one weight, and a file between.
  const Folder folder;
  translator.save(folder / "model");
  CHECK(hash_of(Translator::load(folder / "model").model) == hash);
  glass::Tensor bias = translator.model.output.bias.value();
  bias.data()[0] = std::nextafter(bias.data()[0], 1.0F);
  CHECK(hash_of(translator.model) != hash);
}

TEST_CASE("a recipe is the options that differ from those of the nearest preset") {
  const auto changed = [](const std::string& preset, auto change) {
    Settings settings = settings_for(preset);
    change(settings);
    return recipe_of(settings);
  };
  const auto set = [](Settings& settings, const std::string& name, const std::string& value) {
    for (auto& setting : settings)
      if (setting.first == name) setting.second = value;
  };
  CHECK(recipe_of(settings_for("text")).empty());
  CHECK(recipe_of(settings_for("multi30k")) == "--preset multi30k");
  CHECK(recipe_of(settings_for("dates")) == "--task dates");
  CHECK(changed("multi30k", [&](Settings& s) {
          set(s, "dropout", "0.2");
          set(s, "subwords", "0");
          set(s, "seed", "7");
          set(s, "log-every", "10");
        }) == "--preset multi30k --subwords 0 --dropout 0.2");
  CHECK(changed("text", [&](Settings& s) { set(s, "dim", "256"); }) == "--dim 256");
  CHECK(changed("text", [&](Settings& s) {
          set(s, "epochs", "0");
          set(s, "steps", "100");
        }) == "--steps 100");
  CHECK(recipe_of(Search{.beams = 4, .length_penalty = 2}).empty());
  CHECK(recipe_of(Search{.beams = 8, .length_penalty = 1}) == "--beams 8 --length-penalty 1");
  CHECK(recipe_of(Search{.beams = 1}) == "--beams 1");
}

TEST_CASE("the file of a finished training says with which settings it was trained") {
  const Folder folder;
  const Corpus corpus = make_task("copy");
  Options options;
  options.task = "copy";
  options.recipe = {.dim = 8, .heads = 2, .layers = 1, .hidden = 16, .steps = 1, .epochs = 0};
  Translator translator = small_translator(corpus);
  Trainer trainer(translator, corpus, options);
  trainer.run({});
  trainer.save(folder / "model");
  CHECK(settings_in(folder / "model") == settings_of(options));
  translator.save(folder / "plain");
  CHECK(settings_in(folder / "plain").empty());
}

TEST_CASE("a row has seven columns, and says what is not known") {
  Record record{.score = {.chrf = 62.344, .bleu_interval = {41, 40, 43}},
                .recipe = "--preset multi30k",
                .seed = "3",
                .seconds = 2172,
                .weights = "0123456789abcdef"};
  record.score.bleu.score = 41.234;
  const std::string row = row_of(record);
  CHECK(row.starts_with("| 41.23 ± 1.50 | 62.34 | `--preset multi30k` | 3 | 36.2 | "));
  CHECK(row.ends_with(" | `0123456789abcdef` |"));
  CHECK(std::ranges::count(row, '|') == 8);
  CHECK_THAT(row, ContainsSubstring(cpu_name() + ", "));
  record.seconds = {};
  record.seed = record.recipe = "";
  CHECK(
      row_of(record).starts_with("| 41.23 ± 1.50 | 62.34 | not known | not known | not known | "));
}

}  // namespace translate_exam_test
