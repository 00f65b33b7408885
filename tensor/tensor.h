// # Tensors are views
//
// A Tensor is a shape, a stride for each axis, and a place in shared memory. Transposing, slicing,
// expanding and most reshaping make a new shape and new strides over the same memory: such a view
// copies no number, and a write through it is seen by every other view. `clone()` is the copy.
//
// A Tensor knows no gradients. `Var`, in autograd/, remembers how a value was made.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/layout.h"
#include "tensor/shape.h"
#include "tensor/storage.h"

namespace glass {

// What a Tensor takes its numbers from: a range of numbers of any type, or a pointer to the first
// one. Here bool is a number, 0 or 1. char is not: text is no list of numbers.
template <class T>
concept Element = std::convertible_to<T, Real> && !std::same_as<T, char>;
template <class T>
concept ElementPointer = std::is_pointer_v<T> && Element<std::iter_value_t<T>>;
template <class T>
concept Elements =
    ElementPointer<T> || std::is_null_pointer_v<T> || Element<std::ranges::range_value_t<const T>>;

class Tensor {
 public:
  Tensor() : Tensor(Real(0)) {}
  Tensor(Number auto value) : Tensor(LayoutPtr(Shape())) { *data_ = static_cast<Real>(value); }
  // Row-major values; ShapeError if their count is not the shape's.
  Tensor(Shape shape, std::vector<Real> values);
  // The same, from numbers of any type: Tensor({2, 3}, pixels), where pixels are a vector, an array
  // or a span of `std::uint8_t`. From a pointer as many numbers are read as the shape holds.
  template <Elements Values>
  Tensor(Shape shape, const Values& values);

  const Shape& shape() const { return layout_->shape; }
  Index rank() const { return shape().rank(); }
  Index size(Axis axis) const { return shape()[axis]; }
  Index numel() const { return layout_->numel; }
  Index stride(Axis axis) const { return strides()[static_cast<std::size_t>(shape().wrap(axis))]; }
  const Strides& strides() const { return layout_->strides; }
  const Storage& storage() const { return storage_; }

  // Are the elements in memory in row-major order, without gaps?
  bool is_contiguous() const { return layout_->is_contiguous; }

  // Is this the only view of its memory, and does it cover all of the memory? Then a write changes
  // no other tensor.
  bool owns_memory() const {
    return !storage_.is_shared() && storage_.count() == numel() && is_contiguous();
  }

  // Do several elements share one number of memory, as after expand()?
  bool is_expanded() const;

  // The first element. A write through data() or operator() does not change the version, so the
  // reverse sweep cannot notice it. Use fill() and copy_from() if a gradient may still be computed.
  Real* data() { return data_; }
  const Real* data() const { return data_; }

  // The only element; ShapeError if there are none or several.
  Real item() const;

  // One element, by one index per axis. ShapeError if an index is out of bounds, or if there are
  // more or fewer indices than axes.
  Real& operator()(std::integral auto... index) {
    return data_[offset({static_cast<Index>(index)...})];
  }
  Real operator()(std::integral auto... index) const {
    return data_[offset({static_cast<Index>(index)...})];
  }
  std::vector<Real> to_vector() const;  // a row-major copy

  // ---- views: no number moves ----

  Tensor transpose(Axis a, Axis b) const;
  Tensor mT() const;  // the last two axes exchanged
  Tensor permute(std::vector<Index> axes) const;

  // Every step-th element of begin … end - 1. As in Python, negative positions count from the end
  // and a range that reaches beyond the axis is cut. ShapeError unless step ≥ 1.
  Tensor slice(Axis axis, Index begin, Index end, Index step = 1) const;
  Tensor slice(Axis axis, Index begin) const {  // from begin to the end
    return slice(axis, begin, std::numeric_limits<Index>::max());
  }
  Tensor select(Axis axis, Index i) const;  // one position; the axis is removed

  // Axes of size 1 repeated to the given sizes, with stride 0; new axes are added in front. -1
  // leaves a size as it is.
  Tensor expand(Shape shape) const;
  Tensor squeeze(Axis axis) const;    // removes an axis of size 1; any other stays
  Tensor unsqueeze(Axis axis) const;  // a new axis of size 1

  // The same elements in the same order under another shape; one size may be -1. A view where the
  // strides allow it, else a copy.
  Tensor reshape(Shape shape) const;

  Tensor contiguous() const;  // this tensor if it is contiguous, else a copy that is
  Tensor clone() const;       // a contiguous copy in memory of its own

  // ---- in place: seen through every view, and counted by the storage's version ----

  // StateError on an expanded view, where several elements share one number of memory.
  void fill(Real value);
  void copy_from(const Tensor& source);  // broadcasts; may overlap
  void add_(const Tensor& x);            // this + x; broadcasts x; may overlap

