// # One vector of numbers
//
// (private to the libraries) A CPU has registers that hold several numbers, and instructions that
// add or multiply all of them at once. `Vec` is one such register full of Reals: eight floats or
// four doubles on a CPU with AVX. Each place in it is called a lane. The usual operators work lane
// by lane: `x * y + z` multiplies and adds eight pairs of floats. Vec is a GNU vector extension,
// which GCC and Clang turn into the instructions that the target CPU has. A dual number is its own
// vector, of one lane.
//
// The file reads from top to bottom: the type, load and store, the end of a row that fills no whole
// vector, from lanes to one number, and loops and sums along a row. exp, tanh and the normal
// distribution are in functions.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tensor/real.h"

namespace glass {

// ---- the type ----

#if defined(GLASS_REAL_DUAL) || defined(GLASS_REAL_CERTIFIED)
using Vec = Real;
#else
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif
// Aligned like one number, not like a register, since a row may begin anywhere in memory.
using Vec [[gnu::vector_size(vector_bytes), gnu::aligned(alignof(Real)), gnu::may_alias]] = Real;
#endif

inline constexpr Index lanes = sizeof(Vec) / sizeof(Real);

// What the CPU has: the number of its vector registers, and whether one instruction computes
// x · y + z with a single rounding.
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

// ---- to and from memory ----

// `lanes` numbers that lie side by side; one number in all lanes.
inline Vec load(const Real* from) { return *reinterpret_cast<const Vec*>(from); }
inline void store(Real* to, Vec x) { *reinterpret_cast<Vec*>(to) = x; }
inline Vec repeat(Real x) { return Vec{} + x; }

// x · y + z, fused where the CPU can. Dual numbers have a function of their own, in dual.h.
#ifndef GLASS_REAL_DUAL
inline Vec multiply_add(Real x, Vec y, Vec z) { return x * y + z; }
#endif

// ---- the end of a row, where only some numbers are left ----

// The first `count` lanes, one by one; their numbers lie `step` apart. The others get `rest`.
inline Vec load_each(const Real* from, Index count, Index step, Real rest) {
  Real part[lanes];
  for (Index i = 0; i < lanes; ++i) part[i] = i < count ? from[i * step] : rest;
  return load(part);
}

// The first `count` lanes of a vector, at most all of them: the lanes that take part in a load or a
// store. Nothing is read or written for the other lanes. AVX-512 has instructions that leave lanes
// out, by a mask of one bit per lane. GNU vectors have no masks, so GCC's and Clang's built-in
// functions are used. Other CPUs go through a local array.
#if defined(__AVX512F__) && !defined(GLASS_REAL_DUAL) && !defined(GLASS_REAL_CERTIFIED)
inline constexpr bool has_masks = true;
struct FirstLanes {
  explicit FirstLanes(Index count) : mask(static_cast<Mask>((1u << std::min(count, lanes)) - 1)) {}
  using Mask = std::conditional_t<lanes == 16, std::uint16_t, std::uint8_t>;
  Mask mask;
};
// Vectors as the built-in functions take them.
using AlignedVec [[gnu::vector_size(vector_bytes)]] = Real;
inline Vec load(const Real* from, FirstLanes some, Real rest = 0) {
#ifdef GLASS_REAL_DOUBLE
  return __builtin_ia32_loadupd512_mask(from, AlignedVec{} + rest, some.mask);
#else
  return __builtin_ia32_loadups512_mask(from, AlignedVec{} + rest, some.mask);
#endif
}
inline void store(Real* to, Vec x, FirstLanes some) {
#ifdef GLASS_REAL_DOUBLE
  __builtin_ia32_storeupd512_mask(to, x, some.mask);
#else
  __builtin_ia32_storeups512_mask(to, x, some.mask);
#endif
}
#else
// Without masks: the numbers of the first lanes are copied one by one, to or from an array that has
// room for a whole vector.
inline constexpr bool has_masks = false;
struct FirstLanes {
  explicit FirstLanes(Index lanes_in_use) : count(lanes_in_use) {}
  Index count;
};
inline Vec load(const Real* from, FirstLanes some, Real rest = 0) {
  return load_each(from, some.count, 1, rest);
}
inline void store(Real* to, Vec x, FirstLanes some) {
  Real part[lanes];
  store(part, x);
  std::copy_n(part, some.count, to);
}
#endif

// The same with a count, which may be more than `lanes`: then the vector is whole. The lanes that
// have no number get `rest`, for instance 0 in a sum. `step` is how far apart the numbers lie.
inline Vec load(const Real* from, Index count, Index step, Real rest) {
  if (step != 1) return load_each(from, count, step, rest);
  return count >= lanes ? load(from) : load(from, FirstLanes(count), rest);
}
inline Vec load(const Real* from, Index count, Real rest) { return load(from, count, 1, rest); }
inline void store(Real* to, Vec x, Index count) {
  if (count >= lanes) return store(to, x);
  store(to, x, FirstLanes(count));
}

// ---- from all lanes to one number ----

// f of two halves of the lanes, then of two quarters, until one number is left: for f = + it is
// their sum. Eight lanes take three steps, and a number passes through three roundings, not seven.
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

// What a search for the largest number starts from.
inline constexpr Real minus_infinity = -std::numeric_limits<Real>::infinity();

// ---- loops along a row ----

// Cuts a row of n numbers into vectors, and calls f(i, count) for each: it holds the `count`
// numbers from i on. `count` is `lanes`, but for the last vector, which may have fewer. The loop
// over whole vectors is separate, so that the compiler knows their count and drops the code for a
// row's end.
template <class F>
void for_vectors(Index n, F f) {
  Index i = 0;
  for (; i + lanes <= n; i += lanes) f(i, lanes);
  if (i < n) f(i, n - i);
}

// Joins the vectors f(i, count) of a whole row into one, which starts as `first`; `join` is + or
// the larger of two, lane by lane. An addition must wait for the sum that it adds to, for about
// four cycles. Four running results, each of every fourth vector, keep the CPU busy meanwhile.
template <class Join, class F>
Vec gather(Index n, Vec first, Join join, F f) {
  Vec a = first, b = first, c = first, d = first;
  Index i = 0;
  // Four vectors a step, each into a result of its own.
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = join(a, f(i, lanes));
    b = join(b, f(i + lanes, lanes));
    c = join(c, f(i + 2 * lanes, lanes));
    d = join(d, f(i + 3 * lanes, lanes));
  }
  // The whole vectors that are left, at most three, and the end of the row.
  for (; i + lanes <= n; i += lanes) a = join(a, f(i, lanes));
  if (i < n) b = join(b, f(i, n - i));
  return join(join(a, b), join(c, d));
}

