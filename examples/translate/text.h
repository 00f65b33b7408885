// # Text as a translator sees it
//
// Cuts sentences into tokens, numbers the tokens, and turns numbers back into sentences.
//
// Deliberately not a linguist's tokeniser: no language rules beyond apostrophes. Words are no
// tokens for languages that write no spaces, in which a whole sentence would be one word: they need
// subwords (subwords.h).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "examples/translate/unicode.h"
#include "glassgrad.h"

namespace translate {

using glass::Index;
using glass::Rng;

using Sentence = std::vector<std::string>;  // one token an entry

struct Pair {
  Sentence source, target;
  friend bool operator==(const Pair&, const Pair&) = default;
};

// ---- tokens ----

enum class Unit { characters, words, subwords };  // what a token is

// Characters: every code point is a token. Words: lower case, punctuation apart, and an apostrophe
// goes with the letters that it shortens: l'homme is l' homme, man's is man 's. Subwords: the
// pieces of the text in lower case (pieces.h), which subwords.h cuts further. FileError if `text`
// is not UTF-8.
Sentence tokenize(Unit unit, std::string_view text);

// Tokens as one line of text: words are spaced as people space them, characters not at all, and
// subwords hold their spaces, so that the text comes back as it was written.
// tokenize(unit, join(unit, tokens)) gives the tokens back (of subwords, the pieces).
std::string join(Unit unit, const Sentence& tokens);

// ---- numbers for tokens ----

class Vocabulary {
 public:
  static constexpr int pad = 0, unknown = 1, start = 2, stop = 3;

  // Numbers `words` from 4 on, after <pad>, <unk>, <s> and </s>. FileError if one is
  // empty or occurs twice.
  explicit Vocabulary(std::vector<std::string> words = {});

  // The words that occur at least `min_count` times, the most frequent first, ties by alphabet.
  Vocabulary(const std::vector<Pair>& pairs, Sentence Pair::*side, Index min_count);

  // One word a line without the first four, for a checkpoint's metadata; and back.
  std::string to_text() const;
  static Vocabulary from_text(std::string_view text);

  int size() const { return static_cast<int>(words_.size()); }
  int id(std::string_view word) const;    // `unknown` where the word is not known
  const std::string& word(int id) const;  // ShapeError unless 0 ≤ id < size()

  // Neither adds <s> nor </s>; decode stops before </s> and leaves <pad> and <s> out.
  std::vector<int> encode(const Sentence& sentence) const;
  Sentence decode(std::span<const int> ids) const;

 private:
  std::vector<std::string> words_;
  std::map<std::string, int, std::less<>> ids_;
};

}  // namespace translate
