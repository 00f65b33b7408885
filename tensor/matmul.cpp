// # The product, in the loops of the BLIS papers
//
// The last rung of examples/matmul_ladder: read the ladder first, rungs 5 to 7 above all. The loops
// here are those of rung 5. tile.h explains the words tile, panel, block and packed, pack.h the
// indices ic, jc, pc, ir, jr and the sizes mc, nc, kc, mr, nr. What is new: operands of any
// strides, of any number of axes, ragged edges, and products so small that packing does not pay.
//
//   tile.h       one tile of C, in registers
//   pack.h       copies of A and B, in the order in which tiles read them
//   plan.h       what is packed, and how the work is cut
//   matmul.cpp   threads, the five loops, and batches
//
// For every block of K, an element of C is one chain of multiply-adds in the order of k, whatever
// tile the element falls in; the chains are added in the order of the blocks. So the bits of C do
// not depend on how rows and columns are cut, on what is packed, or on the number of threads.
//
// F. Van Zee, R. van de Geijn, BLIS: A Framework for Rapidly Instantiating BLAS Functionality,
// ACM Transactions on Mathematical Software 41 (2015)
#include "tensor/matmul.h"

#include <algorithm>

#include "tensor/pack.h"
#include "tensor/parallel.h"
#include "tensor/plan.h"
#include "tensor/product.h"
#include "tensor/tile.h"

