// # BLEU, against sums that were done by hand
//
// The words of the definition are those of Papineni et al. (2002), sections 2.1 and 2.2.
#include <cmath>

#include "examples/translate/bleu.h"
#include "examples/translate/unicode.h"
#include "glassgrad.h"
#include "tests/catch.h"

namespace translate_bleu_test {

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

TEST_CASE("a short translation has a brevity penalty, a long one has none") {
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

TEST_CASE("without any match nothing is smoothed: the precisions are 0, as the score is") {
  const Bleu b = bleu(Texts{"red green blue white"}, Texts{"one two three four five"});
  CHECK(b.precisions == std::array<double, 4>{});
  CHECK(near(b.brevity_penalty, std::exp(1 - 5.0 / 4)));
  CHECK(bleu(Texts{""}, Texts{"one"}).brevity_penalty == 0);
  CHECK(bleu(Texts{""}, Texts{""}).brevity_penalty == 1);  // not shorter than its reference
  // Three words are no quadruple: there is nothing to smooth, and the score is 0.
  const Bleu three = bleu(Texts{"one two three"}, Texts{"one two four"});
  CHECK(three.precisions == std::array<double, 4>{100 * 2.0 / 3, 50, 50, 0});
  CHECK(three.score == 0);
}

TEST_CASE("a zero-width space joins two words, as Python's split() has it") {
  // The translation has 6 words, the reference 5: the, cat, sat\u200Bon, the, mat. Four words of 6
  // match (the, cat, the, mat), two pairs of 5 (the cat, the mat), no triple of 4 and no quadruple
  // of 3: these count as 1/2 and 1/4 of one. 100 · (4/6 · 2/5 · (1/2)/4 · (1/4)/3)^¼ = 22.96
  const Texts plain = {"the cat sat on the mat"}, joined = {"the cat sat\u200Bon the mat"};
  const double expected = 100 * std::pow(4.0 / 6 * 2 / 5 * 0.5 / 4 * 0.25 / 3, 0.25);
  CHECK(std::abs(expected - 22.96) < 0.005);
  CHECK(near(score(plain, joined), expected));
}

TEST_CASE("of all code points, those of Python's split() are spaces and no other") {
  // [c for c in map(chr, range(0x110000)) if c.isspace()] in Python 3.11
  const std::u32string spaces =
      U"\u0009\u000A\u000B\u000C\u000D\u001C\u001D\u001E\u001F\u0020"
      U"\x85\xA0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A"
      U"\u2028\u2029\u202F\u205F\u3000";
  int wrong = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (0xD800 <= c && c <= 0xDFFF) continue;  // surrogates are no UTF-8
    if (c > 0x7F || c < '!') {                 // ASCII's marks are cut off for another reason
      const bool splits = tokenize_13a("a" + encode_utf8({&c, 1}) + "b").size() == 2;
      wrong += splits != (spaces.find(c) != std::u32string::npos);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("lower case is Python's: İ and a Σ at the end of a word included") {
  CHECK(near(score({"ο δρόμος είναι μακρύς"}, {"Ο ΔΡΌΜΟΣ ΕΊΝΑΙ ΜΑΚΡΎΣ"}), 100));
  CHECK(near(score({"i\u0307stanbul one two three"}, {"İSTANBUL ONE TWO THREE"}), 100));
  CHECK(score({"istanbul one two three"}, {"İSTANBUL ONE TWO THREE"}) < 100);
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
      {"a\u200Bb\uFEFFc \u202Ad\u202E \x7F \x01",
       {"a\u200Bb\uFEFFc", "\u202Ad\u202E", "\x7F", "\x01"}},
      {"a\x1C\x1F"
       "b\u0085"
       "c\u2028"
       "d",
       {"a", "b", "c", "d"}},
      {"divi-\nded, two\nlines-\n", {"divided", ",", "two", "lines-"}},
      {"&amp;lt; &amp;quot; <ski<skipped>pped>", {"<", "&", "quot", ";", "<", "skipped", ">"}},
  };
  for (const auto& [text, words] : table) {
    INFO(text);
    CHECK(tokenize_13a(text) == words);
  }
}

TEST_CASE("the signature says which of all the BLEUs this is") {
  CHECK(bleu_signature({}) == "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp");
}

}  // namespace translate_bleu_test
