// # Shared memory that counts its in-place writes
//
// A Storage is a handle to one block of numbers. Copies of the handle share the block; the last
// handle to be destroyed frees it. Tensors that view the same numbers share a Storage.
//
// The block counts its in-place writes. Reverse mode saves values for later; if the count has
// changed when the sweep reads a saved value, the value was overwritten, and the sweep throws a
// StateError instead of using it.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "tensor/real.h"

namespace glass {

class Storage {
 public:
  // Room for `count` numbers, not initialised; in a build of type Debug each is a NaN. The numbers
  // begin a cache line of 64 bytes. Up to 32 bytes of numbers are the second half of a line, and
  // their Block is the first half. std::bad_alloc if there is no room.
  explicit Storage(Index count);
  Storage(const Storage& other) noexcept : block_(other.block_) {
    block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  Storage(Storage&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Storage& operator=(Storage other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Storage() {
    if (block_ && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) free(block_);
  }

  Real* data() const { return reinterpret_cast<Real*>(block_ + 1); }
  Index count() const { return block_->count; }
  bool is_shared() const { return block_->owners.load(std::memory_order_acquire) > 1; }
  bool same_as(const Storage& other) const { return block_ == other.block_; }

  std::uint32_t version() const { return block_->version.load(std::memory_order_relaxed); }
  void bump_version() const { block_->version.fetch_add(1, std::memory_order_relaxed); }

 private:
  // Half a cache line. The numbers are behind it.
  struct alignas(32) Block {
    std::atomic<std::int64_t> owners;
    std::atomic<std::uint32_t> version;
    Index count;
    void* page;  // that this memory is cut from (page.h); null if it is the block's own
  };
  static void free(Block* block) noexcept;

  Block* block_;
};

// How many bytes of numbers are in use in this process. If the number grows from one training step
// to the next, memory leaks.
Index live_bytes();

// Freed blocks are kept for later tensors of their size, since new memory from the system is slow:
// each new page costs one or two microseconds. trim() gives the kept blocks back to the system.
void trim();

}  // namespace glass
