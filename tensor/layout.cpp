// # The table of layouts
//
// The first layouts that a program makes stay in a table for ever. An op or a view whose result has
// one of these layouts finds it there: it allocates nothing, counts nothing, and takes no lock. If
// the table has no place for a layout, the layout is counted, and freed with its last tensor.
#include "tensor/layout.h"

#include <algorithm>
#include <array>
#include <memory>
#include <type_traits>

namespace glass {

namespace {

using Layout = LayoutPtr::Layout;

// From the last axis on, each stride must be the number of elements that the axes behind it hold.
// The stride of an axis of size 1 does not matter: no step is made along it.
bool row_major(const Shape& shape, const Strides& strides, Index numel) {
  if (numel == 0) return true;
  Index expected = 1;
  for (auto axis = static_cast<std::size_t>(shape.rank()); axis-- > 0;) {
    const Index size = shape.begin()[axis];
    if (size == 1) continue;
    if (strides[axis] != expected) return false;
    expected *= size;
  }
  return true;
}

// 0 beyond the rank, as the sizes of a shape are.
Strides cut(Strides strides, Index rank) {
  std::fill(strides.begin() + rank, strides.end(), 0);
  return strides;
}

// ---- the table ----

constexpr int slot_bits = 10;
constexpr std::size_t slots = std::size_t{1} << slot_bits;
constexpr std::size_t places = 4;  // of one layout: neighbouring slots

using Slot = std::atomic<const Layout*>;

// A slot is filled once and never changes again, so no lock is needed. constinit and without a
// destructor, so that the table works before and after all other static objects: a static Var may
// be made first and destroyed last.
constinit std::array<Slot, slots> table{};
static_assert(std::is_trivially_destructible_v<decltype(table)>);

// The first place of a layout. The multiplier is 2⁶⁴ divided by the golden ratio: the upper bits of
// a product with it differ where the numbers differ a little, as sizes and strides do.
std::size_t first_place(const Shape& shape, const Strides& strides) {
  auto hash = static_cast<std::uint64_t>(shape.rank());
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(shape.rank()); ++axis) {
    hash += static_cast<std::uint64_t>(shape.begin()[axis]);
    hash += static_cast<std::uint64_t>(strides[axis]) << 32;
    hash *= 0x9E3779B97F4A7C15;
  }
  return static_cast<std::size_t>(hash >> (64 - slot_bits));
}

// Only the axes that exist are compared, which are few.
bool is(const Layout& layout, const Shape& shape, const Strides& strides) {
  if (layout.shape.rank() != shape.rank()) return false;
  Index difference = 0;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(shape.rank()); ++axis) {
    difference |= layout.shape.begin()[axis] ^ shape.begin()[axis];
    difference |= layout.strides[axis] ^ strides[axis];
  }
  return difference == 0;
}

// The layout in the table; null if other layouts have all of its places. An empty slot is filled,
// unless another thread fills it first: then this thread goes on with that thread's layout, and
// deletes its own if it finds no use for it.
const Layout* in_table(const Shape& shape, const Strides& strides) {
  std::unique_ptr<const Layout> fresh;
  const std::size_t first = first_place(shape, strides);
  for (std::size_t i = 0; i < places; ++i) {
    Slot& slot = table[(first + i) % slots];
    const Layout* found = slot.load(std::memory_order_acquire);
    if (!found) {
      if (!fresh) fresh = std::make_unique<const Layout>(shape, strides, true);
      if (slot.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel))
        return fresh.release();
    }
    if (is(*found, shape, strides)) return found;
  }
  return nullptr;
}

}  // namespace

LayoutPtr::Layout::Layout(const Shape& sizes, const Strides& steps, bool is_permanent)
    : shape(sizes),
      strides(cut(steps, sizes.rank())),
      numel(sizes.numel()),
      is_contiguous(row_major(sizes, steps, numel)),
      permanent(is_permanent) {}

LayoutPtr::LayoutPtr(const Shape& shape) : LayoutPtr(shape, contiguous_strides(shape)) {}

LayoutPtr::LayoutPtr(const Shape& shape, const Strides& strides)
    : layout_(in_table(shape, strides)) {
  if (!layout_) layout_ = std::make_unique<const Layout>(shape, strides, false).release();
}

void LayoutPtr::drop() noexcept {
  if (layout_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
    std::unique_ptr<const Layout>{layout_};
}

}  // namespace glass