  // There is no +=. Copies of a Tensor share their memory, so `x += y` would change every copy of
  // x. Say which of the two is meant: x.add_(y) changes all copies, x = x + y changes none.
  template <class T>
  void operator+=(const T&) = delete;  // in place is x.add_(y); a new Tensor is x = x + y
  template <class T>
  void operator-=(const T&) = delete;  // in place is x.add_(-y); a new Tensor is x = x - y
  template <class T>
  void operator*=(const T&) = delete;  // in place is x.copy_from(x * y); a new Tensor is x = x * y
  template <class T>
  void operator/=(const T&) = delete;  // in place is x.copy_from(x / y); a new Tensor is x = x / y

  // ---- arithmetic, broadcasting; a number may stand on either side ----

  friend Tensor operator+(const Tensor& a, const Tensor& b);
  friend Tensor operator-(const Tensor& a, const Tensor& b);
  friend Tensor operator*(const Tensor& a, const Tensor& b);
  friend Tensor operator/(const Tensor& a, const Tensor& b);
  friend Tensor operator-(const Tensor& x);

  // ---- comparisons, broadcasting: 1 where they hold, 0 where not ----

  // less() and its kin in ops.h are the same functions. There is no ==: it is equal(a, b).
  friend Tensor operator<(const Tensor& a, const Tensor& b);
  friend Tensor operator<=(const Tensor& a, const Tensor& b);
  friend Tensor operator>(const Tensor& a, const Tensor& b);
  friend Tensor operator>=(const Tensor& a, const Tensor& b);

  friend std::ostream& operator<<(std::ostream& out, const Tensor& x);  // as fmt prints it

  // No ==: the standard library would expect a bool of it.
  friend bool operator==(const Tensor& a, const Tensor& b) = delete;  // write equal(a, b)

  // The same memory read with another shape and other strides: what every view is made of.
  Tensor view(Shape shape, Strides strides, Index offset = 0) const;

 private:
  friend Tensor empty(Shape);
  explicit Tensor(LayoutPtr layout)  // of new memory, not initialised
      : storage_(layout->numel), data_(storage_.data()), layout_(std::move(layout)) {}
  Tensor(Storage storage, Real* data, LayoutPtr layout)
      : storage_(std::move(storage)), data_(data), layout_(std::move(layout)) {}
  Index offset(std::initializer_list<Index> index) const;
  void expect_count(Index count) const;
  template <class F>
  void write(std::string_view op, const Tensor& source, F f);

  // Three pointers: a graph holds several Tensors for each op.
  Storage storage_;
  Real* data_;
  LayoutPtr layout_;
};

// ---- making tensors ----

Tensor empty(Shape shape);  // not initialised

template <Elements Values>
Tensor::Tensor(Shape shape, const Values& values) : Tensor(empty(shape)) {
  if constexpr (ElementPointer<Values>) {
    if (values == nullptr) expect_count(0);
    for (Index i = 0; i < numel(); ++i) data_[i] = static_cast<Real>(values[i]);
  } else if constexpr (std::is_null_pointer_v<Values>) {
    expect_count(0);
  } else {
    expect_count(std::ranges::distance(values));
    Real* next = data_;
    for (const std::ranges::range_value_t<const Values> x : values) *next++ = static_cast<Real>(x);
  }
}

Tensor zeros(Shape shape);
Tensor ones(Shape shape);
Tensor full(Shape shape, Real value);
Tensor arange(Index n);  // 0, 1, …, n - 1
Tensor eye(Index n);     // the identity matrix

// Nested braces of numbers: tensor({{1, 2}, {3, 4}}). ShapeError where rows differ in length.
struct Nested {
  Nested(Number auto number) : value(static_cast<Real>(number)), is_number(true) {}
  Nested(std::initializer_list<Nested> list) : items(list) {}
  Real value{};
  bool is_number = false;
  std::vector<Nested> items;
};
Tensor tensor(const Nested& values);

// Token ids, [batch, length] row-major. They are not numbers: nothing differentiates them.
struct Tokens {
  Index batch = 0, length = 0;
  std::vector<int> ids;
};

// |a − b| ≤ atol + rtol·|b| for every element, after broadcasting; of intervals, for every pair of
// their points. Equal infinities are close; a NaN is close to nothing.
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8);

// Nested rows, aligned, the middle of a long axis elided; `spec` is the format spec of one number.
std::string to_string(const Tensor& x, std::string_view spec = "");

}  // namespace glass

// The format spec of a number applies to every element: "{:.3f}".
template <>
struct fmt::formatter<glass::Tensor> {
  constexpr auto parse(fmt::format_parse_context& context) {
    const auto begin = context.begin();
    const auto end = fmt::formatter<double>().parse(context);
    spec = {begin, static_cast<std::size_t>(end - begin)};
    return end;
  }
  fmt::appender format(const glass::Tensor& x, fmt::format_context& context) const;
  std::string_view spec;
};
