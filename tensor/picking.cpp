// # Joining and picking
//
// Tensors joined along an axis, and rows picked by their number.
#include <numeric>

#include "tensor/ops.h"
#include "tensor/row_loops.h"

namespace glass {

// ---- joining ----

Tensor cat(std::span<const Tensor> list, Axis axis) {
  check<ShapeError>(!list.empty(), "cat: the list is empty");
  const Shape shape = list[0].shape();
  (void)shape.wrap(axis, "cat");
  Index total = 0;
  for (const Tensor& part : list) {
    check<ShapeError>(
        part.rank() == shape.rank() && part.shape().with(axis, 0) == shape.with(axis, 0),
        "cat: shapes must agree but for axis {}; got {} and {}", axis.value, shape, part.shape());
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

// ---- picking ----

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

void expect_indices(std::string_view op, std::span<const int> indices, Index size) {
  for (std::size_t i = 0; i < indices.size(); ++i)
    check<ShapeError>(0 <= indices[i] && indices[i] < size,
                      "{}: index {} at position {} is outside 0 … {}", op, indices[i], i, size - 1);
}

// The blocks along the axis that is picked from: `count` rows of `after` numbers each.
Blocks blocks_along(Index axis, const Shape& shape) {
  const auto place = static_cast<std::size_t>(shape.wrap(axis));
  return {shape, place, place + 1};
}

// Copies the rows of x that the list names, in each block.
void copy_rows(const Real* x, const Blocks& blocks, std::span<const int> indices, Real* out) {
  for (Index block = 0; block < blocks.before; ++block, x += blocks.count * blocks.after)
    for (const int i : indices) out = std::copy_n(x + i * blocks.after, blocks.after, out);
}

}  // namespace

Tensor take(const Tensor& table, const Tokens& tokens) {
  check<ShapeError>(table.rank() == 2, "take: the table must be [V, C]; got {}", table.shape());
  expect_tokens("take", tokens, table.size(0));
  Tensor result = empty(Shape{tokens.batch, tokens.length, table.size(1)});
  copy_rows(table.contiguous().data(), blocks_along(0, table.shape()), tokens.ids, result.data());
  return result;
}

Tensor take(const Tensor& x, Axis axis, std::span<const int> indices) {
  const Index place = x.shape().wrap(axis, "take");
  expect_indices("take", indices, x.size(place));
  Tensor result = empty(x.shape().with(place, static_cast<Index>(indices.size())));
  copy_rows(x.contiguous().data(), blocks_along(place, x.shape()), indices, result.data());
  return result;
}

std::vector<int> take(std::span<const int> labels, std::span<const int> indices) {
  expect_indices("take", indices, std::ssize(labels));
  std::vector<int> result;
  for (const int i : indices) result.push_back(labels[static_cast<std::size_t>(i)]);
  return result;
}

namespace {

constexpr Index block = 32;  // rows that are added one after the other; more rows form a tree

// to[j] += Σᵢ x[i, j] over the rows i that are listed: a tree of sums, as in reductions.cpp.
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

// The positions of each id in a list of ids, in ascending order.
struct Occurrences {
  std::vector<Index> positions;    // those of id 0, then those of id 1, …
  std::vector<std::size_t> begin;  // id v has positions[begin[v]] … positions[begin[v + 1] - 1]
  std::span<const Index> of(Index id) const {
    const auto v = static_cast<std::size_t>(id);
    return std::span(positions).subspan(begin[v], begin[v + 1] - begin[v]);
  }
};

// A counting sort: the counts of all ids below v, added up, tell where the positions of id v begin.
Occurrences occurrences_of(std::span<const int> ids, Index count) {
  std::vector<std::size_t> begin(static_cast<std::size_t>(count) + 1, 0);
  for (const int id : ids) ++begin[static_cast<std::size_t>(id) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  // Each position goes to the next free place of its id.
  std::vector<std::size_t> next = begin;
  std::vector<Index> positions(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::size_t& place = next[static_cast<std::size_t>(ids[i])];
    positions[place] = static_cast<Index>(i);
    ++place;
  }
  return {std::move(positions), std::move(begin)};
}

// Each row of the zero `result` becomes the sum of the rows of g whose id it is, in each block.
void sum_rows_by_id(const Tensor& g, Index axis, std::span<const int> ids, Tensor& result) {
  const Tensor dense = g.contiguous();
  const Occurrences where = occurrences_of(ids, result.size(axis));
  const Blocks from = blocks_along(axis, g.shape()), to = blocks_along(axis, result.shape());
  for (Index b = 0; b < to.before; ++b)
    for (Index id = 0; id < to.count; ++id)
      add_rows(dense.data() + b * from.count * from.after, where.of(id), from.after,
               result.data() + (b * to.count + id) * to.after);
}

}  // namespace

Tensor scatter_add(const Tensor& g, const Tokens& tokens, Index rows) {
  expect_tokens("scatter_add", tokens, rows);
  check<ShapeError>(g.rank() == 3 && g.size(0) == tokens.batch && g.size(1) == tokens.length,
                    "scatter_add: needs g [{}, {}, C], a row a token; got {}", tokens.batch,
                    tokens.length, g.shape());
  Tensor table = zeros(Shape{rows, g.size(-1)});
  sum_rows_by_id(g.reshape(Shape{tokens.batch * tokens.length, g.size(-1)}), 0, tokens.ids, table);
  return table;
}

Tensor scatter_add(const Tensor& g, Axis axis, std::span<const int> indices, Index size) {
  const Index place = g.shape().wrap(axis, "scatter_add");
  expect_indices("scatter_add", indices, size);
  check<ShapeError>(g.size(place) == static_cast<Index>(indices.size()),
                    "scatter_add: axis {} of g must be {}, an index each; got {}", axis.value,
                    indices.size(), g.shape());
  Tensor result = zeros(g.shape().with(place, size));
  sum_rows_by_id(g, place, indices, result);
  return result;
}

}  // namespace glass
