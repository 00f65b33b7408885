// # A model and the words that it knows
#pragma once

#include <filesystem>

#include "examples/translate/options.h"
#include "glassgrad.h"

namespace translate {

// How a translation is looked for: greedily with one beam.
struct Search {
  Index beams = 1;
  double length_penalty = 0.6;
};

// A translation as text, and the ln of its probability, </s> included.
struct Candidate {
  std::string text;
  double log_p = 0;
};

// The model, and all that is needed to use it again: one safetensors file holds them.
struct Translator {
  std::string task;
  Unit unit = Unit::words;
  Vocabulary source_words, target_words;
  Coding coding;  // where the tokens are subwords
  glass::nn::EncoderDecoder model;

  static Translator create(const Corpus& corpus, const Options& options);

  // Loads a file that save() or a Trainer wrote; FileError if it is another file. What an
  // unfinished training keeps in the file for itself is ignored.
  static Translator load(const std::filesystem::path& path);
  void save(const std::filesystem::path& path) const;
  glass::nn::Metadata notes() const;  // what save writes beside the numbers

  // A copy with parameters of its own.
  Translator copy() const;

  // A text of the source language, as typed, in tokens.
  Sentence tokens_of(std::string_view text) const;

  // Whether a translation is the reference. Subwords may be cut otherwise in it.
  bool is_right(const std::vector<int>& translation, const std::vector<int>& reference) const;

  // The likeliest target for each source, without <s> and </s>.
  std::vector<std::vector<int>> decode(std::span<const Example> examples, Search search = {}) const;

  // Up to `count` targets for each source, the likeliest first, as far as the length penalty
  // agrees.
  std::vector<std::vector<glass::nn::Decoded>> decode_several(std::span<const Example> examples,
                                                              Index count, Search search) const;

  // The target in words. Where the model wrote <unk>, the word is copied from the source token that
  // the model looked at most.
  Sentence spell(const Sentence& source, const std::vector<int>& target) const;

  // The name of each token of a target, and ■ for the end, as an axis of a picture. `words` is the
  // target without <s> and <pad>, which a model that has not learnt much may write, too.
  Sentence axis_of(const std::vector<int>& target, const Sentence& words) const;

  // Sentences as typed; an empty one stays empty. FileError if one is not UTF-8, ShapeError if one
  // is longer than the model can read.
  std::vector<std::string> translate(std::span<const std::string> texts, Search search = {}) const;
  std::string translate(const std::string& text, Search search = {}) const;

  // Up to `count` translations of each text, the best first. An empty text has one, of probability
  // 1. Two candidates may be the same text, cut into subwords in two ways.
  std::vector<std::vector<Candidate>> candidates(std::span<const std::string> texts, Index count,
                                                 Search search) const;
  void expect_translatable(std::string_view text) const;

  // The attention of the last decoder layer while it wrote each of the target's tokens and </s>:
  // the cross-attention averaged over heads [T + 1, S + 1], </s> last on both sides.
  glass::Tensor attention(const Example& example) const;
};

}  // namespace translate
