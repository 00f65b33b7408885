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

// A sanitizer must see every block come and go, or it misses a use after free.
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

// Blocks of like sizes are interchangeable: sizes are rounded up to four steps for each power of
// two.
std::size_t size_class(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(64, std::bit_floor(bytes) / 4);
  return (bytes + step - 1) / step * step;
}

class Cache {
 public:
  // Room for a block's header and so many bytes of numbers.
  void* take(std::size_t numbers) {
    const std::size_t bytes = size_class(header + numbers);
    {
      const std::lock_guard lock(lock_);
      if (Unused*& first = unused_[slot(bytes)]) {
        live_ += numbers;
        held_ -= bytes;
        return std::exchange(first, first->next);
      }
    }
    void* block = ::operator new(bytes, alignment, std::nothrow);
    if (!block) {
      trim();
      block = ::operator new(bytes, alignment);
    }
    const std::lock_guard lock(lock_);
    live_ += numbers;
    return block;
  }

  void give(void* block, std::size_t numbers) noexcept {
    const std::size_t bytes = size_class(header + numbers);
    {
      const std::lock_guard lock(lock_);
      live_ -= numbers;
      if (caching && held_ + bytes <= capacity) {
        Unused*& first = unused_[slot(bytes)];
        first = ::new (block) Unused{first};
        held_ += bytes;
        return;
      }
    }
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

  // A block that waits for its next use; its own memory says which other one does.
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
  std::size_t held_ = 0, live_ = 0;
};

// Nothing is to be made or destroyed: a static Var may come before it and outlive it.
constinit Cache cache;
static_assert(std::is_trivially_destructible_v<Cache>);

}  // namespace

Storage::Storage(Index count) {
  static_assert(sizeof(Block) == header);
  constexpr Index limit = std::numeric_limits<std::ptrdiff_t>::max() / Index{sizeof(Real)};
  if (count < 0 || count > limit) throw std::bad_alloc();
  void* const memory = cache.take(static_cast<std::size_t>(count) * sizeof(Real));
  block_ = ::new (memory) Block{{1}, {0}, count};
#ifdef GLASS_FRESH_IS_NAN
  // A build of type Debug shows what reads memory that nobody wrote: a NaN stays in all results.
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