namespace glass {

namespace {

// ---- the five loops: one thread's share ----

// Loops 2 and 1: a block of A times the panels of B. The rows of `out` are those of the block.
void multiply_panels(const BlockOfA& block, const PanelsOfB& panels, const Output& out) {
  // 2: C[ic : ic + mc, jc + jr : jc + jr + nr]
  for (Index jr = 0; jr < panels.nc(); jr += tile_columns) {
    const Index nr = std::min(tile_columns, panels.nc() - jr);
    const Matrix b = panels.panel(jr);  // B[pc : pc + kc, jc + jr : jc + jr + nr]
    // Narrow tiles may be taller than others, but packed rows of A are cut already.
    const Index tallest = nr <= lanes && !block.packed() ? narrow_rows : tile_rows;
    // 1: C[ic + ir : ic + ir + mr, jc + jr : jc + jr + nr]
    for_tiles(block.mc(), tallest, [&](Index ir, Index mr) {
      tile_of_c(mr, nr, panels.kc(), block.panel(ir, mr), b, out.at(ir, jr), block.mc() - ir - mr);
    });
  }
}

// C[i, j] = start[i, j]: a product over no terms.
void multiply_nothing(Index m, Index n, const Output& out) {
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      const Real* const start = out.start.at(i, j).data;
      out.c[i * out.c_row + j] = start ? *start : Real(0);
    }
}

// Loops 5, 4 and 3: C[m, n] = A[m, k] · B[k, n] + start.
void multiply_blocks(Index m, Index n, Index k, const Matrix& a, const Matrix& b,
                     const Output& out) {
  if (m * n * k == 0) return multiply_nothing(m, n, out);
  const SharePlan plan(m, n, k, b);
  for (Index jc = 0; jc < n; jc += plan.nc)      // 5: C[:, jc : jc + nc]
    for (Index pc = 0; pc < k; pc += plan.kc) {  // 4: A[:, pc : pc + kc], B[pc : pc + kc, :]
      // Pack this block of B, if the plan says so.
      const Index nc = std::min(plan.nc, n - jc), kc = std::min(plan.kc, k - pc);
      const PanelsOfB panels(plan.pack_b, b.at(pc, jc), kc, nc);
      // The first block of K adds `start`, each later one what C holds so far.
      const Output so_far = pc == 0 ? out : out.continued();
      for (Index ic = 0; ic < m; ic += block_m) {  // 3: C[ic : ic + mc, jc : jc + nc]
        // Pack this block of A, if the plan says so, and multiply both.
        const Index mc = std::min(block_m, m - ic);
        const BlockOfA block(plan.pack_a, a.at(ic, pc), mc, kc);
        multiply_panels(block, panels, so_far.at(ic, jc));
      }
    }
}

// ---- threads ----

void multiply(Index m, Index n, Index k, const Matrix& a, const Matrix& b, Real* c,
              const Matrix& start);

// C = (Bᵀ · Aᵀ)ᵀ. `multiply` computes Bᵀ · Aᵀ, and does not transpose it once more:
// transposing_pays demands 3 · m ≤ n of C[m, n], and cannot find 3 · n ≤ m for Cᵀ[n, m] then.
void multiply_transposed(Index m, Index n, Index k, const Matrix& a, const Matrix& b, Real* c,
                         Matrix start, Index threads) {
  // A bias belongs to a row of Cᵀ. A tile adds `start` in whole vectors: so each bias is repeated
  // as often as a tile has columns, and serves all tiles of its row.
  Tensor biases = empty(Shape{start.data ? n : 0, tile_columns});
  for (Index j = 0; j < biases.size(0); ++j)
    std::fill_n(biases.data() + j * tile_columns, tile_columns, start.data[j]);
  if (start.data) start = {biases.data(), tile_columns, 0};

  // Cᵀ = Bᵀ · Aᵀ + start
  Tensor transposed = empty(Shape{n, m});
  multiply(n, m, k, b.transposed(), a.transposed(), transposed.data(), start);

  // Each thread transposes some rows of C, that is, packs some columns of Cᵀ.
  parallel_for(m, round_up(ceil_div(m, threads), lanes), [&](Index i, Index end) {
    pack({transposed.data() + i, m, 1}, n, n, end - i, c + i * n);
  });
}

// C[m, n] = A[m, k] · B[k, n] + start. C is contiguous. `start` is nothing, one bias per column of
// C (from linear), or one bias per row of C (from multiply_transposed).
void multiply(Index m, Index n, Index k, const Matrix& a, const Matrix& b, Real* c,
              const Matrix& start) {
  // Few rows of A, and columns of B that are contiguous: the transposed product.
  const Index threads = m * n * k < worth_sharing ? 1 : num_threads();
  if (transposing_pays(m, n, k, b)) return multiply_transposed(m, n, k, a, b, c, start, threads);
  // One thread: the loops.
  const Output out{c, n, start};
  if (threads == 1) return multiply_blocks(m, n, k, a, b, out);
  // Several threads: each has some rows, or some columns, of C.
  const Cut cut(m, n, threads);
  parallel_for(std::max(m, n), cut.share, [&](Index begin, Index end) {
    if (cut.rows)  // C[begin : end, :]
      multiply_blocks(end - begin, n, k, a.at(begin, 0), b, out.at(begin, 0));
    else  // C[:, begin : end]
      multiply_blocks(m, end - begin, k, a, b.at(0, begin), out.at(0, begin));
  });
}

// ---- batches ----

// The matrix that begins at x[offset] and spans the last two axes.
Matrix matrix_at(const Tensor& x, Index offset) {
  return {x.data() + offset, x.stride(-2), x.stride(-1)};
}

// The axes before the last two.
Shape batch_axes(const Tensor& x) {
  return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.rank() - 2)));
}

// The offset of the i-th matrix of a batch.
Index offset_in(const Shape& batch, const Strides& strides, Index i) {
  Index offset = 0;
  for (Index axis = batch.rank() - 1; axis >= 0; --axis) {
    offset += i % batch[axis] * strides[static_cast<std::size_t>(axis)];
    i /= batch[axis];
  }
  return offset;
}

// Calls f(M, N, K, A, B, C) for every matrix of a batch [batch, M, K] @ [batch, K, N].
template <class F>
Tensor for_batch(const Tensor& a, const Tensor& b, F f) {
  const Index m = a.size(-2), k = a.size(-1), n = b.size(-1);
  const Shape batch = broadcast("matmul", batch_axes(a), batch_axes(b));
  const Strides a_strides = expand_strides(batch_axes(a), a.strides(), batch);
  const Strides b_strides = expand_strides(batch_axes(b), b.strides(), batch);
  Tensor c = empty(batch.insert(batch.rank(), m).insert(batch.rank() + 1, n));  // [batch, M, N]
  // A thread takes as many products as are worth waking it for. In a batch of several
  // products each is computed by one thread, since threads share the batch already: so a batch of
  // two keeps only two threads busy, however large its matrices are.
  const Index grain = std::max<Index>(1, worth_sharing / std::max<Index>(m * n * k, 1));
  parallel_for(m * n == 0 ? 0 : batch.numel(), grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      f(m, n, k, matrix_at(a, offset_in(batch, a_strides, i)),
        matrix_at(b, offset_in(batch, b_strides, i)), c.data() + i * m * n);
  });
  return c;
}

