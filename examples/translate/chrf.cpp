// # chrF: counting sequences of characters, the score
#include "examples/translate/chrf.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "examples/translate/unicode.h"

namespace translate {

namespace {

using CharacterNgrams = std::vector<std::u32string_view>;

std::u32string characters_of(std::string_view text, Case letters, Spaces spaces) {
  std::u32string codes = decode_utf8(letters == Case::lower ? lower_case(text) : std::string(text));
  if (spaces == Spaces::removed) std::erase_if(codes, is_white_space);
  return codes;
}

// All sequences of n characters, in order, repeated ones too.
CharacterNgrams ngrams_of(std::u32string_view text, std::size_t n) {
  CharacterNgrams ngrams;
  for (std::size_t i = 0; i + n <= text.size(); ++i) ngrams.push_back(text.substr(i, n));
  std::ranges::sort(ngrams);
  return ngrams;
}

}  // namespace

ChrfCounts& ChrfCounts::operator+=(const ChrfCounts& other) {
  for (std::size_t n = 0; n < longest; ++n) {
    written[n] += other.written[n];
    wanted[n] += other.wanted[n];
    found[n] += other.found[n];
  }
  return *this;
}

ChrfCounts count_chrf(std::string_view translation, std::string_view reference, Case letters,
                      Spaces spaces) {
  const std::u32string text = characters_of(translation, letters, spaces),
                       other = characters_of(reference, letters, spaces);
  ChrfCounts counts;
  for (std::size_t n = 1; n <= ChrfCounts::longest; ++n) {
    const CharacterNgrams written = ngrams_of(text, n), wanted = ngrams_of(other, n);
    if (wanted.empty()) break;  // longer ones are missing too
    // An intersection has an n-gram as often as the text that has it less often.
    CharacterNgrams found;
    std::ranges::set_intersection(written, wanted, std::back_inserter(found));
    counts.written[n - 1] = std::ssize(written);
    counts.wanted[n - 1] = std::ssize(wanted);
    counts.found[n - 1] = std::ssize(found);
  }
  return counts;
}

double chrf(const ChrfCounts& counts, double beta) {
  double precision = 0, recall = 0, orders = 0;
  for (std::size_t n = 0; n < ChrfCounts::longest; ++n) {
    if (counts.written[n] == 0 || counts.wanted[n] == 0) continue;
    const auto found = static_cast<double>(counts.found[n]);
    precision += found / static_cast<double>(counts.written[n]);
    recall += found / static_cast<double>(counts.wanted[n]);
    orders += 1;
  }
  // Without a match both are 0, and so is the score.
  if (precision + recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  const double weight = beta * beta;
  return 100 * (1 + weight) * precision * recall / (weight * precision + recall);
}

}  // namespace translate
