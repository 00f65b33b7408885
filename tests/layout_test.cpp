// Layouts that tensors share. The address of x.shape() tells which layout x has.
//
// All tests of this program share one table of layouts, so a layout may or may not have a place in
// it. One that is made before main() has one.
#include "tensor/layout.h"

#include <random>
#include <set>
#include <thread>

#include "autograd/ops.h"
#include "tests/catch.h"

namespace layout_test {

using namespace glass;

namespace {

// Made before main(), and destroyed after it, when other static objects may be gone.
const Shape early{3, 5, 7};
const Var static_var(ones(early), true), static_view = static_var.mT();

static_assert(sizeof(Tensor) == 3 * sizeof(void*));

using Layout = LayoutPtr::Layout;
const Layout* layout_of(const Tensor& x) { return reinterpret_cast<const Layout*>(&x.shape()); }

// The offsets of all elements from the first, in row-major order.
std::vector<Index> offsets(const Shape& shape, const Strides& strides) {
  std::vector<Index> all{0};
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    std::vector<Index> longer;
    for (const Index offset : all)
      for (Index i = 0; i < shape[axis]; ++i)
        longer.push_back(offset + i * strides[static_cast<std::size_t>(axis)]);
    all = std::move(longer);
  }
  return all;
}

// What a layout says must follow from its shape and strides.
void expect_true_facts(const Tensor& x) {
  INFO(x.shape());
  const std::vector<Index> places = offsets(x.shape(), x.strides());
  CHECK(x.numel() == std::ssize(places));
  bool in_order = true;
  for (Index i = 0; i < std::ssize(places); ++i)
    in_order &= places[static_cast<std::size_t>(i)] == i;
  CHECK(x.is_contiguous() == in_order);
}

// A shape that belongs to the number i alone, among those of the same `family`.
Shape numbered(int family, int i) { return {1, i % 7 + 1, 1, i, family}; }

}  // namespace

TEST_CASE("results of one shape share a layout, whatever op made them") {
  const Tensor x = full(early, 2);
  const Layout* const shared = layout_of(static_var.value());
  for (const Tensor& y : {x, x + 1, x * ones({7}), exp(x), x.clone(), sum(x.unsqueeze(0), 0),
                          x.mT().contiguous().mT().contiguous(), x.reshape({15, 7}).reshape(early)})
    CHECK(layout_of(y) == shared);
  CHECK(layout_of(x.mT().mT()) == shared);
  CHECK(layout_of(x.unsqueeze(1).squeeze(1)) == shared);
  CHECK(layout_of(x.mT()) != shared);
}

TEST_CASE("views of one shape with the same strides share a layout, wherever they begin") {
  const Tensor x = ones(early), turned = static_view.value();
  CHECK(layout_of(x.mT()) == layout_of(turned));
  CHECK(layout_of(turned.slice(0, 0)) == layout_of(turned));
  CHECK(layout_of(turned.expand({3, -1, 5})) == layout_of(turned));
  CHECK(layout_of(turned.contiguous()) != layout_of(turned));
  // A view lives on when what it was made from is gone.
  Tensor last;
  {
    const Tensor gone = arange(105).reshape(early).mT();
    last = gone.slice(0, 0);
  }
  CHECK(last.shape() == Shape{3, 7, 5});
  CHECK(last(2, 6, 4) == Real(104));
}

TEST_CASE("what a layout knows follows from its shape and strides") {
  std::mt19937 random(7);
  const auto below = [&](Index n) {
    return static_cast<Index>(random() % static_cast<std::uint32_t>(n));
  };
  for (int i = 0; i < 300; ++i) {
    // Four sizes of 0 to 3, most of them not 0; then views of views.
    std::array<Index, 4> sizes{};
    for (Index& size : sizes) size = below(12) == 0 ? 0 : 1 + below(3);
    Tensor x = empty(Shape(std::span<const Index>(sizes)));
    expect_true_facts(x);
    for (int j = 0; j < 4; ++j) {
      const Index axis = below(x.rank()), other = below(x.rank());
      switch (below(5)) {
        case 0:
          x = x.transpose(axis, other);
          break;
        case 1:
          x = x.slice(axis, 0, x.size(axis), 2);
          break;
        case 2:
          x = x.unsqueeze(axis);
          break;
        case 3:
          x = x.slice(axis, 0, 1);
          break;
        default:
          if (x.size(axis) == 1) x = x.expand(x.shape().with(axis, 3));
      }
      expect_true_facts(x);
    }
    // The strides of a view are exactly those that were asked for.
    const Strides odd{3, 0, 7, -2};
    CHECK(x.view({1, 2, 0, 1}, odd).strides() == odd);
  }
}

