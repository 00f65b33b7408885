// # Shapes
//
// A shape is up to eight sizes; strides say how many elements of memory lie between neighbours
// along each axis. Both are arrays inside the object, so that an op, which makes several, allocates
// no memory for them.
#pragma once

#include <array>
#include <concepts>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"
#include "tensor/real.h"

namespace glass {

inline constexpr Index max_rank = 8;

// Elements, not bytes, between neighbours along each axis. 0 where an axis repeats one element.
using Strides = std::array<Index, max_rank>;

class Shape {
 public:
  // Shape{2, n}: any integer types. A size of -1 is allowed in reshape(), which computes the size,
  // and in expand(), which keeps the old size.
  Shape(std::integral auto... sizes)
      : sizes_{static_cast<Index>(sizes)...}, rank_(sizeof...(sizes)) {
    static_assert(sizeof...(sizes) <= max_rank, "a shape has at most 8 axes");
  }
  explicit Shape(std::span<const Index> sizes);

  Index rank() const { return rank_; }

  // The size of an axis; a negative axis counts from the end. ShapeError if the axis does not
  // exist.
  Index operator[](Index axis) const { return sizes_[static_cast<std::size_t>(wrap(axis))]; }

  // The number of elements: the product of the sizes, 1 for rank 0. ShapeError if a size is
  // negative or the product does not fit in 63 bits.
  Index numel() const {
    Index product = 1;
    bool fits = true;
    for (const Index size : *this)
      fits &= size >= 0 && !__builtin_mul_overflow(product, size, &product);
    return fits ? product : careful_numel();
  }

  const Index* begin() const { return sizes_.data(); }
  const Index* end() const { return sizes_.data() + rank_; }
  friend bool operator==(const Shape& a, const Shape& b) {
    Index difference = a.rank_ ^ b.rank_;  // all 8 sizes, without branches: faster than a call
    for (std::size_t i = 0; i < max_rank; ++i) difference |= a.sizes_[i] ^ b.sizes_[i];
    return difference == 0;
  }
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape);  // print.cpp

  // Axis -rank … rank - 1 as 0 … rank - 1, or a ShapeError, which names the op that was called with
  // the axis.
  Index wrap(Index axis, std::string_view op = {}) const {
    const Index wrapped = axis < 0 ? axis + rank_ : axis;
    if (wrapped < 0 || wrapped >= rank_) [[unlikely]]
      no_axis(axis, op);
    return wrapped;
  }

  // The same shape with another size of one axis, with a new axis before `axis`, or without `axis`.
  Shape with(Index axis, Index size) const;
  Shape insert(Index axis, Index size) const;
  Shape erase(Index axis) const;

 private:
  [[noreturn]] void no_axis(Index axis, std::string_view op) const;
  Index careful_numel() const;

  std::array<Index, max_rank> sizes_{};  // 0 beyond the rank
  Index rank_ = 0;
};

// Row-major strides: the last axis is dense.
Strides contiguous_strides(const Shape& shape);

// The shape of a combined with b: aligned at the last axis, a size of 1 stretches to the other
// shape's size. ShapeError names `op` and both shapes.
Shape broadcast(std::string_view op, const Shape& a, const Shape& b);

// Does a tensor of shape `from` stretch to the shape `to`?
bool broadcasts_to(const Shape& from, const Shape& to);

// Strides that read a tensor as if it had the larger shape `to`; stretched axes get stride 0.
// ShapeError unless `from` broadcasts to `to`.
Strides stretched_strides(const Shape& from, const Strides& strides, const Shape& to);
inline Strides expand_strides(const Shape& from, const Strides& strides, const Shape& to) {
  return from == to ? strides : stretched_strides(from, strides, to);
}

// One axis: an integer, where a negative one counts from the end. A number with a fraction does not
// compile: max(x, 0.0) would reduce axis 0, where the larger of two numbers is maximum(x, 0.0).
struct Axis {
  Axis(std::integral auto axis) : value(static_cast<Index>(axis)) {}
  Axis(bool) = delete;  // an axis is an integer; keep is the third argument: sum(x, {}, true)
  Axis(char) = delete;  // an axis is an integer
  template <std::floating_point T>
  Axis(T number) = delete;  // an axis is an integer; the larger of two numbers is maximum(a, b)
  operator Index() const { return value; }
  Index value;
};

// One axis, several in braces, or a vector of them. No axis at all means every axis.
class Axes {
 public:
  Axes(std::integral auto axis) : axes_{static_cast<Index>(axis)} {}
  Axes(bool) = delete;  // an axis is an integer; keep is the third argument: sum(x, {}, true)
  Axes(char) = delete;  // an axis is an integer
  template <std::floating_point T>
  Axes(T number) = delete;  // an axis is an integer
  Axes(std::initializer_list<Index> axes) : axes_(axes) {}
  Axes(std::vector<Index> axes) : axes_(std::move(axes)) {}

  // Which axes of `shape` are named, each once; ShapeError if one is named twice or does not exist.
  std::array<bool, max_rank> flags(std::string_view op, const Shape& shape) const;

 private:
  std::vector<Index> axes_;
};

}  // namespace glass

// "[2, 3]"
template <>
struct fmt::formatter<glass::Shape> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::appender format(const glass::Shape& shape, fmt::format_context& context) const;
};
