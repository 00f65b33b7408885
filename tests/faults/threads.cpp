// # The system gives fewer threads than were asked for
//
// Every thread of this program is counted, and refused beyond a limit. The threads that the system
// gave do the work, with the same bits, and the missing ones are not asked for again by every loop.
//
// A program of its own, since pthread_create is replaced for all of it.
#include <dlfcn.h>
#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "tensor/ops.h"
#include "tests/fuzz/safetensors.h"

using namespace glass;
using glass::fuzz::bits;
using glass::fuzz::expect;

namespace {

std::atomic<int> asked{0};    // calls of pthread_create
std::atomic<int> granted{0};  // those that made a thread
std::atomic<int> limit{0};    // how many may be granted

using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) {
  static const auto real = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  ++asked;
  if (granted >= limit) return EAGAIN;
  ++granted;
  return real(thread, attributes, start, argument);
}

namespace {

Tensor product() {
  Rng rng(1);
  return matmul(uniform({150, 80}, -1, 1, rng), uniform({80, 150}, -1, 1, rng));  // is shared
}

// How many threads 50 loops ask the system for, and how many they get.
std::pair<int, int> requests(int threads, int available) {
  set_num_threads(1);
  const Tensor expected = product();
  limit = available;
  asked = granted = 0;
  set_num_threads(threads);
  for (int loop = 0; loop < 50; ++loop)
    expect(bits(product()) == bits(expected), "{} of {} threads give other bits", available,
           threads);
  return {asked, granted};
}

void check_requests() {
  struct Row {
    int threads, available;  // asked for by the program, and given by the system
    int asked, granted;  // by 50 loops together: one request more than is granted, if it is refused
  };
  for (const Row& row :
       {Row{8, 100, 7, 7}, Row{9, 3, 4, 3}, Row{10, 0, 1, 0}, Row{4, 100, 3, 3}, Row{5, 2, 3, 2}}) {
    const auto [made, got] = requests(row.threads, row.available);
    expect(made == row.asked && got == row.granted,
           "{} threads, of which the system gives {} beside the caller: 50 loops should ask for {} "
           "and get {}; they asked for {} and got {}",
           row.threads, row.available, row.asked, row.granted, made, got);
  }
}

// A new number of threads is a new request, even the same number after another one.
void check_new_requests() {
  expect(requests(6, 2) == std::pair(3, 2), "a limit of 2 was not kept");
  expect(requests(7, 100) == std::pair(6, 6), "threads that the system has again are not used");
  expect(requests(6, 100) == std::pair(5, 5), "the number that failed before is not tried again");
}

}  // namespace

int main() try {
  check_requests();
  check_new_requests();
} catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return EXIT_FAILURE;
}
