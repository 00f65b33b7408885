#include "tensor/tensor.h"

#include <array>
#include <cstdint>
#include <limits>
#include <list>
#include <span>
#include <sstream>
#include <type_traits>

#include "tensor/dual.h"
#include "tests/op_table.h"

namespace tensor_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<double> doubles(const Tensor& x) {
  std::vector<double> result;
  for (const Real value : x.to_vector()) result.push_back(static_cast<double>(value));
  return result;
}

// A view of memory 0, 1, 2, … cut, stepped and permuted at random.
Tensor random_view(Rng& rng) {
  Shape shape;
  for (Index axis = 1 + rng.below(4); axis > 0; --axis) shape = shape.insert(0, 1 + rng.below(6));
  Tensor x = arange(shape.numel()).reshape(shape);
  for (int change = 0; change < 4; ++change) {
    const Index a = rng.below(x.rank()), b = rng.below(x.rank());
    switch (rng.below(4)) {
      case 0:
        x = x.transpose(a, b);
        break;
      case 1:
        x = x.slice(a, rng.below(2), x.size(a) - rng.below(2), 1 + rng.below(2));
        break;
      case 2:
        if (x.rank() < 5) x = x.unsqueeze(a);
        break;
      default:
        if (x.size(a) == 1) x = x.expand(x.shape().with(a, 1 + rng.below(3)));
    }
  }
  return x;
}

}  // namespace

// ---- what counts as a number ----

static_assert(Number<int> && Number<double> && Number<Real> && Number<Index> && Number<float>);
static_assert(!Number<bool> && !Number<Tensor> && !Number<std::string>);
static_assert(std::is_convertible_v<int, Tensor> && std::is_convertible_v<Real, Tensor>);
static_assert(!std::is_convertible_v<bool, Tensor>);
template <class T>
concept Accumulates = requires(T x) {
  x += x;
};
static_assert(!Accumulates<Tensor>);

// ---- making ----

TEST_CASE("a tensor without arguments is the scalar 0") {
  const Tensor x;
  CHECK(x.rank() == 0);
  CHECK(x.numel() == 1);
  CHECK(x.item() == Real(0));
  CHECK(Tensor(3).item() == Real(3));
  CHECK(Tensor(2.5).shape() == Shape{});
}

TEST_CASE("a tensor is filled row by row, and the values must be as many as it holds") {
  const Tensor x({2, 3}, {0, 1, 2, 3, 4, 5});
  CHECK(x(1, 0) == Real(3));
  CHECK(x(0, 2) == Real(2));
  CHECK_THROWS_WITH(Tensor({2, 3}, {1, 2}), ContainsSubstring("[2, 3]") && ContainsSubstring("2"));
  CHECK_THROWS_AS(Tensor({2}, {1, 2, 3}), ShapeError);
  CHECK_THROWS_AS(Tensor(Shape{-1}, {}), ShapeError);
  CHECK(Tensor({0, 3}, {}).numel() == 0);
}

TEST_CASE("a tensor takes numbers of any type, from ranges and from pointers") {
  const Tensor expected = tensor({{1, 2}, {3, 4}});
  const std::vector<int> ints{1, 2, 3, 4};
  const std::array<double, 4> doubles_array{1, 2, 3, 4};
  std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  const float floats[] = {1, 2, 3, 4};
  long longs[] = {1, 2, 3, 4};
  const std::vector<Real> reals{1, 2, 3, 4};
  std::vector<Real> moved = reals;
  const std::list<std::int16_t> list{1, 2, 3, 4};
  for (const Tensor& x :
       {Tensor({2, 2}, {1, 2, 3, 4}), Tensor({2, 2}, ints), Tensor({2, 2}, doubles_array),
        Tensor({2, 2}, bytes), Tensor({2, 2}, std::span<const std::uint8_t>(bytes)),
        Tensor({2, 2}, std::span(bytes)), Tensor({2, 2}, floats), Tensor({2, 2}, longs),
        Tensor({2, 2}, reals), Tensor({2, 2}, std::move(moved)), Tensor({2, 2}, list),
        Tensor({2, 2}, ints.data()), Tensor({2, 2}, bytes.data()), Tensor({2, 2}, &longs[0]),
        Tensor({2, 2}, reals.data()), Tensor(Shape{2, 2}, Shape{1, 2, 3, 4})})
    CHECK(exact_difference(x, expected) == "");
  CHECK(exact_difference(Tensor(2, std::vector<unsigned>{5, 6}), tensor({5, 6})) == "");
}

