#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

#include "tests/benchmarks/torch.h"

namespace bench {

namespace {

// The file from which the module takes its products of matrices: libblas.so.3 is any of several
// libraries, and the slowest takes twenty times as long as the fastest.
std::string blas_of(void* module) {
  const void* product = ::dlsym(module, "sgemm_");
  ::Dl_info found{};
  if (!product || ::dladdr(product, &found) == 0) return "a BLAS of its own";
  std::error_code ignored;
  const auto file = std::filesystem::canonical(found.dli_fname, ignored);
  return ignored ? found.dli_fname : file.string();
}

// libtorch has two sets of threads, libgomp's and OpenBLAS's, unless OpenBLAS uses libgomp, too.
// Two sets on few cores: the one that spins while it waits takes the core from the one that works,
// and a step takes up to three times as long. One set: it is faster to spin than to sleep. Spinning
// for some 30 µs is fast with both. libgomp reads it when the module is loaded.
void spin_briefly() {
  if (!std::getenv("OMP_WAIT_POLICY")) ::setenv("GOMP_SPINCOUNT", "10000", 0);
}

// glibc gives large freed blocks back to the system. libtorch keeps none itself, so a step would
// take a tenth to a third longer, for fresh pages.
void keep_freed_memory() {
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

}  // namespace

const Torch* load_torch(const Options& options) {
  spin_briefly();
  void* module = ::dlopen("bench_torch.so", RTLD_LAZY | RTLD_LOCAL);  // beside the program
  if (!module) {
    // A module that was not built is no fault. One that cannot be loaded is.
    const std::string why = ::dlerror();
    if (!why.starts_with("bench_torch.so: cannot open"))
      fmt::print(stderr, "No libtorch: {}\n", why);
    return nullptr;
  }
  auto* make = reinterpret_cast<const Torch* (*)()>(::dlsym(module, "bench_torch"));
  if (!make) return nullptr;
  keep_freed_memory();
  static Torch torch = *make();
  torch.version += ", with " + blas_of(module);
  torch.set_threads(options.threads);
  return &torch;
}

}  // namespace bench
