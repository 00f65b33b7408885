// # Pages for the browser test
//
//   canned_report FOLDER
//
// Writes reports with all that is hard on a page: markup for tokens, a sentence of 100 tokens, a
// loss that is no number, a model of one head and one of many, and nothing at all.
#include <cmath>
#include <cstdio>
#include <limits>

#include "examples/translate/report.h"

using namespace translate;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

// Attention that follows the diagonal, in each head more or less closely.
Sample made_up(Sentence source, Sentence target, std::string reference, Index layers, Index heads) {
  source.emplace_back("■");
  target.emplace_back("■");
  const Index rows = std::ssize(target), columns = std::ssize(source);
  glass::Tensor weights = glass::zeros({layers, heads, rows, columns});
  for (Index l = 0; l < layers; ++l)
    for (Index h = 0; h < heads; ++h)
      for (Index t = 0; t < rows; ++t) {
        const double width = 0.3 + static_cast<double>((2 * h + layers - l) % 5);
        const double at = static_cast<double>(t * columns) / static_cast<double>(rows);
        const auto weight = [&](Index s) {
          return std::exp(-std::abs(static_cast<double>(s) - at) / width);
        };
        double sum = 0;
        for (Index s = 0; s < columns; ++s) sum += weight(s);
        for (Index s = 0; s < columns; ++s)
          weights(l, h, t, s) = static_cast<glass::Real>(weight(s) / sum);
      }
  const auto text = [](Sentence tokens) {
    tokens.pop_back();
    return join(Unit::words, tokens);
  };
  Sample out{text(source), text(target), std::move(reference)};
  out.right = out.target_text == out.reference;
  out.source = std::move(source);
  out.target = std::move(target);
  out.weights = weights;
  return out;
}

History history() {
  History out{.score_name = "BLEU"};
  for (Index i = 1; i <= 2000; ++i) {
    const auto step = static_cast<double>(i);
    const bool lost = i > 900 && i < 950;
    out.train.push_back({i,
                         lost ? no_number : 9 * std::exp(-step / 150) + 0.1 + 0.05 * std::sin(step),
                         1e-3 * std::min(step / 200, std::sqrt(200 / step))});
    if (i % 100 == 0)
      out.valid.push_back({i, i == 900 ? no_number : 6 * std::exp(-step / 200) + 0.3,
                           40 * (1 - std::exp(-step / 500))});
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: canned_report FOLDER\n");
    return 2;
  }
  try {
    const std::filesystem::path folder = argv[1];
    Report report{.title = "German → English",
                  .lead = "Sentences and curves that were made up, to try this page.",
                  .facts = {{"BLEU", "38.4"}, {"parameters", "9,038,341"}, {"<b>", "</script>"}},
                  .history = history()};
    report.samples.push_back(made_up({"ein", "kleiner", "hund", "läuft", "."},
                                     {"a", "small", "dog", "runs", "."}, "a small dog runs.", 3,
                                     8));
    report.samples.push_back(made_up({"zwei", "männer", "am", "strand", "."},
                                     {"two", "men", "at", "a", "beach", "."},
                                     "two men on the beach.", 3, 8));
    report.samples.push_back(
        made_up({"<b>fett</b>", "</script>", "&amp;", "\u2028", "\xff", "🦉", "🇩🇪"},
                {"<script>alert(1)</script>", "<img src=x onerror=alert(2)>", "\"", "'", "\\"},
                "<i>other</i>", 3, 8));
    Sentence words;
    for (int i = 0; i < 100; ++i) words.push_back(i % 7 ? fmt::format("w{}", i) : "Donaudampfer");
    report.samples.push_back(made_up(words, words, "w1", 3, 8));
    report.samples.push_back(
        made_up({std::string(300, 'x')}, {std::string(300, 'y')}, std::string(300, 'z'), 3, 8));
    report.samples.push_back(made_up({"ja"}, {}, "yes", 3, 8));
    Sample broken = made_up({"nicht", "eine", "zahl"}, {"not", "a", "number"}, "x", 3, 8);
    broken.weights->fill(static_cast<glass::Real>(no_number));
    report.samples.push_back(broken);
    report.samples.push_back({"ohne Gewichte", "without weights", "without weights", true});
    write_report(folder / "report.html", report);

    Report small{.title = "reverse", .samples = {}};
    for (Index step = 1; step <= 3; ++step)
      small.history.train.push_back({step, 2.0 / static_cast<double>(step), 1e-3});
    small.samples.push_back(made_up({"a", "b", "c"}, {"c", "b", "a"}, "c b a", 1, 1));
    write_report(folder / "report-small.html", small);

    write_report(folder / "report-empty.html", {.title = "A report of nothing"});
    Report lost{.title = "Nothing but NaN"};
    lost.history.train = {{1, no_number, no_number}, {2, no_number, no_number}};
    write_report(folder / "report-lost.html", lost);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "canned_report: {}\n", error.what());
    return 1;
  }
}
