// # Operations on tensors
//
// Element-wise operations, reductions, joining and picking. The element-wise operations say what to
// do with one number; how operands of any layout are walked through is in loops.h. Sums are made in
// a fixed order that keeps rounding errors small. What needs an exponential, or a whole row at
// once, is in rows.cpp; the product of matrices in matmul.cpp. Nothing here knows a gradient.
#include "tensor/ops.h"

#include <cmath>
#include <numeric>

#include "tensor/loops.h"

namespace glass {

// The functions of a scalar; for dual numbers, the friends in dual.h are found by their argument.
using std::abs, std::isfinite, std::isnan, std::log, std::pow, std::sqrt;

// ---- element-wise, one operand; relu and those with an exponential are in rows.cpp ----

Tensor log(const Tensor& x) {
  return map(x, [](Real v) { return log(v); });
}
Tensor sqrt(const Tensor& x) {
  return map(x, [](Real v) { return sqrt(v); });
}
Tensor abs(const Tensor& x) {
  return map(x, [](Real v) { return abs(v); });
}
Tensor pow(const Tensor& x, Real exponent) {
  if (exponent == Real(2)) return x * x;
  return map(x, [exponent](Real v) { return pow(v, exponent); });
}
Tensor operator-(const Tensor& x) {
  return map(x, [](Real v) { return -v; });
}

// ---- element-wise, two operands ----

// The arithmetic of two numbers; zip broadcasts the operands.
Tensor operator+(const Tensor& a, const Tensor& b) {
  return zip("+", a, b, [](Real x, Real y) { return x + y; });
}
Tensor operator-(const Tensor& a, const Tensor& b) {
  return zip("-", a, b, [](Real x, Real y) { return x - y; });
}
Tensor operator*(const Tensor& a, const Tensor& b) {
  return zip("*", a, b, [](Real x, Real y) { return x * y; });
}
Tensor operator/(const Tensor& a, const Tensor& b) {
  return zip("/", a, b, [](Real x, Real y) { return x / y; });
}

namespace {

// The maximum, or minimum, of two equal numbers is their mean: for plain numbers that is the same
// value; a dual number gets half of each derivative, as the VJP of a tie does.
Real tie(Real x, Real y) { return isfinite(x) ? x + (y - x) / Real(2) : x; }

}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  return zip("maximum", a, b, [](Real x, Real y) {
    return x > y || isnan(x) ? x : x == y ? tie(x, y) : y;
  });
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return zip("minimum", a, b, [](Real x, Real y) {
    return x < y || isnan(x) ? x : x == y ? tie(x, y) : y;
  });
}

// A comparison gives 1 where it holds, 0 where not; with a NaN none of them holds.
Tensor equal(const Tensor& a, const Tensor& b) {
  return zip("equal", a, b, [](Real x, Real y) { return Real(x == y ? 1 : 0); });
}
Tensor less(const Tensor& a, const Tensor& b) {
  return zip("less", a, b, [](Real x, Real y) { return Real(x < y ? 1 : 0); });
}
Tensor greater(const Tensor& a, const Tensor& b) {
  return zip("greater", a, b, [](Real x, Real y) { return Real(x > y ? 1 : 0); });
}

// Three operands, which broadcast together.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast("where", mask.shape(), broadcast("where", a.shape(), b.shape()));
  Tensor y = empty(shape);
  // Each operand is read as if it had the shape of y: stretched axes have stride 0.
  const auto strides = [&](const Tensor& x) {
    return expand_strides(x.shape(), x.strides(), shape);
  };
  Real* const y0 = y.data();
  const Real* const m0 = mask.data();
  const Real* const a0 = a.data();
  const Real* const b0 = b.data();
  Walk<4>(shape, {y.strides(), strides(mask), strides(a), strides(b)})
      .run([=](const auto& at, Index count, const auto& step) {
        // A row of y, and the same row of the mask m, of a and of b.
        Real* const out = y0 + at[0];
        const Real* const m = m0 + at[1];
        const Real* const p = a0 + at[2];
        const Real* const q = b0 + at[3];
        for (Index i = 0; i < count; ++i)
          out[i] = m[i * step[1]] != Real(0) ? p[i * step[2]] : q[i * step[3]];
      });
  return y;
}

// Compares the number of each column with that of each row: [rows, 1] against [columns].
Tensor tril(const Tensor& x, Index k) {
  check<ShapeError>(x.rank() >= 2, "tril: needs at least 2 axes; got shape {}", x.shape());
  const Tensor row = arange(x.size(-2)).unsqueeze(1), column = arange(x.size(-1));
  return where(greater(column, row + k), Tensor(0), x);
}

// Masks of other conventions, as masks of 1 (attends) and 0 (blocks).
Tensor from_torch_mask(const Tensor& blocked) { return equal(blocked, 0); }

Tensor from_additive_mask(const Tensor& added) {
  for (const Real x : added.to_vector())
    check<ShapeError>(x == Real(0) || x <= Real(-10000),
                      "from_additive_mask: expected 0 (attends) or -inf (blocks); got {} in a mask "
                      "of shape {}",
                      x, added.shape());
  return equal(added, 0);
}

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

// ---- joining and picking ----

