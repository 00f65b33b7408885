// # Packing: copies of A and B in the order in which the tiles read them
//
// A copy of numbers one by one takes several cycles per number. So whole vectors are copied. Where
// the numbers that a tile reads together are neighbours in the matrix, they are copied directly. If
// their rows are contiguous instead, a square of lanes × lanes numbers is transposed in registers.
#include "tensor/pack.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace glass {

namespace {

// ---- a vector of rows becomes a vector of columns ----

// Transposes the square rows[0 : lanes][0 : lanes]: exchanges the two blocks off its diagonal, then
// does the same with each of the four blocks, and so on, down to blocks of 1 × 1.
//
// One step, for Block = 2 and four lanes, exchanges the marked numbers of the rows i and i + Block:
//
//   a   a0 a1 [a2 a3]   →   a0 a1 b0 b1     indices 0 1 4 5
//   b  [b0 b1] b2 b3    →   a2 a3 b2 b3     indices 2 3 6 7
//
// In a shuffle, the indices 0 … lanes − 1 select a number of a, and lanes … 2 · lanes − 1 one of b.
template <Index Block, std::size_t... I>
[[gnu::always_inline]] inline void transpose(Vec* rows, std::index_sequence<I...> lane) {
  if constexpr (Block > 0) {
#pragma GCC unroll 16
    for (Index i = 0; i < lanes; ++i)
      if ((i & Block) == 0) {
        const Vec a = rows[i], b = rows[i + Block];
        rows[i] = __builtin_shufflevector(a, b, int(I & Block ? lanes + I - Block : I)...);
        rows[i + Block] = __builtin_shufflevector(a, b, int(I & Block ? lanes + I : I + Block)...);
      }
    transpose<Block / 2>(rows, lane);
  }
}

// out[k, 0 : lanes] = x[0 : lanes, k] for k < lanes, where x has only `Rows` rows; 0 for the other
// rows.
template <Index Rows>
void transpose_square(const Real* x, Index row_stride, Real* out, Index width) {
  Vec part[lanes] = {};
  // All of them (16 is the largest number of lanes), so that each is a register.
#pragma GCC unroll 16
  for (Index r = 0; r < Rows; ++r) part[r] = load(x + r * row_stride);
  transpose<lanes / 2>(part, std::make_index_sequence<lanes>());
#pragma GCC unroll 16
  for (Index k = 0; k < lanes; ++k) store(out + k * width, part[k]);
}

// transposes[r] is transpose_square<r>, for 0 … lanes rows.
template <std::size_t... I>
constexpr auto transposes_for(std::index_sequence<I...>) {
  return std::array{transpose_square<static_cast<Index>(I)>...};
}
constexpr auto transposes = transposes_for(std::make_index_sequence<lanes + 1>());

// ---- one panel ----

// `pack` where rows of x are contiguous, and at least one vector long: square by square. `lanes`
// rows of x, and `lanes` numbers of each, make a square.
void pack_rows(Matrix x, Index rows, Index width, Index depth, Real* out) {
  // A whole cache line of every row, before the next line of any row. So the packed panel is
  // written almost in the order of memory. Whole rows of x, one after the other, would store a few
  // numbers here and there: 80×512 @ (512×512)ᵀ takes 1.06 times as long (docs/decisions/019).
  // A number that is larger than a line is a line of its own.
  constexpr Index line = std::max<Index>(64 / sizeof(Real), 1);
  for (Index k = 0; k < depth; k += line)
    // From the last rows up to the first: the squares of the last rows may reach past the panel's
    // last row. They then store their surplus over the next column's first rows, which come later.
    for (Index r = (width - 1) / lanes * lanes; r >= 0; r -= lanes) {
      const auto count = static_cast<std::size_t>(std::clamp<Index>(rows - r, 0, lanes));
      // The squares of this line. The last square of a row overlaps with its neighbour.
      for (Index j = k; j < std::min(k + line, depth); j += lanes) {
        const Index at = std::min(j, depth - lanes);
        transposes[count](x.data + r * x.row_stride + at, x.row_stride, out + at * width + r,
                          width);
      }
    }
}

// `pack` where columns of x are contiguous, in whole vectors. Stops before a vector would read past
// x. Returns how many columns are packed.
Index pack_columns(Matrix x, Index rows, Index width, Index depth, Real* out) {
  // The vectors of a column read and write up to `beyond` numbers after its end. The columns that
  // follow it have room for them: each is column_stride further in x, and `width` further in the
  // panel. The smaller distance decides how many columns must follow.
  const Index beyond = round_up(width, lanes) - rows;
  const Index safe = depth - ceil_div(beyond, std::min(width, x.column_stride));
  for (Index k = 0; k < safe; ++k, out += width)
    for (Index r = 0; r < width; r += lanes) store(out + r, load(x.data + k * x.column_stride + r));
  return std::max<Index>(safe, 0);
}

}  // namespace

