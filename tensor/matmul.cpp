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

#include "tensor/loops.h"
#include "tensor/pack.h"
#include "tensor/parallel.h"
#include "tensor/plan.h"
#include "tensor/product.h"
#include "tensor/tile.h"

namespace glass {

namespace {

// ---- the five loops: one thread's share ----

// Loops 2 and 1: a block of A times the panels of B. The rows of `out` are those of the block.
// The tiles ask for the next panel of B, and then for `next`.
void multiply_panels(const BlockOfA& block, PanelsOfB& panels, const Output& out, Ahead next) {
  // 2: C[ic : ic + mc, jc + jr : jc + jr + nr]
  for (Index jr = 0; jr < panels.nc(); jr += tile_columns) {
    const Index nr = std::min(tile_columns, panels.nc() - jr);
    const Matrix b = panels.panel(jr);  // B[pc : pc + kc, jc + jr : jc + jr + nr]
    Ahead next_panel = panels.after(jr);
    // Narrow tiles may be taller than others, but packed rows of A are cut already.
    const Index tallest = nr <= lanes && !block.packed() ? narrow_rows : tile_rows;
    // 1: C[ic + ir : ic + ir + mr, jc + jr : jc + jr + nr]
    Heights(block.mc(), tallest).each([&](Index ir, Index mr) {
      const Lines soon = (next_panel.is_empty() ? next : next_panel).take(panels.kc());
      tile_of_c(mr, nr, panels.kc(), block.panel(ir, mr), b, out.at(ir, jr), block.mc() - ir - mr,
                soon);
    });
  }
}

// The block of A that follows A[ic : ic + mc, pc : pc + kc] in loops 3 and 4.
Ahead block_after(const SharePlan& plan, const Matrix& a, Index ic, Index pc) {
  const auto [m, n, k] = plan.size;
  ic += block_m;
  if (ic >= m) ic = 0, pc += plan.kc;
  if (pc >= k) return {};
  return {a.at(ic, pc), std::min(block_m, m - ic), std::min(plan.kc, k - pc)};
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
void multiply_blocks(const SharePlan& plan, const Matrix& a, const Matrix& b, const Output& out) {
  const auto [m, n, k] = plan.size;
  if (m * n * k == 0) return multiply_nothing(m, n, out);
  for (Index jc = 0; jc < n; jc += plan.nc)      // 5: C[:, jc : jc + nc]
    for (Index pc = 0; pc < k; pc += plan.kc) {  // 4: A[:, pc : pc + kc], B[pc : pc + kc, :]
      // This block of B. If the plan says so, its panels are packed, when they are needed.
      const Index nc = std::min(plan.nc, n - jc), kc = std::min(plan.kc, k - pc);
      PanelsOfB panels(plan.pack_b, m <= block_m, b.at(pc, jc), kc, nc);
      // The first block of K adds `start`, each later one what C holds so far.
      const Output so_far = pc == 0 ? out : out.continued();
      for (Index ic = 0; ic < m; ic += block_m) {  // 3: C[ic : ic + mc, jc : jc + nc]
        // Pack this block of A, if the plan says so, and multiply both.
        const Index mc = std::min(block_m, m - ic);
        const BlockOfA block(plan.pack_a, a.at(ic, pc), mc, kc);
        multiply_panels(block, panels, so_far.at(ic, jc), block_after(plan, a, ic, pc));
      }
    }
}

// ---- small products: both operands are read in place ----

// A product of a single block, of which nothing is copied: loops 2 and 1 are left. All that is the
// same for the matrices of a batch is computed once, so that between two matrices there is little
// more than a call for each tile.
class SmallProduct {
 public:
  SmallProduct(const Size& size, const Matrix& a, const Matrix& b, const Output& out)
      : n_(size.n),
        start_column_(out.start.column_stride),
        whole_(tile_columns, size, a, b, out),
        last_(last_columns(n_), size, a, b, out) {}

  // C = A · B + start. The strides are those that the constructor was given.
  void operator()(const Real* a, const Real* b, const Real* start, Real* c) const {
    Index jr = 0;
    for (; jr < n_ - last_.in.columns; jr += tile_columns)  // 2: C[:, jr : jr + nr]
      whole_(a, b + jr, start + jr * start_column_, c + jr);
    last_(a, b + jr, start + jr * start_column_, c + jr);
  }

 private:
  // Loop 1: the tiles of a panel of B.
  struct Panel {
    TileColumn in;
    Tile* const* tiles;
    Heights heights;

    Panel(Index nr, const Size& size, const Matrix& a, const Matrix& b, const Output& out)
        : in{size.k,   nr, a.row_stride, a.column_stride, b.row_stride, out.start.row_stride,
             out.c_row},
          tiles(tiles_for(nr)),
          heights(size.m, nr <= lanes ? narrow_rows : tile_rows) {}

    void operator()(const Real* a, const Real* b, const Real* start, Real* c) const {
      heights.each([&](Index, Index mr) {  // 1: C[ir : ir + mr, jr : jr + nr]
        tiles[mr - 1](in, a, b, start, c);
        a += mr * in.a_row;
        c += mr * in.c_row;
        start += mr * in.start_row;
      });
    }
  };
  static Index last_columns(Index n) { return n - (n - 1) / tile_columns * tile_columns; }

  Index n_;
  Index start_column_;  // like start_row, 0 if nothing is added
  Panel whole_, last_;
};

// ---- threads ----

// What is the same for every product of a batch: it is decided once.
struct Plan {
  Size size;
  Matrix start;  // nothing, one bias per column of C (from linear), or one per row of C
  Index threads;
  bool transposed, is_small;
  SharePlan share;     // if one thread computes the whole product
  SmallProduct small;  // if it is small

  Plan(const Size& all, const Matrix& a, const Matrix& b, const Matrix& added)
      : size(all),
        start(added),
        threads(all.work() < worth_sharing ? 1 : num_threads()),
        transposed(transposing_pays(all, b)),
        share(all, a, b),
        small(all, a, b, {nullptr, all.n, start}) {
    is_small = share.in_one_piece && threads == 1 && !transposed;
  }
};

void multiply(const Plan& plan, const Matrix& a, const Matrix& b, Real* c);

// C = (Bᵀ · Aᵀ)ᵀ. `multiply` computes Bᵀ · Aᵀ, and does not transpose it once more:
// transposing_pays demands 3 · m ≤ n of C[m, n], and cannot find 3 · n ≤ m for Cᵀ[n, m] then.
void multiply_transposed(const Plan& plan, const Matrix& a, const Matrix& b, Real* c) {
  const auto [m, n, k] = plan.size;
  Matrix start = plan.start;
  // A bias belongs to a row of Cᵀ. A tile adds `start` in whole vectors: so each bias is repeated
  // as often as a tile has columns, and serves all tiles of its row.
  Tensor biases = empty(Shape{start.data ? n : 0, tile_columns});
  for (Index j = 0; j < biases.size(0); ++j)
    std::fill_n(biases.data() + j * tile_columns, tile_columns, start.data[j]);
  if (start.data) start = {biases.data(), tile_columns, 0};

  // Cᵀ = Bᵀ · Aᵀ + start
  Tensor transposed = empty(Shape{n, m});
  const Matrix left = b.transposed(), right = a.transposed();
  multiply(Plan({n, m, k}, left, right, start), left, right, transposed.data());

  // Each thread transposes some rows of C, that is, packs some columns of Cᵀ.
  const Index rows = m, columns = n;  // Clang 14 cannot capture m and n
  parallel_for(rows, round_up(ceil_div(rows, plan.threads), lanes), [&](Index i, Index end) {
    pack({transposed.data() + i, rows, 1}, columns, columns, end - i, c + i * columns);
  });
}

// C[m, n] = A[m, k] · B[k, n] + start. C is contiguous.
void multiply(const Plan& plan, const Matrix& a, const Matrix& b, Real* c) {
  if (plan.is_small) return plan.small(a.data, b.data, plan.start.data, c);
  // Few rows of A, and columns of B that are contiguous: the transposed product.
  if (plan.transposed) return multiply_transposed(plan, a, b, c);
  // One thread: the loops.
  const Size& size = plan.size;
  const Output out{c, size.n, plan.start};
  if (plan.threads == 1) return multiply_blocks(plan.share, a, b, out);
  // Several threads: each has some rows, or some columns, of C.
  const Cut cut(size.m, size.n, plan.threads);
  parallel_for(std::max(size.m, size.n), cut.share, [&](Index begin, Index end) {
    const Index part = end - begin;
    if (cut.rows)  // C[begin : end, :]
      multiply_blocks({{part, size.n, size.k}, a, b}, a.at(begin, 0), b, out.at(begin, 0));
    else  // C[:, begin : end]
      multiply_blocks({{size.m, part, size.k}, a, b}, a, b.at(0, begin), out.at(0, begin));
  });
}

// ---- batches ----

// The first matrix of a batch, which spans the last two axes.
Matrix first_matrix(const Tensor& x) { return {x.data(), x.stride(-2), x.stride(-1)}; }

// The axes before the last two.
Shape batch_axes(const Tensor& x) {
  return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.rank() - 2)));
}

