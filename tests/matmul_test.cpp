#include "tensor/matmul.h"

#include <limits>

#include "tensor/ops.h"
#include "tests/op_table.h"

namespace matmul_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// Σₖ a[…, i, k] b[…, k, j], for matrices with broadcasting leading axes.
std::string difference_to_definition(const Tensor& c, const Tensor& a, const Tensor& b,
                                     const Shape& shape) {
  return difference(
      c, shape,
      [&](const Position& p) {
        Position left = p, right = p;
        double sum = 0;
        for (Index k = 0; k < a.size(-1); ++k) {
          left.back() = k;
          right[right.size() - 2] = k;
          sum += static_cast<double>(at(a, left)) * static_cast<double>(at(b, right));
        }
        return sum;
      },
      5 * tolerance);
}

}  // namespace

TEST_CASE("matmul is its definition for every size from 1 to 20") {
  Rng rng(31);
  const Tensor a = uniform({20, 20}, -1, 1, rng), b = uniform({20, 20}, -1, 1, rng);
  std::string report;
  for (Index m = 1; m <= 20; ++m)
    for (Index n = 1; n <= 20; ++n)
      for (Index k = 1; k <= 20; k += (m + n) % 2 ? 3 : 4) {
        const Tensor left = a.slice(0, 0, m).slice(1, 0, k),
                     right = b.slice(0, 0, k).slice(1, 0, n);
        const std::string wrong =
            difference_to_definition(matmul(left, right), left, right, {m, n});
        if (report.empty() && !wrong.empty()) report = fmt::format("{} {} {}: {}", m, n, k, wrong);
      }
  CHECK(report == "");
}

TEST_CASE("matmul is its definition across the edges of its blocks") {
  Rng rng(32);
  for (const auto& [m, n, k] : {std::array<Index, 3>{97, 33, 257},
                                {5, 70, 300},
                                {130, 1, 65},
                                {1, 130, 64},
                                {96, 48, 256},
                                {64, 64, 64},
                                {3, 5, 1030}}) {
    const Tensor a = uniform({m, k}, -1, 1, rng), b = uniform({n, k}, -1, 1, rng).mT();
    INFO(m << ' ' << n << ' ' << k);
    CHECK(difference_to_definition(matmul(a, b), a, b, {m, n}) == "");
  }
}

TEST_CASE("the bits of a product do not depend on whether its first operand lies in columns") {
  Rng rng(39);
  for (const auto& [k, n] : {std::pair<Index, Index>{19, 304}, {300, 64}}) {
    const Tensor b = uniform({k, n}, -1, 1, rng);
    // Panels of every height, alone and beside other panels.
    for (Index m = 1; m <= 64; m += m < 30 ? 1 : 17) {
      const Tensor a = uniform({k, m}, -1, 1, rng).mT();
      INFO(k << ' ' << n << ' ' << m);
      CHECK(exact_difference(matmul(a, b), matmul(a.contiguous(), b)) == "");
    }
  }
}

TEST_CASE("matmul reads both operands in every layout") {
  Rng rng(33);
  for (const auto& [left, a] : layouts({7, 9}, rng))
    for (const auto& [right, b] : layouts({9, 17}, rng)) {
      INFO(left << " @ " << right);
      CHECK(difference_to_definition(matmul(a, b), a, b, {7, 17}) == "");
      CHECK(difference(matmul_naive(a, b), matmul(a, b), 5 * tolerance) == "");
    }
  for (const auto& [left, a] : layouts({2, 3, 5, 4}, rng))
    for (const auto& [right, b] : layouts({2, 3, 4, 6}, rng)) {
      INFO(left << " @ " << right << " batched");
      CHECK(difference_to_definition(matmul(a, b), a, b, {2, 3, 5, 6}) == "");
    }
}

TEST_CASE("the bits of a product do not depend on where its second operand lies") {
  if constexpr (is_certified) return;  // an operation on intervals takes a hundred times as long
  Rng rng(41);
  for (const Index m : {1, 2, 5, 7, 8, 9, 33, 80})
    for (const auto& [n, k] : {std::pair<Index, Index>{32, 40}, {48, 321}, {328, 560}, {41, 64}}) {
      const Tensor a = uniform({m, k}, -1, 1, rng), b = uniform({n, k}, -1, 1, rng).mT();
      INFO(m << ' ' << n << ' ' << k);
      CHECK(allclose(matmul(a, b), matmul(a, b.contiguous()), 0, 0));
      CHECK(allclose(matmul(a, b), matmul(a.mT().contiguous().mT(), b), 0, 0));
    }
}

