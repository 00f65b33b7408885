// # Rung 4: vectors
//
// A register holds 4, 8 or 16 floats, and one instruction multiplies and adds them all in the time
// of one. So each sum of the tile becomes a vector: neighbours in a row of C. In each step,
// neighbours in a row of B, times one number of A, are added to it. No sum runs across lanes, so
// each number of C is made of the same additions in the same order as before.
//
// The tile is the library's own, `tensor/tile.h`: there it is two vectors wide, and as tall as the
// registers allow, with a table of the tiles of every smaller height.
//
// No other rung gains as much. It is enough as long as the operands are small. Large operands come
// from slower caches: B is read once for each tile down C, in short runs that lie a row apart.
#include "tensor/tile.h"

#include <algorithm>

#include "examples/matmul_ladder/rungs.h"

namespace ladder {

namespace {

using glass::lanes, glass::tile_rows;

// C in tiles of `width` columns; tiles[h - 1] has h rows.
void in_tiles(glass::Tile* const* tiles, Index width, Index m, Index n, Index k, const float* a,
              const float* b, float* c) {
  for (Index jr = 0; jr < n; jr += width) {
    const Index j = std::min(jr, n - width);  // the last tile ends with C, as in rung 3
    const glass::TileColumn in{.depth = k,
                               .columns = width,
                               .a_row = k,
                               .a_step = 1,
                               .b_row = n,
                               .start_row = 0,
                               .c_row = n};
    // C[i : i + height, j : j + width]
    glass::Heights(m, tile_rows).each([&](Index i, Index height) {
      tiles[height - 1](in, a + i * k, b + j, nullptr, c + i * n + j);
    });
  }
}

}  // namespace

void vector_tile(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  if (n >= 2 * lanes)
    in_tiles(glass::wide_tiles.data(), 2 * lanes, m, n, k, a, b, c);
  else if (n >= lanes)
    in_tiles(glass::narrow_tiles.data(), lanes, m, n, k, a, b, c);
  else
    register_tile(m, n, k, a, b, c);
}

}  // namespace ladder