Tensor cat(std::span<const Tensor> list, Axis axis) {
  check<ShapeError>(!list.empty(), "cat: the list is empty");
  const Shape shape = list[0].shape();
  (void)shape.wrap(axis, "cat");
  Index total = 0;
  for (const Tensor& part : list) {
    check<ShapeError>(
        part.rank() == shape.rank() && part.shape().with(axis, 0) == shape.with(axis, 0),
        "cat: shapes must agree but for axis {}; got {} and {}", axis, shape, part.shape());
    total += part.size(axis);
  }
  // Each part is copied into its own slice of the result.
  Tensor result = empty(shape.with(axis, total));
  Index at = 0;
  for (const Tensor& part : list) {
    result.slice(axis, at, at + part.size(axis)).copy_from(part);
    at += part.size(axis);
  }
  return result;
}

// Each tensor gets a new axis of size 1, along which they are joined.
Tensor stack(std::span<const Tensor> list, Axis axis) {
  check<ShapeError>(!list.empty(), "stack: the list is empty");
  std::vector<Tensor> raised;
  for (const Tensor& part : list) {
    check<ShapeError>(part.shape() == list[0].shape(), "stack: shapes must agree; got {} and {}",
                      list[0].shape(), part.shape());
    raised.push_back(part.unsqueeze(axis));
  }
  return cat(raised, axis);
}

void expect_tokens(std::string_view op, const Tokens& tokens) {
  const auto count = static_cast<Index>(tokens.ids.size());
  check<ShapeError>(tokens.batch >= 0 && tokens.length >= 0 &&
                        count == Shape{tokens.batch, tokens.length}.numel(),
                    "{}: tokens of [{}, {}] need as many ids; got {}", op, tokens.batch,
                    tokens.length, count);
}

namespace {

// Checks the count of ids as above, and that each id is in 0 … rows − 1.
void expect_tokens(std::string_view op, const Tokens& tokens, Index rows) {
  expect_tokens(op, tokens);
  for (Index i = 0; i < std::ssize(tokens.ids); ++i) {
    const int id = tokens.ids[static_cast<std::size_t>(i)];
    check<ShapeError>(0 <= id && id < rows, "{}: token id {} at [{}, {}] is outside 0 … {}", op, id,
                      i / tokens.length, i % tokens.length, rows - 1);
  }
}

}  // namespace

// Copies a row of the table for each token.
Tensor take(const Tensor& table, const Tokens& tokens) {
  check<ShapeError>(table.rank() == 2, "take: the table must be [V, C]; got {}", table.shape());
  expect_tokens("take", tokens, table.size(0));
  const Tensor rows = table.contiguous();
  const Index width = table.size(1);
  Tensor result = empty(Shape{tokens.batch, tokens.length, width});
  Real* out = result.data();
  for (const int id : tokens.ids) out = std::copy_n(rows.data() + id * width, width, out);
  return result;
}

namespace {

// to[j] += Σᵢ x[i, j] over the rows i that are listed: a tree of sums, as in sum_rows.
void add_rows(const Real* x, std::span<const Index> rows, Index n, Real* to) {
  if (static_cast<Index>(rows.size()) <= block) {
    for (const Index i : rows)
      for (Index j = 0; j < n; ++j) to[j] += x[i * n + j];
    return;
  }
  const std::size_t half = rows.size() / 2;
  add_rows(x, rows.first(half), n, to);
  std::vector<Real> rest(static_cast<std::size_t>(n), Real(0));
  add_rows(x, rows.subspan(half), n, rest.data());
  for (Index j = 0; j < n; ++j) to[j] += rest[static_cast<std::size_t>(j)];
}

// The positions of each token in a list of tokens, in ascending order.
struct Occurrences {
  std::vector<Index> positions;    // those of token 0, then those of token 1, …
  std::vector<std::size_t> begin;  // token v has positions[begin[v]] … positions[begin[v + 1] - 1]
  std::span<const Index> of(Index token) const {
    const auto v = static_cast<std::size_t>(token);
    return std::span(positions).subspan(begin[v], begin[v + 1] - begin[v]);
  }
};

// A counting sort: the counts of all tokens below v, added up, tell where the positions of token v
// begin.
Occurrences occurrences_of(const Tokens& tokens, Index rows) {
  std::vector<std::size_t> begin(static_cast<std::size_t>(rows) + 1, 0);
  for (const int id : tokens.ids) ++begin[static_cast<std::size_t>(id) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  // Each position goes to the next free place of its token.
  std::vector<std::size_t> next = begin;
  std::vector<Index> positions(tokens.ids.size());
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    std::size_t& place = next[static_cast<std::size_t>(tokens.ids[i])];
    positions[place] = static_cast<Index>(i);
    ++place;
  }
  return {std::move(positions), std::move(begin)};
}

}  // namespace

Tensor scatter_add(const Tensor& g, const Tokens& tokens, Index rows) {
  expect_tokens("scatter_add", tokens, rows);
  check<ShapeError>(g.rank() == 3 && g.size(0) == tokens.batch && g.size(1) == tokens.length,
                    "scatter_add: needs g [{}, {}, C], a row a token; got {}", tokens.batch,
                    tokens.length, g.shape());
  const Index width = g.size(-1);
  const Tensor dense = g.contiguous();
  Tensor table = zeros(Shape{rows, width});
  const Occurrences where = occurrences_of(tokens, rows);
  // Each row of the table is the sum of the rows of g whose token it is.
  for (Index token = 0; token < rows; ++token)
    add_rows(dense.data(), where.of(token), width, table.data() + token * width);
  return table;
}

}  // namespace glass
