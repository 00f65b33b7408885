// # Memory for numbers, and a cache of freed blocks
//
// New memory from the system is slow: each new page costs one or two microseconds. And a training
// step asks for the same sizes as the step before. So a freed block is kept, in a list of blocks of
// its size, until a Storage of that size is asked for; up to 256 MB are kept.
//
// Small blocks are cut from pages (page.h). This is deliberately no general allocator: only Storage
// uses it.
#include "tensor/storage.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>

#include "tensor/page.h"
#include "tensor/parallel.h"

namespace glass {

namespace {

constexpr std::align_val_t alignment{cache_line};
constexpr std::size_t header = cache_line / 2;  // a block's owners, version, count and page

// How far a block is behind the start of its memory: the numbers behind it are in the same line,
// or, if the line has too little room for them, they begin the next one.
std::size_t gap(std::size_t numbers) {
  return numbers <= cache_line - header ? 0 : cache_line - header;
}

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
// less than a fifth of a large block is unused. AddressSanitizer gets the exact size, so that it
// sees a read beyond the last number.
std::size_t size_class(std::size_t bytes) {
  if (!caching) return bytes;
  const std::size_t step = std::max(cache_line, std::bit_floor(bytes) / 4);
  return (bytes + step - 1) / step * step;
}

// Where a block may be placed, and the page that it is cut from, if it is.
struct Memory {
  void* start;
  Page* page;
};

class Cache {
 public:
  // Room for the header and for `numbers` bytes of numbers. std::bad_alloc if there is none.
  Memory take(std::size_t numbers) {
    const std::size_t bytes = size_class(gap(numbers) + header + numbers);
    if (caching && bytes <= Page::largest_cell) return take_cell(bytes, numbers);
    // From the list of free blocks of this size, if the list has one; else from the system.
    {
      const std::lock_guard lock(lock_);
      if (Unused*& first = unused_[slot(bytes)]) {
        live_ += numbers;
        held_ -= bytes;
        return {pop(first), nullptr};
      }
    }
    void* const block = from_system(bytes);
    const std::lock_guard lock(lock_);
    live_ += numbers;
    return {block, nullptr};
  }

  // Takes back memory that is no longer used.
  void give(Memory memory, std::size_t numbers) noexcept {
    if (memory.page) return give_cell(memory, numbers);
    const std::size_t bytes = size_class(gap(numbers) + header + numbers);
    {
      const std::lock_guard lock(lock_);
      live_ -= numbers;
      // Into the list of its size, while the cache has room.
      if (caching && held_ + bytes <= capacity) {
        push(unused_[slot(bytes)], memory.start);
        held_ += bytes;
        return;
      }
    }
    // Else back to the system.
    ::operator delete(memory.start, alignment);
  }

  // Pages of which a cell is used stay.
  void trim() noexcept {
    const std::lock_guard lock(lock_);
    for (Unused*& first : unused_)
      while (first) ::operator delete(pop(first), alignment);
    for (Page*& first : pages_) {
      Page* page = first;
      while (page) {
        Page* const next = page->after();
        if (page->is_unused()) give_back(page, first);
        page = next;
      }
    }
    held_ = 0;
  }

  std::size_t live() {
    const std::lock_guard lock(lock_);
    return live_;
  }

 private:
  static constexpr std::size_t capacity = std::size_t{256} << 20;

  // If the system has no memory left, the cache gives back what it holds, and asks once more.
  void* from_system(std::size_t bytes) {
    if (void* const memory = ::operator new(bytes, alignment, std::nothrow)) return memory;
    trim();
    return ::operator new(bytes, alignment);
  }

  // A cell of the first page that has one. If there is none, of a new page.
  Memory take_cell(std::size_t cell, std::size_t numbers) {
    Page*& first = pages_of(cell);
    std::unique_lock lock(lock_);
    if (!first) {
      lock.unlock();
      void* const memory = from_system(Page::bytes);
      lock.lock();
      (::new (memory) Page(cell))->link(first);
      held_ += Page::bytes;
    }
    Page* const page = first;
    if (page->is_unused()) held_ -= Page::bytes;
    const Memory taken{page->take(), page};
    if (page->is_full()) page->unlink(first);
    live_ += numbers;
    return taken;
  }

  void give_cell(Memory memory, std::size_t numbers) noexcept {
    const std::lock_guard lock(lock_);
    Page& page = *memory.page;
    Page*& first = pages_of(page.cell());
    if (page.is_full()) page.link(first);
    page.give(memory.start);
    live_ -= numbers;
    if (!page.is_unused()) return;
    // The page is kept while the cache has room, as a block is.
    if (held_ + Page::bytes <= capacity) {
      held_ += Page::bytes;
    } else {
      give_back(&page, first);
    }
  }

  static void give_back(Page* page, Page*& first) noexcept {
    page->unlink(first);
    ::operator delete(page, alignment);
  }

  // Four slots for each power of two, in order of size.
  static std::size_t slot(std::size_t bytes) {
    const auto power = static_cast<std::size_t>(std::bit_width(bytes) - 1);
    const std::size_t quarter = bytes >> (power - 2) & 3;
    return power * 4 + quarter;
  }

  Page*& pages_of(std::size_t cell) { return pages_[cell / cache_line - 1]; }

  SpinLock lock_;
  std::array<Unused*, 256> unused_{};
  std::size_t held_ = 0;  // bytes of the blocks in the lists, and of unused pages
  std::size_t live_ = 0;  // bytes of numbers in the blocks that are in use
  // For each size of cells, the first page that has an unused one.
  std::array<Page*, Page::largest_cell / cache_line> pages_{};
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
  const std::size_t numbers = static_cast<std::size_t>(count) * sizeof(Real);
  const Memory memory = cache.take(numbers);
  void* const place = static_cast<std::byte*>(memory.start) + gap(numbers);
  block_ = ::new (place) Block{{1}, {0}, count, memory.page};
#ifdef GLASS_FRESH_IS_NAN
  // In a build of type Debug, memory begins as NaN. If a result is NaN, it may have been computed
  // from memory that was never written.
  std::fill_n(data(), count, std::numeric_limits<Real>::quiet_NaN());
#endif
}

void Storage::free(Block* block) noexcept {
  const auto numbers = static_cast<std::size_t>(block->count) * sizeof(Real);
  const Memory memory{reinterpret_cast<std::byte*>(block) - gap(numbers),
                      static_cast<Page*>(block->page)};
  std::destroy_at(block);
  cache.give(memory, numbers);
}

Index live_bytes() { return static_cast<Index>(cache.live()); }
void trim() { cache.trim(); }

}  // namespace glass
