// fails: a query may see nothing of the first block | A query that has seen no key yet has m = −∞, and −∞ − (−∞) is NaN. Take another shift for it, for example 0.
#include <algorithm>
#include <cmath>
#include <limits>
Tensor attention_in_blocks(const Tensor& queries, Index keys, Index block, const Read& read) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double root = std::sqrt(static_cast<double>(queries.size(1)));
  Tensor largest = full({queries.size(0), 1}, -infinity);
  Tensor total = 0, context = 0;
  for (Index begin = 0; begin < keys; begin += block) {
    const Block now = read(begin, std::min(begin + block, keys));
    const Tensor scores = where(now.allowed, matmul(queries, now.keys.mT()) / root, -infinity);
    const Tensor next = maximum(largest, max(scores, 1, true));
    const Tensor shrink = exp(largest - next);
    const Tensor weights = exp(scores - next);
    total = total * shrink + sum(weights, {1}, true);
    context = context * shrink + matmul(weights, now.values);
    largest = next;
  }
  return where(greater(total, 0), context / total, 0);
}
