// # Shapes: their axes, how they broadcast, and their strides
//
// Only sizes and strides are computed here; no number of a tensor is read.
#include "tensor/shape.h"

#include <algorithm>

namespace glass {

Shape::Shape(std::span<const Index> sizes) : rank_(static_cast<Index>(sizes.size())) {
  check<ShapeError>(rank_ <= max_rank, "shape: at most {} axes; got {}", max_rank, rank_);
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
}

// numel() of a shape where the quick product failed: an error, or 0.
Index Shape::careful_numel() const {
  for (const Index size : *this)
    check<ShapeError>(size >= 0, "shape: sizes must not be negative; got {}", *this);
  // If any size is 0, the tensor has 0 elements, even if the product of the other sizes overflows.
  check<ShapeError>(std::find(begin(), end(), 0) != end(), "shape: too many elements; got {}",
                    *this);
  return 0;
}

void Shape::no_axis(Index axis, std::string_view op) const {
  const std::string_view colon = op.empty() ? "" : ": ";
  throw ShapeError(fmt::format("{}{}axis {} does not exist in shape {}", op, colon, axis, *this));
}

// ---- a shape with one axis changed, added or taken away ----

Shape Shape::with(Index axis, Index size) const {
  Shape result = *this;
  result.sizes_[static_cast<std::size_t>(wrap(axis))] = size;
  return result;
}

Shape Shape::insert(Index axis, Index size) const {
  check<ShapeError>(rank_ < max_rank, "shape: at most {} axes; cannot add one to {}", max_rank,
                    *this);
  check<ShapeError>(-rank_ - 1 <= axis && axis <= rank_,
                    "axis {} cannot be added to shape {}: expected {} to {}", axis, *this,
                    -rank_ - 1, rank_);
  // The axes from `at` on move up by one.
  Shape result = *this;
  ++result.rank_;
  const Index at = result.wrap(axis);
  std::copy_backward(begin() + at, end(), result.sizes_.begin() + result.rank_);
  result.sizes_[static_cast<std::size_t>(at)] = size;
  return result;
}

Shape Shape::erase(Index axis) const {
  Shape result = *this;
  const Index at = wrap(axis);
  std::copy(begin() + at + 1, end(), result.sizes_.begin() + at);
  result.sizes_[static_cast<std::size_t>(--result.rank_)] = 0;
  return result;
}

// ---- strides and broadcasting ----

// The last axis has stride 1, each axis before it steps over all elements of the axes behind it.
Strides contiguous_strides(const Shape& shape) {
  Strides strides{};
  Index step = 1;
  for (Index axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<std::size_t>(axis)] = step;
    // Only the strides of an empty tensor can overflow; it has no element that they could lead to.
    (void)__builtin_mul_overflow(step, std::max<Index>(shape[axis], 1), &step);
  }
  return strides;
}

Shape broadcast(std::string_view op, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  // From the last axis on. Where the longer shape has a size of 1, it takes the shorter one's size.
  Shape result = longer;
  for (Index axis = -1; axis >= -shorter.rank(); --axis) {
    const Index m = longer[axis], n = shorter[axis];
    check<ShapeError>(m == n || m == 1 || n == 1, "{}: shapes must broadcast; got {} and {}", op, a,
                      b);
    if (m == 1) result = result.with(axis, n);
  }
  return result;
}

// Each axis of `from`, aligned at the last, has the same size in `to`, or has size 1.
bool broadcasts_to(const Shape& from, const Shape& to) {
  bool fits = from.rank() <= to.rank();
  for (Index axis = -1; fits && axis >= -from.rank(); --axis)
    fits = from[axis] == to[axis] || from[axis] == 1;
  return fits;
}

Strides stretched_strides(const Shape& from, const Strides& strides, const Shape& to) {
  const Index added = to.rank() - from.rank();
  check<ShapeError>(added >= 0, "expand: {} has fewer axes than {}", to, from);
  // The axes that `to` has in front of those of `from` keep the stride 0, as do stretched axes: a
  // step along them stays at the same element.
  Strides result{};
  for (Index axis = 0; axis < from.rank(); ++axis) {
    const bool same = from[axis] == to[axis + added];
    check<ShapeError>(same || from[axis] == 1, "expand: {} does not broadcast to {}", from, to);
    result[static_cast<std::size_t>(axis + added)] =
        same ? strides[static_cast<std::size_t>(axis)] : 0;
  }
  return result;
}

// ---- several axes ----

// A list without any axis names all axes.
std::array<bool, max_rank> Axes::flags(std::string_view op, const Shape& shape) const {
  std::array<bool, max_rank> flags{};
  for (const Index axis : axes_) {
    bool& flag = flags[static_cast<std::size_t>(shape.wrap(axis, op))];
    check<ShapeError>(!flag, "{}: axis {} is named twice; shape {}", op, axis, shape);
    flag = true;
  }
  if (axes_.empty()) std::fill_n(flags.begin(), shape.rank(), true);
  return flags;
}

}  // namespace glass
