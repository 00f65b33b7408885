// # One scalar type a build
//
// Every number of glassgrad is a `Real`. The same sources are compiled three times: with `float`
// for training, `double` for checking gradients, and `Dual` for exact forward-mode derivatives.
// So no line carries a `<T>`, and the code that is checked is the code that trains.
//
// This file is deliberately not a list of dtypes: a program works with one Real.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#ifdef GLASS_REAL_DUAL
#include "tensor/dual.h"
#endif

namespace glass {

#if defined(GLASS_REAL_DUAL)
using Real = Dual;
extern const char real_is_dual;
[[gnu::used]] inline const char* const built_for = &real_is_dual;
#elif defined(GLASS_REAL_DOUBLE)
using Real = double;
extern const char real_is_double;
[[gnu::used]] inline const char* const built_for = &real_is_double;
#else
using Real = float;
extern const char real_is_float;
[[gnu::used]] inline const char* const built_for = &real_is_float;
#endif
// Each library defines only the symbol of its own Real, so a program compiled for one and linked
// with another fails to link, instead of reading floats as doubles.

// Sizes, axes, steps. Token ids are `int`; options, bounds and tolerances are `double`.
using Index = std::int64_t;

// What may stand for a number in an expression: int, double, Real; never bool.
template <class T>
concept Number = std::convertible_to<T, Real> && !std::same_as<T, bool>;

// All that the process can be told, in one place.
struct Settings {
  std::atomic<int> threads{0};         // that share a large op; 0: not decided yet
  std::atomic<bool> nan_check{false};  // name the op that makes the first NaN
};
Settings& settings();

// How many threads a large op may use: GLASS_NUM_THREADS, else the number of cores. The results
// have the same bits for every number. ShapeError unless it is at least 1.
void set_num_threads(int count);
int num_threads();

}  // namespace glass
