// # The same numbers in other places of memory
//
// Memory between the numbers of a view holds NaN: a kernel that uses it gives itself away.
#pragma once

#include <limits>
#include <vector>

#include "tensor/ops.h"

namespace glass::programs {

enum class Layout { contiguous, offset, transposed, stepped, expanded };

// A tensor that equals x, in this layout. `expanded` repeats the first element of axis 0.
inline Tensor placed(const Tensor& x, Layout layout) {
  const Real gap = std::numeric_limits<double>::quiet_NaN();
  Tensor view = x;
  if (x.rank() == 0 || layout == Layout::contiguous) return x.clone();
  if (layout == Layout::expanded) {
    if (x.size(0) == 0) return x.clone();
    return x.slice(0, 0, 1).clone().expand(x.shape());
  }
  if (layout == Layout::offset) {
    view = full(x.shape().with(-1, x.size(-1) + 3), gap).slice(-1, 2, x.size(-1) + 2);
  } else if (layout == Layout::stepped) {
    Shape larger = x.shape();
    for (Index axis = 0; axis < x.rank(); ++axis) larger = larger.with(axis, 2 * x.size(axis) + 1);
    view = full(larger, gap);
    for (Index axis = 0; axis < x.rank(); ++axis)
      view = view.slice(axis, 1, 2 * x.size(axis) + 1, 2);
  } else {
    std::vector<Index> sizes, order;
    for (Index axis = x.rank(); axis-- > 0;) {
      sizes.push_back(x.size(axis));
      order.push_back(axis);
    }
    view = full(Shape(std::span<const Index>(sizes)), gap).permute(order);
  }
  view.copy_from(x);
  return view;
}

}  // namespace glass::programs
