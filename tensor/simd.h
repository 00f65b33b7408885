// # One vector of numbers
//
// (private to tensor/) As many Reals as one register of the target CPU holds, with the arithmetic
// operators of a single number: a GNU vector extension, which GCC and Clang turn into the
// instructions that the target has. A dual number has one lane.
#pragma once

#include "tensor/real.h"

namespace glass {

#ifdef GLASS_REAL_DUAL
using Vec = Dual;
#else
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif
// Aligned like one number, since a row may begin anywhere.
using Vec [[gnu::vector_size(vector_bytes), gnu::aligned(alignof(Real)), gnu::may_alias]] = Real;
#endif

// What the CPU has of it: registers, and x · y + z in one instruction.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int registers = 32;
#else
inline constexpr int registers = 16;
#endif
#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool fused_multiply_add = true;
#else
inline constexpr bool fused_multiply_add = false;
#endif

inline constexpr Index lanes = sizeof(Vec) / sizeof(Real);

inline Vec load(const Real* from) { return *reinterpret_cast<const Vec*>(from); }
inline void store(Real* to, Vec x) { *reinterpret_cast<Vec*>(to) = x; }

}  // namespace glass
