// # Small blocks of memory, cut from pages
//
// (private to tensor/) The system adds to each block that it gives some bytes of its own, and a gap
// in front of it, so that the block begins a cache line: of 64 bytes for eight floats it makes more
// than a hundred. So the cache in storage.cpp asks for whole pages, and cuts them into cells of one
// size.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace glass {

inline constexpr std::size_t cache_line = 64;  // bytes

// ---- lists of unused memory ----

// The memory itself, which is not used otherwise, holds the pointer to the next of the list.
struct Unused {
  Unused* next;
};
inline void push(Unused*& first, void* memory) { first = ::new (memory) Unused{first}; }
inline void* pop(Unused*& first) { return std::exchange(first, first->next); }

// ---- pages ----

// 16 kB: this object, which is one cache line, and cells of one size. The pages that have an unused
// cell form a list, which a page joins and leaves by link() and unlink().
class alignas(cache_line) Page {
 public:
  static constexpr std::size_t bytes = std::size_t{16} << 10;
  static constexpr std::size_t largest_cell = 512;

  explicit Page(std::size_t cell) : cell_(cell) {
    // Pushed from the last to the first, so that they are taken in the order of their addresses.
    auto* const cells = reinterpret_cast<std::byte*>(this + 1);
    for (std::size_t i = (bytes - sizeof(Page)) / cell; i-- > 0;) push(unused_, cells + i * cell);
  }

  void* take() {
    ++used_;
    return pop(unused_);
  }
  void give(void* cell) {
    --used_;
    push(unused_, cell);
  }
  std::size_t cell() const { return cell_; }  // bytes of each
  bool is_full() const { return unused_ == nullptr; }
  bool is_unused() const { return used_ == 0; }

  // ---- the list of pages that begins with `first` ----

  void link(Page*& first) {
    before_ = nullptr;
    after_ = first;
    if (first) first->before_ = this;
    first = this;
  }
  void unlink(Page*& first) {
    (before_ ? before_->after_ : first) = after_;
    if (after_) after_->before_ = before_;
  }
  Page* after() const { return after_; }

 private:
  std::size_t cell_;
  std::size_t used_ = 0;  // how many cells
  Unused* unused_ = nullptr;
  Page* before_ = nullptr;  // in the list, as is after_
  Page* after_ = nullptr;
};
static_assert(sizeof(Page) == cache_line && std::is_trivially_destructible_v<Page>);

}  // namespace glass