TEST_CASE("bools become 0 and 1") {
  const bool array[] = {true, false, true};
  const std::vector<bool> bits{true, false, true};
  for (const Tensor& x : {Tensor({3}, array), Tensor({3}, &array[0]), Tensor({3}, bits),
                          Tensor({3}, std::array{true, false, true})})
    CHECK(exact_difference(x, tensor({1, 0, 1})) == "");
}

TEST_CASE("a tensor copies the numbers that it was made from") {
  std::vector<double> numbers{1, 2};
  const Tensor x({2}, numbers), y({2}, numbers.data());
  numbers = {7, 8};
  CHECK(exact_difference(x, tensor({1, 2})) == "");
  CHECK(exact_difference(y, tensor({1, 2})) == "");
}

TEST_CASE("a count that the shape does not hold is an error that shows both") {
  const std::vector<int> three{1, 2, 3};
  CHECK_THROWS_AS(Tensor({2, 2}, three), ShapeError);
  CHECK_THROWS_WITH(Tensor({2, 2}, three), "tensor: shape [2, 2] holds 4 values; got 3");
  CHECK_THROWS_AS(Tensor({2}, std::array<double, 3>{}), ShapeError);
  const double array[] = {1, 2, 3};
  CHECK_THROWS_AS(Tensor({2}, array), ShapeError);  // an array has a count, too
  const float* const nothing = nullptr;
  CHECK_THROWS_AS(Tensor({2}, nothing), ShapeError);
  CHECK_THROWS_AS(Tensor({2}, nullptr), ShapeError);
  CHECK(Tensor({0, 3}, nothing).shape() == Shape{0, 3});
  CHECK(Tensor({0, 3}, nullptr).shape() == Shape{0, 3});
  CHECK(Tensor({0, 3}, std::vector<int>{}).shape() == Shape{0, 3});
}

TEST_CASE("what is no list of numbers makes no tensor") {
  CHECK(!std::is_constructible_v<Tensor, Shape, std::string>);
  CHECK(!std::is_constructible_v<Tensor, Shape, const char*>);
  CHECK(!std::is_constructible_v<Tensor, Shape, std::vector<std::string>>);
  CHECK(!std::is_constructible_v<Tensor, Shape, int>);
  CHECK(!std::is_constructible_v<Tensor, Shape, Tensor>);
  CHECK(!std::is_constructible_v<Tensor, Shape, void*>);
}

TEST_CASE("zeros, ones, full, arange and eye hold what they say") {
  CHECK(doubles(zeros({2, 2})) == std::vector<double>{0, 0, 0, 0});
  CHECK(doubles(ones(3)) == std::vector<double>{1, 1, 1});
  CHECK(doubles(full({1, 2}, 7)) == std::vector<double>{7, 7});
  CHECK(doubles(arange(4)) == std::vector<double>{0, 1, 2, 3});
  CHECK(doubles(eye(2)) == std::vector<double>{1, 0, 0, 1});
  CHECK(arange(0).shape() == Shape{0});
  CHECK(eye(0).shape() == Shape{0, 0});
  CHECK_THROWS_AS(arange(-1), ShapeError);
}

TEST_CASE("nested braces give 0 to 3 axes, from numbers of any type") {
  const int i = 4;
  const Index n = 5;
  const Real r = 6;
  CHECK(tensor(3).shape() == Shape{});
  CHECK(tensor({i}).shape() == Shape{1});
  CHECK(tensor({1, 2.5, i, n, r}).shape() == Shape{5});
  CHECK(tensor({{1}, {n}}).shape() == Shape{2, 1});
  CHECK(tensor({{1, 2}}).shape() == Shape{1, 2});
  CHECK(tensor({{1}}).shape() == Shape{1, 1});
  CHECK(tensor({{{1}}}).shape() == Shape{1, 1, 1});
  CHECK(tensor({{{1, 2}, {3, 4}, {5, 6}}}).shape() == Shape{1, 3, 2});
  CHECK(tensor({{i, n}, {r, 7}}).shape() == Shape{2, 2});
  CHECK(tensor({}).shape() == Shape{0});
  CHECK(doubles(tensor({{i, n}, {r, 0.5}})) == std::vector<double>{4, 5, 6, 0.5});
  CHECK(doubles(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}})) ==
        std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("nested braces of unequal length are an error") {
  CHECK_THROWS_AS(tensor({{1, 2}, {3}}), ShapeError);
  CHECK_THROWS_AS(tensor({{1}, {2, 3}}), ShapeError);
  CHECK_THROWS_AS(tensor({{{1}, {2}}, {{3}}}), ShapeError);
}

