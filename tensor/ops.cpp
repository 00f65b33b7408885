#include "tensor/ops.h"

#include <cmath>
#include <numeric>

#include "tensor/loops.h"

namespace glass {

// The functions of a scalar; for dual numbers, the friends in dual.h are found by their argument.
using std::abs, std::isfinite, std::isnan, std::log, std::pow, std::sqrt;

// ---- element-wise, one operand; exp and what is made of it, and relu, stand in rows.cpp ----

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

// Equal numbers meet in the middle: the same value, and half of either derivative.
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

Tensor equal(const Tensor& a, const Tensor& b) {
  return zip("equal", a, b, [](Real x, Real y) { return Real(x == y ? 1 : 0); });
}
Tensor less(const Tensor& a, const Tensor& b) {
  return zip("less", a, b, [](Real x, Real y) { return Real(x < y ? 1 : 0); });
}
Tensor greater(const Tensor& a, const Tensor& b) {
  return zip("greater", a, b, [](Real x, Real y) { return Real(x > y ? 1 : 0); });
}

Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast("where", mask.shape(), broadcast("where", a.shape(), b.shape()));
  Tensor y = empty(shape);
  const auto strides = [&](const Tensor& x) {
    return expand_strides(x.shape(), x.strides(), shape);
  };
  Walk<4>(shape, {y.strides(), strides(mask), strides(a), strides(b)})
      .run([&, y0 = y.data(), m0 = mask.data(), a0 = a.data(), b0 = b.data()](
               const auto& at, Index count, const auto& step) {
        Real* out = y0 + at[0];
        const Real *m = m0 + at[1], *p = a0 + at[2], *q = b0 + at[3];
        for (Index i = 0; i < count; ++i)
          out[i] = m[i * step[1]] != Real(0) ? p[i * step[2]] : q[i * step[3]];
      });
  return y;
}

Tensor tril(const Tensor& x, Index k) {
  check<ShapeError>(x.rank() >= 2, "tril: needs at least 2 axes; got shape {}", x.shape());
  const Tensor row = arange(x.size(-2)).unsqueeze(1), column = arange(x.size(-1));
  return where(greater(column, row + k), Tensor(0), x);
}

Tensor from_torch_mask(const Tensor& blocked) { return equal(blocked, 0); }

Tensor from_additive_mask(const Tensor& added) {
  for (const Real x : added.to_vector())
    check<ShapeError>(x == Real(0) || x <= Real(-10000),
                      "from_additive_mask: expected 0 (attends) or -inf (blocks); got {} in a mask "
                      "of shape {}",
                      x, added.shape());
  return equal(added, 0);
}

// ---- reductions ----

