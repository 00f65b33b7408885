// fails: scores of earlier blocks are not kept | All scores are kept until the end, T × S of them. Keep m, ℓ and O only.
#include <algorithm>
#include <cmath>
#include <limits>
Tensor attention_in_blocks(const Tensor& queries, Index keys, Index block, const Read& read) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double root = std::sqrt(static_cast<double>(queries.size(1)));
  std::vector<Tensor> scores, values;
  for (Index begin = 0; begin < keys; begin += block) {
    const Block now = read(begin, std::min(begin + block, keys));
    scores.push_back(where(now.allowed, matmul(queries, now.keys.mT()) / root, -infinity));
    values.push_back(now.values);
  }
  return matmul(softmax(cat(scores, 1)), cat(values, 0));
}
