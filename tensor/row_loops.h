// # Loops over whole rows
//
// (private to tensor/) The numbers along an axis, as rows that threads share; and a tensor of any
// rank seen with three axes. What is done with one row, a kernel says (rows.cpp, reductions.cpp,
// picking.cpp).
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

#include "tensor/decisions.h"
#include "tensor/loops.h"

namespace glass {

// Calls f(row) for each of `count` rows of n numbers, shared among threads.
template <class F>
void for_rows(Index count, Index n, F f) {
  parallel_for(count, std::max<Index>(1, heavy_grain / std::max<Index>(n, 1)),
               [&](Index begin, Index end) {
                 for (Index row = begin; row < end; ++row) f(row);
               });
}

// Calls f(y, n, x, …) for each row of the result and of the operands, along any axis. An axis that
// is not the last is transposed to the end, and the result is transposed back. A ShapeError names
// `op` where the axis does not exist.
template <class F, class... More>
Tensor map_rows(std::string_view op, Index axis, F f, const Tensor& x, const More&... more) {
  // The loop below needs contiguous operands, and the axis to be the last. Other operands are
  // brought into that form first.
  if (x.shape().wrap(axis, op) != x.rank() - 1)
    return map_rows(op, -1, f, x.transpose(axis, -1), more.transpose(axis, -1)...)
        .transpose(axis, -1);
  if (!(x.is_contiguous() && ... && more.is_contiguous()))
    return map_rows(op, axis, f, x.contiguous(), more.contiguous()...);
  Tensor y = empty(x.shape());
  const Index n = y.size(-1);
  // Each row by itself.
  named(op, [&] {
    for_rows(n == 0 ? 0 : y.numel() / n, n, [&](Index row) {
      f(y.data() + row * n, n, x.data() + row * n, more.data() + row * n...);
    });
  });
  return y;
}

// A contiguous tensor seen as [before, count, after]: the middle stands for axes begin … end - 1.
struct Blocks {
  Blocks(const Shape& shape, std::size_t begin, std::size_t end) {
    const std::span sizes(shape.begin(), shape.end());
    before = Shape(sizes.first(begin)).numel();
    count = Shape(sizes.subspan(begin, end - begin)).numel();
    after = Shape(sizes.subspan(end)).numel();
  }
  Index before, count, after;
};

}  // namespace glass
