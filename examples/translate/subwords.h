// # Subwords, by byte-pair encoding
//
// A word that occurs rarely is cut into parts that occur often: "lowest" into "low" and "est". So a
// small vocabulary spells every word, and no word is unknown.
//
// The encoding is learnt from the training text. At first every character is a token of its own.
// Then, again and again, the two neighbouring tokens that stand side by side most often are merged
// into one.   R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with
// Subword Units" (2016)
//
// A sentence is cut by the same merges in the same order. In training, each merge may be left out
// by chance: the model then sees one word cut in many ways, and learns what its parts mean.
//   I. Provilkov, D. Emelianenko, E. Voita, "BPE-Dropout" (2020)
//
// Deliberately simple: a token stays in the vocabulary even if later merges use up all of its
// occurrences. It is then hardly ever trained.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/translate/text.h"

namespace translate {

// How often each piece of a text occurs.
using PieceCounts = std::map<std::string, Index, std::less<>>;

class Subwords {
 public:
  // Knows no character: it cuts every text into bytes.
  Subwords();

  // Learns at most `merges` merges, and fewer where no two tokens stand side by side twice. Of
  // pairs that are equally frequent, the first by alphabet (by bytes, left token first) is merged.
  // A pair is merged once. Characters that occur fewer than `min_count` times, and control
  // characters, are spelled as bytes, which are never merged. FileError if a piece is not UTF-8.
  static Subwords learn(const PieceCounts& pieces, Index merges, Index min_count);

  // The tokens of a piece: its characters, merged in the order in which the merges were learnt.
  Sentence cut(std::string_view piece) const;
  Sentence cut(const Sentence& pieces) const;

  // The same with dropout: at each step, each merge that is possible is left out with probability
  // `dropout`; where all of them are left out, the piece is finished. One draw of `rng`.
  Sentence cut(const Sentence& pieces, double dropout, Rng& rng) const;

  // Every token that a cut can give, each once: 256 bytes, the characters, the products of merges.
  const std::vector<std::string>& tokens() const { return tokens_; }
  Index merges() const { return std::ssize(merges_); }

  // For a checkpoint's metadata: a character a line, then a merge a line, its two tokens with a tab
  // between them. from_text() throws a FileError if a text has another form.
  std::string to_text() const;
  static Subwords from_text(std::string_view text);

  friend bool operator==(const Subwords& a, const Subwords& b) {
    return a.to_text() == b.to_text();
  }

 private:
  class Learner;  // in subwords_learn.cpp
  using Ids = std::vector<int>;
  using Key = std::uint64_t;  // two ids
  struct Merge {
    int left = 0, right = 0, product = 0;
  };
  static constexpr int bytes = 256;  // the first tokens

  static Key key_of(int left, int right) { return Key(left) << 32 | Key(right); }
  static int left_of(Key key) { return static_cast<int>(key >> 32); }
  static int right_of(Key key) { return static_cast<int>(key & 0xFFFFFFFF); }

  int add_token(const std::string& token);  // its id, a new one if the token is new
  void add_character(char32_t character);
  int add_merge(int left, int right);  // the product's id
  void add_line(const std::string& line);
  Ids characters_of(std::string_view piece) const;  // of an unknown character, its bytes
  int rank(int left, int right) const;              // of the merge of two tokens; or `no_merge`
  void merge_at(std::size_t at, Ids& ids, Ids& ranks) const;
  Sentence merged(Ids ids, const auto& drops) const;

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int> ids_;
  std::unordered_map<char32_t, int> characters_;
  std::vector<Merge> merges_;
  std::unordered_map<Key, int> ranks_;
};

// Byte-pair encodings for the two sides of a corpus.
struct Coding {
  Subwords source, target;
  bool joint = false;  // they are one, learnt from both sides
};

// The tokens of a text that somebody typed: words, characters, or its pieces cut into subwords.
Sentence tokenize(Unit unit, const Subwords& subwords, std::string_view text);

}  // namespace translate
