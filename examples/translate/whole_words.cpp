// # How the attention of subwords is joined
#include "examples/translate/whole_words.h"

#include "examples/translate/pieces.h"

namespace translate {

std::vector<Word> whole_words(const Sentence& subwords) {
  const std::vector<Index> starts = word_starts(subwords);
  std::vector<Word> words;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const Index begin = starts[i];
    const Index end = i + 1 < starts.size() ? starts[i + 1] : std::ssize(subwords);
    const std::string text = join_subwords({subwords.begin() + begin, subwords.begin() + end});
    words.push_back({text.empty() ? "␣" : text, end - begin});
  }
  return words;
}

Sentence texts_of(const std::vector<Word>& words) {
  Sentence texts;
  for (const Word& word : words) texts.push_back(word.text);
  return texts;
}

namespace {

// A matrix [words, subwords] of 1 where the subword is of the word: its product with weights sums
// them.
glass::Tensor membership(const std::vector<Word>& words) {
  Index all = 0;
  for (const Word& word : words) all += word.count;
  glass::Tensor matrix = glass::zeros({std::ssize(words), all});
  Index at = 0;
  for (Index w = 0; w < std::ssize(words); ++w)
    for (Index i = 0; i < words[static_cast<std::size_t>(w)].count; ++i) matrix(w, at++) = 1;
  return matrix;
}

}  // namespace

glass::Tensor join_weights(const glass::Tensor& weights, const std::vector<Word>& source,
                           const std::vector<Word>& target) {
  const glass::Tensor rows = membership(target), columns = membership(source);
  const glass::Tensor means = rows / sum(rows, 1, true);           // each row sums to 1
  return matmul(matmul(means, weights), columns.transpose(0, 1));  // [T', T] · [T, S] · [S, S']
}

Sentence visible(const Sentence& subwords) {
  Sentence shown;
  for (const std::string& token : subwords)
    shown.push_back(token.starts_with(' ') ? "▁" + token.substr(1) : token);
  return shown;
}

}  // namespace translate