// ---- reading ----

TEST_CASE("item is the only element, of any rank") {
  CHECK(full({1, 1, 1}, 4).item() == Real(4));
  CHECK_THROWS_WITH(zeros({2, 1}).item(), ContainsSubstring("[2, 1]"));
  CHECK_THROWS_AS(zeros({0}).item(), ShapeError);
}

TEST_CASE("an element is read and written by any integer types, within bounds") {
  Tensor x = arange(6).reshape({2, 3});
  const std::size_t row = 1;
  const short column = 2;
  CHECK(x(row, column) == Real(5));
  x(0, 1) = 9;
  CHECK(std::as_const(x)(0, 1) == Real(9));
  for (const Index outside : {-1, 2}) CHECK_THROWS_WITH(x(outside, 0), ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(x(0, 3), ShapeError);
  CHECK_THROWS_WITH(x(0), ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(x(0, 0, 0), ShapeError);
  CHECK_THROWS_AS(Tensor()(0), ShapeError);
  CHECK(Tensor(8)() == Real(8));
}

TEST_CASE("to_vector reads row by row, in every layout") {
  Rng rng(1);
  for (const Shape& shape : some_shapes())
    for (const auto& [name, its_x] : layouts(shape, rng)) {
      const auto& x = its_x;  // Clang 14 captures no binding
      INFO(name << fmt::format(" {}", shape));
      const std::vector<Real> values = x.to_vector();
      std::size_t i = 0;
      bool same = static_cast<Index>(values.size()) == x.numel();
      for_each_position(shape, [&](const Position& p) { same = same && values[i++] == at(x, p); });
      CHECK(same);
    }
}

// ---- views ----

TEST_CASE("a copy of a tensor shares its numbers, a clone does not") {
  Tensor x = arange(4);
  Tensor copy = x;
  const Tensor clone = x.clone();
  copy(0) = 7;
  CHECK(x(0) == Real(7));
  CHECK(clone(0) == Real(0));
  CHECK(!clone.storage().same_as(x.storage()));
  CHECK(x.transpose(0, 0).clone().owns_memory());
}

TEST_CASE("every view shares the storage and moves no number") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const Index before = live_bytes();
  const std::vector<Tensor> views = {x.transpose(0, 2),
                                     x.mT(),
                                     x.permute({2, 0, 1}),
                                     x.slice(1, 1, 3),
                                     x.select(0, 1),
                                     x.unsqueeze(1).expand({2, 5, 3, 4}),
                                     x.reshape({6, 4}),
                                     x.unsqueeze(-1),
                                     x.unsqueeze(0).squeeze(0),
                                     x.mT().reshape({2, 12}).slice(0, 0, 0),
                                     x.contiguous()};
  for (std::size_t i = 0; i < views.size(); ++i) {
    INFO(i);
    CHECK(views[i].storage().same_as(x.storage()) == (i != 9));
  }
  CHECK(live_bytes() - before == 24 * Index{sizeof(Real)});  // the one reshape that had to copy
}

TEST_CASE("views read the elements that their definition names") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const auto pick = [&](Index i, Index j, Index k) { return Real(i * 12 + j * 4 + k); };
  CHECK(difference(x.transpose(0, 2), {4, 3, 2}, [&](auto& p) { return pick(p[2], p[1], p[0]); }) ==
        "");
  CHECK(difference(x.transpose(-1, -2), {2, 4, 3},
                   [&](auto& p) { return pick(p[0], p[2], p[1]); }) == "");
  CHECK(difference(x.mT(), {2, 4, 3}, [&](auto& p) { return pick(p[0], p[2], p[1]); }) == "");
  CHECK(difference(x.permute({2, 0, 1}), {4, 2, 3},
                   [&](auto& p) { return pick(p[1], p[2], p[0]); }) == "");
  CHECK(difference(x.permute({-1, 0, -2}), {4, 2, 3},
                   [&](auto& p) { return pick(p[1], p[2], p[0]); }) == "");
  CHECK(difference(x.slice(2, 1, 4, 2), {2, 3, 2},
                   [&](auto& p) { return pick(p[0], p[1], 1 + 2 * p[2]); }) == "");
  CHECK(difference(x.select(1, 2), {2, 4}, [&](auto& p) { return pick(p[0], 2, p[1]); }) == "");
  CHECK(difference(x.select(-1, -1), {2, 3}, [&](auto& p) { return pick(p[0], p[1], 3); }) == "");
  CHECK(difference(x.select(0, 1).expand({5, 3, 4}), {5, 3, 4},
                   [&](auto& p) { return pick(1, p[1], p[2]); }) == "");
  CHECK(difference(x.unsqueeze(1), {2, 1, 3, 4}, [&](auto& p) { return pick(p[0], p[2], p[3]); }) ==
        "");
  CHECK(difference(x.unsqueeze(-1), {2, 3, 4, 1},
                   [&](auto& p) { return pick(p[0], p[1], p[2]); }) == "");
}

