// # Rung 3: a tile of C in registers
//
// A few rows and columns of C are summed at once, in registers, and stored when they are complete.
// In each step `rows` numbers of A are multiplied with `columns` numbers of B: 4 + 3 loads make 12
// multiply-adds, where rung 2 needs 24 loads and 12 stores. The 12 sums do not depend on each
// other, so again no addition waits. A larger tile would not fit: 12 sums, 3 numbers of B and one
// of A take all of the 16 registers that most CPUs have.
//
// If C does not divide into tiles, the last tile begins early enough to end with C. The numbers
// that it shares with the tile before are computed twice, with the same result.
#include <algorithm>

#include "examples/matmul_ladder/rungs.h"

namespace ladder {

namespace {

constexpr Index rows = 4, columns = 3;

// C[rows, columns] = A[rows, k] · B[k, columns], within matrices whose rows have k and n numbers.
void tile(Index n, Index k, const float* a, const float* b, float* c) {
  // Sum in registers; the pragmas unroll the loops, so that each sum has a register of its own.
  float sum[rows][columns] = {};
  for (Index p = 0; p < k; ++p) {
#pragma GCC unroll 4
    for (Index i = 0; i < rows; ++i) {
#pragma GCC unroll 3
      for (Index j = 0; j < columns; ++j) sum[i][j] += a[i * k + p] * b[p * n + j];
    }
  }
#pragma GCC unroll 4
  for (Index i = 0; i < rows; ++i) {
#pragma GCC unroll 3
    for (Index j = 0; j < columns; ++j) c[i * n + j] = sum[i][j];
  }
}

}  // namespace

void register_tile(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  if (m < rows || n < columns) return naive(m, n, k, a, b, c);
  for (Index jr = 0; jr < n; jr += columns)
    for (Index ir = 0; ir < m; ir += rows) {
      const Index i = std::min(ir, m - rows), j = std::min(jr, n - columns);
      tile(n, k, a + i * k, b + j, c + i * n + j);  // C[i : i + rows, j : j + columns]
    }
}

}  // namespace ladder
