// # BLEU: cutting into words, counting n-grams, the score
#include "examples/translate/bleu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "examples/translate/unicode.h"
#include "glassgrad.h"

namespace translate {

namespace {

bool is_digit(char c) { return '0' <= c && c <= '9'; }
bool is_stop(char c) { return c == '.' || c == ','; }

// Whether c is a mark of ASCII that is a word of its own: any mark but ' , - and .
bool is_apart(char c) {
  const bool letter = ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || is_digit(c);
  return ' ' < c && c <= '~' && !letter && c != '\'' && c != '-' && !is_stop(c);
}

std::string set_marks_apart(std::string_view text) {
  std::string out;
  for (const char c : text) out += is_apart(c) ? std::string{' ', c, ' '} : std::string{c};
  return out;
}

// Looks for pairs of neighbours of which the left fits `first` and the right fits `second`, and
// puts spaces around one of the two. The search goes from left to right; both characters of a pair
// are then passed over.
enum class Part { first, second };
std::string set_apart(const std::string& text, Part part, auto first, auto second) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool found = i + 1 < text.size() && first(text[i]) && second(text[i + 1]);
    // Copy one character, or two neighbours with spaces around one of them.
    if (!found) {
      out += text[i];
    } else if (part == Part::first) {
      out.append({' ', text[i], ' ', text[++i]});
    } else {
      out.append({text[i], ' ', text[i + 1], ' '});
      ++i;
    }
  }
  return out;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Python's str.rstrip().
std::string without_spaces_at_end(std::string_view text) {
  std::u32string codes = decode_utf8(text);
  while (!codes.empty() && is_white_space(codes.back())) codes.pop_back();
  return encode_utf8(codes);
}

// Python's str.split().
std::vector<std::string> split_at_spaces(std::string_view text) {
  std::vector<std::string> words;
  std::u32string word;
  // The space at the end completes the last word.
  for (const char32_t c : decode_utf8(text) + U' ') {
    if (!is_white_space(c)) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(encode_utf8(std::exchange(word, {})));
    }
  }
  return words;
}

// All sequences of n words of a sentence, in alphabetical order, repeated ones too.
struct Before {
  bool operator()(std::span<const std::string> a, std::span<const std::string> b) const {
    return std::ranges::lexicographical_compare(a, b);
  }
};
using WordNgrams = std::vector<std::span<const std::string>>;

WordNgrams ngrams_of(const std::vector<std::string>& words, std::size_t n) {
  WordNgrams ngrams;
  for (std::size_t i = 0; i + n <= words.size(); ++i)
    ngrams.push_back(std::span(words).subspan(i, n));
  std::ranges::sort(ngrams, Before());
  return ngrams;
}

// In percent. C.-Y. Lin, F. J. Och (2004) and mteval-v13a: the k-th n without a match counts as
// 1/2ᵏ of a match.
std::array<double, 4> smoothed_precisions(const std::array<long, 4>& found,
                                          const std::array<long, 4>& written) {
  std::array<double, 4> precisions{};
  double share = 1;
  for (std::size_t n = 0; n < 4 && written[n] > 0; ++n) {
    const double matches = found[n] > 0 ? static_cast<double>(found[n]) : (share /= 2);
    precisions[n] = 100 * matches / static_cast<double>(written[n]);
  }
  return precisions;
}

}  // namespace

std::vector<std::string> tokenize_13a(std::string_view text) {
  const auto no_digit = [](char c) { return !is_digit(c); };
  const auto dash = [](char c) { return c == '-'; };
  std::string line = without_spaces_at_end(text);
  replace(line, "<skipped>", "");
  replace(line, "-\n", "");  // a word that was divided at the end of its line
  replace(line, "&quot;", "\"");
  replace(line, "&amp;", "&");
  replace(line, "&lt;", "<");
  replace(line, "&gt;", ">");
  line = set_marks_apart(fmt::format(" {} ", line));
  line = set_apart(line, Part::second, no_digit, is_stop);  // unless after a digit
  line = set_apart(line, Part::first, is_stop, no_digit);   // unless before a digit
  line = set_apart(line, Part::second, is_digit, dash);     // after a digit
  return split_at_spaces(line);
}

