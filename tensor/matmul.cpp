// # The product, in the loops of the BLIS papers
//
// Three ideas make a product of matrices fast. Numbers that are used again stay near: a small tile
// of C in registers, the panels that make it in the caches. Numbers that are read in a row lie in a
// row: what does not, or is used often enough, is copied into panels first. And the innermost loop
// is a plain chain of multiply-adds, vectorised across a row of C.
//
// Every element of C is one such chain, in the order of k within a block of K, whatever tile it
// falls in: the bits do not depend on how the work is cut, or on the number of threads.
//
// F. Van Zee, R. van de Geijn, BLIS: A Framework for Rapidly Instantiating BLAS Functionality,
// ACM Transactions on Mathematical Software 41 (2015)
#include "tensor/matmul.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/product.h"
#include "tensor/simd.h"

namespace glass {

namespace {

// ---- sizes ----

// A tile of C, two vectors wide: its sums, with as much of B and one number of A, fill the
// registers.
constexpr Index tile_rows = registers == 32 ? 12 : fused_multiply_add ? 6 : 4;
constexpr Index tile_columns = 2 * lanes;
constexpr Index block_k = 256;   // a panel of B, 256 × 16 floats, fills half of the first cache
constexpr Index block_m = 96;    // a block of A, 96 × 256 floats, a part of the second
constexpr Index block_n = 2048;  // what is packed of B, a part of the third
constexpr Index few_rows = 512;  // as many rows of A use a panel of B once for all
constexpr Index longest_sum = 8192;  // so much of K is added up block by block, more in halves

// ---- the micro-kernel ----

// C[M, V · lanes] = A[M, depth] · B[depth, V · lanes] + start. A may lie anywhere, rows of the
// others in a row; no start is 0.
template <Index M, Index V>
void tile(const Real* a, Index a_row, Index a_step, const Real* b, Index b_step, Index depth,
          const Real* start, Index start_row, Real* c, Index c_row) {
  // C is fetched meanwhile; its rows mostly begin with a cache line, so that one fetch will do.
  for (Index i = 0; i < M; ++i) __builtin_prefetch(c + i * c_row + V * lanes - 1);
  Vec sum[M][V] = {};
#pragma GCC unroll 4
  for (Index k = 0; k < depth; ++k, a += a_step, b += b_step) {
    Vec row[V];
    for (Index v = 0; v < V; ++v) row[v] = load(b + v * lanes);
#pragma GCC unroll 24
    for (Index i = 0; i < M; ++i)
      for (Index v = 0; v < V; ++v) sum[i][v] += a[i * a_row] * row[v];
  }
  // All loads before all stores: rows of C a multiple of 4 KiB apart look alike to the CPU.
  if (start) {
#pragma GCC unroll 24
    for (Index i = 0; i < M; ++i)
      for (Index v = 0; v < V; ++v) sum[i][v] += load(start + i * start_row + v * lanes);
  }
#pragma GCC unroll 24
  for (Index i = 0; i < M; ++i)
    for (Index v = 0; v < V; ++v) store(c + i * c_row + v * lanes, sum[i][v]);
}

// {f(0), f(1), … f(N - 1)}: what is compiled for each of some numbers, to be chosen at run time.
template <Index N>
constexpr auto table(auto f) {
  const auto all = [&]<Index... I>(std::integer_sequence<Index, I...>) {
    return std::array{f(std::integral_constant<Index, I>())...};
  };
  return all(std::make_integer_sequence<Index, N>());
}
constexpr auto wide_tiles = table<tile_rows>([](auto i) { return tile<i + 1, 2>; });
constexpr auto narrow_tiles = table<2 * tile_rows>([](auto i) { return tile<i + 1, 1>; });

// ---- packing ----

// Rows become columns: the blocks off the diagonal change places, of the halves, of their halves,
// and so on.
template <Index Block, std::size_t... I>
[[gnu::always_inline]] inline void transpose(Vec* rows, std::index_sequence<I...> lane) {
  if constexpr (Block > 0) {
#pragma GCC unroll 16
    for (Index i = 0; i < lanes; ++i)
      if ((i & Block) == 0) {
        const Vec a = rows[i], b = rows[i + Block];
        rows[i] = __builtin_shufflevector(a, b, int(I & Block ? lanes + I - Block : I)...);
        rows[i + Block] = __builtin_shufflevector(a, b, int(I & Block ? lanes + I : I + Block)...);
      }
    transpose<Block / 2>(rows, lane);
  }
}

// out[k, 0 : lanes] = x[0 : lanes, k] for the first `lanes` columns; rows from `Rows` on are 0.
template <Index Rows>
void turn(const Real* x, Index row_stride, Real* out, Index width) {
  Vec part[lanes] = {};
#pragma GCC unroll 16
  for (Index r = 0; r < Rows; ++r) part[r] = load(x + r * row_stride);
  transpose<lanes / 2>(part, std::make_index_sequence<lanes>());
#pragma GCC unroll 16
  for (Index j = 0; j < lanes; ++j) store(out + j * width, part[j]);
}
constexpr auto turns = table<lanes + 1>([](auto rows) { return turn<rows>; });

}  // namespace

void pack(Matrix x, Index rows, Index width, Index depth, Real* out) {
  Index k = 0;
  if (x.column_stride == 1 && rows > 1 && depth >= lanes) {
    // By whole lines of the caches, which keep but a few that lie a power of two apart. What one
    // store writes too far another one mends: so the last rows go first.
    for (constexpr Index line = 64 / sizeof(Real); k < depth; k += line) {
      // Of A's panels the next one is packed next: it is fetched.
      for (Index r = 0; width <= tile_rows && r < rows; ++r)
        prefetch<2>(x.data, (rows + r) * x.row_stride + k);
      for (Index r = (width - 1) / lanes * lanes; r >= 0; r -= lanes)
        for (Index j = k; j < std::min(k + line, depth); j += lanes) {
          const Index at = std::min(j, depth - lanes);  // the last columns, some of them again
          turns[static_cast<std::size_t>(std::clamp<Index>(rows - r, 0, lanes))](
              x.data + r * x.row_stride + at, x.row_stride, out + at * width + r, width);
        }
    }
  } else if (x.row_stride == 1 && x.column_stride > 0) {
    // Rows that are read and written beyond their end run into the next one; the last ones would
    // leave x, or the panel.
    const Index beyond = round_up(width, lanes) - rows;
    const Index safe = depth - ceil_div(beyond, std::min(width, x.column_stride));
    for (; k < safe; ++k, out += width)
      for (Index r = 0; r < width; r += lanes)
        store(out + r, load(x.data + k * x.column_stride + r));
  }
  for (; k < depth; ++k, out += width) {
    const Real* in = x.data + k * x.column_stride;
    for (Index r = 0; r < rows; ++r) out[r] = in[r * x.row_stride];
    for (Index r = rows; r < width; ++r) out[r] = Real(0);
  }
}

namespace {

// Whole panels of a matrix whose rows lie in a row. They are copied side by side, so that a row is
// read in a run that the memory likes, and some rows at a time, so that this can go on among other
// work.
struct Copy {
  Matrix from;
  Index panels, depth;
  Index later;             // numbers from here to what is likely to be used after it all
  Real* to;                // nowhere: what is used later is prefetched, and no more
  Index slice = 0, k = 0;  // rows between two tiles; rows done

