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

// ---- to and from memory ----

inline Vec load(const Real* from) { return *reinterpret_cast<const Vec*>(from); }
inline void store(Real* to, Vec x) { *reinterpret_cast<Vec*>(to) = x; }
inline Vec repeat(Real x) { return Vec{} + x; }

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
inline Real total(Vec x) {
  Real lane[lanes];
  store(lane, x);
  for (Index half = lanes / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}
inline Real largest(Vec x) {
  Real lane[lanes];
  store(lane, x);
  return *std::max_element(lane, lane + lanes);
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

// A polynomial, the highest coefficient first.
inline Vec polynomial(Vec x, std::same_as<float> auto first, auto... rest) {
  Vec sum = repeat(first);
  ((sum = sum * x + rest), ...);
  return sum;
}

// eˣ = 2ⁿ eʳ with n the integer next to x / ln 2, so that |r| ≤ ln 2 / 2, where five terms of a
// polynomial do. n · ln 2 is taken off in two parts, the first of which has so few bits that the
// product is exact; 2ⁿ is multiplied in two halves, since alone it may be no float.
// Source: S. Moshier, Cephes, expf.
inline Vec exp(Vec x) {
  // Beyond these the result is ∞ or 0. Written so that a NaN stays one.
  x = x > 89.0f ? repeat(89.0f) : x;
  x = x < -104.0f ? repeat(-104.0f) : x;
  // A float of this size has no bits behind the point: adding it rounds.
  const Vec rounder = repeat(0x1.8p23f);
  const Vec shifted = x * std::numbers::log2e_v<float> + rounder;
  const Vec n = shifted - rounder;
  const Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  const Vec p = polynomial(r, 1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                           4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f);
  const Vec y = r * r * p + r + 1.0f;
  // The exponent's bits are n + 127: of half of n, and of the other half. 1024 keeps them positive.
  const Bits power = reinterpret_cast<Bits>(shifted) - reinterpret_cast<Bits>(rounder) + 1024;
  const Bits half = power >> 1;
  return y * reinterpret_cast<Vec>((half - (512 - 127)) << 23) *
         reinterpret_cast<Vec>((power - half - (512 - 127)) << 23);
}

// Near 0, where 1 − 2/(e²ˣ + 1) cancels, a polynomial.   Source: S. Moshier, Cephes, tanhf.
inline Vec tanh(Vec x) {
  const Vec z = magnitude(x), square = z * z;
  const Vec small = polynomial(square, -5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                               1.33314422036e-1f, -3.33332819422e-1f) *
                        square * z +
                    z;
  const Vec large = 1.0f - 2.0f / (exp(z + z) + 1.0f);
  const Bits sign = reinterpret_cast<Bits>(x) & 0x80000000;
  return reinterpret_cast<Vec>(reinterpret_cast<Bits>(z < 0.625f ? small : large) | sign);
}

// To the left, Φ(x) = e^(−z²) erfcx(z) / 2 with z = |x|/√2, where erfcx(z) = t Q(t) with
// t = 1/(1 + .35 z) and a polynomial Q: a Chebyshev fit for z up to 10.6, beyond which Φ is no
// float, with a relative error of 1.1e-8. The square of z is split, lest the exponential blow up
// its rounding error.
inline Normal normal(Vec x) {
  Vec a = magnitude(x);
  a = a > 40.0f ? repeat(40.0f) : a;  // of ∞ the difference below would be NaN
  const Vec head =
      reinterpret_cast<Vec>(reinterpret_cast<Bits>(a) & 0xFFFFF000);  // its square is exact
  const Vec bell = exp(-0.5f * head * head) * exp(-0.5f * (a - head) * (a + head));
  const Vec t = 1.0f / (1.0f + a * (0.35f / std::numbers::sqrt2_v<float>));
  const Vec q =
      polynomial(t, 0.03763520782f, -0.1550675989f, 0.1731541686f, -0.01775656911f, 0.0797727914f,
                 0.1493285715f, 0.1502766619f, 0.1880448464f, 0.1971279847f, 0.1974839408f);
  const Vec left = 0.5f * bell * t * q;
  const float root = std::numbers::inv_sqrtpi_v<float> / std::numbers::sqrt2_v<float>;
  return {x < 0.0f ? left : 1.0f - left, bell * root};
}

#endif

}  // namespace glass
