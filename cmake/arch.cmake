# GLASS_ARCH becomes two variables:
#   arch_flags     the compiler flags, e.g. -march=native
#   cpu_needs      the CPU features that these flags use on x86-64, for tensor/cpu_check.cpp, as in
#                  NEEDS("avx2") NEEDS("fma")
include(CheckCXXCompilerFlag)

separate_arguments(user_flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
set(arch_flags "")
if(NOT GLASS_ARCH STREQUAL "baseline")
  # On ARM, -mcpu names a CPU (or native), and -march names an architecture, such as armv8.2-a.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(arm|aarch64)" AND NOT GLASS_ARCH MATCHES "^arm")
    set(arch_flags -mcpu=${GLASS_ARCH})
  else()
    set(arch_flags -march=${GLASS_ARCH})
  endif()
  string(MAKE_C_IDENTIFIER "GLASS_FLAG${arch_flags}" supported)
  check_cxx_compiler_flag(${arch_flags} ${supported})
  if(NOT ${supported})
    if(NOT GLASS_ARCH STREQUAL "native")
      message(FATAL_ERROR "GLASS_ARCH=${GLASS_ARCH}: the compiler does not know ${arch_flags}")
    endif()
    message(STATUS "The compiler does not know ${arch_flags}: building for the baseline")
    set(arch_flags "")
  endif()
endif()

# The oldest 32-bit x86 CPUs have no vectors. For them the compiler computes single numbers in registers
# of 80 bits, which round differently from vectors; results would then depend on where a row ends. So we
# require SSE2.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${user_flags} -dM -E -x c++ /dev/null
  OUTPUT_VARIABLE macros ERROR_QUIET)
if(macros MATCHES "#define __i386__ 1")
  list(APPEND arch_flags -msse2 -mfpmath=sse)
endif()

set(cpu_needs "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} ${user_flags} ${arch_flags} -dM -E -x c++ /dev/null
    OUTPUT_VARIABLE macros ERROR_QUIET)
  foreach(feature sse4.2 popcnt avx avx2 fma bmi bmi2 avx512f avx512bw avx512dq avx512vl)
    string(TOUPPER ${feature} macro)
    string(REPLACE "." "_" macro ${macro})
    if(macros MATCHES "#define __${macro}__ 1")
      string(APPEND cpu_needs " NEEDS(\"${feature}\")")
    endif()
  endforeach()
endif()
