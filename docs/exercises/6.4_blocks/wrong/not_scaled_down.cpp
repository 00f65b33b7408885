// fails: any size of the blocks gives the same context | When a block raises the maximum, the sums so far are still relative to the old maximum. Multiply both by e^(m − m′).
// also: a query may see nothing of the first block
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
    const Tensor shift = where(greater(next, -infinity), next, 0);
    const Tensor weights = exp(scores - shift);
    total = total + sum(weights, {1}, true);
    context = context + matmul(weights, now.values);
    largest = next;
  }
  return where(greater(total, 0), context / total, 0);
}
