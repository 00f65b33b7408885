// # Layouts: shapes and strides that tensors share
//
// A Layout says where the elements of a tensor lie: its shape, its strides, and what follows from
// both. These are 160 bytes, and a graph holds several tensors for each op. But nearly all tensors
// of a program have one of a few layouts. So a Layout is made once, never changes, and is shared: a
// Tensor holds only a pointer to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "tensor/shape.h"

namespace glass {

// Shares a Layout. A permanent one is not counted: to copy its pointer writes nothing.
class LayoutPtr {
 public:
  struct Layout {
    // ShapeError if a size is negative, or if there are too many elements.
    Layout(const Shape& sizes, const Strides& steps, bool is_permanent);

    const Shape shape;
    const Strides strides;
    const Index numel;
    const bool is_contiguous;  // are the elements in row-major order, without gaps?
    const bool permanent;      // in the table of layout.cpp, so it is never freed
    // How many LayoutPtrs share a layout that is not permanent. Nothing else of it ever changes.
    mutable std::atomic<std::int64_t> owners{1};
  };

  explicit LayoutPtr(const Shape& shape);  // row-major
  LayoutPtr(const Shape& shape, const Strides& strides);
  LayoutPtr(const LayoutPtr& other) noexcept : layout_(other.layout_) {
    if (!layout_->permanent) layout_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  LayoutPtr(LayoutPtr&& other) noexcept : layout_(std::exchange(other.layout_, nullptr)) {}
  LayoutPtr& operator=(LayoutPtr other) noexcept {
    std::swap(layout_, other.layout_);
    return *this;
  }
  ~LayoutPtr() {
    if (layout_ && !layout_->permanent) drop();
  }
  const Layout* operator->() const { return layout_; }

 private:
  void drop() noexcept;

  const Layout* layout_;
};

}  // namespace glass
