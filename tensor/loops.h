// # One walk over any number of strided operands
//
// (private to tensor/) Element-wise work on operands of one shape, each with strides of its own.
// The walk first drops axes of size 1 and merges neighbours that lie in memory as one for every
// operand, so contiguous tensors of any rank become a single long row; then it hands out rows. No
// index arithmetic is left inside a row.
#pragma once

#include <array>

#include "tensor/parallel.h"
#include "tensor/simd.h"
#include "tensor/tensor.h"

namespace glass {

// How many elements are worth a thread, if each takes an exponential.
inline constexpr Index heavy_grain = 4096;

template <std::size_t N>
class Walk {
 public:
  Walk(const Shape& shape, const std::array<Strides, N>& strides) : count_(shape.numel()) {
    for (Index axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      if (rank_ > 0 && merges(strides, axis, shape[axis])) {
        sizes_[rank_ - 1] *= shape[axis];
      } else {
        sizes_[rank_++] = shape[axis];
      }
      for (std::size_t i = 0; i < N; ++i)
        steps_[rank_ - 1][i] = strides[i][static_cast<std::size_t>(axis)];
    }
    // A single element is a row of one.
    if (rank_ == 0) {
      sizes_[0] = 1;
      steps_[rank_++] = {};
    }
  }

  // row(offsets, count, steps): the first element of each operand, how many, how far apart. Large
  // walks are shared among threads, `grain` elements a chunk; rows are then cut where chunks meet.
  template <class Row>
  void run(Row&& row, Index grain = 16384) const {
    parallel_for(count_, grain, [&](Index begin, Index end) { run(begin, end, row); });
  }

 private:
  // Does the axis continue the last one kept, for all operands?
  bool merges(const std::array<Strides, N>& strides, Index axis, Index size) const {
    for (std::size_t i = 0; i < N; ++i)
      if (steps_[rank_ - 1][i] != strides[i][static_cast<std::size_t>(axis)] * size) return false;
    return true;
  }

  template <class Row>
  void run(Index begin, Index end, Row& row) const {
    std::array<Index, N> offsets{};
    if (rank_ == 1) {
      advance(offsets, 0, begin);
      return void(row(offsets, end - begin, steps_[0]));
    }
    // The position of element `begin` along each axis, and where that is in each operand.
    std::array<Index, max_rank> at{};
    Index rest = begin;
    for (std::size_t axis = rank_; rest != 0 && axis-- > 0; rest /= sizes_[axis])
      advance(offsets, axis, at[axis] = rest % sizes_[axis]);
    const std::size_t last = rank_ - 1;
    while (begin < end) {
      const Index count = std::min(end - begin, sizes_[last] - at[last]);
      row(offsets, count, steps_[last]);
      begin += count;
      // On to the next row, as the digits of a counter turn.
      if (const Index part = std::exchange(at[last], 0)) advance(offsets, last, -part);
      for (std::size_t axis = last; axis-- > 0;) {
        advance(offsets, axis, 1);
        if (++at[axis] < sizes_[axis]) break;
        advance(offsets, axis, -std::exchange(at[axis], 0));
      }
    }
  }

  void advance(std::array<Index, N>& offsets, std::size_t axis, Index count) const {
    for (std::size_t i = 0; i < N; ++i) offsets[i] += count * steps_[axis][i];
  }

  Index count_;
  std::size_t rank_ = 0;
  std::array<Index, max_rank> sizes_;  // of the first rank_ axes, as are the steps
  std::array<std::array<Index, N>, max_rank> steps_;
};

// y = f(x) for every element.
template <class F>
Tensor map(const Tensor& x, F f) {
  Tensor y = empty(x.shape());
  Real* const out = y.data();
  const Real* const in = x.data();
  Walk<2>(x.shape(), {y.strides(), x.strides()})
      .run([&](const auto& at, Index count, const auto& step) {
        Real* o = out + at[0];
        const Real* a = in + at[1];
        if (step[1] == 1) {
          for (Index i = 0; i < count; ++i) o[i] = f(a[i]);
        } else if (step[1] == 0) {
          std::fill_n(o, count, f(*a));
        } else {
          for (Index i = 0; i < count; ++i) o[i] = f(a[i * step[1]]);
        }
      });
  return y;
}

// y = f(x, …) for operands of one shape, a vector at a time: for functions with an exponential.
template <class F, class... More>
Tensor map_vectors(F f, const Tensor& x, const More&... more) {
  if (!(x.is_contiguous() && ... && more.is_contiguous()))
    return map_vectors(f, x.contiguous(), more.contiguous()...);
  Tensor y = empty(x.shape());
  parallel_for(y.numel(), heavy_grain, [&, out = y.data()](Index begin, Index end) {
    const auto chunk = [n = end - begin, &f](Real* to, const auto*... from) {
      for_vectors(n, [=, &f](Index i, Index count) {
        store(to + i, f(load(from + i, count, Real(0))...), count);
      });
    };
    chunk(out + begin, x.data() + begin, more.data() + begin...);
  });
  return y;
}

// y = f(a, b) for every element of their broadcast shape. The loops differ in the strides that the
// compiler may take for granted: both dense, one of them a repeated number, or anything.
template <class F>
Tensor zip(std::string_view op, const Tensor& x1, const Tensor& x2, F f) {
  const Shape shape = x1.shape() == x2.shape() ? x1.shape() : broadcast(op, x1.shape(), x2.shape());
  Tensor y = empty(shape);
  Real* const out = y.data();
  Walk<3>(shape, {y.strides(), expand_strides(x1.shape(), x1.strides(), shape),
                  expand_strides(x2.shape(), x2.strides(), shape)})
      .run([&, in1 = x1.data(), in2 = x2.data()](const auto& at, Index count, const auto& step) {
        Real* o = out + at[0];
        const Real* a = in1 + at[1];
        const Real* b = in2 + at[2];
        if (step[1] == 1 && step[2] == 1) {
          for (Index i = 0; i < count; ++i) o[i] = f(a[i], b[i]);
        } else if (step[1] == 1 && step[2] == 0) {
          for (Index i = 0; i < count; ++i) o[i] = f(a[i], *b);
        } else if (step[1] == 0 && step[2] == 1) {
          for (Index i = 0; i < count; ++i) o[i] = f(*a, b[i]);
        } else {
          for (Index i = 0; i < count; ++i) o[i] = f(a[i * step[1]], b[i * step[2]]);
        }
      });
  return y;
}

}  // namespace glass
