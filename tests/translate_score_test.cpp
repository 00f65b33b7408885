// # The marks of translations, against published figures and sums done by hand
//
// sacreBLEU's figures are those of M. Post's program sacreBLEU (github.com/mjpost/sacrebleu): of
// its own tests (test/test_bleu.py, test/test_chrf.py), or printed by it for the texts given here.
#include "examples/translate/score.h"

#include <fmt/format.h>

#include <cmath>

#include "examples/common/files.h"
#include "examples/translate/chrf.h"
#include "tests/catch.h"

namespace translate_score_test {

using namespace translate;
using Catch::Matchers::ContainsSubstring;

namespace {

using Texts = std::vector<std::string>;

bool near(double a, double b, double tol = 1e-9) {
  return std::abs(a - b) <= tol * (1 + std::abs(b));
}

double chrf_of(const Texts& translations, const Texts& references, Case letters = Case::mixed,
               double beta = 2, Spaces spaces = Spaces::removed) {
  ChrfCounts counts;
  for (std::size_t i = 0; i < translations.size(); ++i)
    counts += count_chrf(translations[i], references[i], letters, spaces);
  return chrf(counts, beta);
}

// The example of sacreBLEU's own tests.
const Texts system_lines = {"The dog bit the man.", "It wasn't surprising.",
                            "The man had just bitten him."};
const Texts first_reference = {"The dog bit the man.", "It was not unexpected.",
                               "The man bit him first."};
const Texts second_reference = {"The dog had bit the man.", "No one was surprised.",
                                "The man had bitten the dog."};
const Texts loud_reference = {"THE DOG HAD BIT THE MAN.", "NO ONE WAS SURPRISED.",
                              "THE MAN HAD BITTEN THE DOG."};

}  // namespace

// ---- the scores ----

TEST_CASE("BLEU and chrF are sacreBLEU's, in lower and in mixed case") {
  struct Row {
    Texts references;
    Case letters;
    double bleu, chrf;
  };
  const std::vector<Row> table = {
      {first_reference, Case::mixed, 45.06750632106114, 50.043063606582294},
      {first_reference, Case::lower, 45.06750632106114, 50.043063606582294},
      {second_reference, Case::mixed, 28.330553664429278, 51.70106133373036},
      {second_reference, Case::lower, 28.330553664429278, 51.98450824380957},
      {loud_reference, Case::mixed, 3.4385626729982954, 1.7006802721088436},
      {loud_reference, Case::lower, 28.330553664429278, 51.98450824380957},
  };
  for (const auto& [references, letters, expected_bleu, expected_chrf] : table) {
    const Score s = score(count(system_lines, references, letters));
    CHECK(s.sentences == 3);
    CHECK(near(s.bleu.score, expected_bleu));
    CHECK(near(bleu(system_lines, references, {.letters = letters}).score, expected_bleu));
    CHECK(near(s.chrf, expected_chrf));
  }
}

TEST_CASE("chrF agrees with the figures of sacreBLEU's tests") {
  struct Row {
    Texts translations, references;
    double expected;
  };
  // These are with beta = 3; precision and recall are equal in all, so that beta has no effect.
  const std::vector<Row> table = {
      {{"a"}, {"a"}, 100},       {{""}, {"reference"}, 0}, {{"a b c"}, {"a b c"}, 100},
      {{"a b c"}, {"abc"}, 100}, {{""}, {"c"}, 0},         {{"a", "b"}, {"a", "c"}, 50},
      {{"aa"}, {"ab"}, 25},
  };
  for (const auto& [translations, references, expected] : table)
    for (const double beta : {2.0, 3.0})
      CHECK(near(chrf_of(translations, references, Case::mixed, beta), expected));

  // With spaces, and beta = 3.
  CHECK(near(chrf_of({"Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich."},
                     {"Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade "
                      "freundschaftlich."},
                     Case::mixed, 3, Spaces::kept),
             67.3481606, 1e-8));
  CHECK(
      near(chrf_of({"risk assessment must be made of those who are qualified and expertise in the "
                    "sector - these are the scientists ."},
                   {"risk assessment has to be undertaken by those who are qualified and expert "
                    "in that area - that is the scientists ."},
                   Case::mixed, 3, Spaces::kept),
           65.2414427, 1e-8));
}

TEST_CASE("chrF counts code points, without spaces of any script") {
  struct Row {
    std::string translation, reference;
    double mixed, lower;
  };
  const std::vector<Row> table = {
      {"ab", "abcdefgh", 23.404255319148938, 23.404255319148938},  // only n = 1 and 2 count
      {"abcdefgh", "ab", 55.00000000000001, 55.00000000000001},
      {"a", "", 0, 0},
      {"", "", 0, 0},
      {"Über  den\u3000Wolken", "über den wolken!", 49.60384068971839, 92.75504182616072},
      {"你好 世界。", "你好，世界！", 22.127659574468083, 22.127659574468083},
  };
  for (const auto& [translation, reference, mixed, lower] : table) {
    INFO(translation);
    CHECK(near(chrf_of({translation}, {reference}, Case::mixed), mixed));
    CHECK(near(chrf_of({translation}, {reference}, Case::lower), lower));
  }
}

TEST_CASE("chrF by hand: aab against ab") {
  // n = 1: 2 of 3, and 2 of 2. n = 2: aa, ab: 1 of 2, and 1 of 1. n = 3: the reference has none.
  const double p = (2.0 / 3 + 1.0 / 2) / 2, r = 1;
  CHECK(near(chrf_of({"aab"}, {"ab"}), 100 * 5 * p * r / (4 * p + r)));
  const ChrfCounts counts = count_chrf("aab", "ab", Case::mixed);
  CHECK(counts.written == std::array<long, 6>{3, 2, 0, 0, 0, 0});
  CHECK(counts.wanted == std::array<long, 6>{2, 1, 0, 0, 0, 0});
  CHECK(counts.found == std::array<long, 6>{2, 1, 0, 0, 0, 0});
}

TEST_CASE("BLEU counts characters where the references write no spaces") {
  const Texts lines = {"猫在 Dem 桌子上。", "他明天不来"},
              references = {"猫在dem桌子上！", "他今天不来。"};
  const Score lower = score(count(lines, references, Case::lower)),
              mixed = score(count(lines, references, Case::mixed));
  CHECK(near(lower.bleu.score, 67.80349777338769));
  CHECK(near(mixed.bleu.score, 43.07986428250796));
  CHECK_THAT(describe("x", lower), ContainsSubstring("tok:char") &&
                                       ContainsSubstring("(14 characters, 15 in the references)"));
  CHECK(tokenize_characters(" a\u3000猫b ") == Texts{"a", "猫", "b"});
}

TEST_CASE("the ratio is of words, and 0 without a reference") {
  CHECK(near(bleu(Texts{"one two"}, Texts{"one two three four"}).ratio(), 0.5));
  CHECK(bleu(Texts{"one"}, Texts{""}).ratio() == 0);
}

// ---- the bootstrap ----

namespace {

// A score that is the mean of one number a sentence.
Statistics mean_of(const std::vector<long>& numbers) {
  const auto count = static_cast<double>(numbers.size());
  return {.width = 1, .counts = numbers, .score = [count](std::span<const long> sum) {
            return static_cast<double>(sum[0]) / count;
          }};
}

}  // namespace

TEST_CASE("an interval leaves a fortieth out on each side") {
  std::vector<double> scores;
  for (int i = 0; i < 1000; ++i) scores.push_back((i * 7) % 1000);  // 0 … 999 in another order
  const Interval interval = interval_of(scores);
  CHECK(interval.low == 25);
  CHECK(interval.high == 974);
  CHECK(interval.mean == 499.5);
  CHECK(interval.half_width() == 474.5);
  CHECK(interval_of({3, 1}).low == 1);  // of few scores nothing is left out
  CHECK(interval_of({3, 1}).high == 3);
  CHECK(interval_of({}).half_width() == 0);
}

TEST_CASE("the interval of a mean is that of statistics: 1.96 standard errors") {
  std::vector<long> numbers;
  glass::Rng rng(3);
  for (int i = 0; i < 400; ++i) numbers.push_back(rng.below(1001));
  const Statistics statistics = mean_of(numbers);
  const double mean = statistics.of_all();
  double variance = 0;
  for (const long x : numbers)
    variance += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean) / 400;
  const Interval interval = interval_of(resample(statistics));
  CHECK(near(interval.half_width(), 1.96 * std::sqrt(variance / 400), 0.08));
  CHECK(std::abs(interval.mean - mean) < 1);
}

