#include "tensor/storage.h"

#include <limits>
#include <memory>
#include <new>

namespace glass {

namespace {

constexpr std::align_val_t alignment{64};
std::atomic<Index> bytes_alive{0};

}  // namespace

Storage::Storage(Index count) {
  constexpr Index limit = std::numeric_limits<Index>::max() / Index{sizeof(Real)} - 64;
  if (count < 0 || count > limit) throw std::bad_alloc();
  const Index bytes = count * Index{sizeof(Real)};
  void* memory = ::operator new(sizeof(Block) + static_cast<std::size_t>(bytes), alignment);
  block_ = ::new (memory) Block{{1}, {0}, count};
  bytes_alive.fetch_add(bytes, std::memory_order_relaxed);
}

void Storage::free(Block* block) noexcept {
  bytes_alive.fetch_sub(block->count * Index{sizeof(Real)}, std::memory_order_relaxed);
  std::destroy_at(block);
  ::operator delete(block, alignment);
}

Index live_bytes() { return bytes_alive.load(std::memory_order_relaxed); }

}  // namespace glass
