// # What a translator learns from
//
// Pairs of sentences, read from files or made up, and padded into batches.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "examples/translate/subwords.h"

namespace translate {

struct Example {
  std::vector<int> source, target;  // without <s> and </s>
};

struct Corpus {
  std::string name;
  Unit unit = Unit::words;
  Index max_tokens = 0;  // no sentence of the corpus is longer, on either side

  // No pair of `valid` or `test` is ever trained on, unless the user's files contain it twice.
  std::vector<Pair> train, valid, test;

  // The targets of `valid` and `test` as people wrote them: what BLEU compares with.
  std::vector<std::string> valid_references, test_references;

  // A made-up task has no `train`. Instead it draws fresh pairs, as many as are wanted.
  std::function<Pair(Rng&)> sample;

  // If it is known: which of n source tokens the target token i translates.
  std::function<Index(Index i, Index n)> alignment;

  // The tokens that are known. Where they are subwords, `coding` cuts text into them.
  Vocabulary source_words, target_words;
  Coding coding = {};

  // Pairs of a file that were left out, because one side is blank or longer than max_tokens.
  Index blank = 0, overlong = 0;

  Example encode(const Pair& pair) const;
  std::vector<Example> encode(const std::vector<Pair>& pairs) const;
};

// What to train on for one pass: all of `train`, or 20,000 fresh pairs. With `bpe_dropout`, words
// are cut anew, each merge left out with this probability; a sentence that becomes longer than
// max_tokens stays as it was.
std::vector<Example> next_pass(const Corpus& corpus, Rng& rng, double bpe_dropout = 0);

// All bytes of a file. FileError if it is missing, or cannot be read.
std::string read_text(const std::string& path);

// The lines of a text, without their ends (\n or \r\n) and, where the text is the beginning of a
// file, without its byte order mark.
std::vector<std::string> split_lines(std::string_view text, bool begins_file = true);

// The lines of a text file. FileError if it is missing, empty or not UTF-8.
std::vector<std::string> read_lines(const std::string& path);

// The lines of two text files of which line i of one belongs to line i of the other. FileError as
// above, or if they have different numbers of lines.
struct LinePairs {
  std::vector<std::string> first, second;
};
LinePairs read_line_pairs(const std::string& first, const std::string& second);

// Parallel text, one sentence a line: line i of `target` translates line i of `source`.
struct TextFiles {
  std::string source = {}, target = {};
  std::string valid_source = {},
              valid_target = {};  // empty: hold out every twentieth pair, at most 1,000
  Index max_tokens = 60;
  Index min_count = 2;  // rarer words are <unk>, and of subwords, rarer characters are bytes
  Index subwords = 0;   // tokens are subwords, made by so many merges; 0: words
  bool joint = false;   // one encoding and one vocabulary for both languages
};

// Reads the files. A pair that is blank on one side, or too long, is left out and counted. A pair
// that is blank on both sides is skipped. The held-out pairs become both `valid` and `test`.
// FileError, with the name of the file, if a file is missing, empty, or not UTF-8, or if
// source and target have different numbers of lines. With `known`, the tokens are its subwords, and
// none are learnt.
Corpus read_corpus(const TextFiles& files, const Coding* known = nullptr);

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

// Puts every example into exactly one batch. Sentences of similar lengths are in one batch; the
// batches are in random order.
std::vector<Batch> make_batches(std::span<const Example> examples, Rng& rng,
                                BatchOptions options = {});

}  // namespace translate