TEST_CASE("a row of a product has the same bits, whatever other rows and columns are computed") {
  Rng rng(43);
  for (const auto& [n, k] :
       {std::pair<Index, Index>{20, 64}, {12, 32}, {16, 16}, {33, 7}, {70, 260}})
    for (Index m = 1; m <= 60; m += m < 32 ? 1 : 9) {
      if (is_certified && m * n * k > 10000) continue;  // intervals take long
      const Tensor a = uniform({m, k}, -1, 1, rng), b = uniform({k, n}, -1, 1, rng);
      const Tensor c = matmul(a, b);
      INFO(m << ' ' << n << ' ' << k);
      CHECK(exact_difference(matmul(a.slice(0, m - 1, m), b), c.slice(0, m - 1, m)) == "");
      CHECK(exact_difference(matmul(a, b.slice(1, n - 1, n)), c.slice(1, n - 1, n)) == "");
    }
}

TEST_CASE("a product has the same bits in a batch and alone") {
  Rng rng(44);
  for (const auto& [m, n, k] : {std::array<Index, 3>{10, 20, 64},
                                {12, 12, 32},
                                {16, 16, 16},
                                {3, 40, 5},
                                {16, 48, 48},
                                {70, 65, 64}}) {
    if (is_certified && m * n * k > 10000) continue;  // intervals take long
    for (const auto& [left, a] : layouts({2, 3, m, k}, rng))
      for (const auto& [right, b] : layouts({3, k, n}, rng)) {
        const Tensor c = matmul(a, b);
        INFO(left << " @ " << right << ' ' << m << ' ' << n << ' ' << k);
        for (Index i = 0; i < 2; ++i)
          for (Index j = 0; j < 3; ++j)
            CHECK(exact_difference(matmul(a.select(0, i).select(0, j), b.select(0, j)),
                                   c.select(0, i).select(0, j)) == "");
      }
  }
}

TEST_CASE("leading axes broadcast") {
  Rng rng(34);
  const std::vector<std::array<Shape, 3>> cases = {
      {Shape{5, 2, 3}, Shape{3, 4}, Shape{5, 2, 4}},
      {Shape{2, 3}, Shape{5, 3, 4}, Shape{5, 2, 4}},
      {Shape{6, 1, 2, 3}, Shape{5, 3, 4}, Shape{6, 5, 2, 4}},
      {Shape{1, 2, 3}, Shape{5, 3, 4}, Shape{5, 2, 4}},
      {Shape{2, 1, 1, 2, 3}, Shape{3, 1, 3, 1}, Shape{2, 3, 1, 2, 1}},
      {Shape{0, 2, 3}, Shape{3, 4}, Shape{0, 2, 4}},
      {Shape{0, 2, 3}, Shape{1, 3, 4}, Shape{0, 2, 4}},
      {Shape{1, 1, 1, 1, 2, 2, 2, 3}, Shape{3, 2}, Shape{1, 1, 1, 1, 2, 2, 2, 2}},
      {Shape{1, 1, 1, 1, 2, 2, 2, 3}, Shape{2, 3, 2}, Shape{1, 1, 1, 1, 2, 2, 2, 2}}};
  for (const auto& [left, right, result] : cases)
    for (const auto& [left_layout, a] : layouts(left, rng))
      for (const auto& [right_layout, b] : layouts(right, rng)) {
        INFO(fmt::format("{} {} @ {} {}", left_layout, left, right_layout, right));
        CHECK(difference_to_definition(matmul(a, b), a, b, result) == "");
      }
}

TEST_CASE("an operand of one axis is a row on the left and a column on the right") {
  Rng rng(35);
  const Tensor v = uniform({3}, -1, 1, rng), w = uniform({3}, -1, 1, rng);
  const Tensor m = uniform({3, 4}, -1, 1, rng), batch = uniform({5, 4, 3}, -1, 1, rng);
  CHECK(matmul(v, w).shape() == Shape{});
  CHECK(difference(matmul(v, w), sum(v * w)) == "");
  CHECK(difference(matmul(v, m), sum(v.unsqueeze(1) * m, 0)) == "");
  CHECK(difference(matmul(m.mT(), v), sum(m * v.unsqueeze(1), 0)) == "");
  CHECK(difference(matmul(batch, v), sum(batch * v, -1)) == "");
  CHECK(difference(matmul(v, batch.mT()), sum(batch * v, -1)) == "");
  CHECK(matmul(v, zeros({3, 1})).shape() == Shape{1});
  CHECK(matmul(zeros({1, 3}), v).shape() == Shape{1});
  CHECK(matmul(v, zeros({5, 3, 1})).shape() == Shape{5, 1});
}

TEST_CASE("a product over no terms is 0, and one without rows or columns is empty") {
  CHECK(exact_difference(matmul(zeros({2, 0}), zeros({0, 3})), zeros({2, 3})) == "");
  CHECK(exact_difference(matmul(zeros({4, 2, 0}), zeros({0, 3})), zeros({4, 2, 3})) == "");
  CHECK(exact_difference(matmul(zeros({4, 2, 0}), zeros({4, 0, 3})), zeros({4, 2, 3})) == "");
  CHECK(exact_difference(matmul(zeros({0}), zeros({0})), Tensor(0)) == "");
  CHECK(exact_difference(matmul(zeros({4, 2, 0}), zeros({0})), zeros({4, 2})) == "");
  CHECK(matmul(zeros({0, 3}), zeros({3, 4})).shape() == Shape{0, 4});
  CHECK(matmul(zeros({2, 3}), zeros({3, 0})).shape() == Shape{2, 0});
  CHECK(matmul(zeros({5, 2, 3}), zeros({3, 0})).shape() == Shape{5, 2, 0});
}

