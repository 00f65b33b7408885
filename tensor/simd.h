// # One vector of numbers, and its functions
//
// (private to the libraries) As many Reals as one register of the target CPU holds, with the
// arithmetic operators of a single number: a GNU vector extension, which GCC and Clang turn into
// the instructions that the target has. A dual number has one lane.
//
// For floats, exp and tanh are computed lane by lane with a handful of multiply-adds, and agree
// with the exact values to 2 and 4 units in the last place; for other Reals the standard library's
// functions are called.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

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

// f of each lane.
template <class F>
Vec by_lane(Vec x, F f) {
  Real lane[lanes];
  store(lane, x);
  for (Real& v : lane) v = f(v);
  return load(lane);
}

// ---- functions ----

// The normal distribution: Φ(x), its share below x, and φ(x), its density there.
struct Normal {
  Vec below, density;
};

#if defined(GLASS_REAL_DUAL) || defined(GLASS_REAL_DOUBLE)

inline Vec magnitude(Vec x) { return x < Real(0) ? -x : x; }

#ifdef GLASS_REAL_DOUBLE
inline Vec exp(Vec x) {
  return by_lane(x, [](Real v) { return std::exp(v); });
}
inline Vec tanh(Vec x) {
  return by_lane(x, [](Real v) { return std::tanh(v); });
}
#endif

inline Vec exp_of_negative(Vec x) { return exp(x); }

// Φ(x) = (1 + erf(x/√2)) / 2 = erfc(−x/√2) / 2: in the second form nothing cancels to the left.
inline Normal normal(Vec x) {
  using std::erfc;
  const Real root(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  return {by_lane(x, [](Real v) { return Real(0.5) * erfc(v * Real(-std::numbers::sqrt2 / 2)); }),
          exp(Real(-0.5) * x * x) * root};
}

#else

using Bits [[gnu::vector_size(vector_bytes), gnu::aligned(4), gnu::may_alias]] = std::uint32_t;

inline Vec magnitude(Vec x) {
  return reinterpret_cast<Vec>(reinterpret_cast<Bits>(x) & 0x7FFFFFFF);
}

// A polynomial, the highest coefficient first, by Horner's rule in x²: what its steps add, a pair
// of terms each, does not wait for the steps before.
inline Vec polynomial(Vec, Vec, Vec sum) { return sum; }
inline Vec polynomial(Vec x, Vec square, Vec sum, float odd, float even, auto... rest) {
  return polynomial(x, square, sum * square + (odd * x + even), rest...);
}

// eˣ = 2ⁿ eʳ with n the integer next to x / ln 2, so that |r| ≤ ln 2 / 2, where a polynomial of
// degree 7 does. n · ln 2 is taken off in two parts, the first of which has so few bits that the
// product is exact; then what x had no digits left for, if anything, is added.
// Source: S. Moshier, Cephes, expf.
struct Power {
  Vec part;       // scale · eʳ
  Bits exponent;  // n + offset in the last nine bits
};
inline Power power_of_e(Vec x, float scale, int offset, auto... rest) {
  // A float of this size has no bits behind the point: adding it rounds.
  const Vec rounder = repeat(0x1.8p23f + static_cast<float>(offset));
  const Vec shifted = x * std::numbers::log2e_v<float> + rounder;
  const Vec n = shifted - rounder;
  Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  ((r += rest), ...);
  return {polynomial(r, r * r, scale * 1.9875691500e-4f * r + scale * 1.3981999507e-3f,
                     scale * 8.3334519073e-3f, scale * 4.1665795894e-2f, scale * 1.6666665459e-1f,
                     scale * 5.0000001201e-1f, scale, scale),
          reinterpret_cast<Bits>(shifted)};
}

// A power of 2 is its exponent + 127, in the bits from 23 on. 2ⁿ may be no float, so it is
// multiplied in two halves. The ends are written so that a NaN stays one.
inline Vec exp(Vec x) {
  const auto [part, n] = power_of_e(x, 1, 254);
  const Bits half = (n >> 1) << 23;
  const Vec y = part * reinterpret_cast<Vec>(half) * reinterpret_cast<Vec>((n << 23) - half);
  const Vec infinity = repeat(-minus_infinity);
  return x > 89.0f ? infinity : x < -104.0f ? Vec{} : y;
}

// Where x is at most 0, 2ⁿ⁺¹⁰⁰ is a float: cheaper. x + rest, if there is a rest, which x has no
// digits left for.
inline Vec exp_of_negative(Vec x, auto... rest) {
  const auto [part, n] = power_of_e(x, 0x1p-100f, 100 + 127, rest...);
  return x < -104.0f ? Vec{} : part * reinterpret_cast<Vec>(n << 23);
}

// Near 0, where 1 − 2/(e²ᶻ + 1) cancels, a polynomial.   Source: S. Moshier, Cephes, tanhf.
inline Vec tanh(Vec x) {
  const Vec z = magnitude(x), square = z * z;
  const Vec small =
      polynomial(square, square * square, repeat(-5.70498872745e-3f), 2.06390887954e-2f,
                 -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f) *
          square * z +
      z;
  const Vec e = exp_of_negative(-2.0f * z);
  const Vec large = 1.0f - 2.0f * e / (1.0f + e);
  const Bits sign = reinterpret_cast<Bits>(x) & 0x80000000;
  return reinterpret_cast<Vec>(reinterpret_cast<Bits>(z < 0.625f ? small : large) | sign);
}

// To the left, Φ(x) = e^(−a²/2) t Q(t) with a = |x|, t = 1/(1 + .27 a) and a polynomial Q: a
// Chebyshev fit for a up to 14.5, beyond which Φ is no float, with a relative error of 3e-8. The
// square of a is split, lest the exponential blow up its rounding error.
inline Normal normal(Vec x) {
  const Vec a = magnitude(x);
  const Vec head =
      reinterpret_cast<Vec>(reinterpret_cast<Bits>(a) & 0xFFFFF000);  // its square is exact
  const Vec bell = exp_of_negative(-0.5f * head * head, -0.5f * (a - head) * (a + head));
  const Vec t = 1.0f / (1.0f + 0.27f * a);
  const Vec q =
      polynomial(t, t * t, repeat(0.02920583342f), -0.1277225574f, 0.1724360972f, -0.07234456237f,
                 0.1100542173f, 0.07107758252f, 0.1020635491f, 0.1075070932f, 0.1077227585f);
  const Vec left = bell * t * q;
  const float root = std::numbers::inv_sqrtpi_v<float> / std::numbers::sqrt2_v<float>;
  return {x < 0.0f ? left : 1.0f - left, bell * root};
}

#endif

}  // namespace glass
