// # chrF: how many of a translation's characters occur in the reference
//
// The share of sequences of one to six characters that translation and reference have in common.
// A word with the wrong ending loses less than in BLEU, which counts whole words.
// M. Popović, chrF: character n-gram F-score for automatic MT evaluation (2015)
//
// It is what sacreBLEU calls chrF2: spaces are left out, no words are counted, and recall weighs
// twice as much as precision.
#pragma once

#include <array>
#include <string_view>

#include "examples/translate/bleu.h"

namespace translate {

// What chrF needs to know of a sentence; the sum over sentences is what it needs to know of a
// corpus.
struct ChrfCounts {
  static constexpr std::size_t longest = 6;
  // n-grams, n = 1 … 6: of the translation, of the reference, and those that both have. Where the
  // reference has none, those of the translation do not count.
  std::array<long, longest> written{}, wanted{}, found{};
  ChrfCounts& operator+=(const ChrfCounts& other);
};

// An n-gram counts as found at most as often as the reference has it. A character is a code point.
enum class Spaces { removed, kept };
ChrfCounts count_chrf(std::string_view translation, std::string_view reference, Case letters,
                      Spaces spaces = Spaces::removed);

// From 0 to 100. With P the mean of found/written and R the mean of found/wanted, over the lengths
// n that both texts have (the effective order):
//
//     score = 100 · (1 + β²) P R / (β² P + R)
double chrf(const ChrfCounts& counts, double beta = 2);

}  // namespace translate
