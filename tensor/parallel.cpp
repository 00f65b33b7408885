// # The settings, and the pool of threads behind parallel_for
//
// The pool runs one job at a time: a job is a number of chunks and a function that does one of
// them. Every worker, and the caller, takes the next chunk that is not taken yet, until none is
// left. There are no queues and no stealing: chunks are many, and all of one job are alike.
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
  // Not decided yet: as the environment says, if that is a number of at least 1, else one per core.
  if (const char* wish = std::getenv("GLASS_NUM_THREADS"))
    std::from_chars(wish, wish + std::strlen(wish), threads);
  if (threads < 1) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  // If another thread decided meanwhile, or called set_num_threads, its number stays.
  int undecided = 0;
  return settings().threads.compare_exchange_strong(undecided, threads) ? threads : undecided;
}

Inherited& inherited() {
  thread_local Inherited state;
  return state;
}

// ---- the pool ----

namespace {

// A thread that waits first spins, which means that it reads the value again and again, so many
// times. A sleeping thread takes several microseconds to wake, and often the next loop comes
// before. Threads spin only if each has a core of its own.
constexpr int spins = 100'000;

struct Job {
  Index chunks;
  ChunkTask task;
  void* context;
  Inherited state;
};

// The exception of the lowest chunk that threw one.
struct Failure {
  void note(Index failed, std::exception_ptr why) {
    const std::lock_guard lock(mutex);
    if (error && chunk < failed) return;
    chunk = failed;
    error = std::move(why);
  }
  std::mutex mutex;
  Index chunk = -1;
  std::exception_ptr error;
};

// Chunks are handed out one by one, to any thread that is free: if the system runs another program
// on a worker's core, the other threads do the worker's share.
class Pool {
 public:
  // Runs the job on `threads` threads, the caller's among them.
  void run(int threads, const Job& job) {
    resize(threads);
    // Publish the job: its fields, then how many chunks are unclaimed, then the next epoch, for
    // which the workers wait.
    job_ = job;
    failure_.error = nullptr;
    unfinished_.store(job.chunks, std::memory_order_relaxed);
    unclaimed_.store(job.chunks, std::memory_order_release);
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    work();
    // The job's context is on the caller's stack: every chunk must be finished before this returns.
    for (Index left = unfinished_.load(std::memory_order_acquire); left != 0;
         left = unfinished_.load(std::memory_order_acquire))
      wait(unfinished_, left);
    if (failure_.error) std::rethrow_exception(std::exchange(failure_.error, nullptr));
  }

 private:
  // Ends all workers and starts threads − 1 new ones, if the number is another than was asked for
  // last. The system may have given fewer threads than that. The missing ones are not asked for
  // again: otherwise every loop would end and start all workers.
  void resize(int threads) {
    if (threads == requested_) return;
    requested_ = 0;  // until all is done: if something throws below, the next call tries again
    // All workers wake up, see that they shall stop, and end.
    stopping_ = true;
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
    // The new workers, as many as the system gives.
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    may_spin_ = threads <= cores;
    try {
      for (int i = 1; i < threads; ++i)
        workers_.emplace_back([this, seen = epoch_.load()] { serve(seen); });
    } catch (const std::system_error&) {
      // The system gives no more threads: those it gave do the work.
    }
    requested_ = threads;
  }

  // What a worker does: it waits until the epoch is no longer the one that it has seen, works, and
  // waits again.
  void serve(unsigned seen) {
    while (true) {
      wait(epoch_, seen);
      seen = epoch_.load(std::memory_order_acquire);
      if (stopping_) return;
      work();
    }
  }

  // Claims and does chunks until none is unclaimed. The job's fields are read only while a chunk is
  // claimed and not finished: before and after, `run` may be writing the next job.
  void work() {
    for (Index left = unclaimed_.load(std::memory_order_acquire); left > 0;) {
      if (!unclaimed_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel)) continue;
      // The chunk is claimed. While it runs, this thread has the state that the job inherits from
      // the caller.
      const Index chunk = job_.chunks - left;
      const Inherited before = std::exchange(inherited(), job_.state);
      try {
        job_.task(job_.context, chunk);
      } catch (...) {
        failure_.note(chunk, std::current_exception());
      }
      inherited() = before;
      // The last chunk wakes the caller.
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
  int requested_ = 1;  // threads, the caller's among them; the system may have given fewer
  Job job_{};
  Failure failure_;
  std::atomic<unsigned> epoch_{0};  // counts jobs, and wakes the workers
  std::atomic<Index> unclaimed_{0};
  std::atomic<Index> unfinished_{0};
  std::atomic<bool> stopping_{false};
  bool may_spin_ = true;
};

std::atomic<bool> taken{false};   // is a caller using the pool? There may be one at a time
std::atomic<bool> forked{false};  // is this a child of fork()? It has no workers

// Never destroyed: a static object may compute in its destructor, after the pool's would have run.
// The workers sleep until the program ends.
Pool& pool() {
  static Pool* const instance = [] {
    ::pthread_atfork(nullptr, nullptr, [] { forked = true; });
    return std::make_unique<Pool>().release();
  }();
  return *instance;
}

// The pool is free again, even if a chunk throws.
struct Taken {
  ~Taken() { taken.store(false, std::memory_order_release); }
};

}  // namespace

void run_chunks(Index chunks, ChunkTask task, void* context) {
  const int threads = num_threads();
  // Where the pool cannot be used: there is one thread, or the caller is a chunk itself, or this is
  // a forked child, or another thread uses the pool.
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