void pack(Matrix x, Index rows, Index width, Index depth, Real* out) {
  // Contiguous rows: squares. Of a single row, a square would be almost empty.
  if (x.column_stride == 1 && rows > 1 && depth >= lanes)
    return pack_rows(x, rows, width, depth, out);
  // Contiguous columns: vectors.
  Index k = 0;
  if (x.row_stride == 1 && x.column_stride > 0) k = pack_columns(x, rows, width, depth, out);
  // The rest, or all of a matrix of other strides: number by number.
  for (; k < depth; ++k) {
    const Matrix column = x.at(0, k);
    Real* const to = out + k * width;
    for (Index r = 0; r < rows; ++r) to[r] = *column.at(r, 0).data;
    std::fill_n(to + rows, width - rows, Real(0));
  }
}

// ---- all panels of a block ----

void pack_a(Index mc, Index kc, Matrix a, Real* panels) {
  Heights(mc, tile_rows).each([&](Index ir, Index mr) {
    pack(a.at(ir, 0), mr, mr, kc, panels + ir * kc);  // A[ir : ir + mr, :]
  });
}

namespace {

// The panels of B[kc, nc], where rows of B are contiguous and all panels are whole. They are copied
// side by side: a row of all of them, then the next row.
void pack_side_by_side(Index kc, Index nc, Matrix b, Real* panels) {
  for (Index k = 0; k < kc; ++k)
    for (Index j = 0; j < nc; j += tile_columns) {
      const Real* const from = b.at(k, j).data;
      Real* const to = panels + j * kc + k * tile_columns;
      for (Index v = 0; v < tile_columns; v += lanes) store(to + v, load(from + v));
    }
}

}  // namespace

void pack_b(Index kc, Index nc, Matrix b, Real* panels) {
  // Whole panels of contiguous rows.
  const Index whole = b.column_stride == 1 ? nc / tile_columns * tile_columns : 0;
  pack_side_by_side(kc, whole, b, panels);
  // The others one by one, as rows of Bᵀ.
  for (Index jr = whole; jr < nc; jr += tile_columns)  // B[:, jr : jr + nr]
    pack(b.at(0, jr).transposed(), std::min(tile_columns, nc - jr), tile_columns, kc,
         panels + jr * kc);
}

// ---- memory ----

namespace {

// The first number begins a cache line. Otherwise a vector of 64 bytes would always lie in two
// lines, and every second one of 32 bytes.
Real* aligned(std::vector<Real>& memory, Index count) {
  // Room for the numbers, for up to a line before them, and for a vector after them.
  const Index line = 64 / sizeof(Real), room = count + line + lanes;
  if (std::ssize(memory) < room) memory.resize(static_cast<std::size_t>(room));
  return memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) / sizeof(Real);
}

}  // namespace

Real* memory_for_a(Index count) {
  thread_local std::vector<Real> memory;
  return aligned(memory, count);
}

Real* memory_for_b(Index count) {
  thread_local std::vector<Real> memory;
  return aligned(memory, count);
}

}  // namespace glass
