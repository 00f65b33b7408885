// # Numbers of 192 bits
//
// A Float192 is a binary floating-point number like a double, with 192 bits of precision instead of
// 53 and with exponents that no computation here leaves. It is the end of an interval where doubles
// are too coarse: from one layer to the next the intervals of a model grow by a factor, and through
// the forward and the backward pass of two encoder and two decoder layers the factors multiply to
// some 4 · 10³⁵. Ends of 53 bits are then no bounds at all; of 192 bits, some 70 are left.
//
// The arithmetic is that of MPFR, whose functions round every result correctly in the direction
// that is asked for (tensor/ends_wide.cpp calls them). A Float192 holds its bits itself, so that a
// tensor of them is one block of memory, like a tensor of doubles.
//
// This file is deliberately not a number type for programs: it has no + or ×. Intervals do.
//
// Source: L. Fousse, G. Hanrot, V. Lefèvre, P. Pélissier, P. Zimmermann, MPFR: a multiple-precision
// binary floating-point library with correct rounding, ACM TOMS 33 (2007).
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>

namespace glass {

struct Float192 {
  static constexpr int bits = 192;
  enum class Kind : int { nan, infinite, zero, regular };  // in the order of MPFR

  // ± 0.limbs · 2^exponent, where the first bit of the last limb is 1. Only a regular number has
  // limbs and an exponent.
  std::array<std::uint64_t, bits / 64> limbs{};
  std::int64_t exponent = 0;
  Kind kind = Kind::zero;
  bool negative = false;

  constexpr Float192() = default;
  // Exact: 192 bits hold every double and every integer of 64 bits.
  constexpr Float192(double x);
  template <std::integral N>
  constexpr Float192(N n) {
    if (n == 0) return;
    kind = Kind::regular;
    negative = n < 0;
    set_integer(negative ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n), 64);
  }

  constexpr bool is_nan() const { return kind == Kind::nan; }

  friend constexpr Float192 operator-(Float192 x) {
    x.negative = !x.negative;
    return x;
  }

  // As doubles compare: −0 and 0 are equal, and nothing is equal to NaN.
  friend constexpr std::partial_ordering operator<=>(const Float192& a, const Float192& b);
  friend constexpr bool operator==(const Float192& a, const Float192& b) {
    return std::is_eq(a <=> b);
  }

 private:
  // The integer `n` with the exponent `scale`: n · 2^(scale − 64).
  constexpr void set_integer(std::uint64_t n, std::int64_t scale) {
    const int unused = std::countl_zero(n);
    limbs.back() = n << unused;
    exponent = scale - unused;
  }
  // −1, 0 or 1.
  constexpr int sign() const { return kind == Kind::zero ? 0 : negative ? -1 : 1; }
  // Compares |a| with |b|, both of the same sign and neither NaN nor 0.
  static constexpr std::strong_ordering by_size(const Float192& a, const Float192& b) {
    if (a.kind != b.kind)
      return a.kind == Kind::infinite ? std::strong_ordering::greater : std::strong_ordering::less;
    if (a.kind == Kind::infinite) return std::strong_ordering::equal;
    if (a.exponent != b.exponent) return a.exponent <=> b.exponent;
    for (std::size_t i = a.limbs.size(); i-- > 0;)
      if (a.limbs[i] != b.limbs[i]) return a.limbs[i] <=> b.limbs[i];
    return std::strong_ordering::equal;
  }
};

// The bits of a double are a sign, 11 bits of exponent and 52 of mantissa: (1.mantissa)₂ · 2^(e −
// 1023). The exponent 0 means a number without the leading 1, the exponent 2047 infinity or NaN.
constexpr Float192::Float192(double x) {
  const auto all = std::bit_cast<std::uint64_t>(x);
  const auto mantissa = all & ((std::uint64_t{1} << 52) - 1);
  const auto biased = static_cast<int>(all >> 52 & 2047);
  negative = (all >> 63) != 0;
  if (biased == 2047) {
    kind = mantissa == 0 ? Kind::infinite : Kind::nan;
  } else if (biased > 0) {
    kind = Kind::regular;
    set_integer(mantissa | std::uint64_t{1} << 52, biased - 1023 - 52 + 64);
  } else if (mantissa > 0) {
    kind = Kind::regular;
    set_integer(mantissa, 1 - 1023 - 52 + 64);
  }
}

constexpr std::partial_ordering operator<=>(const Float192& a, const Float192& b) {
  if (a.is_nan() || b.is_nan()) return std::partial_ordering::unordered;
  if (a.sign() != b.sign()) return a.sign() <=> b.sign();
  if (a.sign() == 0) return std::partial_ordering::equivalent;
  return a.sign() > 0 ? Float192::by_size(a, b) : Float192::by_size(b, a);
}

}  // namespace glass
