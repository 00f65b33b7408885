// # The plan of a product: every decision, made once
//
// (private to the libraries) What the loops of matmul.cpp do depends on the sizes and strides of A
// and B, and on the number of threads. It is decided here, before the loops begin. Two decisions
// say in which order the terms of a sum are added, kc and longest_sum. So these two depend on K
// alone. No other decision changes a bit of the result.
//
//   piece        numbers      with AVX-512   stays in           while
//   tile of C    14 × 32      28 registers   the registers      k runs from 0 to kc
//   panel of B   kc × 32      32 kB          the first cache    the tiles go down C (loop 1)
//   block of A   98 × kc      98 kB          the second cache   the panels of B pass (loop 2)
//   block of B   kc × 2048    2 MB           the third cache    the blocks of A pass (loop 3)
#pragma once

#include <algorithm>

#include "tensor/tile.h"

namespace glass {

// The largest mc, nc and kc, with which the pieces fit as the table says. Half of each takes 1.05
// to 1.11 times as long (2048×512 @ 512×2048). Double is faster in one case only, kc with large
// caches (0.96); but kc decides the order of the additions, so it is the same for every CPU, and
// smaller caches need the smaller kc (docs/decisions/019, with all numbers of this file).
inline constexpr Index block_m = round_up(96, tile_rows), block_n = 2048, block_k = 256;

// Up to this K the sums of the blocks are added one after the other. A longer K is halved, and each
// half is summed by itself, so that a number passes through few roundings: docs/decisions/016.
inline constexpr Index longest_sum = 8192;

// The sizes of C[m, n] = A[m, k] · B[k, n].
struct Size {
  Index m, n, k;
  Index work() const { return m * n * k; }  // multiply-adds
};

// ---- one thread's share ----

// The size of the blocks that `size` is cut into: a multiple of `step`, at most `largest`, and such
// that all blocks are almost equal. kc is a multiple of 8. (It need not be, and is as fast; another
// step would change bits.)
inline Index equal_blocks(Index size, Index largest, Index step) {
  const Index blocks = ceil_div(size, largest);
  return round_up(blocks <= 1 ? size : ceil_div(size, blocks), step);
}

// How one thread computes its C[m, n] = A[m, k] · B[k, n]; no size is 0. Loop 3 is not cut into
// equal blocks: 97 rows as 96 + 1 are as fast as in equal parts.
struct SharePlan {
  Size size;
  Index nc, kc;         // the blocks of loops 5 and 4; those of loop 3 have block_m rows
  bool pack_a, pack_b;  // else it is read in place
  bool in_one_piece;    // a single block, of which nothing is copied: no loops over blocks

  SharePlan(const Size& share, const Matrix& a, const Matrix& b)
      : size(share),
        nc(equal_blocks(share.n, block_n, tile_columns)),
        kc(equal_blocks(share.k, block_k, 8)) {
    // A is read once for each panel of B. With few panels, packing A costs more than it saves:
    // packed, 80×512 @ 512×512 takes 1.05 times as long with AVX-512, where B has 16 panels. With
    // AVX2 it has 32 panels, and unpacked, the same product takes 1.31 times as long. A that is
    // transposed needs packing earlier, above all if it comes from the third cache: unpacked,
    // (700×256)ᵀ @ 700×256 takes 1.2 times as long there, and packed, 1.02 times as long where it
    // is in the second cache. With 128 columns packing costs 1.13. One row of A is a panel already.
    const Index columns_that_pay = a.column_stride == 1 ? 30 * tile_columns : 256;
    pack_a = nc >= columns_that_pay && size.m > 1;
    pack_b = b.column_stride != 1 || packing_b_pays(size.m, b.row_stride);
    // Where there are no masks, columns that end within a vector are copied.
    in_one_piece = size.work() > 0 && size.m <= block_m && size.n <= nc && size.k <= kc &&
                   !pack_a && !pack_b && (has_masks || size.n % lanes == 0);
  }

 private:
  // Each row of tiles reads all of B once. Packing pays from four rows of tiles on, if rows of B
  // lie a page (4 KiB) or more apart: each row then needs an entry of its own in the CPU's table of
  // pages, and all rows compete for the same sets of the first cache (80×512 @ 512×2048 would take
  // 1.60 times as long with AVX2). From 192 rows on it pays for other B whose vectors lie across
  // two cache lines (384×1023 @ 1023×1023 would take 1.27 times as long with AVX2). Where they do
  // not, it pays from some 512 rows on with AVX-512: packed, 256³ takes 1.12 times as long.
  static bool packing_b_pays(Index m, Index row_stride) {
    constexpr Index page = 4096 / sizeof(Real);
    if (m >= 4 * tile_rows && row_stride >= page) return true;
    const bool vectors_in_lines = row_stride % lanes == 0;
    return m >= (vectors_in_lines && registers == 32 ? 512 : 192);
  }
};

// ---- the whole product ----

// Whether Cᵀ = Bᵀ · Aᵀ is computed, and transposed. Where columns of B are contiguous, B must be
// packed in transposed squares. In Bᵀ · Aᵀ the matrix B stands on the left, and may be read in
// place; instead, A is packed and C is transposed. With few rows of A that is less work. It is
// faster only if m is a multiple of `lanes`, so that rows of Cᵀ are whole vectors. m rows of A
// times (512×512)ᵀ take, with AVX-512,
//
//   m                      1    8   16   48   80  112  160  256
//   B packed, in µs       30   41   57  123  190  256  356  549
//   transposed, in µs     52   49   42  113  181  246  339  556
//
// So m may be up to a third of n and k. n must be a multiple of `lanes`, since the last transposed
// copy would else end within a vector.
inline bool transposing_pays(const Size& size, const Matrix& b) {
  const auto [m, n, k] = size;
  return b.row_stride == 1 && b.column_stride > 1 && 3 * m <= std::min(n, k) && m % lanes == 0 &&
         n % lanes == 0;
}

// How C[m, n] is shared among threads: its longer side is cut. Each thread packs for itself what it
// needs of A and B. Rows are shared equally, though tiles are lower then: in whole tiles, 650 rows
// become 336 + 314, and 650×256 @ 256×256 takes 1.03 times as long with two threads.
struct Cut {
  bool rows;    // each share has some rows of C, else some columns
  Index share;  // so many of them
  Cut(Index m, Index n, Index threads) : rows(n < m) {
    share = rows ? ceil_div(m, threads) : round_up(ceil_div(n, threads), tile_columns);
  }
};

}  // namespace glass
