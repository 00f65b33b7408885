// # One walk over any number of strided operands
//
// (private to tensor/) Element-wise work on operands of one shape, each with strides of its own.
// The walk first drops axes of size 1. Then it merges two neighbouring axes into one where every
// operand steps through both as through one long axis. So contiguous tensors of any rank become a
// single long row. The walk calls a function for each row, and inside a row the next element is a
// fixed number of steps away: no index arithmetic is left.
//
// For example x [2, 3, 4] + bias [4]: x's strides are 12, 4, 1, those of the expanded bias 0, 0, 1.
// The first two axes merge, since 12 = 3 · 4 and 0 = 3 · 0. The last two do not: 4 = 4 · 1, but
// 0 ≠ 4 · 1. The walk has six rows of four elements.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>

#include "tensor/parallel.h"
#include "tensor/simd.h"
#include "tensor/tensor.h"

namespace glass {

// The fewest elements that are worth a thread of their own, if each takes an exponential.
inline constexpr Index heavy_grain = 4096;

// A walk over N operands of one shape; strides[i] are those of operand i.
template <std::size_t N>
class Walk {
 public:
  Walk(const Shape& shape, const std::array<Strides, N>& strides) : count_(shape.numel()) {
    for (Index axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      // The axis is merged into the last axis kept, or it is kept as a new last axis.
      if (rank_ > 0 && merges(strides, axis, shape[axis])) {
        sizes_[rank_ - 1] *= shape[axis];
      } else {
        sizes_[rank_++] = shape[axis];
      }
      // The steps of a merged axis are those of its inner part.
      for (std::size_t i = 0; i < N; ++i)
        steps_[rank_ - 1][i] = strides[i][static_cast<std::size_t>(axis)];
    }
    // No axis is kept if all sizes are 1: the single element is a row of one element.
    if (rank_ == 0) {
      sizes_[0] = 1;
      steps_[rank_++] = {};
    }
  }

  // Calls row(offsets, count, steps) for each row: where its first element is in each operand, how
  // many elements it has, and how far apart they are in each operand. Large walks are shared among
  // threads, `grain` elements per chunk; a row that two chunks share is cut in two.
  template <class Row>
  void run(Row&& row, Index grain = 16384) const {
    parallel_for(count_, grain, [&](Index begin, Index end) { run(begin, end, row); });
  }

 private:
  // Does one step along the last axis kept equal `size` steps along this axis, for all operands?
  bool merges(const std::array<Strides, N>& strides, Index axis, Index size) const {
    for (std::size_t i = 0; i < N; ++i)
      if (steps_[rank_ - 1][i] != strides[i][static_cast<std::size_t>(axis)] * size) return false;
    return true;
  }

  // The rows of elements begin … end - 1, counted in row-major order.
  template <class Row>
  void run(Index begin, Index end, Row& row) const {
    std::array<Index, N> offsets{};  // of the next element, in each operand
    if (rank_ == 1) {
      advance(offsets, 0, begin);
      row(offsets, end - begin, steps_[0]);
      return;
    }
    std::array<Index, max_rank> index{};  // of the next element, along each axis kept
    go_to(begin, index, offsets);
    const std::size_t last = rank_ - 1;
    while (begin < end) {
      // To the end of the row, or of the chunk.
      const Index count = std::min(end - begin, sizes_[last] - index[last]);
      row(offsets, count, steps_[last]);
      begin += count;
      to_next_row(index, offsets);
    }
  }

  // On to the first element of the next row, as a counter adds one: an index that reaches its
  // axis's size goes back to 0, and the index before it goes up by one.
  [[gnu::always_inline]] void to_next_row(std::array<Index, max_rank>& index,
                                          std::array<Index, N>& offsets) const {
    const std::size_t last = rank_ - 1;
    if (index[last] != 0) advance(offsets, last, -index[last]);
    index[last] = 0;
    for (std::size_t axis = last; axis-- > 0;) {
      advance(offsets, axis, 1);
      if (++index[axis] < sizes_[axis]) return;
      advance(offsets, axis, -sizes_[axis]);
      index[axis] = 0;
    }
  }

  // The indices are the digits of the element's number, in a system whose bases are the sizes.
  void go_to(Index element, std::array<Index, max_rank>& index,
             std::array<Index, N>& offsets) const {
    for (std::size_t axis = rank_; element != 0 && axis-- > 0; element /= sizes_[axis]) {
      index[axis] = element % sizes_[axis];
      advance(offsets, axis, index[axis]);
    }
  }

  // `count` elements further along an axis.
  void advance(std::array<Index, N>& offsets, std::size_t axis, Index count) const {
    for (std::size_t i = 0; i < N; ++i) offsets[i] += count * steps_[axis][i];
  }