std::vector<std::string> tokenize_characters(std::string_view text) {
  std::vector<std::string> characters;
  for (const char32_t c : decode_utf8(text))
    if (!is_white_space(c)) characters.push_back(encode_utf8({&c, 1}));
  return characters;
}

namespace {

// exp(1 − r/c) if the translations have fewer words than the references: c < r.
double brevity_penalty(long translated, long referred) {
  const auto c = static_cast<double>(translated), r = static_cast<double>(referred);
  if (c >= r) return 1;
  return c == 0 ? 0 : std::exp(1 - r / c);
}

double geometric_mean(const std::array<double, 4>& percents) {
  double logs = 0;
  for (const double p : percents) logs += std::log(p / 100) / 4;  // ln 0 = −∞: a mean of 0
  return std::exp(logs);
}

}  // namespace

// ---- the signature ----

std::string_view name_of(Case letters) { return letters == Case::lower ? "lc" : "mixed"; }

std::string bleu_signature(BleuOptions options, std::string_view resampling) {
  return fmt::format("nrefs:1|{}case:{}|eff:no|tok:{}|smooth:exp", resampling,
                     name_of(options.letters), options.characters ? "char" : "13a");
}

// ---- counts ----

BleuCounts& BleuCounts::operator+=(const BleuCounts& other) {
  length += other.length;
  reference += other.reference;
  for (std::size_t n = 0; n < 4; ++n) {
    found[n] += other.found[n];
    written[n] += other.written[n];
  }
  return *this;
}

BleuCounts count_bleu(std::string_view translation, std::string_view reference,
                      BleuOptions options) {
  const auto words_of = [&](std::string_view text) {
    const std::string cased = options.letters == Case::lower ? lower_case(text) : std::string(text);
    return options.characters ? tokenize_characters(cased) : tokenize_13a(cased);
  };
  const std::vector<std::string> words = words_of(translation), wanted = words_of(reference);
  BleuCounts counts{.length = std::ssize(words), .reference = std::ssize(wanted)};
  for (std::size_t n = 1; n <= 4; ++n) {
    // An intersection has an n-gram as often as the text that has it less often.
    const WordNgrams written = ngrams_of(words, n);
    WordNgrams found;
    std::ranges::set_intersection(written, ngrams_of(wanted, n), std::back_inserter(found),
                                  Before());
    counts.written[n - 1] = std::ssize(written);
    counts.found[n - 1] = std::ssize(found);
  }
  return counts;
}

// ---- the score ----

double Bleu::ratio() const {
  return reference == 0 ? 0 : static_cast<double>(length) / static_cast<double>(reference);
}

// The geometric mean of the precisions, times the penalty.
Bleu bleu(const BleuCounts& counts) {
  Bleu result{.length = counts.length, .reference = counts.reference};
  result.brevity_penalty = brevity_penalty(counts.length, counts.reference);
  if (counts.found[0] == 0) return result;  // no word matches, so no n-gram does
  result.precisions = smoothed_precisions(counts.found, counts.written);
  result.score = 100 * result.brevity_penalty * geometric_mean(result.precisions);
  return result;
}

Bleu bleu(std::span<const std::string> translations, std::span<const std::string> references,
          BleuOptions options) {
  glass::check<glass::ShapeError>(translations.size() == references.size(),
                                  "bleu: as many translations as references; got {} and {}",
                                  translations.size(), references.size());
  BleuCounts counts;
  for (std::size_t i = 0; i < translations.size(); ++i)
    counts += count_bleu(translations[i], references[i], options);
  return bleu(counts);
}

}  // namespace translate
