// # Tensors: views, reshaping, copies
//
// A view is a new shape, new strides and a new first element over the same memory. So nearly every
// function here computes a few integers, and moves no number; clone(), fill(), copy_from() and what
// makes a tensor are the exceptions. Printing is in print.cpp.
#include "tensor/tensor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "tensor/loops.h"

namespace glass {

Tensor::Tensor(Shape shape, std::vector<Real> values) : Tensor(empty(shape)) {
  expect_count(static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), data_);
}

void Tensor::expect_count(Index count) const {
  check<ShapeError>(count == numel(), "tensor: shape {} holds {} values; got {}", layout_->shape,
                    numel(), count);
}

bool Tensor::is_expanded() const {
  for (Index axis = 0; axis < rank(); ++axis)
    if (stride(axis) == 0 && size(axis) > 1) return true;
  return false;
}

Real Tensor::item() const {
  check<ShapeError>(numel() == 1, "item: the tensor must hold one element; got shape {}",
                    layout_->shape);
  return *data_;
}

// How far the element is from the first: index times stride, summed over the axes.
Index Tensor::offset(std::initializer_list<Index> index) const {
  check<ShapeError>(static_cast<Index>(index.size()) == rank(),
                    "tensor: one index an axis; got {} for shape {}", index.size(), layout_->shape);
  Index axis = 0;
  Index offset = 0;
  for (const Index i : index) {
    // A negative index is out of bounds here.
    check<ShapeError>(0 <= i && i < size(axis), "tensor: index {} is outside axis {} of shape {}",
                      i, axis, layout_->shape);
    offset += i * stride(axis);
    ++axis;
  }
  return offset;
}

std::vector<Real> Tensor::to_vector() const {
  const Tensor dense = contiguous();
  return {dense.data(), dense.data() + numel()};
}

// ---- views ----

// Every view below is made here: `offset` is how far its first element is from this tensor's.
Tensor Tensor::view(Shape shape, Strides strides, Index offset) const {
  return {storage_, data_ + offset, LayoutPtr(shape, strides)};
}

// The two axes exchange their sizes and their strides.
Tensor Tensor::transpose(Axis a, Axis b) const {
  Strides strides = layout_->strides;
  std::swap(strides[static_cast<std::size_t>(layout_->shape.wrap(a, "transpose"))],
            strides[static_cast<std::size_t>(layout_->shape.wrap(b, "transpose"))]);
  return view(layout_->shape.with(a, size(b)).with(b, size(a)), strides);
}

Tensor Tensor::mT() const {
  check<ShapeError>(rank() >= 2, "mT: needs at least 2 axes; got shape {}", layout_->shape);
  return transpose(-2, -1);
}

Tensor Tensor::permute(std::vector<Index> axes) const {
  Shape shape = layout_->shape;
  Strides strides{};
  std::array<bool, max_rank> seen{};
  bool valid = static_cast<Index>(axes.size()) == rank();
  for (std::size_t i = 0; valid && i < axes.size(); ++i) {
    // Axis i of the result is this axis of ours, unless there is none or it was taken before.
    const Index axis = axes[i] < 0 ? axes[i] + rank() : axes[i];
    valid = 0 <= axis && axis < rank() && !seen[static_cast<std::size_t>(axis)];
    if (!valid) break;
    seen[static_cast<std::size_t>(axis)] = true;
    shape = shape.with(static_cast<Index>(i), size(axis));
    strides[i] = stride(axis);
  }
  check<ShapeError>(valid, "permute: every axis of {} once; got [{}]", layout_->shape,
                    fmt::join(axes, ", "));
  return view(shape, strides);
}

Tensor Tensor::slice(Axis axis, Index begin, Index end, Index step) const {
  check<ShapeError>(step >= 1, "slice: the step must be at least 1; got {} for shape {}", step,
                    layout_->shape);
  const Index at = layout_->shape.wrap(axis, "slice"), n = size(at);
  // A step longer than the axis becomes as long as the axis. Either step takes only the element at
  // `begin`, and no product below overflows.
  step = std::min(step, std::max<Index>(n, 1));
  begin = std::clamp<Index>(begin < 0 ? begin + n : begin, 0, n);
  end = std::clamp<Index>(end < 0 ? end + n : end, begin, n);
  Strides strides = layout_->strides;
  strides[static_cast<std::size_t>(at)] *= step;
  // An empty slice at the very end must not point beyond the memory.
  const Index offset = begin < end ? begin * stride(axis) : 0;
  return view(layout_->shape.with(axis, ceil_div(end - begin, step)), strides, offset);
}

