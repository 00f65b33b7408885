#include "tensor/parallel.h"

#include <pthread.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "tensor/error.h"

namespace glass {

// ---- settings ----

Settings& settings() {
  static Settings instance;
  return instance;
}

void set_num_threads(int count) {
  check<ShapeError>(count >= 1, "set_num_threads: at least 1; got {}", count);
  settings().threads = count;
}

int num_threads() {
  int threads = settings().threads.load(std::memory_order_relaxed);
  if (threads > 0) return threads;
  if (const char* wish = std::getenv("GLASS_NUM_THREADS"))
    std::from_chars(wish, wish + std::strlen(wish), threads);
  if (threads < 1) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  // Another thread may have decided meanwhile, or have been told: its number stays.
  int undecided = 0;
  return settings().threads.compare_exchange_strong(undecided, threads) ? threads : undecided;
}

Inherited& inherited() {
  thread_local Inherited state;
  return state;
}

// ---- the pool ----

namespace {

// Chunks are short, and often one loop follows another at once: whoever waits spins a while before
// it sleeps, if there is a core for everyone to spin on.
constexpr int spins = 100'000;

struct Job {
  Index chunks;
  Task task;
  void* context;
  Inherited state;
};

// What went wrong in the lowest chunk that failed.
struct Failure {
  std::mutex mutex;
  Index chunk = -1;
  std::exception_ptr error;
};

// Chunks are handed out one by one, to whoever is free: a worker that the system has put to sleep
// keeps nobody waiting.
class Pool {
 public:
  // Runs the job on `threads` threads, the caller's among them.
  void run(int threads, const Job& job) {
    resize(threads);
    job_ = job;
    failure_.error = nullptr;
    unfinished_.store(job.chunks, std::memory_order_relaxed);
    unclaimed_.store(job.chunks, std::memory_order_release);
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    work();
    // The job is the caller's: nobody may be at it when this returns.
    for (Index left = unfinished_.load(std::memory_order_acquire); left != 0;
         left = unfinished_.load(std::memory_order_acquire))
      wait(unfinished_, left);
    if (failure_.error) std::rethrow_exception(std::exchange(failure_.error, nullptr));
  }

 private:
  void resize(int threads) {
    if (std::ssize(workers_) + 1 == threads) return;
    stopping_ = true;
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    may_spin_ = threads <= cores;
    try {
      for (int i = 1; i < threads; ++i)
        workers_.emplace_back([this, seen = epoch_.load()] { serve(seen); });
    } catch (const std::system_error&) {
      // The system gives no more threads: those it gave do the work.
    }
  }

  void serve(unsigned seen) {
    while (true) {
      wait(epoch_, seen);
      seen = epoch_.load(std::memory_order_acquire);
      if (stopping_) return;
      work();
    }
  }

  // A job's fields may be read once one of its chunks is claimed, and until that is finished.
  void work() {
    for (Index left = unclaimed_.load(std::memory_order_acquire); left > 0;) {
      if (!unclaimed_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel)) continue;
      const Index chunk = job_.chunks - left;
      const Inherited before = std::exchange(inherited(), job_.state);
      try {
        job_.task(job_.context, chunk);
      } catch (...) {
        const std::lock_guard lock(failure_.mutex);
        if (!failure_.error || chunk < failure_.chunk)
          failure_.chunk = chunk, failure_.error = std::current_exception();
      }
      inherited() = before;
      if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
      left = unclaimed_.load(std::memory_order_acquire);
    }
  }

  // Returns once the value is no longer `old`.
  template <class T>
  void wait(const std::atomic<T>& value, T old) const {
    for (int i = 0; may_spin_ && i < spins; ++i)
      if (value.load(std::memory_order_acquire) != old) return;
    value.wait(old, std::memory_order_acquire);
  }

  std::vector<std::thread> workers_;
  Job job_{};
  Failure failure_;
  std::atomic<unsigned> epoch_{0};  // counts jobs, and wakes the workers
  std::atomic<Index> unclaimed_{0};
  std::atomic<Index> unfinished_{0};
  std::atomic<bool> stopping_{false};
  bool may_spin_ = true;
};

std::atomic<bool> taken{false};   // by one caller at a time
std::atomic<bool> forked{false};  // a child of fork() has no workers

// Never destroyed: a static object may compute in its destructor, and the workers sleep until the
// end.
Pool& pool() {
  static Pool* const instance = [] {
    ::pthread_atfork(nullptr, nullptr, [] { forked = true; });
    return std::make_unique<Pool>().release();
  }();
  return *instance;
}

struct Taken {
  ~Taken() { taken.store(false, std::memory_order_release); }
};

}  // namespace

void run_chunks(Index chunks, Task task, void* context) {
  const int threads = num_threads();
  const bool serial = threads == 1 || inherited().inside ||
                      forked.load(std::memory_order_relaxed) ||
                      taken.exchange(true, std::memory_order_acquire);
  if (serial) {
    for (Index i = 0; i < chunks; ++i) task(context, i);
    return;
  }
  const Taken guard;
  Job job{chunks, task, context, inherited()};
  job.state.inside = true;
  pool().run(threads, job);
}

}  // namespace glass
