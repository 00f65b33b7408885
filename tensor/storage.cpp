// # Memory for numbers, and a cache of freed blocks
//
// New memory from the system is slow: each new page costs one or two microseconds. And a training
// step asks for the same sizes as the step before. So a freed block is kept, in a list of blocks of
// its size, until a Storage of that size is asked for; up to 256 MB are kept. This is deliberately
// no general allocator: only Storage uses it.
#include "tensor/storage.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>

#include "tensor/parallel.h"

namespace glass {

namespace {

constexpr std::align_val_t alignment{64};
constexpr std::size_t header = 64;  // a block's owners, version and count

// Without a cache under AddressSanitizer, which finds a use after free only if every block is
// really freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool caching = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool caching = false;
#else
constexpr bool caching = true;
#endif
#else
constexpr bool caching = true;
#endif

// Bytes, rounded up so that there are only four sizes between a power of two and the next: 64, 80,
// 96, 112, 128, … kB. So a freed block often fits the next tensor, though it is no exact match, and
// less than a fifth of a large block is unused.
std::size_t size_class(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(64, std::bit_floor(bytes) / 4);
  return (bytes + step - 1) / step * step;
}

class Cache {
 public:
  // A block: room for the header and for `numbers` bytes of numbers. std::bad_alloc if there is
  // none.
  void* take(std::size_t numbers) {
    const std::size_t bytes = size_class(header + numbers);
    // From the list of free blocks of this size, if the list has one.
    {
      const std::lock_guard lock(lock_);
      if (Unused*& first = unused_[slot(bytes)]) {
        live_ += numbers;
        held_ -= bytes;
        return std::exchange(first, first->next);
      }
    }
    // Else from the system. If the system has no memory left, the cache gives its free blocks back,
    // and asks once more.
    void* block = ::operator new(bytes, alignment, std::nothrow);
    if (!block) {
      trim();
      block = ::operator new(bytes, alignment);
    }
    const std::lock_guard lock(lock_);
    live_ += numbers;
    return block;
  }

  // Takes back a block that is no longer used.
  void give(void* block, std::size_t numbers) noexcept {
    const std::size_t bytes = size_class(header + numbers);
    {
      const std::lock_guard lock(lock_);
      live_ -= numbers;
      // Into the list of its size, while the cache has room.
      if (caching && held_ + bytes <= capacity) {
        Unused*& first = unused_[slot(bytes)];
        first = ::new (block) Unused{first};
        held_ += bytes;
        return;
      }
    }
    // Else back to the system.
    ::operator delete(block, alignment);
  }

  void trim() noexcept {
    const std::lock_guard lock(lock_);
    for (Unused*& first : unused_)
      while (first) ::operator delete(std::exchange(first, first->next), alignment);
    held_ = 0;
  }

  std::size_t live() {
    const std::lock_guard lock(lock_);
    return live_;
  }

 private:
  static constexpr std::size_t capacity = std::size_t{256} << 20;

  // A free block in the list of its size. Its own memory, which is not used otherwise, holds the
  // pointer to the next free block of the list.
  struct Unused {
    Unused* next;
  };

  // Four slots for each power of two, in order of size.
  static std::size_t slot(std::size_t bytes) {
    const auto power = static_cast<std::size_t>(std::bit_width(bytes) - 1);
    const std::size_t quarter = bytes >> (power - 2) & 3;
    return power * 4 + quarter;
  }

  SpinLock lock_;
  std::array<Unused*, 256> unused_{};
  std::size_t held_ = 0;  // bytes of the blocks in the lists
  std::size_t live_ = 0;  // bytes of numbers in the blocks that are in use
};

// constinit and without a destructor, so that it works before and after all other static objects: a
// static Var may be made first and destroyed last.
constinit Cache cache;
static_assert(std::is_trivially_destructible_v<Cache>);

}  // namespace

Storage::Storage(Index count) {
  static_assert(sizeof(Block) == header);
  // Beyond the limit the number of bytes would not fit.
  constexpr Index limit = std::numeric_limits<std::ptrdiff_t>::max() / Index{sizeof(Real)};
  if (count < 0 || count > limit) throw std::bad_alloc();
  void* const memory = cache.take(static_cast<std::size_t>(count) * sizeof(Real));
  block_ = ::new (memory) Block{{1}, {0}, count};
#ifdef GLASS_FRESH_IS_NAN
  // In a build of type Debug, memory begins as NaN. If a result is NaN, it may have been computed
  // from memory that was never written.
  std::fill_n(data(), count, std::numeric_limits<Real>::quiet_NaN());
#endif
}

void Storage::free(Block* block) noexcept {
  const auto numbers = static_cast<std::size_t>(block->count) * sizeof(Real);
  std::destroy_at(block);
  cache.give(block, numbers);
}

Index live_bytes() { return static_cast<Index>(cache.live()); }
void trim() { cache.trim(); }

}  // namespace glass