// Calls f(A, B, C) for every matrix of a batch [batch, M, K] @ [batch, K, N]; f = of(size, A, B).
template <class Of>
Tensor for_batch(const Tensor& a, const Tensor& b, Of of) {
  const Size size{a.size(-2), b.size(-1), a.size(-1)};
  const Shape batch = broadcast("matmul", batch_axes(a), batch_axes(b));
  const Strides a_strides = expand_strides(batch_axes(a), a.strides(), batch);
  const Strides b_strides = expand_strides(batch_axes(b), b.strides(), batch);
  Tensor c =
      empty(batch.insert(batch.rank(), size.m).insert(batch.rank() + 1, size.n));  // [batch, M, N]
  if (c.numel() == 0) return c;
  // A thread takes as many products as are worth waking it for. In a batch of several
  // products each is computed by one thread, since threads share the batch already: so a batch of
  // two keeps only two threads busy, however large its matrices are.
  const Index grain = std::max<Index>(1, worth_sharing / std::max<Index>(size.work(), 1));
  const auto f = of(size, first_matrix(a), first_matrix(b));
  const auto matrices = [&](std::array<Index, 3> at, Index count, std::array<Index, 3> steps) {
    Matrix left = first_matrix(a), right = first_matrix(b);
    left.data += at[0];
    right.data += at[1];
    Real* to = c.data() + at[2];
    for (; count > 0; --count, left.data += steps[0], right.data += steps[1], to += steps[2])
      f(left, right, to);
  };
  Walk<3>(batch, {a_strides, b_strides, c.strides()}).run(matrices, grain);
  return c;
}

