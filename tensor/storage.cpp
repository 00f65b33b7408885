#include "tensor/storage.h"

#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace glass {

namespace {

constexpr std::align_val_t alignment{64};
std::atomic<Index> bytes_alive{0};

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
std::size_t round_up(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(64, std::bit_floor(bytes) / 4);
  return (bytes + step - 1) / step * step;
}

class Cache {
 public:
  void* take(std::size_t bytes) {
    if (caching) {
      const std::lock_guard lock(mutex_);
      std::vector<void*>& blocks = blocks_[slot(bytes)];
      if (!blocks.empty()) {
        void* block = blocks.back();
        blocks.pop_back();
        held_ -= bytes;
        return block;
      }
    }
    try {
      return ::operator new(bytes, alignment);
    } catch (const std::bad_alloc&) {
      trim();
      return ::operator new(bytes, alignment);
    }
  }

  void give(void* block, std::size_t bytes) noexcept {
    if (caching && bytes <= capacity) {
      const std::lock_guard lock(mutex_);
      if (held_ + bytes <= capacity) {
        try {
          blocks_[slot(bytes)].push_back(block);
          held_ += bytes;
          return;
        } catch (const std::bad_alloc&) {  // no room to note it: give it back instead
        }
      }
    }
    ::operator delete(block, alignment);
  }

  void trim() noexcept {
    const std::lock_guard lock(mutex_);
    for (std::vector<void*>& blocks : blocks_) {
      for (void* block : blocks) ::operator delete(block, alignment);
      blocks.clear();
    }
    held_ = 0;
  }

 private:
  static constexpr std::size_t capacity = std::size_t{256} << 20;

  // Four slots for each power of two, in order of size.
  static std::size_t slot(std::size_t bytes) {
    const auto power = static_cast<std::size_t>(std::bit_width(bytes) - 1);
    const std::size_t quarter = bytes >> (power - 2) & 3;
    return power * 4 + quarter;
  }

  std::mutex mutex_;
  std::array<std::vector<void*>, 256> blocks_;
  std::size_t held_ = 0;
};

// Never destroyed: a static Var may outlive it.
Cache& cache() {
  static Cache* const instance = std::make_unique<Cache>().release();
  return *instance;
}

}  // namespace

Storage::Storage(Index count) {
  constexpr Index limit = std::numeric_limits<Index>::max() / Index{sizeof(Real)} / 2;
  if (count < 0 || count > limit) throw std::bad_alloc();
  const Index bytes = count * Index{sizeof(Real)};
  void* memory = cache().take(round_up(sizeof(Block) + static_cast<std::size_t>(bytes)));
  block_ = ::new (memory) Block{{1}, {0}, count};
  bytes_alive.fetch_add(bytes, std::memory_order_relaxed);
}

void Storage::free(Block* block) noexcept {
  const Index bytes = block->count * Index{sizeof(Real)};
  bytes_alive.fetch_sub(bytes, std::memory_order_relaxed);
  std::destroy_at(block);
  cache().give(block, round_up(sizeof(Block) + static_cast<std::size_t>(bytes)));
}

Index live_bytes() { return bytes_alive.load(std::memory_order_relaxed); }
void trim() { cache().trim(); }

}  // namespace glass