// Starts at position i and leaves the axis out.
Tensor Tensor::select(Axis axis, Index i) const {
  const Index gone = layout_->shape.wrap(axis, "select");
  const Index n = size(gone), at = i < 0 ? i + n : i;
  check<ShapeError>(0 <= at && at < n, "select: position {} is outside axis {} of shape {}", i,
                    axis.value, layout_->shape);
  // The strides behind the axis move up by one.
  Strides strides = layout_->strides;
  std::copy(strides.begin() + gone + 1, strides.end(), strides.begin() + gone);
  return view(layout_->shape.erase(gone), strides, at * stride(gone));
}

// A stretched axis has stride 0, so every position along it reads the same element.
Tensor Tensor::expand(Shape shape) const {
  for (Index axis = -1; axis >= -std::min(rank(), shape.rank()); --axis)
    if (shape[axis] == -1) shape = shape.with(axis, size(axis));
  (void)shape.numel();  // a ShapeError where it is too large
  return view(shape, expand_strides(layout_->shape, layout_->strides, shape));
}

Tensor Tensor::squeeze(Axis axis) const {
  const Index at = layout_->shape.wrap(axis, "squeeze");
  return size(at) == 1 ? select(at, 0) : *this;
}

// The new axis has size 1, so its stride is never used. It gets the stride that makes the result
// row-major where this tensor is, so that both ways to such a result lead to one layout.
Tensor Tensor::unsqueeze(Axis axis) const {
  const Shape shape = layout_->shape.insert(axis, 1);
  Strides strides = layout_->strides;
  const Index at = shape.wrap(axis);
  std::copy_backward(strides.begin() + at, strides.begin() + rank(), strides.begin() + rank() + 1);
  const bool steps = at < rank() && numel() > 0;  // of an empty tensor the product may overflow
  strides[static_cast<std::size_t>(at)] = steps ? size(at) * stride(at) : 1;
  return view(shape, strides);
}

namespace {

// The last axes of x that can be seen as one long axis: its stride and how many elements it has.
// The axes from `axis` downwards are read, and `axis` goes down to the first that does not belong
// to it.
struct Run {
  Index stride, count;
};
Run take_run(const Tensor& x, Index& axis) {
  while (axis >= 0 && x.size(axis) == 1) --axis;
  Run run{x.stride(axis), 1};
  // The axis before continues the run if one step along it equals all steps along the run.
  const auto continues = [&] {
    return x.size(axis) == 1 || x.stride(axis) == run.stride * run.count;
  };
  for (; axis >= 0 && continues(); --axis) run.count *= x.size(axis);
  return run;
}

// Strides that read the elements of x in the same order with the shape `to`, or nothing where no
// strides can, and only a copy will do. Each run of x is divided among axes of `to`, from the last
// on: an axis of size n takes every element of the run, the axis before it every n-th.
//
// For example x [2, 6] with strides 8, 1 has two runs, of 6 and 2 elements. As [2, 2, 3] it has the
// strides 8, 3, 1: the run of 6 is divided into 3 and 2. As [3, 4] it has none, since 4 does not
// divide 6.
std::optional<Strides> view_strides(const Tensor& x, const Shape& to) {
  Strides result{};
  Index axis = x.rank() - 1;
  Run left{1, 1};  // of the run that is being divided
  for (Index i = to.rank() - 1; i >= 0; --i) {
    if (to[i] != 1 && left.count == 1) left = take_run(x, axis);
    if (left.count % to[i] != 0) return std::nullopt;
    result[static_cast<std::size_t>(i)] = left.stride;
    left.stride *= to[i];
    left.count /= to[i];
  }
  return result;
}

// Replaces the -1 of a shape, if it has one, by the size that makes it hold `numel` elements. False
// where the shape then holds another number of elements, or has a size below -1, or two of -1.
bool fill_in(Shape& shape, Index numel) {
  Index unknown = -1;
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] >= 0) continue;
    if (shape[axis] < -1 || unknown >= 0) return false;
    unknown = axis;
  }
  if (unknown >= 0) {
    // Beside a size of 0 the unknown size could be anything.
    const Index known = shape.with(unknown, 1).numel();
    if (known == 0) return false;
    shape = shape.with(unknown, numel / known);
  }
  return shape.numel() == numel;
}

}  // namespace

Tensor Tensor::reshape(Shape shape) const {
  const bool fits = fill_in(shape, numel());
  check<ShapeError>(fits, "reshape: {} elements of {} do not fit {}", numel(), layout_->shape,
                    shape);
  // A view, if there are strides for it.
  if (is_contiguous()) return view(shape, contiguous_strides(shape));
  if (const auto strides = view_strides(*this, shape)) return view(shape, *strides);
  return clone().view(shape, contiguous_strides(shape));
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }
Tensor Tensor::clone() const {
  return map_each(*this, [](Real x) { return x; });
}

