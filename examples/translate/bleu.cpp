// # BLEU: cutting into words, counting n-grams, the score
#include "examples/translate/bleu.h"

#include <algorithm>
#include <cmath>
#include <map>

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

// How often each sequence of n words occurs in a sentence.
struct Before {
  bool operator()(std::span<const std::string> a, std::span<const std::string> b) const {
    return std::ranges::lexicographical_compare(a, b);
  }
};
using Counts = std::map<std::span<const std::string>, long, Before>;

Counts count_ngrams(const std::vector<std::string>& words, std::size_t n) {
  Counts counts;
  for (std::size_t i = 0; i + n <= words.size(); ++i) ++counts[std::span(words).subspan(i, n)];
  return counts;
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

namespace {

// n-grams for n = 1 … 4: how many the translations have, and how many of these the references have.
struct Matches {
  std::array<long, 4> found{}, written{};
};

// Counts the n-grams of one sentence. Each is found at most as often as the reference has it.
void count_matches(const std::vector<std::string>& words, const std::vector<std::string>& wanted,
                   std::size_t n, Matches& matches) {
  const Counts there = count_ngrams(wanted, n);
  for (const auto& [ngram, count] : count_ngrams(words, n)) {
    const auto match = there.find(ngram);
    matches.written[n - 1] += count;
    if (match != there.end()) matches.found[n - 1] += std::min(count, match->second);
  }
}

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

Bleu bleu(std::span<const std::string> translations, std::span<const std::string> references) {
  glass::check<glass::ShapeError>(translations.size() == references.size(),
                                  "bleu: as many translations as references; got {} and {}",
                                  translations.size(), references.size());
  // Count words and n-grams over the whole corpus.
  Bleu result;
  Matches matches;
  for (std::size_t i = 0; i < translations.size(); ++i) {
    const auto words = tokenize_13a(lower_case(translations[i]));
    const auto wanted = tokenize_13a(lower_case(references[i]));
    result.length += std::ssize(words);
    result.reference += std::ssize(wanted);
    for (std::size_t n = 1; n <= 4; ++n) count_matches(words, wanted, n, matches);
  }

  // The score is the geometric mean of the precisions, times the penalty.
  result.brevity_penalty = brevity_penalty(result.length, result.reference);
  if (matches.found[0] == 0) return result;  // no word matches, so no n-gram does
  result.precisions = smoothed_precisions(matches.found, matches.written);
  result.score = 100 * result.brevity_penalty * geometric_mean(result.precisions);
  return result;
}

}  // namespace translate