TEST_CASE("strides are 0 beyond the rank, whatever a view was made with") {
  const Tensor x = ones({2, 3}), eight = ones({2, 1, 1, 1, 1, 1, 1, 3});
  const Strides junk{1, 2, 9, 9, 9, 9, 9, 9}, clean{1, 2};
  CHECK(x.view({2, 2}, junk).strides() == clean);
  CHECK(x.view({2, 2}, clean).strides() == clean);
  CHECK(eight.select(1, 0).strides() == contiguous_strides({2, 1, 1, 1, 1, 1, 3}));
}

TEST_CASE("a result on an empty expanded view has memory of its own, and may be written to") {
  for (const Tensor& x : {zeros({1, 0}).expand({4, 0}), zeros({0, 1}).expand({0, 3})}) {
    CHECK(x.is_expanded());
    for (Tensor y : {x + 1, exp(x), x.clone(), x * x}) {
      CHECK(y.shape() == x.shape());
      CHECK_FALSE(y.is_expanded());
      CHECK(y.strides() == contiguous_strides(x.shape()));
      y.fill(1);
    }
  }
}

TEST_CASE("many more shapes than the table has places for") {
  for (int round = 0; round < 2; ++round) {
    std::vector<Tensor> all;
    for (int i = 0; i < 5000; ++i) all.push_back(full(numbered(1, i), static_cast<Real>(i)));
    std::set<const Layout*> layouts;
    for (int i = 0; i < 5000; ++i) {
      const Tensor& x = all[static_cast<std::size_t>(i)];
      REQUIRE(x.shape() == numbered(1, i));
      REQUIRE(x.strides() == contiguous_strides(x.shape()));
      REQUIRE((i == 0 || x.data()[x.numel() - 1] == Real(i)));
      layouts.insert(layout_of(x));
    }
    CHECK(layouts.size() == 5000);
  }
}

TEST_CASE("a shape that cannot be is an error, also in a view, and nothing is left of it") {
  const Index large = Index{1} << 40;
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(empty({2, -3}), ShapeError);
    CHECK_THROWS_AS(empty({large, large}), ShapeError);
    CHECK_THROWS_AS(ones({1}).view({-1}, {1}), ShapeError);
    CHECK_THROWS_AS(ones({1}).expand({large, large}), ShapeError);
  }
}

TEST_CASE("threads that make the same new shapes at once get the right ones") {
  std::vector<std::string> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&text = wrong[t]] {
      std::vector<Tensor> kept;
      for (int i = 0; i < 400; ++i) {
        const Shape shape = numbered(2, i);
        const Tensor x = empty(shape), turned = x.mT(), y = turned.slice(0, 0);
        kept.push_back(y.mT());
        if (x.shape() != shape || y.shape() != turned.shape() || kept.back().shape() != shape)
          text = fmt::format("{} became {}", shape, x.shape());
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : wrong) CHECK(text.empty());
}

TEST_CASE("threads copy, view and drop tensors of one counted layout") {
  // Of many more layouts than the table holds, the last ones are counted.
  Tensor turned = ones(early);
  for (int i = 0; i < 3000; ++i) turned = turned.view(early, {i, i + 1, 0});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([turned] {
      for (int i = 0; i < 1000; ++i) {
        Tensor copy = turned, view = copy.slice(0, 0);
        copy = std::move(view);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(turned.shape() == early);
  CHECK(turned.stride(1) == 3000);
}

TEST_CASE("a Var that was made before main() has the layout that the table gives now") {
  CHECK(static_view.shape() == Shape{3, 7, 5});
  CHECK(layout_of(static_var.value()) == layout_of(empty(early)));
}

}  // namespace layout_test
