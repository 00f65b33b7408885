// # Cutting text into tokens, joining tokens, and numbering them
#include "examples/translate/text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <utility>

#include "examples/common/quote.h"
#include "examples/translate/pieces.h"

namespace translate {

using glass::check;
using glass::FileError;
using glass::ShapeError;

namespace {

// ---- words ----

bool is_digit(char32_t c) { return '0' <= c && c <= '9'; }
bool is_letter(char32_t c) { return !is_space(c) && !is_mark(c); }  // or a digit

// What French writes before an apostrophe: the shortened word ends there.
bool is_elided(std::u32string_view word) {
  static const std::set<std::u32string_view> elided = {
      U"c", U"d", U"j", U"l", U"m", U"n", U"s", U"t", U"qu", U"jusqu", U"lorsqu", U"puisqu"};
  return elided.contains(word);
}

// Where the words of a text begin and end. Positions outside the text hold no letter and no digit.
class WordCutter {
 public:
  explicit WordCutter(std::u32string_view codes) : codes_(codes) {}

  // The end of the token that begins here. A token is a word, or a mark alone.
  std::size_t end_of_token(std::size_t begin) const {
    std::size_t i = begin + 1;
    // An apostrophe between letters begins a word, as in man's.
    const bool shortened = is('\'', begin) && begin > 0 && letter(begin - 1) && letter(i);
    if (!letter(begin) && !shortened) return i;
    while (letter(i) || inner_mark(i)) ++i;
    // And it ends a word that is elided, as in l'homme.
    if (is('\'', i) && letter(i + 1) && is_elided(codes_.substr(begin, i - begin))) ++i;
    return i;
  }

 private:
  bool is(char32_t code, std::size_t i) const { return i < codes_.size() && codes_[i] == code; }
  bool letter(std::size_t i) const { return i < codes_.size() && is_letter(codes_[i]); }
  bool digit(std::size_t i) const { return i < codes_.size() && is_digit(codes_[i]); }

  // Marks that hold a word together: t-shirt, 3.5, 1,000, 12:30.
  bool inner_mark(std::size_t i) const {
    if (is('-', i)) return letter(i - 1) && letter(i + 1);
    return (is('.', i) || is(',', i) || is(':', i)) && digit(i - 1) && digit(i + 1);
  }

  std::u32string_view codes_;
};

// The words and marks of a text, in lower case.
Sentence words(std::u32string codes) {
  codes = lower_case(codes);
  std::ranges::replace(codes, U'’', U'\'');
  const std::u32string_view text = codes;
  const WordCutter cutter(text);
  Sentence tokens;
  // Cut off one token after another; spaces belong to none.
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    end = begin + 1;
    if (is_space(text[begin])) continue;
    end = cutter.end_of_token(begin);
    tokens.push_back(encode_utf8(text.substr(begin, end - begin)));
  }
  return tokens;
}

// Tokens with the spaces that people write between them.
std::string join_words(const Sentence& tokens) {
  static const std::set<std::string_view> closing = {".", ",", "!", "?", ";", ":", ")",
                                                     "]", "}", "%", "…", "”", "»", "'"};
  static const std::set<std::string_view> opening = {"(", "[", "{", "„", "«", "‘"};
  std::string text;
  bool glued = true;  // no space before the next token
  std::string_view quote;
  for (const std::string& token : tokens) {
    bool opens = opening.contains(token) || (token.size() > 1 && token.ends_with('\''));
    bool closes = closing.contains(token) || (token.size() > 1 && token.starts_with('\''));
    // The same sign opens and closes in English ("), and “ closes what a German „ opened.
    if (token == "\"" || token == "“" || token == "„" || token == "”") {
      opens = quote.empty();
      closes = !opens;
      quote = opens ? token : "";
    }

    // A space, unless the token before opens something or this token closes something.
    if (!glued && !closes) text += ' ';
    text += token;
    glued = opens;
  }
  return text;
}

}  // namespace

Sentence tokenize(Unit unit, std::string_view text) {
  const std::u32string codes = decode_utf8(text);
  if (unit == Unit::words) return words(codes);
  if (unit == Unit::subwords) return normal_pieces(codes);
  Sentence tokens;
  for (const char32_t code : codes) tokens.push_back(encode_utf8({&code, 1}));
  return tokens;
}

std::string join(Unit unit, const Sentence& tokens) {
  if (unit == Unit::words) return join_words(tokens);
  if (unit == Unit::subwords) return join_subwords(tokens);
  return std::accumulate(tokens.begin(), tokens.end(), std::string());
}

// ---- numbers for tokens ----

Vocabulary::Vocabulary(std::vector<std::string> words) : words_{"<pad>", "<unk>", "<s>", "</s>"} {
  words_.insert(words_.end(), std::make_move_iterator(words.begin()),
                std::make_move_iterator(words.end()));
  for (int id = 0; id < size(); ++id) {
    check<FileError>(!word(id).empty(), "Vocabulary: no word may be empty; word {} is", id);
    check<FileError>(ids_.emplace(word(id), id).second,
                     "Vocabulary: words must differ; got \"{}\" twice",
                     examples::shortened(word(id)));
  }
}

Vocabulary::Vocabulary(const std::vector<Pair>& pairs, Sentence Pair::*side, Index min_count)
    : Vocabulary([&] {
        std::map<std::string_view, Index> counts;
        for (const Pair& pair : pairs)
          for (const std::string& word : pair.*side) ++counts[word];
        std::vector<std::pair<Index, std::string>> kept;  // most frequent first: by −count
        for (const auto& [word, count] : counts)
          if (count >= min_count) kept.emplace_back(-count, word);
        std::sort(kept.begin(), kept.end());
        std::vector<std::string> words;
        for (auto& [count, word] : kept) words.push_back(std::move(word));
        return words;
      }()) {}

std::string Vocabulary::to_text() const {
  return fmt::format("{}", fmt::join(words_.begin() + 4, words_.end(), "\n"));
}

// One word a line.
Vocabulary Vocabulary::from_text(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
    end = std::min(text.find('\n'), text.size());
    words.emplace_back(text.substr(0, end));
  }
  return Vocabulary(std::move(words));
}

int Vocabulary::id(std::string_view word) const {
  const auto found = ids_.find(word);
  return found == ids_.end() ? unknown : found->second;
}

const std::string& Vocabulary::word(int id) const {
  check<ShapeError>(0 <= id && id < size(), "Vocabulary: expected an id below {}; got {}", size(),
                    id);
  return words_[static_cast<std::size_t>(id)];
}

// From words to numbers, and back.
std::vector<int> Vocabulary::encode(const Sentence& sentence) const {
  std::vector<int> ids;
  for (const std::string& word : sentence) ids.push_back(id(word));
  return ids;
}

Sentence Vocabulary::decode(std::span<const int> ids) const {
  Sentence sentence;
  for (const int id : ids) {
    if (id == stop) break;
    if (id != pad && id != start) sentence.push_back(word(id));
  }
  return sentence;
}

}  // namespace translate
