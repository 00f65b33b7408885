// # A number of threads, for a test
#pragma once

#include "tensor/parallel.h"

namespace glass::oracle {

// So many threads while it lives.
struct Threads {
  explicit Threads(int count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  const int before = num_threads();
};

}  // namespace glass::oracle