TEST_CASE("views of views of random tensors read the right elements") {
  Rng rng(3);
  for (int round = 0; round < 300; ++round) {
    const Tensor x = random_view(rng);
    const Index a = rng.below(x.rank()), b = rng.below(x.rank());
    const std::size_t i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    const auto swapped = [&](Position p) { return std::swap(p[i], p[j]), at(x, p); };
    CHECK(difference(x.transpose(a, b), x.shape().with(a, x.size(b)).with(b, x.size(a)), swapped) ==
          "");
    if (x.size(a) > 0) {
      const Index place = rng.below(x.size(a));
      CHECK(difference(x.select(a, place - x.size(a)), x.shape().erase(a),
                       [&](Position p) { return p.insert(p.begin() + a, place), at(x, p); }) == "");
    }
  }
}

TEST_CASE("slices clamp and count from the end as Python's do") {
  const Tensor x = arange(10);
  const auto python = [](Index n, Index begin, Index end, Index step) {
    if (begin < 0) begin += n;
    if (end < 0) end += n;
    begin = std::min(std::max<Index>(begin, 0), n);
    end = std::min(std::max<Index>(end, 0), n);
    std::vector<double> result;
    for (Index i = begin; i < end; i += step) result.push_back(static_cast<double>(i));
    return result;
  };
  bool same = true;
  for (Index begin = -13; begin <= 13; ++begin)
    for (Index end = -13; end <= 13; ++end)
      for (Index step = 1; step <= 12; ++step)
        same = same && doubles(x.slice(0, begin, end, step)) == python(10, begin, end, step);
  CHECK(same);
  const Index most = std::numeric_limits<Index>::max();
  CHECK(doubles(x.slice(0, 3, most)) == std::vector<double>{3, 4, 5, 6, 7, 8, 9});
  CHECK(doubles(x.slice(0, -most - 1, most, most)) == std::vector<double>{0});
  CHECK(doubles(x.slice(0, 0, 10, 3).slice(0, 1, 4, 2)) == std::vector<double>{3, 9});
  CHECK(zeros({0}).slice(0, 0, 5).numel() == 0);
  for (const Index step : {0, -1})
    CHECK_THROWS_WITH(x.slice(0, 0, 3, step), ContainsSubstring("[10]"));
  CHECK_THROWS_AS(x.slice(1, 0, 3), ShapeError);
}

TEST_CASE("a slice without an end goes to the end") {
  const Tensor x = arange(6).reshape({2, 3});
  for (Index begin = -5; begin <= 5; ++begin)
    CHECK(exact_difference(x.slice(-1, begin), x.slice(-1, begin, 3)) == "");
  CHECK(doubles(x.slice(0, 1)) == std::vector<double>{3, 4, 5});
  CHECK(x.slice(0, 2).shape() == Shape{0, 3});
  CHECK(x.slice(1, 1).storage().same_as(x.storage()));
  CHECK_THROWS_WITH(x.slice(2, 0), ContainsSubstring("slice: axis 2"));
}

TEST_CASE("views that do not exist are errors that show the shape") {
  const Tensor x = zeros({2, 3});
  const auto shows = ContainsSubstring("[2, 3]");
  CHECK_THROWS_WITH(x.select(0, 2), shows);
  CHECK_THROWS_WITH(x.select(1, -4), shows);
  CHECK_THROWS_WITH(x.transpose(0, 2), shows);
  CHECK_THROWS_WITH(x.permute({0}), shows);
  CHECK_THROWS_WITH(x.permute({0, 0}), shows);
  CHECK_THROWS_WITH(x.permute({0, 2}), shows);
  CHECK_THROWS_WITH(x.expand({3, 3}), shows && ContainsSubstring("[3, 3]"));
  CHECK_THROWS_WITH(x.expand({3}), shows);
  CHECK_THROWS_AS(x.expand({-1, 2, 3}), ShapeError);
  CHECK_THROWS_WITH(x.reshape({4, 2}), shows && ContainsSubstring("[4, 2]"));
  CHECK_THROWS_WITH(x.squeeze(2), shows);
  CHECK_THROWS_WITH(zeros({3}).mT(), ContainsSubstring("[3]"));
  CHECK_THROWS_AS(x.unsqueeze(3), ShapeError);
  CHECK_THROWS_AS(zeros({1, 1, 1, 1, 1, 1, 1, 1}).unsqueeze(0), ShapeError);
}

