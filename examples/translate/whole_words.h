// # Attention of whole words, where the tokens are subwords
//
// People read words. So a picture shows the subwords apart, or joined to words: a word of the
// source gets the sum of its subwords' weights, and a word of the target the mean of its subwords'
// rows. The weights that a word spreads over the source then still sum to 1.
#pragma once

#include <string>
#include <vector>

#include "examples/translate/text.h"

namespace translate {

struct Word {
  std::string text;  // without its space
  Index count = 0;   // of its subwords
};

// The words of a sentence, the end ■ included. In scripts without spaces every subword counts as a
// word.
std::vector<Word> whole_words(const Sentence& subwords);

// Their texts.
Sentence texts_of(const std::vector<Word>& words);

// Weights [T, S] of subwords as weights of words [words of the target, words of the source].
glass::Tensor join_weights(const glass::Tensor& weights, const std::vector<Word>& source,
                           const std::vector<Word>& target);

// Subwords as they are shown apart: ▁ for the space at their front.
Sentence visible(const Sentence& subwords);

}  // namespace translate
