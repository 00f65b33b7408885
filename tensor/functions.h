// # exp, tanh and the normal distribution of a vector
//
// (private to the libraries) The functions of one number that tensor/rows.cpp and attention need,
// for all lanes of a Vec at once or one after the other.
//
// For doubles and dual numbers they are the standard library's, called for one lane after the
// other. For floats, all lanes are computed at once, with a handful of multiply-adds: a polynomial
// near 0, and steps that bring every x there. exp agrees with the exact value to 2 units in the
// last place, tanh to 4.
#pragma once

#include <cmath>
#include <numbers>

#include "tensor/decisions.h"

namespace glass {

// f of each lane.
template <class F>
Vec by_lane(Vec x, F f) {
  Real lane[lanes];
  store(lane, x);
  for (Real& v : lane) v = f(v);
  return load(lane);
}

// The normal distribution at x: Φ(x), the probability of a number below x, and the density
// φ(x) = e^(−x²/2) / √(2π).
struct Normal {
  Vec below, density;
};

// ln(1 + x), lane by lane in every build: the library has no kernel of its own.
inline Vec log_of_one_and(Vec x) {
  using std::log1p;
  return by_lane(x, [](Real v) { return log1p(v); });
}

#if defined(GLASS_REAL_DUAL) || defined(GLASS_REAL_CERTIFIED) || defined(GLASS_REAL_DOUBLE)

// ---- doubles and dual numbers: lane by lane ----

// |x|. An interval that holds 0 gives x or −x: one of the two numbers whose formulas are both right
// (tensor/decisions.h).
inline Vec magnitude(Vec x) { return is_left(x) ? -x : x; }

// For a dual number, which is its own vector, exp and tanh are in dual.h.
#ifdef GLASS_REAL_DOUBLE
inline Vec exp(Vec x) {
  return by_lane(x, [](Real v) { return std::exp(v); });
}
inline Vec tanh(Vec x) {
  return by_lane(x, [](Real v) { return std::tanh(v); });
}
#endif

inline Vec exp_of_negative(Vec x) { return exp(x); }

// Φ(x) = (1 + erf(x/√2)) / 2 = erfc(−x/√2) / 2. The second form subtracts nothing, so it keeps its
// digits where Φ is small.
#ifdef GLASS_REAL_CERTIFIED
// √½ and 1/√(2π) are no doubles: intervals hold them.
inline Normal normal(Vec x) {
  static const Real half = sqrt(Interval(0.5)), root = 1 / sqrt(2 * Interval::pi());
  return {Real(0.5) * erfc(-x * half), exp(Real(-0.5) * square(x)) * root};
}
#else
inline Normal normal(Vec x) {
  using std::erfc;
  const Real root(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  return {by_lane(x, [](Real v) { return Real(0.5) * erfc(v * Real(-std::numbers::sqrt2 / 2)); }),
          exp(Real(-0.5) * x * x) * root};
}
#endif

#else

// ---- floats: all lanes at once ----
//
// Some steps below work on the bits of a float, which are, from the left:
//
//     bit     31    30 … 23    22                  0
//            sign   exponent         mantissa          ± (1.mantissa)₂ · 2^(exponent − 127)
//     −10     1     10000010   01000000000000000000000    − (1.01)₂ · 2^(130 − 127) = −1.25 · 8
//
// So |x| is x with bit 31 cleared, and 2ᵏ is the integer k + 127 shifted left by 23 bits.

// The bits of all lanes, as integers: reinterpret_cast between Vec and Bits changes no bit.
using Bits [[gnu::vector_size(vector_bytes), gnu::aligned(4), gnu::may_alias]] = std::uint32_t;

inline Vec magnitude(Vec x) {
  return reinterpret_cast<Vec>(reinterpret_cast<Bits>(x) & 0x7FFFFFFF);
}

// A polynomial in x by Horner's rule, its coefficients from the highest power down. It goes in
// steps of x² instead of x, each with two coefficients: odd · x + even. Such a pair does not wait
// for the sum before it, so the CPU computes it meanwhile.
inline Vec polynomial(Vec, Vec, Vec sum) { return sum; }
inline Vec polynomial(Vec x, Vec square, Vec sum, float odd, float even, auto... rest) {
  return polynomial(x, square, sum * square + (odd * x + even), rest...);
}

// eˣ = 2ⁿ · eʳ, where n is the integer nearest to x / ln 2 and r = x − n ln 2. Then |r| ≤ ln 2 / 2,
// where a polynomial of degree 7 is exact enough for a float. 2ⁿ needs no arithmetic, only n in the
// exponent's bits. It remains to round x / ln 2 to an integer, and one addition does it.
//
// A float between 2²³ and 2²⁴ has no bit left for a fraction, so its last bit counts ones. Adding
// such a float, here 1.5 · 2²³, rounds the sum to an integer, whose last bits hold that integer.
// (1.5, because the sum stays between 2²³ and 2²⁴ for a negative n, too.) If an offset was added to
// 1.5 · 2²³ beforehand, the last bits hold n + offset. With offset = 127 + k, this is the exponent
// of 2ⁿ⁺ᵏ. A shift left by 23 bits moves the last nine bits to where sign and exponent are and
// drops all others; as n + offset is below 256, the sign is 0.
//
// For example x = −10, with offset 227 = 127 + 100 and scale 2⁻¹⁰⁰, as exp_of_negative calls it:
//
//     x / ln 2             = −14.42695
//     rounder              = 1.5 · 2²³ + 227      = 0 10010110 10000000000000011100011
//     shifted, rounded     = rounder − 14         = 0 10010110 10000000000000011010101
//     n                    = shifted − rounder    = −14
//     r                    = x − n ln 2           = −0.2959395
//     part                 = 2⁻¹⁰⁰ · eʳ           = 2⁻¹⁰⁰ · 0.7438325
//     last nine bits       = 0 11010101           = 213 = n + 227
//     bits << 23           = 2^(213 − 127)        = 0 11010101 00000000000000000000000
//                          = 2⁸⁶ = 2ⁿ⁺¹⁰⁰
//     part · 2⁸⁶           = 0.7438325 · 2⁻¹⁴     = 0.0000453999 = e⁻¹⁰
//
// Source of the polynomial and of the two parts of ln 2: S. Moshier, Cephes, expf.
struct Power {
  Vec part;       // scale · eʳ
  Bits exponent;  // its last nine bits are n + offset; the bits above them are to be shifted out
};

// `rest` is nothing, or one Vec: a small number that belongs to x, but has no place in x's digits.
inline Power power_of_e(Vec x, float scale, int offset, auto... rest) {
  // n, rounded by the addition.
  const Vec rounder = repeat(0x1.8p23f + static_cast<float>(offset));
  const Vec shifted = x * std::numbers::log2e_v<float> + rounder;
  const Vec n = shifted - rounder;
  // ln 2 = 0.693359375 − 0.000212194440. The first number has nine bits, so n times it is exact,
  // and subtracting it from x, a number of about the same size, is exact, too.
  Vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  r = (r + ... + rest);
  // scale · (1 + r + r²/2 + r³/6 + … + r⁷/5040), but for the last digits of the coefficients, which
  // are fitted to |r| ≤ ln 2 / 2.
  return {polynomial(r, r * r, scale * 1.9875691500e-4f * r + scale * 1.3981999507e-3f,
                     scale * 8.3334519073e-3f, scale * 4.1665795894e-2f, scale * 1.6666665459e-1f,
                     scale * 5.0000001201e-1f, scale, scale),
          reinterpret_cast<Bits>(shifted)};
}

// For −104 ≤ x ≤ 89, n is −150 … 128, and 2ⁿ may be no float though eˣ is one. So part is
// multiplied by two powers of 2, whose product is 2ⁿ. With the offset 254 = 127 + 127, n + offset
// is the sum of their two exponents, and each power gets half of it. For x = −10: 240 = 120 + 120,
// and 2^(120 − 127) twice is 2⁻¹⁴. Both comparisons are false for a NaN, so a NaN stays one.
inline Vec exp(Vec x) {
  const auto [part, n] = power_of_e(x, 1, 254);
  const Bits half = (n >> 1) << 23;
  const Vec y = part * reinterpret_cast<Vec>(half) * reinterpret_cast<Vec>((n << 23) - half);
  const Vec infinity = repeat(-minus_infinity);
  return x > 89.0f ? infinity : x < -104.0f ? Vec{} : y;
}

// eˣ for x ≤ 0, cheaper: −150 ≤ n ≤ 0, so 2ⁿ⁺¹⁰⁰ is a float, and one multiplication is enough. It
// takes back the 2⁻¹⁰⁰ that `part` was scaled by. With a `rest`, eˣ⁺ʳᵉˢᵗ.
inline Vec exp_of_negative(Vec x, auto... rest) {
  const auto [part, n] = power_of_e(x, 0x1p-100f, 100 + 127, rest...);
  return x < -104.0f ? Vec{} : part * reinterpret_cast<Vec>(n << 23);
}

// For z = |x|, tanh z = 1 − 2/(e²ᶻ + 1) = 1 − 2e⁻²ᶻ/(1 + e⁻²ᶻ). Near 0 this subtracts two numbers
// of almost the same size and loses digits; there z + z³ · polynomial(z²) is taken. The sign is
// x's. Source: S. Moshier, Cephes, tanhf.
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

// For a = |x|, Φ(−a) = e^(−a²/2) · t · Q(t) with t = 1/(1 + 0.27 a) and a polynomial Q, which was
// fitted (Chebyshev) for a up to 14.5, with a relative error of 3e-8. Beyond, Φ(−a) is too small
// for a float. For x > 0, Φ(x) = 1 − Φ(−x).
//
// The rounding error of a²/2, which may be 100, would become an error of many units in the last
// place of its exponential. So a = head + tail, where head has the first 12 bits of a, its square
// is exact, and a² = head² + (a − head)(a + head). The second number, which is small, is the
// exponential's `rest`.
inline Normal normal(Vec x) {
  const Vec a = magnitude(x);
  const Vec head = reinterpret_cast<Vec>(reinterpret_cast<Bits>(a) & 0xFFFFF000);
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

// ---- the tails of the normal distribution ----

// Is x so far from 0, or so far to the left, that Φ(x) is 0 or 1 to all digits? Of intervals only
// infinity as a number is far: all other intervals can be multiplied by a Φ(x) that is almost 0.
#ifdef GLASS_REAL_CERTIFIED
inline bool is_far(Vec x) { return is_infinite(x.v); }
inline bool is_far_left(Vec x) { return is_far(x) && is_left(x); }
#else
inline auto is_far(Vec x) { return magnitude(x) > Real(40); }
inline auto is_far_left(Vec x) { return x < Real(-40); }
#endif

}  // namespace glass