TEST_CASE("expand repeats with stride 0, and -1 keeps a size") {
  const Tensor x = tensor({{1}, {2}});
  const Tensor wide = x.expand({3, -1, 4});
  CHECK(wide.shape() == Shape{3, 2, 4});
  CHECK(wide.stride(0) == 0);
  CHECK(wide.stride(2) == 0);
  CHECK(wide(2, 1, 3) == Real(2));
  CHECK(!wide.is_contiguous());
  CHECK(x.expand({2, 0}).numel() == 0);
  CHECK(Tensor(5).expand({2, 2})(1, 1) == Real(5));
}

TEST_CASE("squeeze takes an axis of size 1 away and leaves any other") {
  CHECK(zeros({2, 1, 3}).squeeze(1).shape() == Shape{2, 3});
  CHECK(zeros({2, 1, 3}).squeeze(-2).shape() == Shape{2, 3});
  CHECK(zeros({2, 1, 3}).squeeze(0).shape() == Shape{2, 1, 3});
  CHECK(zeros({1}).squeeze(0).shape() == Shape{});
  CHECK(zeros({0}).squeeze(0).shape() == Shape{0});
}

// ---- reshape ----

TEST_CASE("reshape keeps the order of the elements, for random views and shapes") {
  Rng rng(5);
  int shared = 0, copied = 0;
  for (int round = 0; round < 2000; ++round) {
    const Tensor x = random_view(rng);
    // A random factorisation of the number of elements, with ones in between.
    std::vector<Index> sizes;
    Index rest = x.numel();
    while (rest > 1 && sizes.size() < 6) {
      const Index factor = 1 + rng.below(rest);
      if (rest % factor != 0) continue;
      sizes.push_back(factor);
      rest /= factor;
    }
    sizes.push_back(rest);
    const Tensor y = x.reshape(Shape(sizes));
    INFO(fmt::format("{} → {}", x.shape(), y.shape()));
    CHECK(y.shape() == Shape(sizes));
    CHECK(y.to_vector() == x.to_vector());
    if (x.is_contiguous()) CHECK(y.storage().same_as(x.storage()));
    (y.storage().same_as(x.storage()) ? shared : copied)++;
  }
  CHECK(shared > 200);
  CHECK(copied > 200);
}

TEST_CASE("reshape is a view wherever strides can express it") {
  const Tensor x = arange(48).reshape({2, 4, 6});
  const auto is_view = [&](const Tensor& from, Shape to) {
    return from.reshape(to).storage().same_as(x.storage());
  };
  CHECK(is_view(x.transpose(0, 1), {2, 2, 2, 6}));  // an axis splits where it lies
  CHECK(is_view(x.slice(2, 0, 4), {8, 4}));         // rows with gaps still merge in front
  CHECK(is_view(x.slice(0, 0, 2, 2), {4, 6}));
  CHECK(is_view(x.slice(2, 0, 6, 2), {8, 3}));  // a step divides evenly
  CHECK(is_view(x.slice(2, 0, 6, 2), {24}));
  CHECK(is_view(x.mT(), {2, 1, 6, 4, 1}));
  CHECK(is_view(x.select(2, 0).unsqueeze(2).expand({2, 4, 3}), {8, 3}));
  CHECK(!is_view(x.mT(), {48}));
  CHECK(!is_view(x.slice(2, 0, 4), {32}));
  CHECK(!is_view(x.select(2, 0).unsqueeze(2).expand({2, 4, 3}), {24}));
}

