// # BLEU, against sums that were done by hand
//
// The words of the definition are those of Papineni et al. (2002), sections 2.1 and 2.2.
#include <cmath>

#include "examples/translate/bleu.h"
#include "glassgrad.h"
#include "tests/catch.h"

using namespace translate;

namespace {

using Texts = std::vector<std::string>;

double score(const Texts& translations, const Texts& references) {
  return bleu(translations, references).score;
}

bool near(double a, double b) { return std::abs(a - b) < 1e-9 * (1 + std::abs(b)); }

}  // namespace

TEST_CASE("a translation that is its reference scores 100, whatever the case of its letters") {
  CHECK(near(score({"A man eats an apple."}, {"A man eats an apple."}), 100));
  CHECK(near(score({"a man eats an apple."}, {"A MAN eats an Apple."}), 100));
  CHECK(near(score({"ÄPFEL UND BIRNEN ESSEN"}, {"äpfel und birnen essen"}), 100));
}

TEST_CASE("a word counts as often as the reference has it") {
  // Their example 2: `the` stands twice in the reference, so of seven two are right. No pair,
  // triple or quadruple is: they count as 1/2, 1/4 and 1/8 of one.
  const Bleu b = bleu(Texts{"the the the the the the the"}, Texts{"The cat is on the mat."});
  CHECK(b.length == 7);
  CHECK(b.reference == 7);  // the full stop is a word
  CHECK(near(b.precisions[0], 100 * 2.0 / 7));
  CHECK(near(b.precisions[1], 100 * 0.5 / 6));
  CHECK(near(b.precisions[2], 100 * 0.25 / 5));
  CHECK(near(b.precisions[3], 100 * 0.125 / 4));
  CHECK(near(b.score, 100 * std::pow(2.0 / 7 * 0.5 / 6 * 0.25 / 5 * 0.125 / 4, 0.25)));
}

TEST_CASE("a short translation pays for it, a long one does not pay twice") {
  const Bleu b =
      bleu(Texts{"one two three four five"}, Texts{"one two three four five six seven eight"});
  CHECK(b.precisions == std::array<double, 4>{100, 100, 100, 100});
  CHECK(near(b.brevity_penalty, std::exp(1 - 8.0 / 5)));
  CHECK(near(b.score, 100 * std::exp(1 - 8.0 / 5)));

  const Bleu longer = bleu(Texts{"one two three four five six"}, Texts{"one two three four five"});
  CHECK(longer.brevity_penalty == 1);
  CHECK(near(longer.score, 100 * std::pow(5.0 / 6 * 4 / 5 * 3 / 4 * 2 / 3, 0.25)));
}

TEST_CASE("n-grams and lengths are added up over the corpus before they are divided") {
  // 4 + 3 of 4 + 5 words, 3 + 1 of 3 + 4 pairs, 2 + 0 of 2 + 3 triples, 1 + 0 of 1 + 2 quadruples.
  const Bleu b =
      bleu(Texts{"we see a dog", "we see no blue cat"}, Texts{"we see a dog", "we see the cat"});
  CHECK(b.length == 9);
  CHECK(b.reference == 8);
  CHECK(near(b.score, 100 * std::pow(7.0 / 9 * 4 / 7 * 2 / 5 * 1 / 3, 0.25)));
}

TEST_CASE("only the orders without a match are smoothed, each half as much as the one before") {
  // Words 3 of 5, pairs 1 of 4; no triple of 3 and no quadruple of 2.
  const Bleu b = bleu(Texts{"we see no blue cat"}, Texts{"we see the small cat"});
  CHECK(near(b.precisions[1], 25));
  CHECK(near(b.precisions[2], 100 * 0.5 / 3));
  CHECK(near(b.precisions[3], 100 * 0.25 / 2));
  CHECK(near(b.score, 100 * std::pow(3.0 / 5 * 1 / 4 * 0.5 / 3 * 0.25 / 2, 0.25)));
}

TEST_CASE("nothing in common, nothing written and fewer than four words score 0") {
  CHECK(score({"red green blue white black"}, {"one two three four five"}) == 0);
  CHECK(score({""}, {"one two three four"}) == 0);
  CHECK(score({"one two three"}, {"one two three"}) == 0);
  CHECK(score({}, {}) == 0);
  CHECK(score({"one two three four"}, {""}) == 0);
  CHECK_THROWS_AS(bleu(Texts{"one"}, Texts{}), glass::ShapeError);
}

TEST_CASE("words are cut as mteval-v13a cuts them") {
  struct Row {
    std::string text;
    Texts words;
  };
  const std::vector<Row> table = {
      {"", {}},
      {"Hello, world!", {"Hello", ",", "world", "!"}},
      {"a man's t-shirt", {"a", "man's", "t-shirt"}},
      {"3.5 of 1,000, at 12:30.", {"3.5", "of", "1,000", ",", "at", "12", ":", "30", "."}},
      {"in 1990-91", {"in", "1990", "-", "91"}},
      {"a.b.c d..", {"a", ".", "b", ".", "c", "d", ".", "."}},
      {"...", {".", ".", "."}},
      {".5 5. ,x", {".", "5", "5", ".", ",", "x"}},
      {"(x)[y]{z} $5 50% #1 a/b",
       {"(", "x", ")", "[", "y", "]", "{", "z", "}", "$", "5", "50", "%", "#", "1", "a", "/", "b"}},
      {"&quot;R&amp;B&quot; &lt;x&gt;", {"\"", "R", "&", "B", "\"", "<", "x", ">"}},
      {"x<skipped>y", {"xy"}},
      {"é.ü, ß—“q”\u00a0z\u3000w", {"é", ".", "ü", ",", "ß—“q”", "z", "w"}},
      {" \t two  spaces ", {"two", "spaces"}},
      {"-5 a-1 1-a", {"-5", "a-1", "1", "-", "a"}},
  };
  for (const auto& [text, words] : table) {
    INFO(text);
    CHECK(tokenize_13a(text) == words);
  }
}

TEST_CASE("the signature says which of all the BLEUs this is") {
  CHECK(bleu_signature == "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp");
}
