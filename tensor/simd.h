// # One vector of numbers
//
// (private to the libraries) As many Reals as one register of the target CPU holds, with the
// arithmetic operators of a single number: a GNU vector extension, which GCC and Clang turn into
// the instructions that the target has. A dual number has one lane. Here are the vector type, load
// and store, and the loops along a row; exp, tanh and the normal distribution are in functions.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

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

inline constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

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

// Lanes of 64 bits, of which the lower halves are multiplied.
#ifdef __AVX2__
using Wide [[gnu::vector_size(32)]] = std::uint64_t;
#else
using Wide [[gnu::vector_size(16)]] = std::uint64_t;
#endif
template <class W>
W low_product(W x, std::uint64_t constant) {
  return (x & 0xFFFFFFFF) * constant;
}
#if defined(__AVX2__) && !defined(__clang__)
// GCC does not see that one instruction does it, and takes eight.
inline Wide low_product(Wide x, std::uint64_t constant) {
  using Halves [[gnu::vector_size(32)]] = int;
  const auto c = reinterpret_cast<Halves>(Wide{} + constant);
  return reinterpret_cast<Wide>(__builtin_ia32_pmuludq256(reinterpret_cast<Halves>(x), c));
}
#endif

// ---- to and from memory ----

inline Vec load(const Real* from) { return *reinterpret_cast<const Vec*>(from); }
inline void store(Real* to, Vec x) { *reinterpret_cast<Vec*>(to) = x; }
inline Vec repeat(Real x) { return Vec{} + x; }

// Asks the caches for data[offset]; 3 means all caches, 2 all but the first. The element may lie
// outside the array, since nothing is read: so its address is computed as a number. A pointer
// outside its array is undefined, even if nobody follows it.
template <int caches = 3>
void prefetch(const Real* data, Index offset) {
  const auto bytes = static_cast<std::uintptr_t>(offset) * sizeof(Real);
  const auto address = reinterpret_cast<std::uintptr_t>(data) + bytes;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): nothing is read through the pointer
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, caches);
}

// At the end of a row: `count` numbers, `step` apart, and `rest` in the lanes beyond them; never
// more than one vector.
inline Vec load(const Real* from, Index count, Index step, Real rest) {
  if (count >= lanes && step == 1) return load(from);
  Real part[lanes];
  for (Index i = 0; i < lanes; ++i) part[i] = i < count ? from[i * step] : rest;
  return load(part);
}
inline Vec load(const Real* from, Index count, Real rest) { return load(from, count, 1, rest); }
inline void store(Real* to, Vec x, Index count) {
  if (count >= lanes) return store(to, x);
  Real part[lanes];
  store(part, x);
  std::copy_n(part, count, to);
}

// One number of all lanes: their sum, as a tree, or the largest.
template <class F>
Real fold(Vec x, F f) {
  Real lane[lanes];
  store(lane, x);
  for (Index half = lanes / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) lane[i] = f(lane[i], lane[i + half]);
  return lane[0];
}
inline Real total(Vec x) {
  return fold(x, [](Real a, Real b) { return a + b; });
}
inline Real largest(Vec x) {
  return fold(x, [](Real a, Real b) { return a < b ? b : a; });
}

// ---- along a row ----

// Calls f(i, count) for the `count` numbers from i on, a whole vector of them but for the last.
template <class F>
void for_vectors(Index n, F f) {
  Index i = 0;
  for (; i + lanes <= n; i += lanes) f(i, lanes);
  if (i < n) f(i, n - i);
}

// f(i, count) of all such vectors, joined by `join`: in four parts, since each waits for its last.
template <class Join, class F>
Vec gather(Index n, Vec first, Join join, F f) {
  Vec a = first, b = first, c = first, d = first;
  Index i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = join(a, f(i, lanes));
    b = join(b, f(i + lanes, lanes));
    c = join(c, f(i + 2 * lanes, lanes));
    d = join(d, f(i + 3 * lanes, lanes));
  }
  for (; i + lanes <= n; i += lanes) a = join(a, f(i, lanes));
  if (i < n) b = join(b, f(i, n - i));
  return join(join(a, b), join(c, d));
}
// Σ f(i, count) of all such vectors.
template <class F>
Real sum_of_block(Index n, F f) {
  return total(gather(
      n, Vec{}, [](Vec a, Vec b) { return a + b; }, f));
}

// A long row is summed in blocks, and the blocks' sums in pairs: a number passes through few
// roundings, however long the row is. Apart, so that short rows get a loop of their own.
template <class F>
[[gnu::noinline]] Real sum_of_blocks(Index n, Index block, F f) {
  // The sums of 1, 2, 4, … blocks that wait for a second one: the binary digits of `done`.
  std::array<Real, 64> waiting;
  std::size_t count = 0;
  for (Index done = 0; done * block < n; ++done) {
    const Index begin = done * block;
    Real sum = sum_of_block(std::min(block, n - begin),
                            [&](Index i, Index part) { return f(begin + i, part); });
    for (Index digits = done; digits % 2 == 1; digits /= 2) sum = waiting[--count] + sum;
    waiting[count++] = sum;
  }
  Real sum = waiting[--count];
  while (count > 0) sum = waiting[--count] + sum;
  return sum;
}

template <class F>
Real sum_of(Index n, F f) {
  constexpr Index block = 1024;
  return n <= block ? sum_of_block(n, f) : sum_of_blocks(n, block, f);
}

}  // namespace glass