TEST_CASE("one size of reshape may be worked out") {
  const Tensor x = arange(12);
  CHECK(x.reshape({3, -1}).shape() == Shape{3, 4});
  CHECK(x.reshape({-1}).shape() == Shape{12});
  CHECK(x.reshape(-1).shape() == Shape{12});
  CHECK(Tensor(1).reshape({-1, 1}).shape() == Shape{1, 1});
  CHECK(zeros({0, 3}).reshape({-1, 3}).shape() == Shape{0, 3});
  CHECK(zeros({1}).reshape({}).shape() == Shape{});
  CHECK_THROWS_AS(x.reshape({-1, -1}), ShapeError);
  CHECK_THROWS_AS(x.reshape({-1, 5}), ShapeError);
  CHECK_THROWS_AS(x.reshape({-2, -6}), ShapeError);
  CHECK_THROWS_AS(zeros({0}).reshape({-1, 0}), ShapeError);  // any size would fit
  CHECK_THROWS_AS(x.reshape({Index{1} << 62, 4, -1}), ShapeError);
}

TEST_CASE("is_contiguous asks for the order in memory, not for how it came about") {
  const Tensor x = zeros({2, 3, 4});
  CHECK(x.is_contiguous());
  CHECK(x.select(0, 1).is_contiguous());
  CHECK(x.slice(0, 1, 2).is_contiguous());
  CHECK(x.slice(0, 1, 2).transpose(0, 1).is_contiguous());  // only sizes of 1 moved
  CHECK(!x.mT().is_contiguous());
  CHECK(!x.slice(2, 0, 2).is_contiguous());
  CHECK(zeros({2, 0, 3}).mT().is_contiguous());
  CHECK(x.mT().contiguous().is_contiguous());
  CHECK(exact_difference(x.mT().contiguous(), x.mT()) == "");
}

// ---- writing ----

TEST_CASE("a write through one view is seen by all others") {
  const Tensor x = zeros({3, 4});
  x.mT().select(0, 1).fill(5);
  CHECK(doubles(x.select(1, 1)) == std::vector<double>{5, 5, 5});
  CHECK(x(0, 0) == Real(0));
  x.slice(1, 0, 4, 2).copy_from(tensor({1, 2}));
  CHECK(doubles(x.select(0, 2)) == std::vector<double>{1, 5, 2, 0});
  x.reshape({12}).slice(0, 11, 12).fill(9);
  CHECK(x(2, 3) == Real(9));
}

TEST_CASE("copy_from broadcasts, and refuses what does not") {
  Tensor x = zeros({2, 3});
  x.copy_from(tensor({{1}, {2}}));
  CHECK(doubles(x) == std::vector<double>{1, 1, 1, 2, 2, 2});
  x.copy_from(4);
  CHECK(x(1, 1) == Real(4));
  CHECK_THROWS_WITH(x.copy_from(zeros({3, 2})), ContainsSubstring("copy_from: ") &&
                                                    ContainsSubstring("[3, 2]") &&
                                                    ContainsSubstring("[2, 3]"));
  CHECK_THROWS_AS(x.copy_from(zeros({1, 2, 3})), ShapeError);
  CHECK(x(1, 1) == Real(4));
}

TEST_CASE("copy_from between overlapping views reads before it writes") {
  const Tensor x = arange(6);
  x.slice(0, 1, 6).copy_from(x.slice(0, 0, 5));
  CHECK(doubles(x) == std::vector<double>{0, 0, 1, 2, 3, 4});
  const Tensor square = arange(4).reshape({2, 2});
  Tensor same = square;
  same.copy_from(square.mT());
  CHECK(doubles(square) == std::vector<double>{0, 2, 1, 3});
}

TEST_CASE("add_ adds in place, broadcasts, and refuses what does not") {
  Tensor x = zeros({2, 3});
  const Tensor view = x.mT();
  x.add_(tensor({{1}, {2}}));
  x.add_(tensor({10, 20, 30}));
  x.add_(0.5);
  CHECK(doubles(x) == std::vector<double>{11.5, 21.5, 31.5, 12.5, 22.5, 32.5});
  CHECK(view(2, 1) == Real(32.5));
  CHECK_THROWS_AS(x.add_(zeros({1, 2, 3})), ShapeError);
  CHECK_THROWS_WITH(x.add_(zeros({3, 2})), ContainsSubstring("add_: ") &&
                                               ContainsSubstring("[3, 2]") &&
                                               ContainsSubstring("[2, 3]"));
  x.select(0, 0).add_(100);
  CHECK(doubles(x) == std::vector<double>{111.5, 121.5, 131.5, 12.5, 22.5, 32.5});
}

