// # Rung 2: the order of the loops
//
// The same multiplications and additions, with the loop over columns innermost: a row of C gathers
// rows of B, each times one number of A.
//
// Now B and C are read in the order in which they lie in memory. So every cache line is used whole
// and the next one is prefetched. Neighbouring additions belong to different sums, so none waits
// for another. What limits the speed now are loads and stores: each multiply-add loads two numbers
// and stores one.
#include <algorithm>

#include "examples/matmul_ladder/rungs.h"

namespace ladder {

void loop_order(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  std::fill_n(c, m * n, 0.0f);
  for (Index i = 0; i < m; ++i)
    for (Index p = 0; p < k; ++p) {
      const float x = a[i * k + p];
      for (Index j = 0; j < n; ++j) c[i * n + j] += x * b[p * n + j];
    }
}

}  // namespace ladder
