// # One thread's product, on bare memory
//
// (private to the libraries) What fused attention calls for its blocks. `matmul` computes its
// shares with the same loops, but has biases and threads besides.
#pragma once

#include "tensor/real.h"

namespace glass {

// Multiply-adds that are worth a thread. With half as many, 60³ is shared and takes 0.77 times as
// long, but a layer of attention takes 1.04 times as long; with twice as many, small attention
// takes 1.11 times as long (docs/decisions/019).
inline constexpr Index worth_sharing = 250'000;

// A matrix in memory: its first element and its strides.
struct Matrix {
  const Real* data;
  Index row_stride, column_stride;
  Matrix at(Index row, Index column) const {
    return {data + row * row_stride + column * column_stride, row_stride, column_stride};
  }
  Matrix transposed() const { return {data, column_stride, row_stride}; }
};

// C[m, n] = A[m, k] · B[k, n], or C += A · B; each row of C is contiguous, and rows begin `c_row`
// numbers apart. Operands that are too small for packing to pay are read in place.
void multiply_block(Index m, Index n, Index k, Matrix a, Matrix b, Real* c, Index c_row, bool add);

}  // namespace glass
