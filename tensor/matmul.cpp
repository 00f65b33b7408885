// # The product, blocked
//
// Three ideas make a product of matrices fast. Numbers that are used again stay near: a block of B
// in the cache, a small tile of C in registers. Numbers that are read in a row lie in a row: both
// operands are copied into panels first, which is also where any strides are straightened. And the
// innermost loop is a plain sum over k, so that the compiler can vectorise across a row of C.
//
// Every element of C is one chain of multiply-adds in the order of k within a block of K, whatever
// the tile it falls in: the bits do not depend on how the work is cut.
#include "tensor/matmul.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace glass {

namespace {

// A tile of C is tile_rows × tile_columns: twelve vectors, which with two of B and one number of A
// fill the sixteen registers of AVX2. A block of K is what one pass over the tile adds up.
constexpr Index tile_rows = 6, tile_columns = 2 * lanes;
constexpr Index block_k = 256, block_m = 96;
constexpr Index worth_sharing = 250'000;  // multiply-adds that are worth waking a thread for

// A matrix wherever it lies.
struct Matrix {
  const Real* data;
  Index row_stride, column_stride;
};

// Copies rows × columns of x into panels of `Width` rows each, column by column; the last panel is
// filled up with zeros.
template <Index Width>
void pack(Matrix x, Index rows, Index columns, Real* out) {
  for (Index i = 0; i < rows; i += Width) {
    const Real* in = x.data + i * x.row_stride;
    const Index height = std::min(Width, rows - i);
    for (Index k = 0; k < columns; ++k, in += x.column_stride, out += Width) {
      if (height == Width && x.row_stride == 1) {
        for (Index r = 0; r < Width; ++r) out[r] = in[r];
      } else if (height == Width) {
        for (Index r = 0; r < Width; ++r) out[r] = in[r * x.row_stride];
      } else {
        for (Index r = 0; r < Width; ++r) out[r] = r < height ? in[r * x.row_stride] : Real(0);
      }
    }
  }
}

// C[rows, columns] (+)= A panel · B panel, over the k of one block. A ragged tile is computed whole
// and stored in part.
void tile(const Real* a, const Real* b, Index depth, Real* c, Index c_stride, Index rows,
          Index columns, bool first) {
  Vec sum[tile_rows][2] = {};
  for (Index k = 0; k < depth; ++k, a += tile_rows, b += tile_columns) {
    const Vec b0 = load(b), b1 = load(b + lanes);
#pragma GCC unroll 6
    for (Index i = 0; i < tile_rows; ++i) {
      sum[i][0] += a[i] * b0;
      sum[i][1] += a[i] * b1;
    }
  }
  if (rows == tile_rows && columns == tile_columns) {
#pragma GCC unroll 6
    for (Index i = 0; i < tile_rows; ++i, c += c_stride) {
      store(c, first ? sum[i][0] : load(c) + sum[i][0]);
      store(c + lanes, first ? sum[i][1] : load(c + lanes) + sum[i][1]);
    }
    return;
  }
  std::array<Real, tile_columns> row;
#pragma GCC unroll 6
  for (Index i = 0; i < tile_rows; ++i, c += c_stride) {
    store(row.data(), sum[i][0]);
    store(row.data() + lanes, sum[i][1]);
    for (Index j = 0; i < rows && j < columns; ++j)
      c[j] = first ? row[static_cast<std::size_t>(j)] : c[j] + row[static_cast<std::size_t>(j)];
  }
}

Index round_up(Index n, Index step) { return (n + step - 1) / step * step; }

// A thread's own memory, kept from call to call. A worker that only runs a lambda of multiply()
// never passes a declaration there: so it stands in a function, which every thread calls.
struct Panels {
  std::vector<Real> a, b;
};
Panels& panels() {
  thread_local Panels own;
  return own;
}

// C[m, n] = A[m, k] · B[k, n], C dense. Blocks of rows are shared among threads where there is
// enough to do; the panels of B are packed once for all of them.
void multiply(Index m, Index n, Index k, Matrix a, Matrix b, Real* c) {
  std::vector<Real>& b_panels = panels().b;
  if (k == 0) std::fill_n(c, m * n, Real(0));
  for (Index kc = 0; kc < k; kc += block_k) {
    const Index depth = std::min(block_k, k - kc);
    // B[kc : kc + depth, :]
    b_panels.resize(static_cast<std::size_t>(depth * round_up(n, tile_columns)));
    pack<tile_columns>({b.data + kc * b.row_stride, b.column_stride, b.row_stride}, n, depth,
                       b_panels.data());
    const auto rows = [&](Index ic, Index end) {
      // A[ic : end, kc : kc + depth]
      std::vector<Real>& a_panels = panels().a;
      a_panels.resize(static_cast<std::size_t>(depth * round_up(end - ic, tile_rows)));
      pack<tile_rows>(
          {a.data + ic * a.row_stride + kc * a.column_stride, a.row_stride, a.column_stride},
          end - ic, depth, a_panels.data());
      // C[ic + ir :, jr :]
      for (Index jr = 0; jr < n; jr += tile_columns)
        for (Index ir = 0; ir < end - ic; ir += tile_rows)
          tile(a_panels.data() + ir * depth, b_panels.data() + jr * depth, depth,
               c + (ic + ir) * n + jr, n, std::min(tile_rows, end - ic - ir),
               std::min(tile_columns, n - jr), kc == 0);
    };
    if (m * n * depth < worth_sharing) {
      for (Index ic = 0; ic < m; ic += block_m) rows(ic, std::min(m, ic + block_m));
    } else {
      parallel_for(m, block_m, rows);
    }
  }
}

// Calls f(a, b, c, M, N, K) for every matrix of the batch, and gives the result its shape.
template <class F>
Tensor for_batch(const Tensor& a, const Tensor& b, F f) {
  check<ShapeError>(a.rank() > 0 && b.rank() > 0, "matmul: operands need an axis; got {} @ {}",
                    a.shape(), b.shape());
  const Tensor left = a.rank() == 1 ? a.unsqueeze(0) : a;
  const Tensor right = b.rank() == 1 ? b.unsqueeze(1) : b;
  const Index m = left.size(-2), k = left.size(-1), n = right.size(-1);
  check<ShapeError>(k == right.size(-2), "matmul: inner sizes must agree; got {} @ {}", a.shape(),
                    b.shape());
  const auto leading = [](const Tensor& x) {
    return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.rank() - 2)));
  };
  const Shape batch = broadcast("matmul", leading(left), leading(right));
  const auto over_batch = [&](const Tensor& x) {
    return expand_strides(leading(x), x.strides(), batch);
  };
  Tensor c = empty(batch.insert(batch.rank(), m).insert(batch.rank() + 1, n));
  const Strides a_strides = over_batch(left), b_strides = over_batch(right);
  const Index count = m * n == 0 ? 0 : c.numel() / (m * n);
  const Index grain = std::max<Index>(1, worth_sharing / std::max<Index>(m * n * k, 1));
  parallel_for(count, grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      Index a_offset = 0, b_offset = 0, rest = i;
      for (Index axis = batch.rank() - 1; axis >= 0; rest /= batch[axis--]) {
        a_offset += rest % batch[axis] * a_strides[static_cast<std::size_t>(axis)];
        b_offset += rest % batch[axis] * b_strides[static_cast<std::size_t>(axis)];
      }
      f(m, n, k, Matrix{left.data() + a_offset, left.stride(-2), left.stride(-1)},
        Matrix{right.data() + b_offset, right.stride(-2), right.stride(-1)}, c.data() + i * m * n);
    }
  });
  if (b.rank() == 1) c = c.squeeze(-1);
  if (a.rank() == 1) c = c.squeeze(b.rank() == 1 ? -1 : -2);
  return c;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  // One B for a whole batch: the rows of all A's are one tall A.
  if (a.rank() > 2 && b.rank() == 2 && a.size(-1) == b.size(0)) {
    const Index rows = a.shape().erase(-1).numel();
    const Tensor c = for_batch(a.reshape(Shape{rows, a.size(-1)}), b, multiply);
    return c.reshape(a.shape().with(-1, b.size(-1)));
  }
  return for_batch(a, b, multiply);
}

Tensor matmul_naive(const Tensor& a, const Tensor& b) {
  return for_batch(a, b, [](Index m, Index n, Index k, Matrix x, Matrix y, Real* c) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) {
        Real sum(0);
        for (Index p = 0; p < k; ++p)
          sum += x.data[i * x.row_stride + p * x.column_stride] *
                 y.data[p * y.row_stride + j * y.column_stride];
        c[i * n + j] = sum;
      }
  });
}

}  // namespace glass