  void rows(Index count) {
    const Index next = std::min<Index>(count, 8) * from.row_stride;
    for (const Index end = std::min(depth, k + count); k < end; ++k) {
      Index in = k * from.row_stride;
#pragma GCC unroll 4
      for (Index j = 0; j < panels; ++j, in += tile_columns) {
        prefetch<2>(from.data, in + later);
        if (!to) continue;
        prefetch(from.data, in + next);  // the slice after this one
        Real* const out = to + (j * depth + k) * tile_columns;
        for (Index v = 0; v < tile_columns; v += lanes) store(out + v, load(from.data + in + v));
      }
    }
  }
};

// A thread's own memory, kept from call to call; it begins with a cache line, lest vectors lie in
// two: 32 numbers more are room for that, and for a vector beyond the end. A worker that only runs
// a lambda never passes a declaration outside it: so it stands in a function, which every thread
// calls.
Real* own_memory(std::size_t which, Index count) {
  thread_local std::array<std::vector<Real>, 2> own;
  std::vector<Real>& memory = own[which];
  if (std::ssize(memory) < count + 32) memory.resize(static_cast<std::size_t>(count + 32));
  return memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) / sizeof(Real);
}

// ---- the loops ----

// Tiles of almost equal height: 7 rows are 4 + 3, not 6 + 1. Calls f(row, rows) for each.
template <Index Most, class F>
void for_tiles(Index m, F f) {
  const Index count = ceil_div(m, Most), least = m / count, taller = m - least * count;
  for (Index i = 0; i < count; ++i) f(i * least + std::min(i, taller), least + (i < taller));
}

// One thread's share: C[m, n] = A[m, k] · B[k, n] + start for C with rows `c_row` apart.
struct Product {
  Index m, n, k;
  Matrix a, b;
  Real* c;
  Index c_row;
  Matrix start;  // nothing, biases, or C itself

