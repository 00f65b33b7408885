// # One scalar type per build
//
// Every number of glassgrad is a `Real`. The same sources are compiled three times: with `float`
// for training, `double` for checking gradients, and `Dual` for exact forward-mode derivatives;
// and, on request, with dual numbers of intervals, for proved bounds (GLASS_CERTIFIED in CMake).
// So no line carries a `<T>`, and the code that is checked is the code that trains.
//
// This file is deliberately not a list of dtypes: a program works with one Real.
#pragma once

#include <concepts>
#include <cstdint>

#if defined(GLASS_REAL_DUAL) || defined(GLASS_REAL_CERTIFIED)
#include "tensor/dual.h"
#endif
#ifdef GLASS_REAL_CERTIFIED
#include "tensor/interval.h"
#endif

namespace glass {

// The options of a build say which of the five Reals it has.
#if defined(GLASS_REAL_CERTIFIED) && defined(GLASS_WIDE_ENDS)
using Real = DualOf<Interval>;
extern const char compiled_for_wide_intervals_so_link_glassgrad_certified_wide;
[[gnu::used]] inline const char* const built_for =
    &compiled_for_wide_intervals_so_link_glassgrad_certified_wide;
#elif defined(GLASS_REAL_CERTIFIED)
using Real = DualOf<Interval>;
extern const char compiled_for_intervals_so_link_glassgrad_certified;
[[gnu::used]] inline const char* const built_for =
    &compiled_for_intervals_so_link_glassgrad_certified;
#elif defined(GLASS_REAL_DUAL)
using Real = Dual;
extern const char compiled_for_dual_so_link_glassgrad_dual;
[[gnu::used]] inline const char* const built_for = &compiled_for_dual_so_link_glassgrad_dual;
#elif defined(GLASS_REAL_DOUBLE)
using Real = double;
extern const char compiled_for_double_so_link_glassgrad_f64;
[[gnu::used]] inline const char* const built_for = &compiled_for_double_so_link_glassgrad_f64;
#else
using Real = float;
extern const char compiled_for_float_so_link_glassgrad_f32;
[[gnu::used]] inline const char* const built_for = &compiled_for_float_so_link_glassgrad_f32;
#endif
// Each library defines only the symbol of its own Real. A program that was compiled for one Real
// and is linked with the library of another fails to link, instead of reading floats as doubles.
// The linker's message shows the symbol, so its name says which library to link.

// Sizes, axes, steps. Token ids are `int`; options, bounds and tolerances are `double`.
using Index = std::int64_t;

// ⌈n / step⌉: how many pieces of size `step` n is cut into; the last may be smaller. And n, rounded
// up to a multiple of `step`.
constexpr Index ceil_div(Index n, Index step) { return (n + step - 1) / step; }
constexpr Index round_up(Index n, Index step) { return ceil_div(n, step) * step; }

// What may stand for a number in an expression: int, double, Real; never bool.
template <class T>
concept Number = std::convertible_to<T, Real> && !std::same_as<T, bool>;

// ---- what intervals need, and other numbers pass through ----
//
// Constant: a number that is computed once, from options and sizes, before it becomes a Real: 1/√D,
//     or 1 − p. In double; and as an interval, since 1/√D is no double.
// encloses: is a Real made of intervals?
#ifdef GLASS_REAL_CERTIFIED
inline constexpr bool encloses = true;
std::ostream& operator<<(std::ostream& out, Real x);  // as fmt prints it; print.cpp
using Constant = Interval;
#else
inline constexpr bool encloses = false;
using Constant = double;
#endif

}  // namespace glass
