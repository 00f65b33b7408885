// # Reductions
//
// Sums, the variance, running sums, and the largest or smallest number along axes. Sums are made in
// a fixed order that keeps rounding errors small.
#include <algorithm>
#include <cmath>

#include "tensor/decisions.h"
#include "tensor/loops.h"
#include "tensor/ops.h"
#include "tensor/row_loops.h"

namespace glass {

using std::isfinite, std::isnan;

// ---- sums ----
//
// A sum of n numbers, added one after the other, passes its first number through n − 1 roundings.
// Added as a tree (halves apart, then both sums), each number passes through log₂ n. The order is
// fixed by the shape, so the bits of the result are the same for every number of threads.

namespace {

constexpr Index block = 32;     // rows that are added one after the other; more rows form a tree
constexpr Index grain = 16384;  // elements that are worth a thread
constexpr Index columns = 32;   // numbers of a long row that are seen as one row of a matrix

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

// Reduces a contiguous x over the axes begin … end - 1, which stay with size 1. They lie side by
// side, so x can be seen as [before, count, after], of which `middle` reduces the middle.
using Middle = void (*)(const Real* x, Index before, Index count, Index after, Real* out);
Tensor reduce_adjacent(const Tensor& x, std::size_t begin, std::size_t end, Middle middle) {
  const Blocks blocks(x.shape(), begin, end);
  Shape shape = x.shape();
  for (std::size_t axis = begin; axis < end; ++axis)
    shape = shape.with(static_cast<Index>(axis), 1);
  Tensor y = empty(shape);
  middle(x.data(), blocks.before, blocks.count, blocks.after, y.data());
  return y;
}

// x without the axes of size 1 that are marked.
Tensor without(Tensor x, const std::array<bool, max_rank>& marked) {
  for (Index axis = x.rank() - 1; axis >= 0; --axis)
    if (marked[static_cast<std::size_t>(axis)]) x = x.squeeze(axis);
  return x;
}

// Reduces x over the axes that are marked.
Tensor reduce(const Tensor& x, const std::array<bool, max_rank>& marked, bool keep, Middle middle) {
  if (x.rank() == 0) return x.clone();
  Tensor result = x.contiguous();
  // Groups of adjacent axes, the last group first.
  for (auto end = static_cast<std::size_t>(x.rank()); end > 0; --end) {
    if (!marked[end - 1]) continue;
    std::size_t begin = end - 1;
    while (begin > 0 && marked[begin - 1]) --begin;
    result = reduce_adjacent(result, begin, end, middle);
    end = begin + 1;
  }
  return keep ? result : without(result, marked);
}

// How many numbers of x make one number of the reduced tensor y.
double numbers_each(const Tensor& x, const Tensor& y) {
  return static_cast<double>(x.numel()) / static_cast<double>(y.numel());
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keep) {
  return reduce(x, axes.flags("sum", x.shape()), keep, sum_middle);
}

Tensor mean(const Tensor& x, const Axes& axes, bool keep) {
  const Tensor total = reduce(x, axes.flags("mean", x.shape()), keep, sum_middle);
  return total / Real(numbers_each(x, total));
}

// ---- variance ----
// var = Σ (x − mean)² / n, or / (n − 1) if it is not biased

// The mean is rounded. So the mean of the differences is taken off, too: the differences of equal
// numbers are then exactly 0, and not some rounding errors, which std would make √ of.
// (Intervals would only be wider: their mean is not rounded, but enclosed.)
Tensor centered(const Tensor& x, const Axes& axes) {
  const Tensor d = x - mean(x, axes, true);
  return encloses ? d : d - mean(d, axes, true);
}

double variance_divisor(double n, VarianceOptions options) {
  return options.biased ? n : std::max(n - 1, 0.0);
}

Tensor var(const Tensor& x, const Axes& axes, bool keep, VarianceOptions options) {
  const auto marked = axes.flags("var", x.shape());
  // The differences from the mean are squared, and not x itself: Σ x²/n − mean² would lose all
  // digits where the mean is large.
  const Tensor d = centered(x, axes);
  const Tensor squares = reduce(pow(d, 2), marked, keep, sum_middle);
  return squares / Real(variance_divisor(numbers_each(x, squares), options));
}

Tensor std(const Tensor& x, const Axes& axes, bool keep, VarianceOptions options) {
  return sqrt(var(x, axes, keep, options));
}

// ---- running sums ----

namespace {

// y[i] = before + x[0] + … + x[i] for n numbers side by side; y may be x. Each half of a long row
// begins with the sum of what is before it, which is made as a tree.
void running_sums(const Real* x, Index n, Real before, Real* y) {
  if (n <= block) {
    Real sum(0);
    for (Index i = 0; i < n; ++i) {
      sum += x[i];
      y[i] = before + sum;
    }
    return;
  }
  const Index half = n / 2;
  const Real middle = before + sum_row(x, half);
  running_sums(x, half, before, y);
  running_sums(x + half, n - half, middle, y + half);
}

}  // namespace

Tensor cumsum(const Tensor& x, Axis axis) {
  const auto f = [](Real* y, Index n, const Real* in) { running_sums(in, n, 0, y); };
  return map_rows("cumsum", axis, f, x);
}

// dxᵢ = gᵢ + gᵢ₊₁ + …: the running sums from the other end.
Tensor cumsum_backward(const Tensor& g, Axis axis) {
  const auto f = [](Real* dx, Index n, const Real* upstream) {
    std::reverse_copy(upstream, upstream + n, dx);
    running_sums(dx, n, 0, dx);
    std::reverse(dx, dx + n);
  };
  return map_rows("cumsum_backward", axis, f, g);
}

// ---- the largest and the smallest: numbers ----

namespace {

// What is chosen of two numbers, or of the lanes of two vectors, and what the search starts from.
struct Larger {
  static constexpr Real worst = minus_infinity;
  auto operator()(auto a, auto b) const { return larger(a, b); }
};
struct Smaller {
  static constexpr Real worst = -minus_infinity;
  auto operator()(auto a, auto b) const { return smaller(a, b); }
};

// out[j] = the extreme of x[k, j] over k, for `count` rows of n numbers.
template <class Choose>
void extreme_of_rows(const Real* x, Index count, Index n, Real* out) {
  constexpr Choose choose;
  if (n == 1) {
    // A single column is one row in memory: a vector at a time, then the lanes of the last vector.
    const Vec all = gather(count, repeat(Choose::worst), choose,
                           [=](Index k, Index few) { return load(x + k, few, Choose::worst); });
    *out = fold(all, choose);
    return;
  }
  std::copy_n(x, n, out);
  for (Index k = 1; k < count; ++k)
    for (Index j = 0; j < n; ++j) out[j] = choose(out[j], x[k * n + j]);
}

// out[i, j] = the extreme of x[i, k, j] over k, for x of [before, count, n].
template <class Choose>
void extreme_middle(const Real* x, Index before, Index count, Index n, Real* out) {
  parallel_for(before, grain / std::max<Index>(count * n, 1) + 1, [=](Index i, Index end) {
    for (; i < end; ++i) extreme_of_rows<Choose>(x + i * count * n, count, n, out + i * n);
  });
}

// The extreme over the marked axes. ShapeError, which names `op`, if it would be one of no numbers.
template <class Choose>
Tensor extreme(std::string_view op, const Tensor& x, const Axes& axes, bool keep) {
  const auto marked = axes.flags(op, x.shape());
  for (Index axis = 0; axis < x.rank(); ++axis)
    check<ShapeError>(!marked[static_cast<std::size_t>(axis)] || x.size(axis) > 0,
                      "{}: axis {} of shape {} is empty", op, axis, x.shape());
  return named(op, [&] { return reduce(x, marked, keep, extreme_middle<Choose>); });
}

}  // namespace

Tensor amax(const Tensor& x, const Axes& axes, bool keep) {
  return extreme<Larger>("amax", x, axes, keep);
}
Tensor amin(const Tensor& x, const Axes& axes, bool keep) {
  return extreme<Smaller>("amin", x, axes, keep);
}

Tensor max(const Tensor& x) { return extreme<Larger>("max", x, {}, false); }
Tensor min(const Tensor& x) { return extreme<Smaller>("min", x, {}, false); }
Tensor max(const Tensor& x, Axis axis, bool keep) {
  return extreme<Larger>("max", x, Index(axis), keep);
}
Tensor min(const Tensor& x, Axis axis, bool keep) {
  return extreme<Smaller>("min", x, Index(axis), keep);
}

#ifndef GLASS_REAL_CERTIFIED
Tensor at_extreme(const Tensor& x, const Tensor& y, const Axes&) { return equal(x, y); }
#else
// An interval does not equal the interval of the extreme for certain, not even if it is the same
// one. But if all other intervals lie apart from it, they are no extremes, and it is. Several
// extremes are certain only if they are points.
Tensor at_extreme(const Tensor& x, const Tensor& y, const Axes& axes) {
  const auto apart = [](Real a, Real b) { return isnan(a.v) || isnan(b.v) || disjoint(a.v, b.v); };
  const Tensor may_be =
      zip("at_extreme", x, y, [&](Real a, Real b) { return Real(apart(a, b) ? 0 : 1); });
  const Tensor unsure = zip("at_extreme", x, y, [&](Real a, Real b) {
    return Real(apart(a, b) || (a.v.is_point() && b.v.is_point()) ? 0 : 1);
  });
  const Tensor candidates = sum(may_be, axes, true), open = sum(unsure, axes, true);
  for (Index i = 0; i < open.numel(); ++i)
    check<Undecided>(open.data()[i] == Real(0) || candidates.data()[i] == Real(1),
                     "which of {} intervals holds the extreme; got {} for their extreme",
                     static_cast<double>(candidates.data()[i]), y.contiguous().data()[i]);
  return may_be;
}
#endif

// ---- logsumexp ----
// ln Σ exp x = m + ln Σ exp(x − m), where m is the largest x

namespace {

struct Shifted {
  Tensor exponentials, m;  // exp(x − m), and m with the reduced axes kept
};

// The numbers that are compared for a shift: those of x, or points in the intervals of x. Any shift
// is right, so it need not be the largest number (point_near, tensor/decisions.h).
Tensor near(const Tensor& x) {
  return encloses ? map_each(x, [](Real v) { return point_near(v); }) : x;
}

// m is 0 where the largest is infinite, since ∞ − ∞ would be NaN, and where there is no number.
Shifted shifted_exponentials(const Tensor& x, const Axes& axes) {
  const Tensor largest = x.numel() == 0 ? sum(x, axes, true) : amax(near(x), axes, true);
  const Tensor m = map_each(largest, [](Real v) { return isfinite(v) ? v : Real(0); });
  return {exp(x - m), m};
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Axes& axes, bool keep) {
  (void)axes.flags("logsumexp", x.shape());  // an error names this op
  const Shifted shifted = shifted_exponentials(x, axes);
  const Tensor total = sum(shifted.exponentials, axes, keep);
  return log(total) + shifted.m.reshape(total.shape());
}

// Over nothing but −∞ the total is 0, and so are all gradients.
Tensor logsumexp_backward(const Tensor& x, const Tensor& g, const Axes& axes) {
  const Tensor e = shifted_exponentials(x, axes).exponentials;
  const Tensor total = sum(e, axes, true);
  return e * (g / where(equal(total, 0), 1, total));
}

// ---- the largest and the smallest: places ----

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

}  // namespace

std::vector<int> argmax(const Tensor& x, Axis axis) {
  const Tensor lines = lines_of("argmax", x, axis);
  const Index n = lines.size(-1);
  std::vector<int> places;
  for (const Real* line = lines.data(); line != lines.data() + lines.numel(); line += n)
    places.push_back(named("argmax", [&] { return static_cast<int>(place_of_largest(line, n)); }));
  return places;
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