  Index count_;
  std::size_t rank_ = 0;
  std::array<Index, max_rank> sizes_;  // of the first rank_ axes, as are the steps
  std::array<std::array<Index, N>, max_rank> steps_;
};

// ---- y = f(x) ----

// out[i] = f(a[i · step]) for a row of `count` numbers. There are three loops, since the compiler
// makes vectors only of the first one, whose step it knows to be 1.
template <class F>
[[gnu::always_inline]] inline void map_row(Real* out, const Real* a, Index step, Index count,
                                           const F& f) {
  if (step == 1) {
    for (Index i = 0; i < count; ++i) out[i] = f(a[i]);
  } else if (step == 0) {
    std::fill_n(out, count, f(*a));
  } else {
    for (Index i = 0; i < count; ++i) out[i] = f(a[i * step]);
  }
}

// y = f(x) for every element, in any order: threads share the work. map() in ops.h goes in order.
template <class F>
Tensor map_each(const Tensor& x, F f) {
  Tensor y = empty(x.shape());
  Real* const out = y.data();
  const Real* const in = x.data();
  Walk<2>(x.shape(), {y.strides(), x.strides()})
      .run([&](const auto& at, Index count, const auto& step) {
        map_row(out + at[0], in + at[1], step[1], count, f);
      });
  return y;
}

// ---- y = f(x), a vector at a time ----

// out[i] = f(in[i], …) for n numbers side by side; f takes and returns a Vec.
template <class F, class... Operands>
[[gnu::always_inline]] inline void map_vectors_of(Real* out, Index n, const F& f,
                                                  const Operands*... in) {
  for_vectors(n, [=, &f](Index i, Index count) {
    store(out + i, f(load(in + i, count, Real(0))...), count);
  });
}

// y = f(x, …) for operands of one shape, a vector at a time: for functions with an exponential. An
// operand that is not contiguous is copied first, which costs little beside an exponential.
template <class F, class... More>
Tensor map_vectors(F f, const Tensor& x, const More&... more) {
  if (!(x.is_contiguous() && ... && more.is_contiguous()))
    return map_vectors(f, x.contiguous(), more.contiguous()...);
  Tensor y = empty(x.shape());
  Real* const out = y.data();
  parallel_for(y.numel(), heavy_grain, [&](Index begin, Index end) {
    map_vectors_of(out + begin, end - begin, f, x.data() + begin, more.data() + begin...);
  });
  return y;
}

// ---- y = f(a, b) ----

// out[i] = f(a[i], *b), or f(*a, b[i]) unless `b_repeats`: one operand is a repeated number, as in
// x + 1, or in adding to each row a number of its own.
template <class F>
[[gnu::always_inline]] inline void zip_number(Real* out, const Real* a, const Real* b,
                                              bool b_repeats, Index count, const F& f) {
  if (b_repeats)
    for (Index i = 0; i < count; ++i) out[i] = f(a[i], *b);
  else
    for (Index i = 0; i < count; ++i) out[i] = f(*a, b[i]);
}

// out[i] = f(a[i · a_step], b[i · b_step]) for a row of `count` numbers, by the loop that fits the
// steps. The compiler makes vectors of all loops but the last.
template <class F>
[[gnu::always_inline]] inline void zip_row(Real* out, const Real* a, Index a_step, const Real* b,
                                           Index b_step, Index count, const F& f) {
  const bool a_repeats = a_step == 0 && b_step == 1, b_repeats = a_step == 1 && b_step == 0;
  if (a_step == 1 && b_step == 1)
    for (Index i = 0; i < count; ++i) out[i] = f(a[i], b[i]);
  else if (a_repeats || b_repeats)
    zip_number(out, a, b, b_repeats, count, f);
  else
    for (Index i = 0; i < count; ++i) out[i] = f(a[i * a_step], b[i * b_step]);
}

// y = f(a, b) for every element of their broadcast shape. A ShapeError names `op` where the shapes
// do not broadcast.
template <class F>
Tensor zip(std::string_view op, const Tensor& a, const Tensor& b, F f) {
  const Shape shape = a.shape() == b.shape() ? a.shape() : broadcast(op, a.shape(), b.shape());
  Tensor y = empty(shape);
  Real* const out = y.data();
  const Real* const a0 = a.data();
  const Real* const b0 = b.data();
  // Each operand is read as if it had the shape of y: stretched axes have stride 0.
  Walk<3>(shape, {y.strides(), expand_strides(a.shape(), a.strides(), shape),
                  expand_strides(b.shape(), b.strides(), shape)})
      .run([&](const auto& at, Index count, const auto& step) {
        zip_row(out + at[0], a0 + at[1], step[1], b0 + at[2], step[2], count, f);
      });
  return y;
}

}  // namespace glass