// The same for operands of any rank. A vector on the left becomes one row, on the right one column.
template <class F>
Tensor for_matrices(const Tensor& a, const Tensor& b, F f) {
  check<ShapeError>(a.rank() > 0 && b.rank() > 0, "matmul: operands need an axis; got {} @ {}",
                    a.shape(), b.shape());
  const Tensor left = a.rank() == 1 ? a.unsqueeze(0) : a;   // [batch, M, K]
  const Tensor right = b.rank() == 1 ? b.unsqueeze(1) : b;  // [batch, K, N]
  check<ShapeError>(left.size(-1) == right.size(-2), "matmul: inner sizes must agree; got {} @ {}",
                    a.shape(), b.shape());
  // Two matrices, without a batch: the shortest way.
  if (a.rank() == 2 && b.rank() == 2) {
    const Index m = a.size(0), k = a.size(1), n = b.size(1);
    Tensor c = empty(Shape{m, n});
    if (c.numel() > 0) f(m, n, k, matrix_at(a, 0), matrix_at(b, 0), c.data());
    return c;
  }
  // A batch. Then the axes that were added to vectors are removed.
  Tensor c = for_batch(left, right, f);
  if (b.rank() == 1) c = c.squeeze(-1);
  if (a.rank() == 1) c = c.squeeze(b.rank() == 1 ? -1 : -2);
  return c;
}

// A · B + start for operands of any rank.
Tensor product(const Tensor& a, const Tensor& b, Matrix start) {
  const Index k = a.rank() == 0 ? 0 : a.size(-1);
  const Index k_of_b = b.rank() < 2 ? 0 : -2;  // which axis of B is K
  // A long K: the products of both halves of K, added. The bias is added in the first one.
  if (k > longest_sum && b.rank() > 0 && b.size(k_of_b) == k) {
    const Index half = round_up(k / 2, block_k);
    return product(a.slice(-1, 0, half), b.slice(k_of_b, 0, half), start) +
           product(a.slice(-1, half, k), b.slice(k_of_b, half, k), {});
  }
  const auto each = [&](Index m, Index n, Index terms, const Matrix& x, const Matrix& y, Real* c) {
    multiply(m, n, terms, x, y, c, start);
  };
  // One B for a whole batch: the rows of all its A are one tall A.
  if (a.rank() > 2 && b.rank() == 2 && k == b.size(0)) {
    const Tensor tall = a.reshape(Shape{a.shape().erase(-1).numel(), k});
    return for_matrices(tall, b, each).reshape(a.shape().with(-1, b.size(-1)));
  }
  return for_matrices(a, b, each);
}

}  // namespace

// With `add`, the product is added to the numbers that are in C already.
void multiply_block(Index m, Index n, Index k, Matrix a, Matrix b, Real* c, Index c_row, bool add) {
  Output out{c, c_row, {}};
  if (add) out = out.continued();
  multiply_blocks(m, n, k, a, b, out);
}

Tensor matmul(const Tensor& a, const Tensor& b) { return product(a, b, {}); }

// The biases are added to each row of the result: a `start` whose row stride is 0.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check<ShapeError>(weight.rank() == 2 && bias.shape() == Shape{weight.size(0)},
                    "linear: needs weight [out, in] and bias [out]; got {} and {}", weight.shape(),
                    bias.shape());
  const Tensor row = bias.contiguous();
  return product(x, weight.mT(), {row.data(), 0, 1});
}

// C[i, j] = Σ A[i, p] · B[p, j], in three loops, with no block, no tile and no vector.
Tensor matmul_naive(const Tensor& a, const Tensor& b) {
  return for_matrices(a, b, [](Index m, Index n, Index k, Matrix x, Matrix y, Real* c) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) {
        Real sum(0);
        for (Index p = 0; p < k; ++p) sum += *x.at(i, p).data * *y.at(p, j).data;
        c[i * n + j] = sum;
      }
  });
}

}  // namespace glass
