#include <dlfcn.h>

#include <cstdlib>

#include "tests/benchmarks/torch.h"

namespace bench {

const Torch* load_torch(const Options& options) {
  // libtorch has two sets of threads, libgomp's and OpenBLAS's: on few cores, the one that spins
  // while it waits takes the core from the one that works, and a step takes up to ten times as
  // long.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  void* module = ::dlopen("bench_torch.so", RTLD_LAZY | RTLD_LOCAL);  // beside the program
  if (!module) return nullptr;
  auto* make = reinterpret_cast<const Torch* (*)()>(::dlsym(module, "bench_torch"));
  if (!make) return nullptr;
  const Torch* torch = make();
  torch->set_threads(options.threads);
  return torch;
}

}  // namespace bench
