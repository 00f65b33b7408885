// # BLEU: how much of a translation occurs in the reference
//
// The share of the translation's words, pairs, triples and quadruples of words that the reference
// has too, as a geometric mean over a whole corpus, times a penalty for being short.
// K. Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation (2002)
//
// There are many definitions. This is the one that M. Post, A Call for Clarity in Reporting BLEU
// Scores (2018), names by its signature, so that figures can be compared with those of his program
// sacreBLEU: one reference a sentence, in lower case unless it is asked for otherwise, words cut as
// mteval-v13a cuts them, and smoothed (below). Lower case and spaces are those of Python 3.11,
// hence of Unicode 14.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace translate {

// Whether the case of letters counts. Lower: both texts are made lower case first.
enum class Case { lower, mixed };

// What BLEU counts: words, or characters for languages that write no spaces, as sacreBLEU's
// tokeniser `char` does.
struct BleuOptions {
  Case letters = Case::lower;
  bool characters = false;
};

std::string_view name_of(Case letters);  // in signatures: "lc", "mixed"

// "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp". `resampling`, such as "bs:1000|seed:1|", stands
// behind the first field, as in sacreBLEU. Its `version` is left out: it is that of sacreBLEU.
std::string bleu_signature(BleuOptions options, std::string_view resampling = "");

// What BLEU needs to know of a sentence; the sum over sentences is what it needs to know of a
// corpus.
struct BleuCounts {
  long length = 0, reference = 0;  // words of the translation, of the reference
  std::array<long, 4> found{};     // n-grams, n = 1 … 4, that the reference has too
  std::array<long, 4> written{};   // n-grams of the translation
  BleuCounts& operator+=(const BleuCounts& other);
};

struct Bleu {
  double score = 0;                    // 0 … 100
  std::array<double, 4> precisions{};  // of n-grams, n = 1 … 4, in percent, smoothed if any match
  double brevity_penalty = 1;          // exp(1 − r/c) where c < r, else 1
  long length = 0, reference = 0;      // c and r: words of all translations, of all references
  // c / r; 0 if the references have no words.
  double ratio() const;
};

// Takes both texts as people write them: neither tokenised nor in lower case. An n-gram counts as
// found at most as often as the reference has it:
//
//     score = 100 · penalty · (p₁ p₂ p₃ p₄)^¼,   pₙ = n-grams found / n-grams written
//
// Smoothing: for the first n without any match, 1/2 match is counted; for the second such n, 1/4;
// and so on. If no single word matches, nothing is smoothed: all precisions and the score are 0. If
// no translation has four words, the score is 0. ShapeError unless there are as many references as
// translations.
Bleu bleu(std::span<const std::string> translations, std::span<const std::string> references,
          BleuOptions options = {});

// The same in two parts: counting, and the score of counts.
BleuCounts count_bleu(std::string_view translation, std::string_view reference,
                      BleuOptions options);
Bleu bleu(const BleuCounts& counts);

// The words that BLEU counts: ASCII's marks apart from letters, but not in 3.5 and 1,000. Spaces
// are Python's (is_white_space): a zero-width space and a control character are part of a word.
std::vector<std::string> tokenize_13a(std::string_view text);

// Every character that is no space.
std::vector<std::string> tokenize_characters(std::string_view text);

}  // namespace translate