TEST_CASE("a resample has as many sentences, and the same seed draws the same ones") {
  const Statistics ones = mean_of(std::vector<long>(50, 1));
  CHECK(resample(ones) == std::vector<double>(1000, 1));
  const Statistics some = mean_of({1, 5, 2, 8});
  CHECK(resample(some, 20) == resample(some, 20));
  CHECK(resample(some, 20, 1) != resample(some, 20, 2));
  CHECK(resample(mean_of({}), 3).size() == 3);
}

TEST_CASE("a system that is better in every sentence is better in every resample") {
  const Comparison c = compare(mean_of({5, 6, 7, 8}), mean_of({3, 4, 5, 6}));
  CHECK(c.difference == 2);
  CHECK(c.interval.low == 2);
  CHECK(c.interval.high == 2);
  CHECK(c.better == 1);
  CHECK(near(c.p, 1.0 / 1001));
  const Comparison back = compare(mean_of({3, 4, 5, 6}), mean_of({5, 6, 7, 8}));
  CHECK(back.difference == -2);
  CHECK(back.better == 0);
  CHECK(back.p == c.p);
}

TEST_CASE("two systems that differ by chance are not told apart, and one differs not from itself") {
  std::vector<long> a, b;
  glass::Rng rng(5);
  for (int i = 0; i < 300; ++i) a.push_back(rng.below(100)), b.push_back(rng.below(100));
  const Comparison c = compare(mean_of(a), mean_of(b));
  CHECK(c.p > 0.05);
  CHECK(c.interval.low < 0);
  CHECK(c.interval.high > 0);
  const Comparison same = compare(mean_of(a), mean_of(a));
  CHECK(same.difference == 0);
  CHECK(same.better == 0);
  CHECK(same.p == 1);
  CHECK_THROWS_AS(compare(mean_of({1, 2}), mean_of({1})), glass::ShapeError);
}

