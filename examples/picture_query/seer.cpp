#include "examples/picture_query/seer.h"

#include <algorithm>

namespace picture_query {

Marks mark(const Seer& model, const WorldOptions& world, Index pictures, Rng rng) {
  const glass::NoGrad no_grad;
  glass::nn::set_training(model, false);
  constexpr Index questions = 4;
  Marks marks;
  double accurate = 0, attended = 0, weight = 0, shuffled = 0;
  for (Index done = 0; done < pictures;) {
    const Index count = std::min<Index>(pictures - done, 50);
    const Batch batch = draw_batch(world, count, questions, rng);
    Tensor weights;
    const auto answers = argmax(model(batch.patches, batch.words, &weights).value(), -1);
    const Tensor looked = mean(weights, 1).reshape({count * questions, -1});  // [B·Q, P]
    const auto most = argmax(looked, -1);

    glass::Tokens moved = batch.words;
    std::rotate(moved.ids.begin(), moved.ids.begin() + moved.length * questions, moved.ids.end());
    const auto blind = argmax(model(batch.patches, moved).value(), -1);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      accurate += answers[i] == batch.answers[i];
      attended += most[i] == batch.named[i];
      weight += static_cast<double>(looked(i, batch.named[i]));
      shuffled += blind[i] == batch.answers[i];
    }
    marks.questions += std::ssize(answers);
    done += count;
  }
  const double n = static_cast<double>(std::max<Index>(marks.questions, 1));
  marks.accuracy = accurate / n, marks.attended = attended / n;
  marks.weight = weight / n, marks.shuffled = shuffled / n;
  return marks;
}

}  // namespace picture_query
