#include "tensor/parallel.h"

#include <cstdlib>
#include <thread>

#include "tensor/error.h"

namespace glass {

Settings& settings() {
  static Settings instance;
  return instance;
}

void set_num_threads(int count) {
  check<ShapeError>(count >= 1, "set_num_threads: at least 1; got {}", count);
  settings().threads = count;
}

int num_threads() {
  int& threads = settings().threads;
  if (threads == 0) {
    const char* wish = std::getenv("GLASS_NUM_THREADS");
    const int wished = wish ? std::atoi(wish) : 0;
    threads = wished > 0 ? wished : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return threads;
}

}  // namespace glass
