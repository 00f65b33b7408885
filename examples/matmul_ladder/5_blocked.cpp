// # Rung 5: packed and blocked
//
// The operands are cut into blocks that fit the caches, and all work with a block is done before
// the next block is loaded. A block is copied first, into panels in which the tile finds its
// numbers one after the other: no number lies a row away, no two rows compete for the same place in
// a cache. At the edge of a matrix a panel is only partly filled. The numbers of a tile that come
// from the unused part are never copied to C.
//
// The three loops around the blocks have the order of K. Goto's: B's block stays in the third cache
// while all of A passes by, A's block in the second while the panels of B pass, and a panel of B in
// the first while the tiles go down C.
//
// A copy costs about one cycle for each number. If B has few columns, the copy costs more than it
// saves: see the table for size 64.
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

namespace {

// One panel of pack_b, from `width` columns of B.
void pack_panel(Index depth, Index width, const float* b, Index n, float* panel) {
  if (width < tile_columns) {
    for (Index p = 0; p < depth; ++p) std::copy_n(b + p * n, width, panel + p * tile_columns);
    return;
  }
  for (Index p = 0; p < depth; ++p)
    for (Index v = 0; v < tile_columns; v += lanes)
      glass::store(panel + p * tile_columns + v, glass::load(b + p * n + v));
}

}  // namespace

void pack_b(Index depth, Index columns, const float* b, Index n, float* panels) {
  for (Index jr = 0; jr < columns; jr += tile_columns)
    pack_panel(depth, std::min(tile_columns, columns - jr), b + jr, n, panels + jr * depth);
}

namespace {

// C[height, width] = A·B of one panel each, or C += A·B unless `first`.
void tile_of_c(Index height, Index width, Index depth, const float* a_panel, const float* b_panel,
               float* c, Index n, bool first) {
  const auto multiply = glass::tile<tile_rows, 2, false>;
  glass::TileColumn in{.depth = depth,
                       .columns = tile_columns,
                       .a_row = 1,
                       .a_step = tile_rows,
                       .b_row = tile_columns,
                       .start_row = n,
                       .c_row = n};
  if (height == tile_rows && width == tile_columns) {
    multiply(in, a_panel, b_panel, first ? nullptr : c, c);
    return;
  }
  // A tile that reaches beyond C is computed in memory of its own, and its part within C is copied.
  float whole[tile_rows * tile_columns];
  in.c_row = tile_columns;
  multiply(in, a_panel, b_panel, nullptr, whole);
  for (Index i = 0; i < height; ++i)
    for (Index j = 0; j < width; ++j) {
      float& to = c[i * n + j];
      to = first ? whole[i * tile_columns + j] : to + whole[i * tile_columns + j];
    }
}

}  // namespace

void multiply_panels(Index rows, Index columns, Index depth, const float* a_panels,
                     const float* b_panels, float* c, Index n, bool first) {
  for (Index jr = 0; jr < columns; jr += tile_columns)
    for (Index ir = 0; ir < rows; ir += tile_rows) {  // C[ir : ir + height, jr : jr + width]
      const Index height = std::min(tile_rows, rows - ir);
      const Index width = std::min(tile_columns, columns - jr);
      tile_of_c(height, width, depth, a_panels + ir * depth, b_panels + jr * depth, c + ir * n + jr,
                n, first);
    }
}

void blocked(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  if (k == 0) std::fill_n(c, m * n, 0.0f);
  float *const a_panels = memory_for_a(), *const b_panels = memory_for_b();
  for (Index jc = 0; jc < n; jc += block_n)
    for (Index pc = 0; pc < k; pc += block_k) {  // B[pc : pc + depth, jc : jc + columns]
      const Index columns = std::min(block_n, n - jc), depth = std::min(block_k, k - pc);
      pack_b(depth, columns, b + pc * n + jc, n, b_panels);
      for (Index ic = 0; ic < m; ic += block_m) {  // A[ic : ic + rows, pc : pc + depth]
        const Index rows = std::min(block_m, m - ic);
        pack_a(rows, depth, a + ic * k + pc, k, a_panels);
        multiply_panels(rows, columns, depth, a_panels, b_panels, c + ic * n + jc, n, pc == 0);
      }
    }
}

}  // namespace ladder