namespace {

constexpr Index block = 32;    // rows added up one after the other, before pairs are formed
constexpr Index columns = 32;  // of numbers in a row, each summed as such rows are

// Σ x[i] of n numbers in a row: its columns are summed as rows are below, then all columns.
Real sum_row(const Real* x, Index n) {
  if (n > block * columns) {
    const Index half = n / 2 / columns * columns;
    return sum_row(x, half) + sum_row(x + half, n - half);
  }
  Vec column[columns / lanes] = {};
  for (; n >= columns; n -= columns, x += columns)
    for (Index j = 0; j < columns; j += lanes) column[j / lanes] += load(x + j);
  for (Index j = 0; j < columns; j += lanes)
    if (j < n) column[j / lanes] += load(x + j, n - j, Real(0));
  for (Index half = columns / lanes / 2; half > 0; half /= 2)
    for (Index j = 0; j < half; ++j) column[j] += column[j + half];
  return total(column[0]);
}

// out[j] = Σᵢ x[i, j] for rows of n numbers. Halves are summed apart and then added, so an element
// passes through log₂(rows) roundings instead of rows.
void sum_rows(const Real* x, Index rows, Index n, Real* out) {
  if (n == 1) return void(*out = sum_row(x, rows));
  if (rows <= block) {
    std::fill_n(out, n, Real(0));
    // Four at a time: out is read and written less often.
    for (; rows >= 4; rows -= 4, x += 4 * n)
      for (Index j = 0; j < n; ++j) out[j] += (x[j] + x[n + j]) + (x[2 * n + j] + x[3 * n + j]);
    for (; rows > 0; --rows, x += n)
      for (Index j = 0; j < n; ++j) out[j] += x[j];
    return;
  }
  const Index half = rows / 2;
  std::vector<Real> rest(static_cast<std::size_t>(n));
  sum_rows(x, half, n, out);
  sum_rows(x + half * n, rows - half, n, rest.data());
  for (Index j = 0; j < n; ++j) out[j] += rest[static_cast<std::size_t>(j)];
}

// out[i, j] = Σₖ x[i, k, j] for x of [before, count, n]. Where there is much to sum, the parts that
// go to threads are summed first, and then their sums.
void sum_middle(const Real* x, Index before, Index count, Index n, Real* out) {
  constexpr Index grain = 16384;
  const Index part = std::max(block, grain / std::max<Index>(n, 1));
  if (count <= part) {
    parallel_for(before, grain / std::max<Index>(count * n, 1) + 1, [=](Index i, Index end) {
      for (; i < end; ++i) sum_rows(x + i * count * n, count, n, out + i * n);
    });
    return;
  }
  const Index parts = (count + part - 1) / part;
  Tensor sums = empty(Shape{before, parts, n});
  parallel_for(before * parts, 1, [=, to = sums.data()](Index i, Index end) {
    for (; i < end; ++i) {
      const Index first = i % parts * part;
      sum_rows(x + (i / parts * count + first) * n, std::min(part, count - first), n, to + i * n);
    }
  });
  sum_middle(sums.data(), before, parts, n, out);
}

}  // namespace

// Axes that are summed and lie side by side are one: seen so, x is [before, summed, after]. One
// such group goes at a time, the last first.
Tensor sum(const Tensor& x, const Axes& axes, bool keep) {
  const auto summed = axes.flags("sum", x.shape());
  if (x.rank() == 0) return x.clone();
  Tensor result = x.contiguous();
  for (Index end = x.rank(); end > 0; --end) {
    if (!summed[static_cast<std::size_t>(end - 1)]) continue;
    Index begin = end;
    while (begin > 0 && summed[static_cast<std::size_t>(begin - 1)]) --begin;
    const std::span sizes(result.shape().begin(), result.shape().end());
    const auto product = [](std::span<const Index> part) { return Shape(part).numel(); };
    const Index before = product(sizes.first(static_cast<std::size_t>(begin)));
    const Index after = product(sizes.subspan(static_cast<std::size_t>(end)));
    const Index count = product(
        sizes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    Shape shape = result.shape();
    for (Index axis = begin; axis < end; ++axis) shape = shape.with(axis, 1);
    Tensor out = empty(shape);
    sum_middle(result.data(), before, count, after, out.data());
    result = out;
    end = begin + 1;
  }
  if (!keep)
    for (Index axis = x.rank() - 1; axis >= 0; --axis)
      if (summed[static_cast<std::size_t>(axis)]) result = result.squeeze(axis);
  return result;
}

Tensor mean(const Tensor& x, const Axes& axes, bool keep) {
  const Tensor total = sum(x, axes, keep);
  return total / Real(static_cast<double>(x.numel()) / static_cast<double>(total.numel()));
}

namespace {

// The axis brought to the end, each line of it in a row; the other axes keep their order.
Tensor lines_of(const Tensor& x, Index axis) {
  std::vector<Index> order;
  for (Index i = 0; i < x.rank(); ++i)
    if (i != x.shape().wrap(axis)) order.push_back(i);
  order.push_back(axis);
  return x.permute(order).contiguous();
}

}  // namespace

std::vector<int> argmax(const Tensor& x, Axis axis) {
  check<ShapeError>(x.size(axis) > 0, "max: axis {} of shape {} is empty", axis, x.shape());
  const Tensor lines = lines_of(x, axis);
  const Index n = lines.size(-1);
  std::vector<int> places;
  for (const Real* v = lines.data(); v != lines.data() + lines.numel(); v += n) {
    Index best = 0;
    for (Index i = 1; i < n && !isnan(v[best]); ++i)
      if (v[i] > v[best] || isnan(v[i])) best = i;
    places.push_back(static_cast<int>(best));
  }
  return places;
}

Tensor max(const Tensor& x, Axis axis, bool keep) {
  const std::vector<int> places = argmax(x, axis);
  const Tensor lines = lines_of(x, axis);
  Tensor y = empty(x.shape().with(axis, 1));
  for (Index i = 0; i < y.numel(); ++i)
    y.data()[i] = lines.data()[i * x.size(axis) + places[static_cast<std::size_t>(i)]];
  return keep ? y : y.squeeze(axis);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check<ShapeError>(broadcasts_to(shape, x.shape()),
                    "sum_to: needs a shape that broadcasts to {}; got {}", x.shape(), shape);
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
        const Index apart = step[1] == 1 ? 1 : step[1];  // so that there is a loop for 1
        for (Index i = 0; i < count; ++i) out[at[0] + i] += in[at[1] + i * apart];
      });
  return sum;
}

