// # Is this the CPU that the library was built for?
//
// The default build uses whatever the building machine's CPU can do (`GLASS_ARCH=native`). On a CPU
// that lacks one of that CPU's features, the program would end with an illegal instruction, and no
// message. This file alone is compiled for the baseline, so that it can run there, and it runs
// before all other code of glassgrad: it names what the CPU lacks and ends the program.
//
// It is deliberately not a dispatcher: one build has one width of vectors.

#include <cstdio>
#include <cstdlib>

#include "tensor/real.h"

namespace glass {

// real.h refers to one of these five, so this file is part of every program. A program that was
// compiled for another Real does not link, and the linker prints the name that it misses.
#if defined(GLASS_REAL_CERTIFIED) && defined(GLASS_WIDE_ENDS)
const char compiled_for_wide_intervals_so_link_glassgrad_certified_wide = 0;
#elif defined(GLASS_REAL_CERTIFIED)
const char compiled_for_intervals_so_link_glassgrad_certified = 0;
#elif defined(GLASS_REAL_DUAL)
const char compiled_for_dual_so_link_glassgrad_dual = 0;
#elif defined(GLASS_REAL_DOUBLE)
const char compiled_for_double_so_link_glassgrad_f64 = 0;
#else
const char compiled_for_float_so_link_glassgrad_f32 = 0;
#endif

// Two of the static libraries in one program define this twice, which the linker refuses.
extern const char one_real_per_program;
const char one_real_per_program = 0;

#if defined(__x86_64__) && defined(GLASS_CPU_NEEDS)
namespace {

void refuse(const char* feature) {
  std::fprintf(stderr,
               "glassgrad: built for a CPU with %s, which this one lacks; rebuild with "
               "-DGLASS_ARCH=native on this machine, or -DGLASS_ARCH=baseline for any\n",
               feature);
  std::_Exit(1);
}

// CMake asks the compiler what its flags switch on, as in NEEDS("avx2") NEEDS("fma"). Constructors
// run in the order of their priorities; 101 is the first that is not reserved for the compiler, so
// this check runs before other code.
[[gnu::constructor(101)]] void refuse_a_lesser_cpu() {
  __builtin_cpu_init();
#define NEEDS(feature) \
  if (!__builtin_cpu_supports(feature)) refuse(feature);
  GLASS_CPU_NEEDS
#undef NEEDS
}

}  // namespace
#endif

}  // namespace glass