// ---- in place ----

void Tensor::fill(Real value) {
  write("fill", Tensor(value), [](Real& x, Real y) { x = y; });
}
void Tensor::copy_from(const Tensor& source) {
  write("copy_from", source, [](Real& x, Real y) { x = y; });
}
void Tensor::add_(const Tensor& x) {
  write("add_", x, [](Real& sum, Real y) { sum += y; });
}

// Calls f(x, y) for each element x and the element y of the source at the same place.
template <class F>
void Tensor::write(std::string_view op, const Tensor& source, F f) {
  const Shape& shape = layout_->shape;
  check<StateError>(!is_expanded(),
                    "{}: cannot write into an expanded view, where elements share memory; clone() "
                    "it first; shape {}",
                    op, shape);
  check<ShapeError>(broadcasts_to(source.shape(), shape),
                    "{}: the source must have the shape {} or broadcast to it; got {}", op, shape,
                    source.shape());
  // If both views share memory, the source is copied first. Otherwise the loop could read numbers
  // that it has just written.
  const Tensor from = source.storage_.same_as(storage_) ? source.clone() : source;
  const Strides steps = expand_strides(from.shape(), from.strides(), shape);
  Walk<2>(shape, {strides(), steps}).run([&](const auto& at, Index count, const auto& step) {
    for (Index i = 0; i < count; ++i)
      f(data_[at[0] + i * step[0]], from.data_[at[1] + i * step[1]]);
  });
  storage_.bump_version();
}

// ---- making ----

Tensor empty(Shape shape) { return Tensor(LayoutPtr(shape)); }
Tensor zeros(Shape shape) { return full(shape, Real(0)); }
Tensor ones(Shape shape) { return full(shape, Real(1)); }

Tensor full(Shape shape, Real value) {
  Tensor x = empty(shape);
  std::fill_n(x.data(), x.numel(), value);
  return x;
}

// Row-major values that follow a rule.
Tensor arange(Index n) {
  Tensor x = empty(Shape{n});
  for (Index i = 0; i < n; ++i) x.data()[i] = static_cast<Real>(i);
  return x;
}

Tensor eye(Index n) {
  Tensor x = zeros(Shape{n, n});
  for (Index i = 0; i < n; ++i) x.data()[i * (n + 1)] = Real(1);
  return x;
}

namespace {

// Appends all numbers of nested braces to `values`, in row-major order. The shape was read along
// the first item of each level; a ShapeError where any other item does not agree with it.
void flatten(const Nested& nested, std::span<const Index> shape, std::vector<Real>& values) {
  const bool number = shape.empty();
  check<ShapeError>(
      nested.is_number == number && (number || static_cast<Index>(nested.items.size()) == shape[0]),
      "tensor: rows at one depth must be equally long");
  if (number) values.push_back(nested.value);
  for (const Nested& item : nested.items) flatten(item, shape.subspan(1), values);
}

}  // namespace

Tensor tensor(const Nested& values) {
  // The sizes, along the first item of each level.
  std::vector<Index> sizes;
  for (const Nested* level = &values; !level->is_number; level = &level->items[0]) {
    sizes.push_back(static_cast<Index>(level->items.size()));
    if (level->items.empty()) break;
  }
  std::vector<Real> flat;
  flatten(values, sizes, flat);
  return {Shape(sizes), std::move(flat)};
}

namespace {

// The doubles that are compared for a number: for an interval both ends, and 0 if it lies between.
// The distance of p and q is largest at ends, and the |q| that the tolerance grows with is smallest
// at 0.
#ifdef GLASS_REAL_CERTIFIED
std::array<double, 3> extremes(Real x) {
  const double lo = x.v.below(), hi = x.v.above();
  return {lo, hi, lo < 0 && hi > 0 ? 0 : lo};
}
#else
std::array<double, 1> extremes(Real x) { return {static_cast<double>(x)}; }
#endif

}  // namespace

// Compares in double; NaN and an infinity on one side only are never close. Two intervals are close
// if each point of one is close to each point of the other.
bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  const auto are_close = [=](double p, double q) {
    return p == q || (std::isfinite(q) && std::abs(p - q) <= atol + rtol * std::abs(q));
  };
  const auto close = [=](Real x, Real y) {
    bool all = true;
    for (const double p : extremes(x))
      for (const double q : extremes(y)) all = all && are_close(p, q);
    return Real(all ? 1 : 0);
  };
  const Tensor same = zip("allclose", a, b, close);
  return std::all_of(same.data(), same.data() + same.numel(), [](Real x) { return x == Real(1); });
}

}  // namespace glass
