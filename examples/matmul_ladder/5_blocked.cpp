// # Rung 5: packed and blocked
//
// The operands are cut into blocks that fit the caches, and each block is used for all that it is
// good for before the next one comes. A block is copied first, into panels in which the tile finds
// its numbers one after the other: no number lies a row away, no two rows compete for the same
// place in a cache. A ragged edge becomes a whole panel: what it holds beyond the edge makes
// numbers of a tile that are never copied to C.
//
// The three loops around the blocks have the order of K. Goto's: B's block stays in the third cache
// while all of A passes by, A's block in the second while the panels of B pass, and a panel of B in
// the first while the tiles go down C.
//
// A copy costs about a cycle a number. Where B has few columns, that is more than it saves: look at
// the table for size 64.
//
// K. Goto, R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM Transactions on
// Mathematical Software 34 (2008)
#include <algorithm>
#include <vector>

#include "examples/matmul_ladder/panels.h"
#include "examples/matmul_ladder/rungs.h"

namespace ladder {

float* memory_for_a() {
  thread_local std::vector<float> memory(block_m * block_k);
  return memory.data();
}

float* memory_for_b() {
  thread_local std::vector<float> memory(block_k * block_n);
  return memory.data();
}

void pack_a(Index rows, Index depth, const float* a, Index k, float* panels) {
  for (Index ir = 0; ir < rows; ir += tile_rows, panels += tile_rows * depth) {
    const Index height = std::min(tile_rows, rows - ir);
    for (Index i = 0; i < height; ++i)
      for (Index p = 0; p < depth; ++p) panels[p * tile_rows + i] = a[(ir + i) * k + p];
  }
}

void pack_b(Index depth, Index columns, const float* b, Index n, float* panels) {
  for (Index jr = 0; jr < columns; jr += tile_columns) {
    const Index width = std::min(tile_columns, columns - jr);
    for (Index p = 0; p < depth; ++p, panels += tile_columns) {
      const float* row = b + p * n + jr;
      if (width < tile_columns) {
        std::copy_n(row, width, panels);
        continue;
      }
      for (Index v = 0; v < tile_columns; v += lanes)
        glass::store(panels + v, glass::load(row + v));
    }
  }
}

void multiply_panels(Index rows, Index columns, Index depth, const float* a_panels,
                     const float* b_panels, float* c, Index n, bool first) {
  const auto multiply = [&](Index ir, Index jr, float* to, Index to_row, bool overwrite) {
    tile<tile_rows, 2>(depth, a_panels + ir * depth, 1, tile_rows, b_panels + jr * depth,
                       tile_columns, to, to_row, overwrite);
  };
  for (Index jr = 0; jr < columns; jr += tile_columns)
    for (Index ir = 0; ir < rows; ir += tile_rows) {  // C[ir : ir + height, jr : jr + width]
      const Index height = std::min(tile_rows, rows - ir);
      const Index width = std::min(tile_columns, columns - jr);
      if (height == tile_rows && width == tile_columns) {
        multiply(ir, jr, c + ir * n + jr, n, first);
        continue;
      }
      // A tile that reaches beyond C is computed beside it, and copied in part.
      float whole[tile_rows * tile_columns];
      multiply(ir, jr, whole, tile_columns, true);
      for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < width; ++j) {
          float& to = c[(ir + i) * n + jr + j];
          to = first ? whole[i * tile_columns + j] : to + whole[i * tile_columns + j];
        }
    }
}

void blocked(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  if (k == 0) std::fill_n(c, m * n, 0.0f);
  float *const a_panels = memory_for_a(), *const b_panels = memory_for_b();
  for (Index jc = 0; jc < n; jc += block_n)
    for (Index pc = 0; pc < k; pc += block_k) {
      const Index columns = std::min(block_n, n - jc), depth = std::min(block_k, k - pc);
      pack_b(depth, columns, b + pc * n + jc, n,
             b_panels);  // B[pc : pc + depth, jc : jc + columns]
      for (Index ic = 0; ic < m; ic += block_m) {
        const Index rows = std::min(block_m, m - ic);
        pack_a(rows, depth, a + ic * k + pc, k, a_panels);  // A[ic : ic + rows, pc : pc + depth]
        multiply_panels(rows, columns, depth, a_panels, b_panels, c + ic * n + jc, n, pc == 0);
      }
    }
}

}  // namespace ladder