// ---- sums along a row ----
//
// sum_of(n, f) adds all lanes of all vectors f(i, count), i = 0, lanes, 2 · lanes, … < n.

// Blocks are short enough to be summed by running results.
template <class F>
Real sum_of_block(Index n, F f) {
  return total(gather(
      n, Vec{}, [](Vec a, Vec b) { return a + b; }, f));
}

// A long row is summed block by block, and the blocks' sums in pairs, the pairs' sums in pairs, and
// so on: a number passes through log₂(blocks) roundings after its block, however long the row is.
// Not inlined, so that the loop for short rows stays small.
template <class F>
[[gnu::noinline]] Real sum_of_blocks(Index n, Index block, F f) {
  // The sums of 1, 2, 4, … blocks that wait for a second sum of as many blocks, as the binary
  // digits of `done` say: after 6 = 110₂ blocks, the sum of four and the sum of two are waiting.
  std::array<Real, 64> waiting;
  std::size_t count = 0;
  for (Index done = 0; done * block < n; ++done) {
    const Index begin = done * block;
    Real sum = sum_of_block(std::min(block, n - begin),
                            [&](Index i, Index part) { return f(begin + i, part); });
    // One more block carries as in adding 1: each digit 1 at the end of `done` finds its pair.
    for (Index digits = done; digits % 2 == 1; digits /= 2) sum = waiting[--count] + sum;
    waiting[count++] = sum;
  }
  // What is still waiting, the shortest first.
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
