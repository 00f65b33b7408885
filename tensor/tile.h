// # The micro-kernel: one tile of C
//
// (private to the libraries, and to the last rungs of examples/matmul_ladder) A large product
// spends almost all of its time here. tile.h, pack.h, plan.h and matmul.cpp use the words of the
// ladder:
//
//   tile    a part of C whose sums stay in registers: at most tile_rows × tile_columns, or, for
//           columns that one vector can hold, narrow_rows × lanes
//   panel   what one row of tiles reads of A (as many rows as a tile), or one column of tiles of B
//   block   a part of a matrix that is small enough for one of the caches: many panels
//   packed  copied into panels, in which a tile finds its numbers one after the other
//
// The functions that compute are `static`: each .cpp file that includes this header compiles tiles
// of its own, with its own flags. The linker would merge functions that are not static, and the
// library could end up with the tile of a file that was compiled with other flags, and rounds
// differently. Constants, and the members of Output, round nothing: they need not be static.
//
// How the numbers below were measured: docs/decisions/019-thresholds.md.
#pragma once

#include <array>
#include <utility>

#include "tensor/product.h"
#include "tensor/simd.h"

namespace glass {

// ---- sizes ----

// A tile is two vectors wide. It needs registers for its sums, two vectors of B and a number of A.
// Of 16 registers, six rows take 12 + 2 + 1; with four or seven rows, 256³ takes 1.14 or 1.58 times
// as long. Of 32 registers, fourteen rows take 28 + 2 + 1; there twelve rows take 1.03 times as
// long. A CPU that cannot multiply and add in one instruction needs registers for the products too.
inline constexpr Index tile_rows = registers == 32 ? 14 : fused_multiply_add ? 6 : 4;
inline constexpr Index tile_columns = 2 * lanes;

// A narrow tile is one vector wide. It needs eight sums at least: an addition takes four cycles,
// and two begin in each cycle. With AVX2, six rows take 1.22 times as long as twelve (256×256 @
// 256×8), and eight rows up to 1.08 times, since 10 or 12 rows then become two low tiles.
inline constexpr Index narrow_rows = 2 * tile_rows;

// ---- the micro-kernel ----

// One column of A, as a tile reads it: rows 0 … Rows − 1. A pointer for every row would take more
// registers than a CPU has. So there is one pointer for every four rows, and the row within the
// four is found by adding 0, 1, 2 or 3 times the stride, which is part of the load instruction.
template <Index Rows>
struct ColumnOfA {
  const Real* four_rows[ceil_div(Rows, 4)];
  Index stride, three;

  ColumnOfA(const Real* a, Index a_row) : stride(a_row), three(3 * a_row) {
    for (Index i = 0; i < Rows; i += 4) {
      four_rows[i / 4] = a + i * a_row;
      // An empty instruction that might change the pointer. Else the compiler would compute all
      // rows from one pointer again, and keep a product of the stride for each of them.
      asm("" : "+r"(four_rows[i / 4]));
    }
  }
  Real operator[](Index i) const { return four_rows[i / 4][i % 4 == 3 ? three : i % 4 * stride]; }
  void next(Index a_step) {
    for (const Real*& rows : four_rows) rows += a_step;
  }
};

// The vectors of one row of B, of C or of `start`. Of a `Ragged` tile the last one is not whole.
template <Index Vecs, bool Ragged>
struct Row {
  FirstLanes last;

  explicit Row(Index columns) : last(columns - (Vecs - 1) * lanes) {}
  Vec load(const Real* row, Index v) const {
    if (Ragged && v == Vecs - 1) return glass::load(row + v * lanes, last);
    return glass::load(row + v * lanes);
  }
  void store(Real* row, Index v, Vec x) const {
    if (Ragged && v == Vecs - 1) return glass::store(row + v * lanes, x, last);
    glass::store(row + v * lanes, x);
  }
};

// Memory that is read soon: lines of a cache, of 64 bytes each, `step` numbers apart. A tile asks
// for one of them for each k. (A few dozen at once would keep the CPU from loading what the tile
// itself needs.)
struct Lines {
  const Real* next = nullptr;
  Index step = 0, count = 0;