TEST_CASE("add_ of overlapping views reads before it writes") {
  Tensor x = arange(6);
  x.slice(0, 1).add_(x.slice(0, 0, 5));
  CHECK(doubles(x) == std::vector<double>{0, 1, 3, 5, 7, 9});
  x.add_(x);
  CHECK(doubles(x) == std::vector<double>{0, 2, 6, 10, 14, 18});
  Tensor square = arange(4).reshape({2, 2});
  square.add_(square.mT());
  CHECK(doubles(square) == std::vector<double>{0, 3, 3, 6});
  Tensor first = arange(3);
  first.add_(first.slice(0, 2));  // one number, for all
  CHECK(doubles(first) == std::vector<double>{2, 3, 4});
}

TEST_CASE("writing into an expanded view is an error, and writes nothing") {
  const Tensor x = tensor({1, 2});
  Tensor wide = x.expand({3, 2});
  const auto version = x.storage().version();
  CHECK_THROWS_WITH(wide.fill(0), ContainsSubstring("fill: ") && ContainsSubstring("[3, 2]") &&
                                      ContainsSubstring("clone"));
  CHECK_THROWS_AS(wide.copy_from(zeros({3, 2})), StateError);
  CHECK_THROWS_AS(wide.add_(1), StateError);
  CHECK_THROWS_WITH(wide.add_(1), ContainsSubstring("add_: ") && ContainsSubstring("clone"));
  CHECK_THROWS_AS(wide.mT().slice(0, 1, 2).fill(0), StateError);
  CHECK(doubles(x) == std::vector<double>{1, 2});
  CHECK(x.storage().version() == version);
  wide.select(0, 2).fill(7);  // one element in each view: no memory is shared
  CHECK(doubles(x) == std::vector<double>{7, 7});
}

TEST_CASE("fill, copy_from and add_ count as writes, data() and operator() do not") {
  Tensor x = zeros({2, 2});
  const Tensor view = x.mT();
  const auto start = x.storage().version();
  x(0, 0) = 1;
  x.data()[3] = 2;
  CHECK(x.storage().version() == start);
  x.fill(1);
  CHECK(view.storage().version() == start + 1);
  x.select(0, 0).copy_from(tensor({1, 2}));
  CHECK(view.storage().version() == start + 2);
  x.select(1, 0).add_(1);
  CHECK(view.storage().version() == start + 3);
  (void)x.clone();
  (void)x.reshape({4});
  (void)(x + x);
  CHECK(x.storage().version() == start + 3);
}

TEST_CASE("memory is given back when the last view of it goes") {
  const Index before = live_bytes();
  {
    const Tensor row = zeros({100, 10}).select(0, 3);
    CHECK(live_bytes() - before == 1000 * Index{sizeof(Real)});
    CHECK(row.numel() == 10);
  }
  CHECK(live_bytes() == before);
}