// The same for operands of any rank. A vector on the left becomes one row, on the right one column.
template <class Of>
Tensor for_matrices(const Tensor& a, const Tensor& b, Of of) {
  // Two matrices, without a batch: the shortest way.
  if (a.rank() == 2 && b.rank() == 2 && a.size(1) == b.size(0)) {
    const Size size{a.size(0), b.size(1), a.size(1)};
    Tensor c = empty(Shape{size.m, size.n});
    const Matrix left = first_matrix(a), right = first_matrix(b);
    if (size.m * size.n > 0) of(size, left, right)(left, right, c.data());
    return c;
  }
  check<ShapeError>(a.rank() > 0 && b.rank() > 0, "matmul: operands need an axis; got {} @ {}",
                    a.shape(), b.shape());
  const Tensor left = a.rank() == 1 ? a.unsqueeze(0) : a;   // [batch, M, K]
  const Tensor right = b.rank() == 1 ? b.unsqueeze(1) : b;  // [batch, K, N]
  check<ShapeError>(left.size(-1) == right.size(-2), "matmul: inner sizes must agree; got {} @ {}",
                    a.shape(), b.shape());
  // A batch. Then the axes that were added to vectors are removed.
  Tensor c = for_batch(left, right, of);
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
  // One plan for all products of a batch.
  const auto planned = [&](const Size& size, const Matrix& left, const Matrix& right) {
    return [plan = Plan(size, left, right, start)](const Matrix& x, const Matrix& y, Real* c) {
      multiply(plan, x, y, c);
    };
  };
  // One B for a whole batch: the rows of all its A are one tall A.
  if (a.rank() > 2 && b.rank() == 2 && k == b.size(0)) {
    const Tensor tall = a.reshape(Shape{a.shape().erase(-1).numel(), k});
    return for_matrices(tall, b, planned).reshape(a.shape().with(-1, b.size(-1)));
  }
  return for_matrices(a, b, planned);
}

// The three loops of matmul_naive.
void multiply_naive(const Size& size, const Matrix& a, const Matrix& b, Real* c) {
  for (Index i = 0; i < size.m; ++i)
    for (Index j = 0; j < size.n; ++j) {
      Real sum(0);
      for (Index p = 0; p < size.k; ++p) sum += *a.at(i, p).data * *b.at(p, j).data;
      c[i * size.n + j] = sum;
    }
}

}  // namespace

// With `add`, the product is added to the numbers that are in C already.
void multiply_block(Index m, Index n, Index k, Matrix a, Matrix b, Real* c, Index c_row, bool add) {
  Output out{c, c_row, {}};
  if (add) out = out.continued();
  const SharePlan plan({m, n, k}, a, b);
  if (plan.in_one_piece)
    return SmallProduct({m, n, k}, a, b, out)(a.data, b.data, out.start.data, c);
  multiply_blocks(plan, a, b, out);
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
  return for_matrices(a, b, [](const Size& size, const Matrix&, const Matrix&) {
    return [size](const Matrix& x, const Matrix& y, Real* c) { multiply_naive(size, x, y, c); };
  });
}

}  // namespace glass
