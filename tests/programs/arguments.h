// # Arguments for the ops of the table
//
// Legal arguments made of any integers, where an op has a value, and how far numbers lie from a
// kink.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/programs/operands.h"

namespace glass::programs {

constexpr double infinity = std::numeric_limits<double>::infinity();

// ---- legal arguments ----

inline Index at(const Args& a, std::size_t i) { return i < a.size() ? a[i] : 0; }
inline Index modulo(Index a, Index n) { return n > 0 ? a % n : 0; }

inline Args axis(const Shapes& x, const Args& a) { return {modulo(at(a, 0), x[0].rank())}; }
inline Args new_axis(const Shapes& x, const Args& a) { return {at(a, 0) % (x[0].rank() + 1)}; }
inline Args axis_keep(const Shapes& x, const Args& a) { return {axis(x, a)[0], at(a, 1) % 2}; }
inline Args two_axes(const Shapes& x, const Args& a) {
  const Index first = modulo(at(a, 0), x[0].rank());
  return {first, (first + 1 + modulo(at(a, 1), x[0].rank() - 1)) % x[0].rank()};
}

// An exponent in quarters.
inline Args exponent(const Shapes&, const Args& a) {
  constexpr Index quarters[] = {4, 8, 12, 2, -4, 0};
  return {quarters[at(a, 0) % 6]};
}
inline Args share(const Shapes&, const Args& a) { return {1 + at(a, 0) % 3}; }

inline Args order(const Shapes& x, const Args& a) {
  Args left, list;
  for (Index i = 0; i < x[0].rank(); ++i) left.push_back(i);
  for (std::size_t i = 0; !left.empty(); ++i) {
    const auto chosen = left.begin() + modulo(at(a, i), std::ssize(left));
    list.push_back(*chosen);
    left.erase(chosen);
  }
  return list;
}

// Flat, an axis merged with the next, the sizes reversed, or an axis of 1 in front.
inline Args other_sizes(const Shapes& x, const Args& a) {
  const Shape& shape = x[0];
  Args list(shape.begin(), shape.end());
  const Index kind = at(a, 0) % 4;
  if (kind == 0 || list.empty()) return {shape.numel()};
  if (kind == 1 && list.size() > 1) {
    const auto place = list.begin() + modulo(at(a, 1), std::ssize(list) - 1);
    *place *= *(place + 1);
    list.erase(place + 1);
  }
  if (kind == 2) std::ranges::reverse(list);
  if (kind == 3) list.insert(list.begin(), 1);
  return list;
}

inline Args larger_sizes(const Shapes& x, const Args& a) {
  Args list;
  for (const Index size : x[0]) list.push_back(size == 1 ? 1 + at(a, 1) % 3 : size);
  if (at(a, 0) % 2 == 1) list.insert(list.begin(), 1 + at(a, 2) % 3);
  return list;
}

// A part of an axis that holds at least one number, if the axis does.
inline Args range(const Shapes& x, const Args& a) {
  const Index along = axis(x, a)[0], n = x[0][along];
  const Index begin = modulo(at(a, 1), n);
  return {along, begin, begin + 1 + modulo(at(a, 2), n - begin), 1 + at(a, 3) % 2};
}
inline Args place(const Shapes& x, const Args& a) {
  const Index along = axis(x, a)[0];
  return {along, modulo(at(a, 1), x[0][along])};
}
inline Args places(const Shapes& x, const Args& a) {
  Args list = axis(x, a);
  const Index n = x[0][list[0]];
  for (std::size_t i = 1; i < a.size() && n > 0; ++i) list.push_back(a[i] % n);
  return list;
}
inline Args tokens(const Shapes& x, const Args& a) {
  Args list{1, 0};
  for (std::size_t i = 0; i < a.size() && x[0][0] > 0; ++i) list.push_back(a[i] % x[0][0]);
  list[1] = std::ssize(list) - 2;
  return list;
}
// A batch of sources and one of targets: B, S and T, then B · S and B · T tokens.
inline Args two_token_lists(const Shapes& x, const Args& a) {
  const Index B = 1 + at(a, 0) % 2, S = 1 + at(a, 1) % 4, T = 1 + at(a, 2) % 4;
  Args list{B, S, T};
  for (Index i = 0; i < B * (S + T); ++i)
    list.push_back(modulo(at(a, static_cast<std::size_t>(3 + i) % 5) + i * i, x[0][0]));
  return list;
}
// One target a row, of which some do not count.
inline Args targets(const Shapes& x, const Args& a) {
  Args list;
  const Index rows = x[0].with(-1, 1).numel(), v = x[0][-1];
  for (Index i = 0; i < rows; ++i) {
    const Index number = at(a, static_cast<std::size_t>(i) % std::max<std::size_t>(a.size(), 1));
    list.push_back(number % 5 == 4 ? -100 : modulo(number + i, v));
  }
  return list;
}

inline std::vector<int> ints(const Args& a, std::size_t from = 0) {
  return {a.begin() + static_cast<std::ptrdiff_t>(std::min(from, a.size())), a.end()};
}
inline Shape shape_of(const Args& a) { return Shape(std::span<const Index>(a)); }
inline double quarter(Index a) { return static_cast<double>(a) / 4; }

// ---- where an op has a value ----

inline bool not_empty(const Shapes& x, const Args&) { return x[0].numel() > 0; }
inline bool axis_not_empty(const Shapes& x, const Args& a) { return x[0][a[0]] > 0; }
inline bool axis_of_one(const Shapes& x, const Args& a) { return x[0][a[0]] == 1; }
// Two numbers to a variance, of which one is used up by the mean.
inline bool axis_of_two(const Shapes& x, const Args& a) { return x[0][a[0]] > 1; }
inline bool two_axes_not_empty(const Shapes& x, const Args& a) {
  return x[0][a[0]] * x[0][a[1]] > 0;
}
inline bool rows_not_empty(const Shapes& x, const Args&) { return x[0][-1] > 0; }
// A target needs a class.
inline bool has_classes(const Shapes& x, const Args& a) { return a.empty() || x[0][-1] > 0; }
// 1/√D and the mean of no value have no number.
inline bool has_width(const Shapes& x, const Args&) { return x[0][3] > 0; }

// ---- the distance to a kink ----

inline double smallest(const Tensor& x) {
  double least = infinity;
  for (const Real v : x.to_vector()) least = std::min(least, std::abs(static_cast<double>(v)));
  return least;
}
inline double from_zero(const Vars& x, const Args&) { return smallest(x[0].value()); }
inline double from_bounds(const Vars& x, const Args&) {
  return std::min(smallest(x[0].value() + 0.75), smallest(x[0].value() - 1));
}
inline double from_each_other(const Vars& x, const Args&) {
  return smallest(x[0].value() - x[1].value());
}
// How far a standard deviation is from 0.
inline double from_no_spread(const Vars& x, const Args&) {
  double least = infinity, most = -infinity;
  for (const Real number : x[0].value().to_vector()) {
    least = std::min(least, static_cast<double>(number));
    most = std::max(most, static_cast<double>(number));
  }
  return (most - least) / 10;
}
// The smallest difference between any two numbers.
inline double from_a_tie(const Vars& x, const Args&) {
  std::vector<double> values;
  for (const Real v : x[0].value().to_vector()) values.push_back(static_cast<double>(v));
  std::ranges::sort(values);
  double least = infinity;
  for (std::size_t i = 1; i < values.size(); ++i)
    least = std::min(least, values[i] - values[i - 1]);
  return least;
}

}  // namespace glass::programs
