// # A training as a page, and attention in the terminal
//
// For every training and every sentence, the page must get data that it can read.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "examples/translate/picture.h"
#include "examples/translate/report.h"
#include "examples/translate/report_data.h"
#include "examples/translate/tasks.h"
#include "tests/catch.h"

namespace translate_report_test {

using namespace translate;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

json data_of(const Report& report) { return json::parse(report_json(report)); }

// Every weight 1 / S.
Sample even(Index layers, Index heads, Sentence source, Sentence target) {
  const glass::Shape shape{layers, heads, std::ssize(target), std::ssize(source)};
  return {.source_text = join(Unit::words, source),
          .target_text = join(Unit::words, target),
          .reference = "r",
          .source = source,
          .target = target,
          .weights = glass::full(shape, 1.f / static_cast<float>(source.size()))};
}

}  // namespace

// ---- the page's data ----

TEST_CASE("a report of nothing is a page, too") {
  const json data = data_of({.title = "t"});
  CHECK(data["title"] == "t");
  CHECK(data["samples"] == json::array());
  CHECK(data["history"]["train"]["step"] == json::array());
  CHECK(data["history"]["valid"]["loss"] == json::array());
}

TEST_CASE("facts stay in their order") {
  const json data = data_of({.title = "t", .facts = {{"z", "1"}, {"a", "2"}}});
  CHECK(data["facts"] == json::parse(R"([["z", "1"], ["a", "2"]])"));
}

TEST_CASE("a loss that is no number is null") {
  const Report report{
      .title = "t",
      .history = {.train = {{1, 2.5, 0.1}, {2, no_number, infinity}},
                  .valid = {{2, infinity, no_number}, {3, 1.5, {}}, {4, 1.25, 30.5}},
                  .score_name = "BLEU"}};
  const json history = data_of(report)["history"];
  CHECK(history["train"]["loss"] == json::parse("[2.5, null]"));
  CHECK(history["train"]["rate"] == json::parse("[0.1, null]"));
  CHECK(history["valid"]["loss"] == json::parse("[null, 1.5, 1.25]"));
  CHECK(history["valid"]["score"] == json::parse("[null, null, 30.5]"));
  CHECK(history["scoreName"] == "BLEU");
}

TEST_CASE("a long history is thinned to means, and ends where it ended") {
  Report report{.title = "t"};
  for (Index step = 1; step <= 5000; ++step)
    report.history.train.push_back({step, static_cast<double>(step % 2), 1e-3});
  report.history.train[4000].loss = no_number;
  const json train = data_of(report)["history"]["train"];
  CHECK(train["step"].size() <= 600);
  CHECK(train["step"].size() >= 300);
  CHECK(train["step"].back() == 5000);
  CHECK(train["loss"][0] == Approx(0.5).margin(0.1));
  std::size_t gaps = 0;
  for (const json& loss : train["loss"]) gaps += loss.is_null();
  CHECK(gaps == 1);
}

TEST_CASE("weights are thousandths, by layer, head, target and source") {
  Sample s = even(2, 3, {"a", "b"}, {"c"});
  s.weights->data()[0] = 0.25f;
  s.weights->data()[11] = static_cast<float>(no_number);
  const json weights = data_of({.title = "t", .samples = {s}})["samples"][0]["weights"];
  CHECK(weights ==
        json::parse("[[[[250, 500]], [[500, 500]], [[500, 500]]], [[[500, 500]], [[500, 500]], "
                    "[[500, null]]]]"));
}

TEST_CASE("sentences of different lengths, and of none, stand in one report") {
  Sample without{.source_text = "x", .reference = "y"};
  const json samples =
      data_of({.title = "t",
               .samples = {even(1, 1, {"a"}, {"b", "c", "d"}), even(2, 2, {"a", "b", "c"}, {"d"}),
                           without, even(1, 1, {"a"}, {})}})["samples"];
  CHECK(samples[0]["weights"][0][0].size() == 3);
  CHECK(samples[1]["weights"][1][1][0].size() == 3);
  CHECK(samples[2]["weights"].is_null());
  CHECK(samples[2]["target"] == json::array());
  CHECK(samples[3]["weights"] == json::parse("[[[]]]"));
}

TEST_CASE("weights that do not fit the tokens are refused") {
  Sample s = even(1, 2, {"a", "b"}, {"c"});
  s.target.push_back("d");
  CHECK_THROWS_AS(report_json({.title = "t", .samples = {s}}), glass::ShapeError);
  CHECK_THROWS_WITH(report_json({.title = "t", .samples = {s}}),
                    ContainsSubstring("[1, 2, 1, 2]") && ContainsSubstring("2 target"));
  s.weights = glass::Tensor(1.f);
  CHECK_THROWS_AS(report_json({.title = "t", .samples = {s}}), glass::ShapeError);
}

