// # Tensors are views
//
// A Tensor is a shape, a stride for each axis, and a place in shared memory. Transposing, slicing,
// expanding and most reshaping make a new shape and new strides over the same memory: such a view
// copies no number, and a write through it is seen by every other view. `clone()` is the copy.
//
// A Tensor knows no gradients. `Var`, in autograd/, remembers how a value was made.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "tensor/shape.h"
#include "tensor/storage.h"

namespace glass {

class Tensor {
 public:
  Tensor() : Tensor(Real(0)) {}
  Tensor(Number auto value) : Tensor(Storage(1), Shape(), Strides()) {
    *data_ = static_cast<Real>(value);
  }
  // Row-major values; ShapeError if their count is not the shape's.
  Tensor(Shape shape, std::vector<Real> values);

  const Shape& shape() const { return shape_; }
  Index rank() const { return shape_.rank(); }
  Index size(Axis axis) const { return shape_[axis]; }
  Index numel() const { return shape_.numel(); }
  Index stride(Axis axis) const { return strides_[static_cast<std::size_t>(shape_.wrap(axis))]; }
  const Strides& strides() const { return strides_; }
  const Storage& storage() const { return storage_; }

  // Are the elements in memory in row-major order, without gaps?
  bool is_contiguous() const;

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

  // ---- arithmetic, broadcasting; a number may stand on either side ----

  friend Tensor operator+(const Tensor& a, const Tensor& b);
  friend Tensor operator-(const Tensor& a, const Tensor& b);
  friend Tensor operator*(const Tensor& a, const Tensor& b);
  friend Tensor operator/(const Tensor& a, const Tensor& b);
  friend Tensor operator-(const Tensor& x);

  // The same memory read with another shape and other strides: what every view is made of.
  Tensor view(Shape shape, Strides strides, Index offset = 0) const;

 private:
  friend Tensor empty(Shape);
  Tensor(Storage storage, Shape shape, Strides strides)
      : storage_(std::move(storage)), data_(storage_.data()), shape_(shape), strides_(strides) {}
  Index offset(std::initializer_list<Index> index) const;
  void write(std::string_view op, const Tensor& source);

  Storage storage_;
  Real* data_;
  Shape shape_;
  Strides strides_;
};

// ---- making tensors ----

Tensor empty(Shape shape);  // not initialised
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

// |a − b| ≤ atol + rtol·|b| for every element, after broadcasting. Equal infinities are close; a
// NaN is close to nothing.
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