TEST_CASE("p falls as the difference grows") {
  std::vector<long> a, b, c;
  glass::Rng rng(6);
  for (int i = 0; i < 300; ++i) {
    a.push_back(rng.below(100));
    b.push_back(a.back() + rng.below(40) - 18);  // 1.5 more, on the average
    c.push_back(a.back() + rng.below(40) - 10);
  }
  CHECK(compare(mean_of(b), mean_of(a)).p > compare(mean_of(c), mean_of(a)).p);
}

// ---- what is told ----

TEST_CASE("a score is told in the form of sacreBLEU, with its signatures") {
  const Score s = score(count(system_lines, second_reference, Case::mixed));
  const std::string text = describe("hyp.en", s);
  const double half = s.bleu_interval.half_width();
  CHECK(text.starts_with(fmt::format(
      "hyp.en reached BLEU 28.33 ± {:.2f} (95 %, bootstrap of 1,000, seed 1), chrF 51.70\n",
      half)));
  CHECK_THAT(text, ContainsSubstring("\n3 sentences; brevity penalty 0.889, ratio 0.895 (17 words, "
                                     "19 in the references)\n"));
  CHECK_THAT(text, ContainsSubstring("\nBLEU|nrefs:1|bs:1000|seed:1|case:mixed|eff:no|tok:13a|"
                                     "smooth:exp = 28.33 (μ = ") &&
                       ContainsSubstring(") 70.6/42.9/27.3/12.5\n"));
  CHECK_THAT(text, ContainsSubstring("\nchrF2|nrefs:1|bs:1000|seed:1|case:mixed|eff:yes|nc:6|nw:0|"
                                     "space:no = 51.70 (μ = "));
  CHECK_THAT(describe("x", score(count(Texts{"a"}, Texts{"a"}, Case::lower))),
             ContainsSubstring("\n1 sentence; ") && ContainsSubstring("case:lc"));

  examples::Json json;
  add_score(json, s);
  for (const char* name :
       {"\"test_sentences\": 3", "\"test_bleu\": 28.33", "\"test_bleu_interval\"",
        "\"test_chrf\": 51.70", "\"test_ratio\": 0.89", "case:mixed|eff:no"})
    CHECK_THAT(json.text(), ContainsSubstring(name));
}

TEST_CASE("a difference is told with its interval and p") {
  const std::string text = describe_difference(
      "base.en", {.difference = 0.84, .interval = {0.8, 0.12, 1.55}, .p = 0.021, .better = 0.988},
      {.difference = -0.1, .interval = {-0.1, -0.5, 0.3}, .p = 0.4, .better = 0.3});
  CHECK(text ==
        "BLEU +0.84 against base.en (95 % from +0.12 to +1.55; p = 0.0210; higher in 98.8 % of the "
        "resamples)\n"
        "chrF -0.10 against base.en (95 % from -0.50 to +0.30; p = 0.4000; higher in 30.0 % of the "
        "resamples)\n");
}

TEST_CASE("translations and references must be of the same number") {
  CHECK_THROWS_AS(count(Texts{"a"}, Texts{}, Case::lower), glass::ShapeError);
}

}  // namespace translate_score_test