  void ask() {
    __builtin_prefetch(next, 0, 2);
    if (count-- > 0) next += step;
  }
};

// What all tiles of a column of tiles have in common. A steps from row to row by a_row and along
// its row by a_step. Rows of B, C and `start` are contiguous.
struct TileColumn {
  Index depth, columns;  // columns: of B and C
  Index a_row, a_step, b_row, start_row, c_row;
  // No copy: GCC copies two numbers of a Lines with one load of 16 bytes, right after each of them
  // was stored. A CPU cannot pass two stores on to one load, so that the load waits for all earlier
  // stores, those of the last tile too: 1023³ takes 1.15 times as long.
  const Lines* soon = nullptr;
};

// sum[i][v] += A[i, 0 : depth] · B[0 : depth, v], one multiply-add for each k, in the order of k.
// Here and below, all loops over rows are unrolled (no tile has more than 32), so that each sum is
// a register of its own.
template <bool Asks, Index Rows, Index Vecs, bool Ragged>
[[gnu::always_inline]] static inline void sum_over_k(Vec (&sum)[Rows][Vecs], const TileColumn& in,
                                                     Row<Vecs, Ragged> row, const Real* a,
                                                     const Real* b, Lines soon) {
  const Index depth = in.depth, a_step = in.a_step, b_row = in.b_row;
  ColumnOfA<Rows> column(a, in.a_row);
  for (Index k = 0; k < depth; ++k, column.next(a_step), b += b_row) {
    if (Asks) soon.ask();
    Vec part[Vecs];
    for (Index v = 0; v < Vecs; ++v) part[v] = row.load(b, v);
#pragma GCC unroll 32
    for (Index i = 0; i < Rows; ++i) {
      const Real factor = column[i];
      for (Index v = 0; v < Vecs; ++v) sum[i][v] = multiply_add(factor, part[v], sum[i][v]);
    }
  }
}

// sum[i][v] += start[i, v]
template <Index Rows, Index Vecs, bool Ragged>
[[gnu::always_inline]] static inline void add_rows(Vec (&sum)[Rows][Vecs], Row<Vecs, Ragged> row,
                                                   const Real* start, Index start_row) {
#pragma GCC unroll 32
  for (Index i = 0; i < Rows; ++i)
    for (Index v = 0; v < Vecs; ++v) sum[i][v] += row.load(start + i * start_row, v);
}

// Asks for the rows of C, which will be written.
template <Index Rows, Index Vecs>
[[gnu::always_inline]] static inline void prefetch_rows(const Real* c, Index c_row) {
#pragma GCC unroll 32
  for (Index i = 0; i < Rows; ++i)
    for (Index v = 0; v < Vecs; ++v) __builtin_prefetch(c + i * c_row + v * lanes, 1);
}

// C[Rows, columns] = A[Rows, depth] · B[depth, columns] + start. Unless the tile is `Ragged`,
// `columns` is Vecs · lanes. The sums begin with 0, and `start` is added after the last k, unless
// it is nullptr. Where `start` is C itself, the product is added to C.
template <Index Rows, Index Vecs, bool Ragged, bool Asks = false>
static void tile(const TileColumn& in, const Real* a, const Real* b, const Real* start, Real* c) {
  // If something is added to C, K is long as a rule, and C has left the first cache: without a
  // prefetch, 512³ takes 1.06 times as long.
  if (start) prefetch_rows<Rows, Vecs>(c, in.c_row);

  const Row<Vecs, Ragged> row(in.columns);
  Vec sum[Rows][Vecs] = {};
  sum_over_k<Asks>(sum, in, row, a, b, Asks ? *in.soon : Lines());

  // All rows of `start` are loaded before any row of C is stored. To find out whether a load needs
  // what an earlier store has written, a CPU compares only the low 12 bits of both addresses. Where
  // rows lie a multiple of 4 KiB apart, these bits are equal, and each load would wait for a store
  // to another row (4K aliasing).
  if (start) add_rows(sum, row, start, in.start_row);
#pragma GCC unroll 32
  for (Index i = 0; i < Rows; ++i)
    for (Index v = 0; v < Vecs; ++v) row.store(c + i * in.c_row, v, sum[i][v]);
}

using Tile = decltype(tile<1, 1, false>);

// The tiles of every height from 1 on: tiles_of<2, false>(…)[h - 1] is tile<h, 2, false>.
template <Index Vecs, bool Ragged, bool Asks = false, std::size_t... I>
static constexpr std::array<Tile*, sizeof...(I)> tiles_of(std::index_sequence<I...>) {
  return {tile<static_cast<Index>(I) + 1, Vecs, Ragged, Asks>...};
}
static constexpr auto wide_tiles = tiles_of<2, false>(std::make_index_sequence<tile_rows>());
static constexpr auto narrow_tiles = tiles_of<1, false>(std::make_index_sequence<narrow_rows>());
// With lines to ask for. Others do not ask: 16³ would take 1.04 times as long.
static constexpr auto asking_tiles =
    tiles_of<2, false, true>(std::make_index_sequence<tile_rows>());
// Only where there are masks. Else a tile computes whole vectors: see ragged_tile.
static constexpr auto wide_ragged_tiles =
    tiles_of<2, has_masks>(std::make_index_sequence<tile_rows>());
static constexpr auto narrow_ragged_tiles =
    tiles_of<1, has_masks>(std::make_index_sequence<narrow_rows>());

// Cuts m rows into tiles of almost equal height. Where a tile has at most six rows, 7 rows become
// 4 + 3, and not 6 + 1: a tile of one row has only two sums, and an addition that waits for the one
// before it leaves the CPU idle. With AVX-512, 25×64 @ 64×64 takes 1.10 times as long in tiles of
// 12 + 12 + 1 rows as in 9 + 8 + 8.
struct Heights {
  Index count, least, taller;  // `taller` tiles have one row more than the others