  void run() const {
    const Index kc = round_up(ceil_div(k, 1 + (k - 1) / block_k), 8);  // of blocks all alike
    const Index nc = round_up(ceil_div(n, 1 + (n - 1) / block_n), tile_columns);
    for (Index i = 0; k == 0 && i < m; ++i)
      for (Index j = 0; j < n; ++j) c[i * c_row + j] = start.data ? *start.at(i, j).data : Real(0);
    // Packing takes about a cycle a number: not where it is used but a few times, least of all
    // where rows lie near each other.
    const bool often = kc * nc > 10'000 && (m >= 192 || (m >= 48 && m * b.row_stride > 40'000));
    const bool pack_b = b.column_stride != 1 || often;
    const bool pack_a = nc >= 300 && m > 1;
    Copy none{};
    // 5, 4: what is packed of B stays in the caches for all rows of A.
    for (Index jc = 0; jc < n; jc += nc)      // C[:, jc : jc + nc]
      for (Index pc = 0; pc < k; pc += kc) {  // A[:, pc : pc + kc], B[pc : pc + kc, jc : jc + nc]
        const Index depth = std::min(kc, k - pc), end = std::min(n, jc + nc);
        const Matrix sum = pc == 0 ? start : Matrix{c, c_row, 1};  // so far
        if (pack_a || pack_b || n % lanes != 0)
          panel(jc, end - jc, pc, depth, pack_a, pack_b, sum);
        else  // all as it lies: what `panel` plans would take as long as a product of 16 × 16
          for (Index j = jc; j < end; j += tile_columns)
            column(a.at(0, pc), m, false, b.at(pc, j), depth, std::min(tile_columns, end - j),
                   sum.at(0, j).data, sum.row_stride, c + j, none);
      }
  }

  void panel(Index jc, Index nc, Index pc, Index depth, bool pack_a, bool pack_b,
             Matrix sum) const {
    const bool b_rows = b.column_stride == 1;
    // Where a panel of B serves few tiles, its copying takes as long as some of them: so it is done
    // a little at a time, between the tiles of the panels before it, and into two places in turn.
    const bool in_turn = pack_b && b_rows && m <= few_rows;
    const Index run = (nc < 1024 ? 4 : 8) * tile_columns, whole = nc / tile_columns * tile_columns;
    const Index room = !pack_b ? tile_columns : in_turn ? 2 * run : round_up(nc, tile_columns);
    Real* const bp = own_memory(0, room * depth);
    const auto kept = [&](Index jr) { return bp + jr % room * depth; };
    const auto copy = [&](Index jr) {
      const Index columns = std::clamp<Index>(whole - jr, 0, run);
      const Index slice = ceil_div(depth, ceil_div(m, tile_rows) * (run / tile_columns));
      const Matrix first = b.at(pc, jc + std::min(jr, whole));
      return Copy{first, columns / tile_columns, depth, columns, kept(jr), slice};
    };
    for (Index jr = 0; pack_b && b_rows && jr < (in_turn ? 1 : nc); jr += run) copy(jr).rows(depth);

    Copy coming{};
    const Index most = in_turn ? few_rows : block_m;
    for (Index ic = 0; ic < m; ic += most) {  // 3: C[ic : ic + mc, jc : jc + nc]
      const Index mc = std::min(most, m - ic);
      Matrix a_block = a.at(ic, pc);
      if (pack_a) {
        Real* const ap = own_memory(1, mc * depth);
        // Columns far apart look alike to the caches: so they are read whole, a few at a time.
        for (Index p = 0, part = a.column_stride == 1 ? depth : 8; p < depth; p += part)
          for_tiles<tile_rows>(mc, [&](Index row, Index rows) {
            Matrix from = a_block.at(row, p);
            Real* to = ap + row * depth + p * rows;
            // A vector writes too far, and the next one mends it: the last part has no next one.
            if (a.row_stride == 1 && a.column_stride > 1 && p + 2 * part <= depth)
              for (Index i = 0; i < part; ++i, from.data += a.column_stride, to += rows)
                for (Index r = 0; r < tile_rows; r += lanes) store(to + r, load(from.data + r));
            else
              pack(from, rows, rows, std::min(part, depth - p), to);
          });
        a_block.data = ap;
      } else if (!in_turn && a.column_stride == 1 && depth < k) {
        // Of rows that are read in parts no CPU guesses what comes next: it is fetched meanwhile.
        coming = {.from = a_block,
                  .panels = depth / tile_columns,
                  .depth = m - ic - most,
                  .later = most * a.row_stride,
                  .to = nullptr,
                  .slice = ceil_div(tile_rows, ceil_div(nc, tile_columns))};
      }
      for (Index jr = 0; jr < nc; jr += tile_columns) {  // 2: C[ic : ic + mc, jc + jr : …]
        if (in_turn && jr % run == 0) {
          coming.rows(depth);  // what is left of it
          coming = copy(jr + run);
        }
        const Index columns = std::min(tile_columns, nc - jr);
        Matrix panel = b.at(pc, jc + jr);
        if (pack_b || columns % lanes != 0) {  // nothing may be read beyond the end of a row
          if (ic == 0 && !(pack_b && b_rows && columns == tile_columns)) {
            pack(panel.transposed(), columns, tile_columns, depth, kept(jr));
            if (pack_a && !b_rows)  // the next panel is fetched meanwhile, a column at a time
              coming = {.from = panel.transposed(),
                        .panels = depth / tile_columns,
                        .depth = std::min(nc - jr - columns, tile_columns),
                        .later = columns * b.column_stride,
                        .to = nullptr,
                        .slice = 1};
          }
          panel = {kept(jr), tile_columns, 1};
        }
        column(a_block, mc, pack_a, panel, depth, columns, sum.at(ic, jc + jr).data, sum.row_stride,
               c + ic * c_row + jc + jr, coming);
      }
    }
  }

  // 1: tile by tile down a panel of B. `sum` is what C begins with, or nothing.
  void column(Matrix a_block, Index mc, bool packed, Matrix panel, Index depth, Index columns,
              const Real* sum, Index sum_row, Real* out, Copy& coming) const {
    const bool narrow = columns <= lanes;
    const auto tile_at = [&](Index row, Index rows) {
      coming.rows(coming.slice);
      const auto kernel = (narrow ? narrow_tiles.data() : wide_tiles.data())[rows - 1];
      const Matrix from = packed ? Matrix{a_block.data + row * depth, 1, rows} : a_block.at(row, 0);
      const Real* const on = sum + row * sum_row;
      Real* const to = out + row * c_row;
      // A ragged tile is computed whole, beside C, and copied in part; where its rows are all of
      // C's, only the last one is: what others write too far those after them mend.
      const bool ragged = columns % lanes != 0 &&
                          (on || columns < c_row || (mc - row - rows) * c_row < tile_columns);
      Real edge[2 * tile_rows * tile_columns];
      kernel(from.data, from.row_stride, from.column_stride, panel.data, panel.row_stride, depth,
             ragged ? nullptr : on, sum_row, ragged ? edge : to, ragged ? tile_columns : c_row);
      for (Index r = 0; ragged && r < rows; ++r) {
        Real *const x = edge + r * tile_columns, *const y = to + r * c_row;
        const Real* const z = on + r * sum_row;
        for_vectors(columns, [=](Index j, Index count) {
          store(y + j, z ? load(x + j) + load(z + j, count, Real(0)) : load(x + j), count);
        });
      }
    };
    narrow && !packed ? for_tiles<2 * tile_rows>(mc, tile_at) : for_tiles<tile_rows>(mc, tile_at);
  }
};

