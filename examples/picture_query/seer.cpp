// # How a Seer is marked
#include "examples/picture_query/seer.h"

#include <algorithm>

namespace picture_query {

namespace {

// The likeliest colour for each question. `weights` receives the attention of each question.
std::vector<int> answers_of(const Seer& model, const Tensor& patches, const glass::Tokens& words,
                            Tensor* weights = nullptr) {
  return argmax(model(patches, words, weights).value(), -1);  // [B · Q]
}

// The questions, each given to the picture before: the first picture's questions go to the last.
glass::Tokens moved_on(glass::Tokens words, Index questions) {
  std::rotate(words.ids.begin(), words.ids.begin() + words.length * questions, words.ids.end());
  return words;
}

// Sums over questions, divided by the number of questions.
Marks means_of(const Marks& sums) {
  const double n = static_cast<double>(std::max<Index>(sums.questions, 1));
  return {.accuracy = sums.accuracy / n,
          .attended = sums.attended / n,
          .weight = sums.weight / n,
          .shuffled = sums.shuffled / n,
          .questions = sums.questions};
}

}  // namespace

Marks mark(const Seer& model, const WorldOptions& world, Index pictures, Rng rng) {
  const glass::NoGrad no_grad;
  glass::nn::set_training(model, false);
  constexpr Index questions = 4;
  Marks sums;  // over all questions
  for (Index done = 0; done < pictures;) {
    // Ask about some pictures; then ask each of them the questions about another picture.
    const Index count = std::min<Index>(pictures - done, 50);
    const Batch batch = draw_batch(world, count, questions, rng);
    Tensor weights;
    const auto answers = answers_of(model, batch.patches, batch.words, &weights);
    const Tensor looked = mean(weights, 1).reshape({count * questions, -1});  // [B·Q, P]
    const auto most = argmax(looked, -1);
    const auto blind = answers_of(model, batch.patches, moved_on(batch.words, questions));

    // Count what was right.
    for (std::size_t i = 0; i < answers.size(); ++i) {
      sums.accuracy += answers[i] == batch.answers[i];
      sums.attended += most[i] == batch.named[i];
      sums.weight += static_cast<double>(looked(i, batch.named[i]));
      sums.shuffled += blind[i] == batch.answers[i];
    }
    sums.questions += std::ssize(answers);
    done += count;
  }
  return means_of(sums);
}

}  // namespace picture_query