  Heights(Index m, Index tallest) : count(ceil_div(m, tallest)), least(m), taller(0) {
    if (count <= 1) return;  // no division
    least = m / count;
    taller = m - least * count;
  }
  // Calls f(first row, height) for each tile.
  template <class F>
  [[gnu::always_inline]] void each(F f) const {
    Index row = 0;
    for (Index i = 0; i < count; ++i) {
      const Index height = least + (i < taller);
      f(row, height);
      row += height;
    }
  }
};

// tiles[h - 1] is the tile of h rows, for a number of columns up to tile_columns.
static inline Tile* const* tiles_for(Index columns) {
  const bool ragged = columns % lanes != 0;
  if (columns <= lanes) return ragged ? narrow_ragged_tiles.data() : narrow_tiles.data();
  return ragged ? wide_ragged_tiles.data() : wide_tiles.data();
}

// ---- a tile of any width ----

// Where a product goes: C, and what is added to it (nothing, biases, or C itself).
struct Output {
  Real* c;
  Index c_row;   // from row to row of C; a row is contiguous
  Matrix start;  // what is added; without data: nothing

  Output at(Index row, Index column) const {
    return {c + row * c_row + column, c_row, start.at(row, column)};
  }
  // The same place, when C holds a part of the sum.
  Output continued() const { return {c, c_row, {c, c_row, 1}}; }
};

// Where a CPU has no masks, a tile writes whole vectors. If its rows end within a vector, it writes
// to a local array, and only the valid columns are copied to C.
static inline void ragged_tile(Tile* whole_tile, Index rows, Index columns, Index depth,
                               const Matrix& a, const Matrix& b, Output to) {
  // The product alone, in whole vectors.
  Real whole[std::max(tile_rows, narrow_rows) * tile_columns];
  whole_tile({depth, columns, a.row_stride, a.column_stride, b.row_stride, 0, tile_columns}, a.data,
             b.data, nullptr, whole);
  // C = product + start, in each row up to its end.
  const Real* row = whole;
  for (Index i = 0; i < rows; ++i, row += tile_columns, to = to.at(1, 0))
    for_vectors(columns, [&](Index j, Index count) {
      Vec sum = load(row + j);
      if (to.start.data) sum += load(to.start.data + j, count, Real(0));
      store(to.c + j, sum, count);
    });
}

// C[rows, columns] = A[rows, depth] · B[depth, columns] + start, for at most one tile, with
// `rows_below` rows of C below it that are computed afterwards. Whole tiles ask for `soon`. Where a
// CPU has no masks, the caller guarantees that each row of B may be read up to a whole vector, even
// where C ends earlier. Inline: with a call for each tile, 64 × (10×64 @ 64×20) takes 1.06 times as
// long.
[[gnu::always_inline]] static inline void tile_of_c(Index rows, Index columns, Index depth,
                                                    const Matrix& a, const Matrix& b,
                                                    const Output& to, Index rows_below,
                                                    const Lines& soon) {
  const bool asks = soon.count > 0 && columns == tile_columns;
  Tile* const tile = (asks ? asking_tiles.data() : tiles_for(columns))[rows - 1];
  if (!has_masks && columns % lanes != 0) {
    // Where the tile is as wide as C and nothing is added, whole vectors may be stored all the
    // same: they spill into the next row, which is stored afterwards. The last row's vectors need
    // room for at most one tile's width in the rows below.
    const bool may_spill =
        !to.start.data && columns == to.c_row && rows_below * columns >= tile_columns;
    if (!may_spill) return ragged_tile(tile, rows, columns, depth, a, b, to);
  }
  tile({depth, columns, a.row_stride, a.column_stride, b.row_stride, to.start.row_stride, to.c_row,
        &soon},
       a.data, b.data, to.start.data, to.c);
}

}  // namespace glass
