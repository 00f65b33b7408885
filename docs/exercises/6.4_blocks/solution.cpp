#include <algorithm>
#include <cmath>
#include <limits>

// context = softmax(Q Kᵀ / √D) V of `keys` keys, which `read` returns in blocks.
// queries [T, D] → context [T, E]
Tensor attention_in_blocks(const Tensor& queries, Index keys, Index block, const Read& read) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double root = std::sqrt(static_cast<double>(queries.size(1)));
  Tensor largest = full({queries.size(0), 1}, -infinity);  // m [T, 1]
  Tensor total = 0, context = 0;                           // ℓ [T, 1], O [T, E]
  for (Index begin = 0; begin < keys; begin += block) {
    const Block now = read(begin, std::min(begin + block, keys));
    const Tensor scores = where(now.allowed, matmul(queries, now.keys.mT()) / root, -infinity);
    const Tensor next = maximum(largest, max(scores, 1, true));     // m′ [T, 1]
    const Tensor shift = where(greater(next, -infinity), next, 0);  // a finite number
    const Tensor shrink = exp(largest - shift);                     // e^(m − m′) [T, 1]
    const Tensor weights = exp(scores - shift);                     // [T, block]
    total = total * shrink + sum(weights, {1}, true);
    context = context * shrink + matmul(weights, now.values);
    largest = next;
  }
  return where(greater(total, 0), context / total, 0);
}
