// # A model and the words that it knows
#pragma once

#include <filesystem>

#include "examples/translate/options.h"
#include "examples/translate/text.h"
#include "glassgrad.h"

namespace translate {

// How a translation is looked for: greedily with one beam.
struct Search {
  Index beams = 1;
  double length_penalty = 0.6;
};

// The model, and all that is needed to use it again: one safetensors file holds them.
struct Translator {
  std::string task;
  Unit unit = Unit::words;
  Vocabulary source_words, target_words;
  glass::nn::EncoderDecoder model;

  static Translator create(const Corpus& corpus, const Options& options);

  // Loads a file that save() or a Trainer wrote; FileError if it is another file. What an
  // unfinished training keeps in the file for itself is ignored.
  static Translator load(const std::filesystem::path& path);
  void save(const std::filesystem::path& path) const;
  glass::nn::Metadata notes() const;  // what save writes beside the numbers

  // A copy with parameters of its own.
  Translator copy() const;

  // The likeliest target for each source, without <s> and </s>.
  std::vector<std::vector<int>> decode(std::span<const Example> examples, Search search = {}) const;

  // The target in words. Where the model wrote <unk>, the word is copied from the source token that
  // the model looked at most.
  Sentence spell(const Sentence& source, const std::vector<int>& target) const;

  // Sentences as typed; an empty one stays empty. FileError if one is not UTF-8, ShapeError if one
  // is longer than the model can read.
  std::vector<std::string> translate(std::span<const std::string> texts, Search search = {}) const;
  std::string translate(const std::string& text, Search search = {}) const;
  void expect_translatable(std::string_view text) const;

  // The attention of the last decoder layer while it wrote each of the target's tokens and </s>:
  // the cross-attention averaged over heads [T + 1, S + 1], </s> last on both sides.
  glass::Tensor attention(const Example& example) const;
};

}  // namespace translate
