// # Rung 7: many small products
//
// Attention multiplies two small matrices for every head of every sentence. One such product is too
// small to be shared among threads, and its operands too small to be worth packing: they fit the
// first cache as they are. But there are many, and none needs another. So each thread takes whole
// products, and computes them with the tiles of rung 4.
#include <algorithm>

#include "examples/matmul_ladder/panels.h"
#include "examples/matmul_ladder/rungs.h"
#include "tensor/parallel.h"

namespace ladder {

void batched(Index count, Index m, Index n, Index k, const float* a, const float* b, float* c) {
  const Index work = std::max<Index>(m * n * k, 1);
  const bool large = work >= worth_sharing;
  const auto products = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      (large ? threaded : vector_tile)(m, n, k, a + i * m * k, b + i * k * n, c + i * m * n);
  };
  if (large) return products(0, count);
  glass::parallel_for(count, worth_sharing / work, products);
}

}  // namespace ladder
