// # Text as a translator sees it
//
// Sentences are cut into tokens, tokens are numbered, numbers are padded into batches; and back.
//
// Deliberately not a linguist's tokeniser: no subwords, no language rules beyond apostrophes, and
// nothing for languages that write no spaces.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

enum class Unit { characters, words };  // what a token is

// Characters: every code point is a token. Words: lower case, punctuation apart, and an apostrophe
// goes with the letters that it shortens: l'homme is l' homme, man's is man 's.
// FileError where `text` is not UTF-8.
Sentence tokenize(Unit unit, std::string_view text);

// Tokens as one line of text: words are spaced as people space them, characters not at all.
// tokenize(unit, join(unit, tokens)) gives the tokens back.
std::string join(Unit unit, const Sentence& tokens);

// Where the first byte stands that is not UTF-8 (RFC 3629: shortest form, no surrogates, at most
// U+10FFFF), if there is one.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Lower case by Unicode's one-to-one mapping: Latin, modern Greek, Cyrillic and Armenian.
std::string lower_case(std::string_view text);

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

// ---- what a translator learns from ----

struct Example {
  std::vector<int> source, target;  // without <s> and </s>
};

struct Corpus {
  std::string name;
  Unit unit = Unit::words;
  Index max_tokens = 0;  // no sentence of the corpus is longer, on either side

  // No pair of `valid` or `test` is ever trained on, unless files of one's own hold it twice.
  std::vector<Pair> train, valid, test;

  // A made-up task has no `train`: it draws fresh pairs, as many as one likes.
  std::function<Pair(Rng&)> sample;

  // Where it is known: which of n source tokens the target token i translates.
  std::function<Index(Index i, Index n)> alignment;

  Vocabulary source_words, target_words;

  // Pairs of a file that were left out, because one side is blank or longer than max_tokens.
  Index blank = 0, overlong = 0;

  Example encode(const Pair& pair) const;
  std::vector<Example> encode(const std::vector<Pair>& pairs) const;
};

// What to train on for one pass: all of `train`, or 20,000 fresh pairs.
std::vector<Example> next_pass(const Corpus& corpus, Rng& rng);

// Parallel text, one sentence a line: line i of `target` translates line i of `source`.
struct TextFiles {
  std::string source = {}, target = {};
  std::string valid_source = {},
              valid_target = {};  // empty: hold out every twentieth pair, at most 1,000
  Index max_tokens = 60;
  Index min_count = 2;  // rarer words are <unk>
};

// Pairs blank on one side or too long are left out and counted, pairs blank on both are no pairs.
// The held-out pairs are both `valid` and `test`. FileError, with the name of the file, where it
// is missing, empty, not UTF-8, or has not as many lines as its partner.
Corpus read_corpus(const TextFiles& files);

// ---- batches ----

struct Batch {
  glass::Tokens source;         // [B, S], each sentence followed by </s>, then <pad>
  glass::Tokens target_in;      // [B, T], each sentence preceded by <s>
  std::vector<int> target_out;  // [B·T], each sentence followed by </s>: target_in, a step ahead
  std::vector<Index> examples;  // [B], which example each row is
  Index target_tokens = 0;      // how many of target_out are not <pad>
};

struct BatchOptions {
  Index sentences = 64;  // at most so many rows
  Index tokens = 0;      // if not 0: rows · the longer of S and T is at most this, where B > 1
};

// Pads the examples at `rows` into one batch.
Batch make_batch(std::span<const Example> examples, std::vector<Index> rows);

// Every example in exactly one batch, sentences of like lengths together, the batches in random
// order.
std::vector<Batch> make_batches(std::span<const Example> examples, Rng& rng,
                                BatchOptions options = {});

}  // namespace translate
