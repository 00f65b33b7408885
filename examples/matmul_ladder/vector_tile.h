// # A tile whose numbers are vectors
//
// The tile of rung 3, with a `Vec`, as many floats as a register holds, where that has one float.
// The rungs from the fourth on differ in where its operands come from.
#pragma once

#include "tensor/simd.h"

namespace ladder {

using glass::Index, glass::Vec, glass::lanes;

// Two vectors wide and as tall as the registers allow: six rows of 2 sums, 2 vectors of B and one
// number of A, repeated, are 15 of 16. Without a multiply-add, each product needs a register too.
inline constexpr Index tile_rows = glass::registers == 32 ? 12 : glass::fused_multiply_add ? 6 : 4;
inline constexpr Index tile_columns = 2 * lanes;

// C[Rows, Vecs · lanes] = A[Rows, depth] · B[depth, Vecs · lanes], added to what C holds unless
// this is the `first` part of the sum. A steps from row to row by a_row, along its row by a_step.
template <Index Rows, Index Vecs>
void tile(Index depth, const float* a, Index a_row, Index a_step, const float* b, Index b_row,
          float* c, Index c_row, bool first) {
  Vec sum[Rows][Vecs] = {};
  for (Index p = 0; p < depth; ++p, a += a_step, b += b_row) {
#pragma GCC unroll 12
    for (Index i = 0; i < Rows; ++i) {
#pragma GCC unroll 2
      for (Index v = 0; v < Vecs; ++v) sum[i][v] += a[i * a_row] * glass::load(b + v * lanes);
    }
  }
#pragma GCC unroll 12
  for (Index i = 0; i < Rows; ++i, c += c_row) {
#pragma GCC unroll 2
    for (Index v = 0; v < Vecs; ++v)
      glass::store(c + v * lanes, first ? sum[i][v] : glass::load(c + v * lanes) + sum[i][v]);
  }
}

}  // namespace ladder