TEST_CASE("tokens of markup, of line separators and of broken bytes reach the page as text") {
  const Sentence tokens = {"</script>", "<b>", "\u2028", "\"", "\\", "\xff", "🦉"};
  const fs::path path = "report_test.html";
  write_report(path, {.title = "<i>", .samples = {even(1, 1, tokens, tokens)}});
  std::ifstream file(path, std::ios::binary);
  const std::string html{std::istreambuf_iterator<char>(file), {}};
  fs::remove(path);
  const std::string open = "id=\"data\">";
  const std::size_t begin = html.find(open) + open.size(), end = html.find("</script>", begin);
  const json data = json::parse(html.substr(begin, end - begin));
  CHECK(data["title"] == "<i>");
  CHECK(data["samples"][0]["source"] ==
        json({"</script>", "<b>", "\u2028", "\"", "\\", "\ufffd", "🦉"}));
  CHECK(html.find("\u2028") == std::string::npos);
}

TEST_CASE("a report that cannot be written is an error") {
  CHECK_THROWS_AS(write_report("no_such_folder/r.html", {.title = "t"}), glass::FileError);
}

// ---- the terminal ----

TEST_CASE("without colours a weight is as wide as it is large, two rows a line") {
  const glass::Tensor weights = glass::tensor({{0.9, 0.1}, {0.2, 0.6}, {0.0, 1.0}});
  CHECK(draw_attention(weights, {"ab", "c"}, {"x", "yy", "z"}, {Ink::blocks}) ==
        "        a\n"
        "        b c\n"
        "  x yy │█▀▄▄│\n"
        "  z    │  ▀▀│\n");
}

TEST_CASE("where the line would be too long a weight takes one column") {
  const glass::Tensor weights = glass::tensor({{0.9, 0.1}, {0.2, 0.6}});
  CHECK(draw_attention(weights, {"a", "c"}, {"x", "y"}, {Ink::blocks, 9}) ==
        "       ac\n"
        "  x y │▀▄│\n");
}

TEST_CASE("with colours a weight is a grey, from black to white") {
  const glass::Tensor weights = glass::tensor({{1.0}, {0.0}});
  CHECK_THAT(draw_attention(weights, {"a"}, {"x", "y"}, {Ink::true_greys}),
             ContainsSubstring("\033[38;2;255;255;255m\033[48;2;16;16;16m▀▀\033[0m│\n"));
  CHECK_THAT(draw_attention(weights, {"a"}, {"x", "y"}, {Ink::greys}),
             ContainsSubstring("\033[38;5;255m\033[48;5;232m▀▀\033[0m│\n"));
}

TEST_CASE("a weight that is no number is drawn as none") {
  const glass::Tensor weights = glass::full({1, 1}, static_cast<float>(no_number));
  CHECK(draw_attention(weights, {"a"}, {"x"}, {Ink::blocks}) == "      a\n  x  │  │\n");
}

TEST_CASE("colours are for terminals that have them, and for people who want them") {
  using Variables = std::map<std::string, const char*>;
  const auto ink = [](bool terminal, const Variables& variables) {
    return ink_for(terminal, [&](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second;
    });
  };
  const Variables full = {{"COLORTERM", "truecolor"}, {"TERM", "xterm-256color"}};
  CHECK(ink(true, full) == Ink::true_greys);
  CHECK(ink(true, {{"TERM", "xterm-256color"}}) == Ink::greys);
  CHECK(ink(true, {{"TERM", "xterm"}}) == Ink::blocks);
  CHECK(ink(true, {}) == Ink::blocks);
  CHECK(ink(false, full) == Ink::blocks);
  Variables silenced = full;
  silenced["NO_COLOR"] = "1";
  CHECK(ink(true, silenced) == Ink::blocks);
  silenced["NO_COLOR"] = "";
  CHECK(ink(true, silenced) == Ink::true_greys);
  silenced["TERM"] = "dumb";
  CHECK(ink(true, silenced) == Ink::blocks);
}

// ---- from a translator ----

TEST_CASE("a report of a translator holds its sentences and all of its attention") {
  Corpus corpus = make_task("reverse");
  corpus.test.resize(3);
  Options options;
  options.task = "reverse";
  options.recipe = {.dim = 8, .heads = 2, .layers = 2, .hidden = 8, .dropout = 0};
  const Translator translator = Translator::create(corpus, options);
  Marks marks;
  marks.exact_match = 0.5;
  const Report report = make_report(translator, corpus, options, {}, {}, marks);

  CHECK(report.title == "Reverse");
  CHECK(report.facts[0].second == "50.0 %");
  REQUIRE(report.samples.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const Sample& s = report.samples[i];
    CHECK(s.source_text == join(corpus.unit, corpus.test[i].source));
    CHECK(s.reference == join(corpus.unit, corpus.test[i].target));
    CHECK(s.source.back() == "■");
    REQUIRE(s.weights);
    CHECK(s.weights->shape() == glass::Shape{2, 2, std::ssize(s.target), std::ssize(s.source)});
    CHECK(allclose(sum(*s.weights, -1), glass::ones({2, 2, std::ssize(s.target)}), 1e-5));

    // The mean over the last layer's heads is what the terminal shows.
    const std::vector<Example> examples = corpus.encode(corpus.test);
    const Example shown{examples[i].source, translator.decode({&examples[i], 1})[0]};
    CHECK(allclose(mean(s.weights->select(0, 1), 0), translator.attention(shown), 1e-5));
  }
  CHECK_NOTHROW(report_json(report));
}

}  // namespace translate_report_test
