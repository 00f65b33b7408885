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

#include "tensor/product.h"
#include "tensor/tile.h"

namespace glass {

// One panel: out[k · width + r] = x[r, k] for r < rows and k < depth. For rows ≤ r < width, out is
// unspecified. `pack` may write up to one vector beyond the panel.
void pack(Matrix x, Index rows, Index width, Index depth, Real* out);

// The panels of A[mc, kc], as Heights cut it: the panel of the tile at row ir begins at
// panels[ir · kc].
void pack_a(Index mc, Index kc, Matrix a, Real* panels);

// The panels of B[kc, nc], each tile_columns wide: the panel at column jr begins at
// panels[jr · kc]. Where B ends within the last panel, the rest of the panel is unspecified.
void pack_b(Index kc, Index nc, Matrix b, Real* panels);

// Memory for `count` numbers, and for a vector beyond them. A thread keeps it from call to
// call: with new memory for each block, 80×512 @ 512×2048 takes 1.03 times as long.
Real* memory_for_a(Index count);
Real* memory_for_b(Index count);

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
// beyond the end of B.
class PanelsOfB {
 public:
  PanelsOfB(bool packed, const Matrix& b, Index kc, Index nc)
      : kc_(kc), nc_(nc), b_(b), first_packed_(nc) {
    // Which columns are packed: all, those of the last panel, or none.
    if (packed)
      first_packed_ = 0;
    else if (!has_masks && nc % lanes != 0)
      first_packed_ = nc / tile_columns * tile_columns;
    if (first_packed_ == nc) return;
    // They are copied.
    packed_ = memory_for_b(round_up(nc - first_packed_, tile_columns) * kc);
    pack_b(kc, nc - first_packed_, b.at(0, first_packed_), packed_);
  }
  Index kc() const { return kc_; }
  Index nc() const { return nc_; }

  // B[pc : pc + kc, jc + jr : jc + jr + nr]
  Matrix panel(Index jr) const {
    if (jr < first_packed_) return b_.at(0, jr);
    return {packed_ + (jr - first_packed_) * kc_, tile_columns, 1};
  }

 private:
  Index kc_, nc_;
  Matrix b_;
  Index first_packed_;  // this column and all after it are packed
  Real* packed_ = nullptr;
};

}  // namespace glass
