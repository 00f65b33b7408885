// # Sharing a loop among threads
//
// The settings of the process, the number of threads among them; and `parallel_for`, which the
// libraries and the last rungs of examples/matmul_ladder use. It cuts 0 … count into chunks and
// runs them on a small pool of threads. Where it cuts depends on `count` and `grain` only, never on
// the number of threads, and no two chunks write the same element, so the results have the same
// bits however many threads there are.
//
// What a program's own threads may share is said at the top of autograd/var.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <type_traits>

#include "tensor/real.h"

namespace glass {

// ---- settings ----

// The settings of the whole process.
struct Settings {
  std::atomic<int> threads{0};         // that share a large op; 0: not decided yet
  std::atomic<bool> nan_check{false};  // name the op that makes the first NaN
};
Settings& settings();

// How many threads a large op may use: GLASS_NUM_THREADS, else the number of cores. The results
// have the same bits for every number. ShapeError unless it is at least 1.
void set_num_threads(int count);
int num_threads();

// ---- the loop ----

// For a std::lock_guard that is held for a short time: a thread that waits does not sleep. If no
// thread holds the lock, locking costs a few nanoseconds.
struct SpinLock {
  void lock() {
    while (held.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() { held.clear(std::memory_order_release); }
  std::atomic_flag held{};
};

// What a chunk inherits from the thread that asked for it.
struct Inherited {
  int no_grad = 0;      // how many NoGrad guards are alive
  bool inside = false;  // this thread runs a chunk: loops that it starts run serially
};
Inherited& inherited();

// Runs task(context, chunk) for every chunk; each thread that is free takes the next.
using ChunkTask = void (*)(void* context, Index chunk);
void run_chunks(Index chunks, ChunkTask task, void* context);

// Calls f(begin, end) for consecutive ranges of `grain` elements, the last of which may be shorter.
// Returns when all are done. If several ranges throw, the exception of the lowest range is thrown.
// A call from inside a chunk, or while another thread is using the pool, runs serially.
template <class F>
void parallel_for(Index count, Index grain, F&& f) {
  if (count <= grain) {
    if (count > 0) f(Index{0}, count);
    return;
  }
  auto chunk = [&](Index i) { f(i * grain, std::min(count, (i + 1) * grain)); };
  run_chunks(
      ceil_div(count, grain),
      [](void* context, Index i) { (*static_cast<decltype(chunk)*>(context))(i); },
      std::addressof(chunk));
}

}  // namespace glass