TEST_CASE("numbers begin a cache line of 64 bytes, or all lie in its second half") {
  for (Index n = 0; n < 300; ++n) {
    INFO(n);
    const Tensor x = zeros({n}), y = zeros({n});
    const std::uintptr_t place = n * Index{sizeof(Real)} <= 32 ? 32 : 0;
    CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 64 == place);
    CHECK(reinterpret_cast<std::uintptr_t>(y.data()) % 64 == place);
  }
  CHECK(reinterpret_cast<std::uintptr_t>(zeros({100'000}).data()) % 64 == 0);
}

TEST_CASE("a tensor too large for memory throws and leaves nothing behind") {
  const Index before = live_bytes();
  CHECK_THROWS_AS(zeros({Index{1} << 61}), std::bad_alloc);
  CHECK(live_bytes() == before);
}

TEST_CASE("a tensor beyond what a pointer reaches is refused, also where a size has 32 bits") {
  // Of 32 bits 2²⁹ doubles would be 0 bytes, and five more of them 40.
  const Index before = live_bytes();
  const Index most = std::numeric_limits<std::ptrdiff_t>::max() / Index{sizeof(Real)};
  for (Index count = most + 1; count < std::numeric_limits<Index>::max() / 2; count *= 2)
    for (const Index more : {0, 5}) {
      INFO(count + more << " numbers");
      CHECK_THROWS_AS(Storage(count + more), std::bad_alloc);
      CHECK_THROWS_AS(zeros({count + more}), std::bad_alloc);
      CHECK_THROWS_AS(ones({1, 1}).expand({count + more, 1}).clone(), std::bad_alloc);
    }
  CHECK(live_bytes() == before);
}

// ---- comparing ----

TEST_CASE("allclose bounds the difference by atol + rtol of the second operand") {
  CHECK(allclose(tensor({1, 2}), tensor({1, 2})));
  CHECK(allclose(tensor({1.0}), tensor({1.5}), 0.5, 0));
  CHECK(!allclose(tensor({1.5}), tensor({1.0}), 0.4, 0));
  CHECK(allclose(tensor({0.25}), tensor({0.0}), 0, 0.25));
  CHECK(allclose(zeros({2, 3}), Tensor(0)));
  CHECK(allclose(tensor({inf}), tensor({inf})));
  CHECK(!allclose(tensor({inf}), tensor({-inf})));
  CHECK(!allclose(tensor({inf}), tensor({1})));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(!allclose(tensor({nan}), tensor({nan})));
  CHECK_THROWS_WITH(allclose(zeros({2}), zeros({3})),
                    ContainsSubstring("[2]") && ContainsSubstring("[3]"));
}

// ---- printing ----

TEST_CASE("scalars, vectors, matrices and more print as nested rows") {
  CHECK(fmt::format("{}", Tensor(1.5)) == "1.5");
  CHECK(fmt::format("{}", tensor({1, 2, 3})) == "[1, 2, 3]");
  CHECK(fmt::format("{}", tensor({{1, 2}, {3, 4}})) == "[[1, 2],\n [3, 4]]");
  CHECK(fmt::format("{}", tensor({{{1}, {2}}, {{3}, {4}}})) == "[[[1],\n  [2]],\n [[3],\n  [4]]]");
}

TEST_CASE("columns align on the right, minus signs included") {
  CHECK(fmt::format("{}", tensor({{1, -2}, {-10, 4}})) == "[[  1,  -2],\n [-10,   4]]");
  CHECK(fmt::format("{:.2f}", tensor({1, -0.125})) == "[ 1.00, -0.12]");
}

TEST_CASE("the format of a number applies to every element") {
  CHECK(fmt::format("{:.1f}", tensor({1, 2.25})) == "[1.0, 2.2]");
  CHECK(fmt::format("{:+.0f}", Tensor(3)) == "+3");
  CHECK(fmt::format("{:6.1e}", tensor({1000.0})) == "[1.0e+03]");
  CHECK(fmt::format("{:5.1f}|", Tensor(1)) == "  1.0|");
}

TEST_CASE("long axes are elided in the middle, short ones are not") {
  CHECK(fmt::format("{}", arange(7)) == "[0, 1, 2, 3, 4, 5, 6]");
  CHECK(fmt::format("{}", arange(8)) == "[0, 1, 2, …, 5, 6, 7]");
  const std::string tall = fmt::format("{}", arange(100).reshape({100, 1}));
  CHECK(tall == "[[ 0],\n [ 1],\n [ 2],\n …,\n [97],\n [98],\n [99]]");
  CHECK(fmt::format("{}", zeros({1000, 1000})).size() < 500);
}

TEST_CASE("an empty tensor prints its shape, infinities and NaN print as words") {
  CHECK(fmt::format("{}", zeros({0, 3})) == "[] [0, 3]");
  CHECK(fmt::format("{}", tensor({1.0, -inf})) == "[   1, -inf]");
}

TEST_CASE("streams get the text that fmt gives") {
  const auto streamed = [](const auto& x) {
    std::ostringstream out;
    out << x;
    return out.str();
  };
  for (const Tensor& x : {Tensor(1.5), tensor({{1, -2}, {3.25, 4}}), arange(100), zeros({0, 3})})
    CHECK(streamed(x) == fmt::format("{}", x));
  for (const Shape& shape : {Shape{}, Shape{2, 3}, Shape{0}})
    CHECK(streamed(shape) == fmt::format("{}", shape));
  CHECK(streamed(Dual(1.5, -2)) == "1.5-2ε");
  CHECK(streamed(Real(2)) == "2");
  CHECK(streamed(3) == "3");
  CHECK(streamed(true) == "1");
}

TEST_CASE("a view prints its own elements") {
  CHECK(fmt::format("{}", tensor({{1, 2}, {3, 4}}).mT()) == "[[1, 3],\n [2, 4]]");
  CHECK(fmt::format("{}", Tensor(2).expand({2, 2})) == "[[2, 2],\n [2, 2]]");
}

TEST_CASE("a NaN prints without a sign") {
  CHECK(fmt::format("{}", Tensor(-not_a_number)) == "nan");
  CHECK(fmt::format("{:.1f}", tensor({-not_a_number, -1})) == "[ nan, -1.0]");
}

}  // namespace tensor_test
