#include "tensor/shape.h"

#include <cstdint>
#include <limits>

#include "tensor/tensor.h"
#include "tests/op_table.h"

namespace shape_test {

using namespace glass;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a shape takes any integer types, in braces or alone") {
  const int i = 2;
  const std::size_t n = 3;
  const short s = 4;
  const Index x = 5;
  const unsigned char c = 6;
  const Shape shape{i, n, s, x, c};
  CHECK(fmt::format("{}", shape) == "[2, 3, 4, 5, 6]");
  CHECK(shape.rank() == 5);
  CHECK(shape.numel() == 2 * 3 * 4 * 5 * 6);
  const Shape alone = n;
  CHECK(alone == Shape{3});
  const Shape list = {2, n};
  CHECK(list == Shape{2, 3});
  const std::vector<Index> sizes{7, 8};
  CHECK(Shape(sizes) == Shape{7, 8});
  CHECK(std::vector<Index>(shape.begin(), shape.end()) == std::vector<Index>{2, 3, 4, 5, 6});
}

TEST_CASE("a shape without axes holds one element, a shape with a 0 none") {
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.numel() == 1);
  CHECK(fmt::format("{}", Shape{}) == "[]");
  CHECK(Shape{2, 0, 3}.numel() == 0);
}

TEST_CASE("shapes are equal when rank and every size agree") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  CHECK(Shape{} != Shape{1});
}

TEST_CASE("negative axes count from the end, others are an error that shows the shape") {
  const Shape shape{2, 3, 4};
  CHECK(shape[-1] == 4);
  CHECK(shape[-3] == 2);
  for (const Index axis : {3, -4, 100})
    CHECK_THROWS_WITH(shape[axis],
                      ContainsSubstring("[2, 3, 4]") && ContainsSubstring(std::to_string(axis)));
  CHECK_THROWS_AS(shape[3], ShapeError);
  CHECK_THROWS_AS(Shape{}[0], ShapeError);
}

TEST_CASE("a shape of too many axes, negative sizes or too many elements is an error") {
  const std::vector<Index> nine(9, 1);
  CHECK_THROWS_AS(Shape(nine), ShapeError);
  CHECK_THROWS_AS((Shape{2, -1}.numel()), ShapeError);
  const Index big = Index{1} << 40;
  CHECK_THROWS_WITH((Shape{big, big}.numel()),
                    ContainsSubstring(fmt::format("[{}, {}]", big, big)));
  CHECK_THROWS_AS((Shape{3, std::numeric_limits<Index>::max()}.numel()), ShapeError);
}

TEST_CASE("a size of 0 empties a shape, however large its other sizes") {
  const Index big = Index{1} << 40;
  CHECK(Shape{big, 0, big}.numel() == 0);
  CHECK(zeros(Shape{big, 0, big}).numel() == 0);
  CHECK(zeros(Shape{0, big, big}).transpose(0, 2).reshape(Shape{big, 0}).numel() == 0);
}

TEST_CASE("axes are changed, added and taken away by position") {
  const Shape shape{2, 3};
  CHECK(shape.with(-1, 9) == Shape{2, 9});
  CHECK(shape.insert(0, 1) == Shape{1, 2, 3});
  CHECK(shape.insert(1, 7) == Shape{2, 7, 3});
  CHECK(shape.insert(-1, 7) == Shape{2, 3, 7});
  CHECK(shape.erase(0) == Shape{3});
  CHECK(shape.erase(-1) == Shape{2});
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1}.insert(0, 1)), ShapeError);
}

TEST_CASE("strides of a contiguous tensor make the last axis dense") {
  const Strides strides = contiguous_strides(Shape{2, 3, 4});
  CHECK(strides[0] == 12);
  CHECK(strides[1] == 4);
  CHECK(strides[2] == 1);
}

TEST_CASE("shapes broadcast as in NumPy") {
  CHECK(broadcast("op", {}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast("op", {3}, {2, 1}) == Shape{2, 3});
  CHECK(broadcast("op", {4, 1, 3}, {2, 1}) == Shape{4, 2, 3});
  CHECK(broadcast("op", {1}, {0}) == Shape{0});
  CHECK(broadcast("op", {2, 1}, {1, 0}) == Shape{2, 0});
}

TEST_CASE("shapes that do not broadcast are an error that names the op and both") {
  CHECK_THROWS_WITH(broadcast("op", {2, 3}, {3, 2}), ContainsSubstring("op") &&
                                                         ContainsSubstring("[2, 3]") &&
                                                         ContainsSubstring("[3, 2]"));
  CHECK_THROWS_AS(broadcast("op", {0}, {2}), ShapeError);
}

TEST_CASE("broadcasting agrees with its definition for random shapes") {
  Rng rng(7);
  for (int round = 0; round < 500; ++round) {
    const auto random_shape = [&] {
      Shape shape;
      for (Index axis = rng.below(4); axis > 0; --axis) shape = shape.insert(0, rng.below(3));
      return shape;
    };
    const Shape a = random_shape(), b = random_shape();
    bool fits = true;
    Shape expected;
    for (Index back = std::max(a.rank(), b.rank()); back > 0; --back) {
      const Index m = back <= a.rank() ? a[-back] : 1, n = back <= b.rank() ? b[-back] : 1;
      fits &= m == n || m == 1 || n == 1;
      expected = expected.insert(expected.rank(), m == 1 ? n : m);
    }
    if (fits)
      CHECK(broadcast("op", a, b) == expected);
    else
      CHECK_THROWS_AS(broadcast("op", a, b), ShapeError);
  }
}

TEST_CASE("axes may be one, several, or none at all for every axis") {
  const Shape shape{2, 3, 4};
  const auto marked = [&](const Axes& axes) {
    std::string text;
    const auto flags = axes.flags("op", shape);
    for (std::size_t i = 0; i < 3; ++i) text += flags[i] ? 'x' : '.';
    return text;
  };
  const unsigned short axis = 1;
  CHECK(marked(axis) == ".x.");
  CHECK(marked({0, -1}) == "x.x");
  CHECK(marked(std::vector<Index>{2, 1}) == ".xx");
  CHECK(marked({}) == "xxx");
  CHECK_THROWS_WITH(marked({0, -3}), ContainsSubstring("op") && ContainsSubstring("[2, 3, 4]"));
  CHECK_THROWS_AS(marked({3}), ShapeError);
}

}  // namespace shape_test
