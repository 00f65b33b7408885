// # Joining and picking
//
// Tensors joined along an axis, and rows picked by their number.
#include <numeric>

#include "tensor/ops.h"

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

constexpr Index block = 32;  // rows that are added one after the other; more rows form a tree

// to[j] += Σᵢ x[i, j] over the rows i that are listed: a tree of sums, as in
// reductions.cpp.
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