// C dense. The longer side of C is shared among threads, each of which packs what it needs.
void multiply(Index m, Index n, Index k, Matrix a, Matrix b, Real* c, Matrix start) {
  const Index threads = m * n * k < worth_sharing ? 1 : num_threads();
  // A large B whose columns lie in rows would have to be turned: Cᵀ = Bᵀ Aᵀ turns few rows instead.
  if (b.row_stride == 1 && b.column_stride > 1 && 3 * m <= std::min(n, k) && n % lanes == 0) {
    Tensor turned = empty(Shape{n, m}), rows = empty(Shape{start.data ? n : 0, tile_columns});
    for (Index j = 0; j < rows.size(0); ++j)  // biases, as wide as a tile and the same for them all
      std::fill_n(rows.data() + j * tile_columns, tile_columns, start.data[j]);
    multiply(n, m, k, b.transposed(), a.transposed(), turned.data(),
             start.data ? Matrix{rows.data(), tile_columns, 0} : start);
    return parallel_for(m, round_up(ceil_div(m, threads), lanes), [&](Index i, Index end) {
      pack({turned.data() + i, m, 1}, n, n, end - i, c + i * n);
    });
  }
  const Index longer = std::max(m, n), step = n < m ? tile_rows : tile_columns;
  parallel_for(longer, round_up(ceil_div(longer, threads), step), [&](Index i, Index end) {
    n < m ? Product{end - i, n, k, a.at(i, 0), b, c + i * n, n, start.at(i, 0)}.run()
          : Product{m, end - i, k, a, b.at(0, i), c + i, n, start.at(0, i)}.run();
  });
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
  const auto matrix = [](const Tensor& x, Index offset) {
    return Matrix{x.data() + offset, x.stride(-2), x.stride(-1)};
  };
  if (a.rank() == 2 && b.rank() == 2) {  // no batch to be planned
    Tensor c = empty(Shape{m, n});
    if (c.numel() > 0) f(m, n, k, matrix(a, 0), matrix(b, 0), c.data());
    return c;
  }
  const auto leading = [](const Tensor& x) {
    return Shape(std::span(x.shape().begin(), static_cast<std::size_t>(x.rank() - 2)));
  };
  const Shape batch = broadcast("matmul", leading(left), leading(right));
  Tensor c = empty(batch.insert(batch.rank(), m).insert(batch.rank() + 1, n));
  const Strides a_strides = expand_strides(leading(left), left.strides(), batch);
  const Strides b_strides = expand_strides(leading(right), right.strides(), batch);
  const Index grain = std::max<Index>(1, worth_sharing / std::max<Index>(m * n * k, 1));
  parallel_for(m * n == 0 ? 0 : batch.numel(), grain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      Index a_offset = 0, b_offset = 0, rest = i;
      for (Index axis = batch.rank() - 1; axis >= 0; rest /= batch[axis--]) {
        a_offset += rest % batch[axis] * a_strides[static_cast<std::size_t>(axis)];
        b_offset += rest % batch[axis] * b_strides[static_cast<std::size_t>(axis)];
      }
      f(m, n, k, matrix(left, a_offset), matrix(right, b_offset), c.data() + i * m * n);
    }
  });
  if (b.rank() == 1) c = c.squeeze(-1);
  if (a.rank() == 1) c = c.squeeze(b.rank() == 1 ? -1 : -2);
  return c;
}

