// # BLEU: how much of a translation stands in the reference
//
// The share of the translation's words, pairs, triples and quadruples of words that the reference
// has too, as a geometric mean over a whole corpus, times a penalty for being short.
// K. Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation (2002)
//
// One definition of the many, so that figures can be compared: that which M. Post, A Call for
// Clarity in Reporting BLEU Scores (2018), names by its signature. One reference a sentence, lower
// case, words cut as mteval-v13a cuts them, and smoothed (below).
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace translate {

inline constexpr std::string_view bleu_signature = "nrefs:1|case:lc|eff:no|tok:13a|smooth:exp";

struct Bleu {
  double score = 0;                    // 0 … 100
  std::array<double, 4> precisions{};  // of n-grams, n = 1 … 4, in percent, smoothed
  double brevity_penalty = 0;          // exp(1 − r/c) where c < r, else 1
  long length = 0, reference = 0;      // c and r: words of all translations, of all references
};

// Both as people write them: neither tokenised nor in lower case before. With n-grams clipped to as
// many as the reference has,
//
//     score = 100 · penalty · (p₁ p₂ p₃ p₄)^¼,   pₙ = n-grams found / n-grams written
//
// and 1/2, 1/4, … found at the first, second, … n of which none is. Without any match, or without
// any quadruple written, the score is 0. ShapeError unless there are as many references.
Bleu bleu(std::span<const std::string> translations, std::span<const std::string> references);

// The words that BLEU counts: marks apart from letters, but not in 3.5 and 1,000.
std::vector<std::string> tokenize_13a(std::string_view text);

}  // namespace translate
