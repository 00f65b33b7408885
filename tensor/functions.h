// # exp, tanh and the normal distribution of a vector
//
// (private to the libraries) For floats, exp and tanh of all lanes are computed at once with a
// handful of multiply-adds, and agree with the exact values to 2 and 4 units in the last place. For
// other Reals the standard library's functions are called, lane by lane.
#pragma once

#include <cmath>
#include <numbers>

#include "tensor/simd.h"

namespace glass {

// f of each lane.
template <class F>
Vec by_lane(Vec x, F f) {
  Real lane[lanes];
  store(lane, x);
  for (Real& v : lane) v = f(v);
  return load(lane);
}

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
