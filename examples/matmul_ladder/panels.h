// # Blocks of A and B, packed into panels
//
// What rung 5 does and rung 6 shares among threads.
#pragma once

#include "tensor/tile.h"

namespace ladder {

using glass::Index, glass::lanes, glass::tile_rows, glass::tile_columns;

// A panel of B, 256 × 16 floats, fills half of the first cache; a block of A, 96 × 256, a fifth of
// the second; a block of B, 256 × 2048, a part of the third. With AVX-512 a tile has 14 rows, and
// the block of A two more than 96.
inline constexpr Index block_k = 256, block_m = glass::round_up(96, tile_rows), block_n = 2048;
static_assert(block_m % tile_rows == 0 && block_n % tile_columns == 0);

// Multiply-adds that are worth waking a thread for.
inline constexpr Index worth_sharing = 250'000;

// A[rows, depth] as panels of tile_rows rows, column after column; k is the length of A's rows.
void pack_a(Index rows, Index depth, const float* a, Index k, float* panels);

// B[depth, columns] as panels of tile_columns columns, row after row; n is the length of B's rows.
void pack_b(Index depth, Index columns, const float* b, Index n, float* panels);

// C[rows, columns] = A·B of the panels, or C += A·B unless `first`; n is the length of C's rows.
void multiply_panels(Index rows, Index columns, Index depth, const float* a_panels,
                     const float* b_panels, float* c, Index n, bool first);

// Memory that each thread keeps between calls: new pages would cost more than the packing.
float* memory_for_a();
float* memory_for_b();

}  // namespace ladder
