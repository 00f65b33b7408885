// # Packing: copies of A and B in the order in which the tiles read them
//
// (private to the libraries) A tile reads a column of A and a row of B for each k. Where such
// numbers lie far apart in memory, or are used often, they are copied into panels first:
//
//   panel of A   the rows of one tile,    column after column: panel[k · height + i] = A[i, k]
//   panel of B   tile_columns columns,    row after row:       panel[k · width + j]  = B[k, j]
//
// Both are the same copy, since a panel of B is a panel of the rows of Bᵀ: `pack` makes either.
//
// The five loops of matmul.cpp cut C[m, n] = A[m, k] · B[k, n] into blocks, panels and tiles. A
// part begins at the first index and has the size beside it, as in the BLIS papers:
//
//   jc, nc   a block of columns of B and C                       loop 5
//   pc, kc   a block of K: columns of A, and rows of B           loop 4
//   ic, mc   a block of rows of A and C                          loop 3
//   jr, nr   a panel of B, counted from jc: its columns          loop 2
//   ir, mr   the rows of a tile, counted from ic; a panel of A   loop 1
//
// c stands for a cache that the block stays in, r for the registers that the tile stays in.
#pragma once

#include <algorithm>

#include "tensor/product.h"
#include "tensor/tile.h"

namespace glass {

// One panel: out[k · width + r] = x[r, k] for r < rows and k < depth. For rows ≤ r < width, out is
// unspecified. `pack` may write up to one vector beyond the panel.
void pack(Matrix x, Index rows, Index width, Index depth, Real* out);

// The panels of A[mc, kc], as Heights cut it: the panel of the tile at row ir begins at
// panels[ir · kc].
void pack_a(Index mc, Index kc, Matrix a, Real* panels);

// So many panels of B are packed at a time. Where rows of B are contiguous, each is read in longer
// pieces. One at a time, a product takes up to 1.02 times as long (512×256 @ 256×1024, AVX2), which
// is at the limit of what can be measured.
inline constexpr Index panels_at_once = 4;

// The panels of B[kc, nc], each tile_columns wide: the panel at column jr begins at
// panels[jr · kc]. Where B ends within the last panel, the rest of the panel is unspecified.
void pack_b(Index kc, Index nc, Matrix b, Real* panels);

// Memory for `count` numbers, and for a vector beyond them. A thread keeps it from call to
// call: with new memory for each block, 80×512 @ 512×2048 takes 1.03 times as long.
Real* memory_for_a(Index count);
Real* memory_for_b(Index count);

// ---- what is read next ----

// A part of a matrix that is read soon. The tiles before ask for its lines, so that they are in the
// second cache when they are needed: a CPU asks by itself for a few lines that lie in a row, and
// not for the next panel or block.
class Ahead {
 public:
  Ahead() = default;  // nothing
  // x[0 : rows, 0 : columns], if its rows or its columns are contiguous.
  Ahead(const Matrix& x, Index rows, Index columns) : data_(x.data) {
    if (x.column_stride == 1)
      step_ = x.row_stride, count_ = rows, rest_ = columns;
    else if (x.row_stride == 1)
      step_ = x.column_stride, count_ = columns, rest_ = rows;
  }
  bool is_empty() const { return rest_ <= 0; }
  // The next lines, at most so many: one of each row, from the first row to the last.
  Lines take(Index most) {
    if (is_empty()) return {};
    constexpr Index line = std::max<Index>(64 / sizeof(Real), 1);
    const Lines lines{data_ + first_ * step_, step_, std::min(most, count_ - first_)};
    first_ += lines.count;
    if (first_ == count_) first_ = 0, data_ += line, rest_ -= line;
    return lines;
  }

 private:
  const Real* data_ = nullptr;  // what is left of the first row
  Index step_ = 0, count_ = 0;  // from row to row, and how many rows
  Index rest_ = 0;              // so many numbers of each row are left,
  Index first_ = 0;             // and this is the first row that they are left of
};

// ---- blocks ----

// A[ic : ic + mc, pc : pc + kc], packed, or read in place.
class BlockOfA {
 public:
  BlockOfA(bool packed, const Matrix& a, Index mc, Index kc)
      : mc_(mc), kc_(kc), packed_(packed), a_(a) {
    if (!packed) return;
    Real* const panels = memory_for_a(mc * kc);
    pack_a(mc, kc, a, panels);
    a_.data = panels;
  }
  Index mc() const { return mc_; }
  bool packed() const { return packed_; }

  // A[ic + ir : ic + ir + mr, pc : pc + kc]
  Matrix panel(Index ir, Index mr) const {
    if (packed_) return {a_.data + ir * kc_, 1, mr};
    return a_.at(ir, 0);
  }

 private:
  Index mc_, kc_;
  bool packed_;
  Matrix a_;
};

// B[pc : pc + kc, jc : jc + nc], packed, or read in place. A last panel that ends within a vector
// is packed in any case, unless there are masks: else a tile reads whole vectors, and may not read
// beyond the end of B. A few panels are packed at a time, when the first of them is needed.
class PanelsOfB {
 public:
  // `once`: each panel is read by one block of A only. Then all are packed into the same memory,
  // which stays in the second cache: else 80×512 @ 512×2048 takes 1.06 to 1.1 times as long.
  PanelsOfB(bool packed, bool once, const Matrix& b, Index kc, Index nc)
      : kc_(kc), nc_(nc), once_(once), b_(b), first_packed_(nc) {
    // Which columns are packed: all, those of the last panel, or none.
    if (packed)
      first_packed_ = 0;
    else if (!has_masks && nc % lanes != 0)
      first_packed_ = nc / tile_columns * tile_columns;
    at_once_ = packed ? panels_at_once * tile_columns : tile_columns;
    memory_begins_ = ready_ = first_packed_;
    const Index columns = round_up(nc - first_packed_, tile_columns);
    if (columns > 0) memory_ = memory_for_b((once ? std::min(columns, at_once_) : columns) * kc);
  }
  Index kc() const { return kc_; }
  Index nc() const { return nc_; }

  // B[pc : pc + kc, jc + jr : jc + jr + nr]. Until all are packed, jr goes from panel to panel.
  Matrix panel(Index jr) {
    if (jr < first_packed_) return b_.at(0, jr);
    if (jr >= ready_) {
      if (once_) memory_begins_ = jr;
      ready_ = std::min(jr + at_once_, nc_);
      pack_b(kc_, ready_ - jr, b_.at(0, jr), memory_ + (jr - memory_begins_) * kc_);
    }
    return {memory_ + (jr - memory_begins_) * kc_, tile_columns, 1};
  }

  // What to ask for while the panel at jr is multiplied for the first time: the panel that is read
  // or packed next. (Where rows of Bᵀ are contiguous, a CPU asks for the next ones by itself.)
  Ahead after(Index jr) {
    const Index next = jr + at_once_;
    if (b_.column_stride != 1 || next < asked_ || next >= nc_) return {};
    asked_ = next + tile_columns;
    return {b_.at(0, next), kc_, std::min(tile_columns, nc_ - next)};
  }

 private:
  Index kc_, nc_;
  bool once_;
  Matrix b_;
  Index first_packed_;   // this column and all after it are packed
  Index at_once_;        // so many columns at a time
  Index memory_begins_;  // the first column that is in `memory_`
  Index ready_;          // the columns before this one have been packed,
  Index asked_ = 0;      // and those before this one have been asked for
  Real* memory_ = nullptr;
};

}  // namespace glass