TEST_CASE("linear is a product and a sum, whatever path it takes") {
  Rng rng(42);
  // An inner axis of no terms, one block or three blocks; incomplete and whole tiles; few rows, for
  // which the product is computed transposed.
  for (const auto& [m, n, k] : {std::array<Index, 3>{3, 5, 0},
                                {1, 1, 1},
                                {7, 13, 9},
                                {33, 48, 257},
                                {200, 41, 520},
                                {9, 328, 300},
                                {16, 48, 48},
                                {16, 64, 250},
                                {80, 512, 512}})
    for (const auto& [layout, bias] : layouts({n}, rng)) {
      if (is_certified && m * n * k > 10000) continue;  // intervals take long
      const Tensor x = uniform({m, k}, -1, 1, rng), w = uniform({n, k}, -1, 1, rng);
      const Tensor y = linear(x, w, bias);
      INFO(fmt::format("{} {} {}, bias {}", m, n, k, layout));
      CHECK(difference(y, matmul(x, w.mT()) + bias, 5 * tolerance) == "");
      if (k <= 256) CHECK(exact_difference(y, matmul(x, w.mT()) + bias) == "");
      CHECK(exact_difference(linear(x.reshape({1, m, k}), w, bias), y.unsqueeze(0)) == "");
      // A row has the same bits, whichever other rows are computed with it.
      CHECK(exact_difference(linear(x.slice(0, 0, 1), w, bias), y.slice(0, 0, 1)) == "");
    }
  const Tensor w = uniform({4, 3}, -1, 1, rng), bias = uniform({4}, -1, 1, rng);
  CHECK(difference(linear(ones({3}), w, bias), sum(w, 1) + bias) == "");
  CHECK(linear(zeros({2, 0, 3}), w, bias).shape() == Shape{2, 0, 4});
  CHECK(linear(zeros({2, 3}), zeros({0, 3}), zeros({0})).shape() == Shape{2, 0});
}

TEST_CASE("linear names shapes that do not agree") {
  CHECK_THROWS_AS(linear(zeros({2, 3}), zeros({4, 3}), zeros({3})), ShapeError);
  CHECK_THROWS_WITH(linear(zeros({2, 3}), zeros({4, 3}), zeros({1})),
                    ContainsSubstring("linear: ") && ContainsSubstring("[4, 3] and [1]"));
  CHECK_THROWS_WITH(linear(zeros({2, 3}), zeros({3}), zeros({3})), ContainsSubstring("linear: "));
  CHECK_THROWS_WITH(linear(zeros({2, 5}), zeros({4, 3}), zeros({4})),
                    ContainsSubstring("[2, 5] @ [3, 4]"));
}

TEST_CASE("a NaN reaches its own row and column and nothing else") {
  Tensor a = ones({9, 20}), b = ones({20, 33});
  a(4, 19) = not_a_number;
  const auto row = [&](auto& p) { return p[0] == 4 ? not_a_number : 20.0; };
  CHECK(difference(matmul(a, b), {9, 33}, row) == "");
  b(0, 32) = inf;
  a(4, 19) = 1;
  const auto column = [&](auto& p) { return p[1] == 32 ? inf : 20.0; };
  CHECK(difference(matmul(a, b), {9, 33}, column) == "");
}

TEST_CASE("sizes that do not agree are an error that shows both shapes as given") {
  const auto expect = [](const Shape& left, const Shape& right) {
    const std::string operands = fmt::format("{} @ {}", left, right);
    CHECK_THROWS_AS(matmul(zeros(left), zeros(right)), ShapeError);
    CHECK_THROWS_WITH(matmul(zeros(left), zeros(right)),
                      ContainsSubstring("matmul: ") && ContainsSubstring(operands));
    CHECK_THROWS_WITH(matmul(Var(zeros(left), true), Var(zeros(right))),
                      ContainsSubstring("matmul: ") && ContainsSubstring(operands));
  };
  expect({8, 10, 512}, {256, 64});
  expect({2, 3}, {4, 5});
  expect({3}, {4});
  expect({3}, {4, 5});
  expect({2, 3}, {4});
  expect({5, 2, 3}, {4});
  expect({}, {2, 2});
  expect({2}, {});
  expect({}, {2});
}

TEST_CASE("leading axes that do not broadcast are an error that shows them") {
  CHECK_THROWS_WITH(matmul(zeros({2, 3, 4}), zeros({5, 4, 3})), ContainsSubstring("matmul") &&
                                                                    ContainsSubstring("[2]") &&
                                                                    ContainsSubstring("[5]"));
}

}  // namespace matmul_test
