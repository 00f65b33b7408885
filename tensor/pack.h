// # Packing: copies of A and B in the order in which the tiles read them
//
// (private to the libraries) A tile reads a column of A and a row of B for each k. Where such
// numbers lie far apart in memory, or are used often, they are copied into panels first:
//
//   panel of A   the rows of one tile,    column after column: panel[k · height + i] = A[i, k]
//   panel of B   tile_columns columns,    row after row:       panel[k · width + j]  = B[k, j]
//
// Both are the same copy, since a panel of B is a panel of the rows of Bᵀ: `pack` makes either.
#pragma once

#include "tensor/product.h"
#include "tensor/tile.h"

namespace glass {

// One panel: out[k · width + r] = x[r, k] for r < rows and k < depth. For rows ≤ r < width, out is
// 0, or some number that must not be used. It may write up to one vector beyond the panel.
void pack(Matrix x, Index rows, Index width, Index depth, Real* out);

// The panels of A[rows, depth], as for_tiles cuts it: the panel of the tile at row ir
// begins at panels[ir · depth].
void pack_a(Index rows, Index depth, Matrix a, Real* panels);

// The panels of B[depth, columns], each tile_columns wide: the panel of the tile at column jr
// begins at panels[jr · depth]. The last panel is filled up to its width.
void pack_b(Index depth, Index columns, Matrix b, Real* panels);

// Memory for `count` numbers, and for a vector beyond them. A thread keeps it from call to call,
// since new pages would cost more than the packing.
Real* memory_for_a(Index count);
Real* memory_for_b(Index count);

// ---- blocks ----

// A[ic : ic + mc, pc : pc + kc], packed, or read in place.
class BlockOfA {
 public:
  BlockOfA(bool packed, const Matrix& a, Index rows, Index depth)
      : rows_(rows), depth_(depth), packed_(packed), a_(a) {
    if (!packed) return;
    Real* const panels = memory_for_a(rows * depth);
    pack_a(rows, depth, a, panels);
    a_.data = panels;
  }
  Index rows() const { return rows_; }
  bool packed() const { return packed_; }

  // A[ic + ir : ic + ir + height, pc : pc + kc]
  Matrix panel(Index ir, Index height) const {
    if (packed_) return {a_.data + ir * depth_, 1, height};
    return a_.at(ir, 0);
  }

 private:
  Index rows_, depth_;
  bool packed_;
  Matrix a_;
};

// B[pc : pc + kc, jc : jc + nc], packed, or read in place. A last panel that ends within a vector
// is packed in any case: a tile reads whole vectors, and may not read beyond the end of B.
class PanelsOfB {
 public:
  PanelsOfB(bool packed, const Matrix& b, Index depth, Index columns)
      : depth_(depth), columns_(columns), b_(b), first_packed_(columns) {
    if (packed)
      first_packed_ = 0;
    else if (columns % lanes != 0)
      first_packed_ = columns / tile_columns * tile_columns;
    if (first_packed_ == columns) return;
    packed_ = memory_for_b(round_up(columns - first_packed_, tile_columns) * depth);
    pack_b(depth, columns - first_packed_, b.at(0, first_packed_), packed_);
  }
  Index depth() const { return depth_; }
  Index columns() const { return columns_; }

  // B[pc : pc + kc, jc + jr : jc + jr + nr]
  Matrix panel(Index jr) const {
    if (jr < first_packed_) return b_.at(0, jr);
    return {packed_ + (jr - first_packed_) * depth_, tile_columns, 1};
  }

 private:
  Index depth_, columns_;
  Matrix b_;
  Index first_packed_;  // this column and all after it are packed
  Real* packed_ = nullptr;
};

}  // namespace glass