// One B for a whole batch: the rows of all A's are one tall A.
Tensor product(const Tensor& a, const Tensor& b, Matrix start) {
  const Index k = a.rank() == 0 ? 0 : a.size(-1), k_of_b = b.rank() < 2 ? 0 : -2;
  if (k > longest_sum && b.rank() > 0 && b.size(k_of_b) == k) {
    // Each half of K is summed by itself, so that a number passes through few roundings.
    const Index half = round_up(k / 2, block_k);
    return product(a.slice(-1, 0, half), b.slice(k_of_b, 0, half), start) +
           product(a.slice(-1, half, k), b.slice(k_of_b, half, k), {});
  }
  const auto each = [start](auto... operands) { multiply(operands..., start); };
  if (a.rank() <= 2 || b.rank() != 2 || a.size(-1) != b.size(0)) return for_batch(a, b, each);
  const Shape tall{a.shape().erase(-1).numel(), a.size(-1)};
  return for_batch(a.reshape(tall), b, each).reshape(a.shape().with(-1, b.size(-1)));
}

}  // namespace

void multiply_block(Index m, Index n, Index k, Matrix a, Matrix b, Real* c, Index c_row, bool add) {
  Product{m, n, k, a, b, c, c_row, add ? Matrix{c, c_row, 1} : Matrix{}}.run();
}

Tensor matmul(const Tensor& a, const Tensor& b) { return product(a, b, {}); }

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check<ShapeError>(weight.rank() == 2 && bias.shape() == Shape{weight.size(0)},
                    "linear: needs weight [out, in] and bias [out]; got {} and {}", weight.shape(),
                    bias.shape());
  const Tensor row = bias.contiguous();
  return product(x, weight.mT(), {row.data(), 0, 1});
}

Tensor matmul_naive(const Tensor& a, const Tensor& b) {
  return for_batch(a, b, [](Index m, Index n, Index k, Matrix x, Matrix y, Real* c) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) {
        Real sum(0);
        for (Index p = 0; p < k; ++p) sum += *x.at(i, p).data * *y.at(p, j).data;
        c[i * n + j] = sum;
      }
  });
}

}  // namespace glass
