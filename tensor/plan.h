// # The plan of a product: every decision, made once
//
// (private to the libraries) What the loops of matmul.cpp do depends on the sizes and strides of A
// and B, and on the number of threads. It is decided here, before the loops begin. No decision but
// the size of kc changes a bit of the result: kc depends on K alone.
//
//   piece        numbers      with AVX-512   stays in           while
//   tile of C    12 × 32      24 registers   the registers      k runs from 0 to kc
//   panel of B   kc × 32      32 kB          the first cache    the tiles go down C (loop 1)
//   block of A   96 × kc      96 kB          the second cache   the panels of B pass (loop 2)
//   block of B   kc × 2048    2 MB           the third cache    the blocks of A pass (loop 3)
#pragma once

#include <algorithm>

#include "tensor/tile.h"

namespace glass {

inline constexpr Index block_m = 96, block_n = 2048, block_k = 256;  // the largest mc, nc and kc

// Up to this K the sums of the blocks are added one after the other. A longer K is halved, and each
// half is summed by itself, so that a number passes through few roundings.
inline constexpr Index longest_sum = 8192;

// ---- one thread's share ----

// Cuts `size` into blocks of at most `largest` and of almost equal size, a multiple of `step`.
inline Index equal_blocks(Index size, Index largest, Index step) {
  const Index blocks = ceil_div(size, largest);
  return round_up(blocks == 1 ? size : ceil_div(size, blocks), step);
}

// How one thread computes its C[m, n] = A[m, k] · B[k, n]; no size is 0.
struct SharePlan {
  Index nc, kc;         // the blocks of loops 5 and 4; those of loop 3 have block_m rows
  bool pack_a, pack_b;  // else it is read in place

  SharePlan(Index m, Index n, Index k, const Matrix& b)
      : nc(equal_blocks(n, block_n, tile_columns)), kc(equal_blocks(k, block_k, 8)) {
    // A is read once for each panel of B. From ten panels of 32 columns on, packing it pays.
    pack_a = nc >= 300 && m > 1;
    pack_b = b.column_stride != 1 || packing_b_pays(m, b.row_stride);
  }

 private:
  // B is read once for each tile down C. Packing costs about one cycle per number: it pays from 192
  // rows of A, and from 48 where B's rows lie far apart. A block of B with up to 10,000 numbers (40
  // kB) stays in the first cache as it is.
  bool packing_b_pays(Index m, Index row_stride) const {
    if (kc * nc <= 10'000) return false;
    return m >= 192 || (m >= 48 && m * row_stride > 40'000);
  }
};

// ---- the whole product ----

// Whether Cᵀ = Bᵀ · Aᵀ is computed, and transposed. Where columns of B are contiguous, B must be
// packed in transposed squares. In Bᵀ · Aᵀ the matrix B stands on the left, and may be read in
// place; instead, A is packed and C is transposed. With few rows of A that is less work, unless the
// rows fill a part of a vector only: m rows of A times (512×512)ᵀ take, with AVX-512,
//
//   m                      1    8   16   40   80
//   packed, in µs         32   42   59  107  190
//   transposed, in µs     52   50   42  118  179
//
// n must be a multiple of `lanes`, since the last transposed copy would else end within a vector.
inline bool transposing_pays(Index m, Index n, Index k, const Matrix& b) {
  return b.row_stride == 1 && b.column_stride > 1 && 3 * m <= std::min(n, k) && m % lanes == 0 &&
         n % lanes == 0;
}

// How C[m, n] is shared among threads: its longer side is cut. Each thread packs for itself what it
// needs of A and B.
struct Cut {
  bool rows;    // each share has some rows of C, else some columns
  Index share;  // so many of them
  Cut(Index m, Index n, Index threads) : rows(n < m) {
    share = round_up(ceil_div(std::max(m, n), threads), rows ? tile_rows : tile_columns);
  }
};

}  // namespace glass
