// fails: any size of the blocks gives the same context | The context is divided in every block. Divide once, at the end, by the sum over all blocks.
// also: a query may see nothing of the first block
// also: a query that sees no key gets the context 0
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
    const Tensor shrink = exp(largest - shift);
    const Tensor weights = exp(scores - shift);
    total = total * shrink + sum(weights, {1}, true);
    context = where(greater(total, 0), (context * shrink + matmul(weights, now.values)) / total, 0);
    largest = next;
  }
  return context;
}
