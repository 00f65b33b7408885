// # Is this the CPU that the library was built for?
//
// The default build uses whatever the building machine's CPU can do (`GLASS_ARCH=native`). On a
// lesser CPU such a program would die of an illegal instruction, somewhere, without a word. This
// file alone is compiled for the baseline; it looks before any other code of glassgrad runs.
//
// It is deliberately not a dispatcher: one build has one width of vectors.

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tensor/real.h"

namespace glass {

// real.h refers to one of these three, so this file is part of every program, and a program that
// was compiled for another Real does not link.
#if defined(GLASS_REAL_DUAL)
const char real_is_dual = 0;
#elif defined(GLASS_REAL_DOUBLE)
const char real_is_double = 0;
#else
const char real_is_float = 0;
#endif

// Two of the static libraries in one program define this twice, which the linker refuses.
extern const char one_real_per_program;
const char one_real_per_program = 0;

#if defined(__x86_64__) && defined(GLASS_CPU_FEATURES)
namespace {

struct Feature {
  std::string_view name;
  bool present;
};

// 101 is the first place in the order of start-up that is not the compiler's own.
[[gnu::constructor(101)]] void refuse_a_lesser_cpu() {
  __builtin_cpu_init();
  const Feature features[] = {
      {"sse4.2", __builtin_cpu_supports("sse4.2") != 0},
      {"popcnt", __builtin_cpu_supports("popcnt") != 0},
      {"avx", __builtin_cpu_supports("avx") != 0},
      {"avx2", __builtin_cpu_supports("avx2") != 0},
      {"fma", __builtin_cpu_supports("fma") != 0},
      {"bmi", __builtin_cpu_supports("bmi") != 0},
      {"bmi2", __builtin_cpu_supports("bmi2") != 0},
      {"avx512f", __builtin_cpu_supports("avx512f") != 0},
      {"avx512bw", __builtin_cpu_supports("avx512bw") != 0},
      {"avx512dq", __builtin_cpu_supports("avx512dq") != 0},
      {"avx512vl", __builtin_cpu_supports("avx512vl") != 0},
  };

  // CMake asks the compiler what its flags switch on: "sse4.2 avx avx2 fma ".
  std::string_view needed = GLASS_CPU_FEATURES;
  while (!needed.empty()) {
    const std::string_view name = needed.substr(0, needed.find(' '));
    needed.remove_prefix(name.size() + 1);
    for (const Feature& feature : features) {
      if (feature.name != name || feature.present) continue;
      std::fprintf(stderr,
                   "glassgrad: built for a CPU with %.*s, which this one lacks; rebuild with "
                   "-DGLASS_ARCH=native on this machine, or -DGLASS_ARCH=baseline for any\n",
                   static_cast<int>(name.size()), name.data());
      std::_Exit(1);
    }
  }
}

}  // namespace
#endif

}  // namespace glass
