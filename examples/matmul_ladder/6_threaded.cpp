// # Rung 6: threads
//
// The loops of rung 5, run by several threads. All threads pack B together, since all will read all
// of it. Then each thread takes rows of C and packs its own rows of A. It needs no lock, since no
// other thread writes to these rows. The sums are those of rung 5, in the same order: the result
// has the same bits for every number of threads.
//
// Two cores compute twice as fast, in the best case. Waking a thread takes as long as tens of
// thousands of multiply-adds, so a small product is left to one thread. If C has few rows, there is
// little to share: the library then cuts it by columns.
#include <algorithm>

#include "examples/matmul_ladder/panels.h"
#include "examples/matmul_ladder/rungs.h"
#include "tensor/parallel.h"

namespace ladder {

void threaded(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  if (m * n * k < worth_sharing) return blocked(m, n, k, a, b, c);
  float* const b_panels = memory_for_b();
  // Rows are shared evenly, so that no thread is idle while another has several blocks of rows.
  const Index share = glass::ceil_div(m, glass::num_threads());
  const Index grain = std::min(block_m, glass::round_up(share, tile_rows));
  for (Index jc = 0; jc < n; jc += block_n)
    for (Index pc = 0; pc < k; pc += block_k) {
      const Index columns = std::min(block_n, n - jc), depth = std::min(block_k, k - pc);
      glass::parallel_for(columns, 8 * tile_columns, [&](Index j, Index end) {
        pack_b(depth, end - j, b + pc * n + jc + j, n, b_panels + j * depth);
      });
      glass::parallel_for(m, grain, [&](Index i, Index end) {
        float* const a_panels = memory_for_a();
        pack_a(end - i, depth, a + i * k + pc, k, a_panels);
        multiply_panels(end - i, columns, depth, a_panels, b_panels, c + i * n + jc, n, pc == 0);
      });
    }
}

}  // namespace ladder