// ---- joining and picking ----

Tensor cat(std::span<const Tensor> list, Axis axis) {
  check<ShapeError>(!list.empty(), "cat: the list is empty");
  Shape shape = list[0].shape();
  Index total = 0;
  for (const Tensor& part : list) {
    check<ShapeError>(
        part.rank() == shape.rank() && part.shape().with(axis, 0) == shape.with(axis, 0),
        "cat: shapes must agree but for axis {}; got {} and {}", axis, shape, part.shape());
    total += part.size(axis);
  }
  Tensor result = empty(shape.with(axis, total));
  Index at = 0;
  for (const Tensor& part : list) {
    result.slice(axis, at, at + part.size(axis)).copy_from(part);
    at += part.size(axis);
  }
  return result;
}

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

// Besides, each id names one of so many rows.
void expect_tokens(std::string_view op, const Tokens& tokens, Index rows) {
  expect_tokens(op, tokens);
  for (Index i = 0; i < std::ssize(tokens.ids); ++i) {
    const int id = tokens.ids[static_cast<std::size_t>(i)];
    check<ShapeError>(0 <= id && id < rows, "{}: token id {} at [{}, {}] is outside 0 … {}", op, id,
                      i / tokens.length, i % tokens.length, rows - 1);
  }
}

}  // namespace

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

// to[j] += Σ x[i, j] over the rows i of x that are listed, in halves where they are many, so that a
// sum passes through few roundings.
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

}  // namespace

Tensor scatter_add(const Tensor& g, const Tokens& tokens, Index rows) {
  expect_tokens("scatter_add", tokens, rows);
  check<ShapeError>(g.rank() == 3 && g.size(0) == tokens.batch && g.size(1) == tokens.length,
                    "scatter_add: needs g [{}, {}, C], a row a token; got {}", tokens.batch,
                    tokens.length, g.shape());
  const Index width = g.size(-1);
  const Tensor dense = g.contiguous();
  Tensor table = zeros(Shape{rows, width});
  // The positions of token 0, then those of token 1, …, each in the order in which they come:
  // token v has the places end[v - 1] … end[v] - 1.
  std::vector<Index> end(static_cast<std::size_t>(rows), 0), positions(tokens.ids.size());
  for (const int id : tokens.ids) ++end[static_cast<std::size_t>(id)];
  std::partial_sum(end.begin(), end.end(), end.begin());
  std::vector<Index> next(end);
  for (std::size_t i = tokens.ids.size(); i-- > 0;)
    positions[static_cast<std::size_t>(--next[static_cast<std::size_t>(tokens.ids[i])])] =
        static_cast<Index>(i);
  for (std::size_t v = 0; v < end.size(); ++v)
    add_rows(dense.data(),
             std::span(positions).subspan(static_cast<std::size_t>(next[v]),
                                          static_cast<std::size_t>(end[v] - next[v])),
             width, table.data() + static_cast<Index>(v) * width);
  return table;
}

}  // namespace glass
