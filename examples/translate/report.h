// # A training, and what came of it, as one page
//
// Curves, samples, and the attention of each token of a translation, in one HTML file that needs no
// network. It takes plain numbers and words, and knows nothing of models or of training.
//
// How it looks is written in report.html, report.css and report.js, and in examples/page.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "examples/translate/history.h"
#include "examples/translate/whole_words.h"

namespace translate {

struct Sample {
  std::string source_text = {}, target_text = {}, reference = {};  // as people read them
  bool right = false;                                              // the target is the reference

  // The cross-attention that wrote the target: [L, H, T, S], of L layers and H heads, and the
  // tokens of its last two axes, with the end of the sentence where the model sees one.
  Sentence source = {}, target = {};
  std::optional<glass::Tensor> weights = {};

  // Where the tokens are subwords: their words, to which the page can join them.
  std::vector<Word> source_words = {}, target_words = {};
};

struct Report {
  std::string title = {};
  std::string lead = {};                                        // a sentence below it
  std::vector<std::pair<std::string, std::string>> facts = {};  // name and value
  History history = {};
  std::vector<Sample> samples = {};
};

// The page's data as JSON. NaN and infinity become null, bytes that are not UTF-8 become U+FFFD, a
// weight is given in thousandths, and a long history is reduced to about 600 means. ShapeError if a
// sample's weights do not fit its tokens.
std::string report_json(const Report& report);

// The page. ShapeError as above, FileError if it cannot be written.
void write_report(const std::filesystem::path& path, const Report& report);

}  // namespace translate
