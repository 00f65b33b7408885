// # Rung 4: vectors
//
// A register holds 4, 8 or 16 floats, and one instruction multiplies and adds them all in the time
// of one. So let every sum of the tile be a vector of neighbours in a row of C: it is a number of
// A, the same for all lanes, times neighbours in a row of B. No sum runs across lanes, so each
// number of C is made of the same additions in the same order as before.
//
// This is the largest step of all, and enough as long as the operands are small. Where they are
// large, they come from ever farther caches: B is read once for each tile down C, in short runs
// that lie a row apart.
#include <algorithm>
#include <array>
#include <utility>

#include "examples/matmul_ladder/rungs.h"
#include "examples/matmul_ladder/vector_tile.h"

namespace ladder {

namespace {

// A tile for every number of rows from 1 to tile_rows.
template <Index Vecs, std::size_t... I>
constexpr std::array<decltype(&tile<1, Vecs>), tile_rows> tiles_of(std::index_sequence<I...>) {
  return {tile<static_cast<Index>(I) + 1, Vecs>...};
}

template <Index Vecs>
void in_tiles(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  constexpr auto tiles = tiles_of<Vecs>(std::make_index_sequence<tile_rows>());
  // Tiles of almost equal height, 10 rows as 5 + 5: a tall one and a low one would be slower.
  const Index parts = glass::ceil_div(m, tile_rows);
  for (Index jr = 0; jr < n; jr += Vecs * lanes) {
    const Index j = std::min(jr, n - Vecs * lanes);  // as in rung 3
    for (Index part = 0; part < parts; ++part) {
      const Index i = m * part / parts, end = m * (part + 1) / parts;  // C[i : end, j : …]
      tiles[static_cast<std::size_t>(end - i - 1)](k, a + i * k, k, 1, b + j, n, c + i * n + j, n,
                                                   true);
    }
  }
}

}  // namespace

void vector_tile(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  if (n >= 2 * lanes)
    in_tiles<2>(m, n, k, a, b, c);
  else if (n >= lanes)
    in_tiles<1>(m, n, k, a, b, c);
  else
    register_tile(m, n, k, a, b, c);
}

}  // namespace ladder
