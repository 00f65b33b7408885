// # The table of ordinary layouts
//
// Nearly every result of an op is row-major, so its shape alone decides its layout. The first
// layouts of this kind that a program makes stay in a table for ever. An op whose result has the
// same shape finds its layout there: it allocates nothing, counts nothing, and takes no lock. Other
// layouts are counted, and freed with their last tensor: those of transposed, sliced or expanded
// views, and those of shapes for which the table has no place left.
#include "tensor/layout.h"

#include <array>
#include <memory>
#include <type_traits>

namespace glass {

namespace {

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

// ---- the table ----

constexpr int slot_bits = 10;
constexpr std::size_t slots = std::size_t{1} << slot_bits;
constexpr std::size_t places = 4;  // of one shape: neighbouring slots

using Slot = std::atomic<const Layout*>;

// A slot is filled once and never changes again, so no lock is needed. constinit and without a
// destructor, so that the table works before and after all other static objects: a static Var may
// be made first and destroyed last.
constinit std::array<Slot, slots> table{};
static_assert(std::is_trivially_destructible_v<decltype(table)>);

// The first place of a shape. The multiplier is 2⁶⁴ divided by the golden ratio: the upper bits of
// a product with it differ where the numbers differ a little, as the sizes of shapes do.
std::size_t first_place(const Shape& shape) {
  auto hash = static_cast<std::uint64_t>(shape.rank());
  for (const Index size : shape)
    hash = (hash + static_cast<std::uint64_t>(size)) * 0x9E3779B97F4A7C15;
  return static_cast<std::size_t>(hash >> (64 - slot_bits));
}

// The table's layout of a shape; null if other shapes have all of its places. An empty slot is
// filled, unless another thread fills it first: then this thread goes on with that thread's layout,
// and deletes its own if it finds no use for it.
const Layout* in_table(const Shape& shape) {
  std::unique_ptr<const Layout> fresh;
  const std::size_t first = first_place(shape);
  for (std::size_t i = 0; i < places; ++i) {
    Slot& slot = table[(first + i) % slots];
    const Layout* found = slot.load(std::memory_order_acquire);
    if (!found) {
      if (!fresh) fresh = std::make_unique<const Layout>(shape, contiguous_strides(shape), true);
      if (slot.compare_exchange_strong(found, fresh.get(), std::memory_order_acq_rel))
        return fresh.release();
    }
    if (found->shape == shape) return found;
  }
  return nullptr;
}

const Layout* counted(const Shape& shape, const Strides& strides) {
  return std::make_unique<const Layout>(shape, strides, false).release();
}

}  // namespace

Layout::Layout(const Shape& sizes, const Strides& steps, bool is_permanent)
    : shape(sizes),
      strides(steps),
      numel(sizes.numel()),
      is_contiguous(row_major(sizes, steps, numel)),
      permanent(is_permanent) {}

LayoutPtr::LayoutPtr(const Shape& shape) : layout_(in_table(shape)) {
  if (!layout_) layout_ = counted(shape, contiguous_strides(shape));
}

LayoutPtr::LayoutPtr(const Shape& shape, const Strides& strides)
    : layout_(strides == contiguous_strides(shape) ? in_table(shape) : nullptr) {
  if (!layout_) layout_ = counted(shape, strides);
}

void LayoutPtr::drop() noexcept {
  if (layout_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
    std::unique_ptr<const Layout>{layout_};
}

}  // namespace glass
