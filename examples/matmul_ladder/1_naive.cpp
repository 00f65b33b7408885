// # Rung 1: the definition
//
// cᵢⱼ = Σₚ aᵢₚ bₚⱼ: each number of C is a row of A times a column of B. It is short, plainly right,
// and what all other rungs are tested against.
//
// It is slow for two reasons. Every addition to `sum` waits for the one before it, some four
// cycles, in which the CPU could have begun eight others. And neighbours in a column of B lie a row
// apart: for each number the memory delivers a whole cache line, which leaves the cache before its
// other numbers are used.
#include "examples/matmul_ladder/rungs.h"

namespace ladder {

void naive(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      float sum = 0;
      for (Index p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      c[i * n + j] = sum;
    }
}

}  // namespace ladder
