// # Reductions
//
// Sums, and the largest along an axis. Sums are made in a fixed order that keeps rounding errors
// small.
#include <cmath>

#include "tensor/loops.h"
#include "tensor/ops.h"

namespace glass {

using std::isnan;

// ---- sums ----
//
// A sum of n numbers, added one after the other, passes its first number through n − 1 roundings.
// Added as a tree (halves apart, then both sums), each number passes through log₂ n. The order is
// fixed by the shape, so the bits of the result are the same for every number of threads.

namespace {

constexpr Index block = 32;    // rows that are added one after the other; more rows form a tree
constexpr Index columns = 32;  // numbers of a long row that are seen as one row of a matrix

constexpr Index vectors = columns / lanes;

// The sum of all lanes of all these vectors, as a tree; they are overwritten.
Real total_of(Vec (&sums)[vectors]) {
  for (Index half = vectors / 2; half > 0; half /= 2)
    for (Index v = 0; v < half; ++v) sums[v] += sums[v + half];
  return total(sums[0]);
}

// Σ x[i] of at most block · columns numbers side by side, seen as a matrix with 32 columns: first
// the columns' sums, several in each vector, then a tree over the columns.
Real sum_short_row(const Real* x, Index n) {
  Vec column[vectors] = {};
  for (; n >= columns; n -= columns, x += columns)
    for (Index v = 0; v < vectors; ++v) column[v] += load(x + v * lanes);
  // The last row of the matrix may be shorter.
  for (Index v = 0; v < vectors; ++v) {
    const Index begin = v * lanes;
    if (begin < n) column[v] += load(x + begin, n - begin, Real(0));
  }
  return total_of(column);
}

// Σ x[i] of n numbers side by side.
Real sum_row(const Real* x, Index n) {
  if (n <= block * columns) return sum_short_row(x, n);
  const Index half = n / 2 / columns * columns;
  return sum_row(x, half) + sum_row(x + half, n - half);
}

// out[j] = Σᵢ x[i, j] for at most `block` rows of n numbers.
void sum_few_rows(const Real* x, Index rows, Index n, Real* out) {
  std::fill_n(out, n, Real(0));
  // Four rows at a time, so that `out` is read and written less often.
  for (; rows >= 4; rows -= 4, x += 4 * n)
    for (Index j = 0; j < n; ++j) out[j] += (x[j] + x[n + j]) + (x[2 * n + j] + x[3 * n + j]);
  for (; rows > 0; --rows, x += n)
    for (Index j = 0; j < n; ++j) out[j] += x[j];
}

// out[j] = Σᵢ x[i, j] for any number of rows of n numbers.
void sum_rows(const Real* x, Index rows, Index n, Real* out) {
  if (n == 1) {
    // A single column is one row in memory.
    *out = sum_row(x, rows);
  } else if (rows <= block) {
    sum_few_rows(x, rows, n, out);
  } else {
    // Many rows: the sums of both halves, added.
    const Index half = rows / 2;
    std::vector<Real> rest(static_cast<std::size_t>(n));
    sum_rows(x, half, n, out);
    sum_rows(x + half * n, rows - half, n, rest.data());
    for (Index j = 0; j < n; ++j) out[j] += rest[static_cast<std::size_t>(j)];
  }
}

// out[i, j] = Σₖ x[i, k, j] for x of [before, count, n].
void sum_middle(const Real* x, Index before, Index count, Index n, Real* out) {
  constexpr Index grain = 16384;  // elements that are worth a thread
  // Short sums: each thread computes the sums of some of the `before` positions.
  const Index part = std::max(block, grain / std::max<Index>(n, 1));
  if (count <= part) {
    parallel_for(before, grain / std::max<Index>(count * n, 1) + 1, [=](Index i, Index end) {
      for (; i < end; ++i) sum_rows(x + i * count * n, count, n, out + i * n);
    });
    return;
  }
  // Long sums: each is cut into parts, which threads sum; sums [before, parts, n] are then summed.
  const Index parts = ceil_div(count, part);
  Tensor sums = empty(Shape{before, parts, n});
  parallel_for(before * parts, 1, [=, to = sums.data()](Index i, Index end) {
    for (; i < end; ++i) {
      const Index first = i % parts * part;
      sum_rows(x + (i / parts * count + first) * n, std::min(part, count - first), n, to + i * n);
    }
  });
  sum_middle(sums.data(), before, parts, n, out);
}

// Sums a contiguous x over the axes begin … end - 1, which stay with size 1. They lie side by side,
// so x can be seen as [before, count, after], of which the middle is summed.
Tensor sum_adjacent(const Tensor& x, std::size_t begin, std::size_t end) {
  const std::span sizes(x.shape().begin(), x.shape().end());
  const Index before = Shape(sizes.first(begin)).numel();
  const Index after = Shape(sizes.subspan(end)).numel();
  const Index count = Shape(sizes.subspan(begin, end - begin)).numel();
  Shape shape = x.shape();
  for (std::size_t axis = begin; axis < end; ++axis)
    shape = shape.with(static_cast<Index>(axis), 1);
  Tensor y = empty(shape);
  sum_middle(x.data(), before, count, after, y.data());
  return y;
}

// x without the axes of size 1 that are marked.
Tensor without(Tensor x, const std::array<bool, max_rank>& marked) {
  for (Index axis = x.rank() - 1; axis >= 0; --axis)
    if (marked[static_cast<std::size_t>(axis)]) x = x.squeeze(axis);
  return x;
}

// The sum for `sum` and `mean`, which an error names as `op`.
Tensor sum_over(std::string_view op, const Tensor& x, const Axes& axes, bool keep) {
  const auto summed = axes.flags(op, x.shape());
  if (x.rank() == 0) return x.clone();
  Tensor result = x.contiguous();
  // Groups of adjacent axes that are summed, the last group first.
  for (auto end = static_cast<std::size_t>(x.rank()); end > 0; --end) {
    if (!summed[end - 1]) continue;
    std::size_t begin = end - 1;
    while (begin > 0 && summed[begin - 1]) --begin;
    result = sum_adjacent(result, begin, end);
    end = begin + 1;
  }
  return keep ? result : without(result, summed);
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keep) { return sum_over("sum", x, axes, keep); }

Tensor mean(const Tensor& x, const Axes& axes, bool keep) {
  const Tensor total = sum_over("mean", x, axes, keep);
  return total / Real(static_cast<double>(x.numel()) / static_cast<double>(total.numel()));
}

// ---- the largest along an axis ----

namespace {

// x with the axis at the end, contiguous: the numbers along the axis are now a row in memory. The
// other axes keep their order. ShapeError, which names `op`, if the axis is empty.
Tensor lines_of(std::string_view op, const Tensor& x, Index axis) {
  const Index last = x.shape().wrap(axis, op);
  check<ShapeError>(x.size(last) > 0, "{}: axis {} of shape {} is empty", op, axis, x.shape());
  std::vector<Index> order;
  for (Index i = 0; i < x.rank(); ++i)
    if (i != last) order.push_back(i);
  order.push_back(last);
  return x.permute(order).contiguous();
}

// The position of the first largest number, or of the first NaN, of n ≥ 1 numbers.
Index place_of_largest(const Real* x, Index n) {
  Index best = 0;
  for (Index i = 1; i < n && !isnan(x[best]); ++i)
    if (x[i] > x[best] || isnan(x[i])) best = i;
  return best;
}

// The position of the largest number in each line.
std::vector<int> places_of_largest(const Tensor& lines) {
  const Index n = lines.size(-1);
  std::vector<int> places;
  for (const Real* line = lines.data(); line != lines.data() + lines.numel(); line += n)
    places.push_back(static_cast<int>(place_of_largest(line, n)));
  return places;
}

}  // namespace

std::vector<int> argmax(const Tensor& x, Axis axis) {
  return places_of_largest(lines_of("argmax", x, axis));
}

Tensor max(const Tensor& x, Axis axis, bool keep) {
  const Tensor lines = lines_of("max", x, axis);
  const std::vector<int> places = places_of_largest(lines);
  Tensor y = empty(x.shape().with(axis, 1));
  for (Index i = 0; i < y.numel(); ++i)
    y.data()[i] = lines.data()[i * lines.size(-1) + places[static_cast<std::size_t>(i)]];
  return keep ? y : y.squeeze(axis);
}

// ---- sums of broadcasts ----

// Sums over the axes along which `shape` was stretched to x's shape.
Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check<ShapeError>(broadcasts_to(shape, x.shape()),
                    "sum_to: needs a shape that broadcasts to {}; got {}", x.shape(), shape);
  // The axes that x has in front, and those that were stretched from a size of 1.
  std::vector<Index> axes;
  const Index added = x.rank() - shape.rank();
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (axis < added || (shape[axis - added] == 1 && x.size(axis) != 1)) axes.push_back(axis);
  return sum(x, Axes(axes), true).reshape(shape);
}

Tensor accumulate(Tensor sum, const Tensor& x) {
  check<ShapeError>(x.shape() == sum.shape() || broadcasts_to(x.shape(), sum.shape()),
                    "accumulate: needs an x that broadcasts to {}; got {}", sum.shape(), x.shape());
  if (!sum.owns_memory()) return sum + x;
  Walk<2>(sum.shape(), {sum.strides(), expand_strides(x.shape(), x.strides(), sum.shape())})
      .run([out = sum.data(), in = x.data()](const auto& at, Index count, const auto& step) {
        // `apart` equals step[1]. Written so, the compiler makes a separate loop for steps of 1,
        // with vectors.
        const Index apart = step[1] == 1 ? 1 : step[1];
        for (Index i = 0; i < count; ++i) out[at[0] + i] += in[at[1] + i * apart];
      });
  return sum;
}

}  // namespace glass
