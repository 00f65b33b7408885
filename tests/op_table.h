// # Helpers for the tests of tensor/ and autograd/
//
// An oracle that reads a tensor element by element from its definition (data, strides, a list of
// indices), the layouts that one shape can have in memory, and the question whether a gradient is
// right. Deliberately slow and plain.
#pragma once

#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tensor/ops.h"
#include "tests/catch.h"

namespace glass::oracle {

inline constexpr bool is_float = std::same_as<Real, float>;
inline constexpr bool is_double = std::same_as<Real, double>;
inline constexpr bool is_certified = encloses;  // dual numbers of intervals
inline constexpr bool is_dual = !is_float && !is_double && !is_certified;

// What rounding may do to a value: |Δ| ≤ tolerance · (1 + |reference|).
inline constexpr double tolerance = is_float ? 2e-5 : 1e-12;

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

using Position = std::vector<Index>;

// Calls f for every position of a shape, in row-major order.
template <class F>
void for_each_position(const Shape& shape, F f) {
  const Index count = shape.numel();
  Position at(static_cast<std::size_t>(shape.rank()), 0);
  for (Index i = 0; i < count; ++i) {
    f(static_cast<const Position&>(at));
    for (std::size_t axis = at.size(); axis-- > 0;) {
      if (++at[axis] < shape[static_cast<Index>(axis)]) break;
      at[axis] = 0;
    }
  }
}

// The element of x at a position of x's shape, or of a larger shape that x broadcasts to.
inline Real at(const Tensor& x, const Position& position) {
  const std::size_t added = position.size() - static_cast<std::size_t>(x.rank());
  Index offset = 0;
  for (std::size_t axis = added; axis < position.size(); ++axis) {
    const auto own = static_cast<Index>(axis - added);
    offset += (x.size(own) == 1 ? 0 : position[axis]) * x.stride(own);
  }
  return x.data()[offset];
}

// The width of an interval; 0 for other numbers.
template <class R>
double width(const R& x) {
  if constexpr (requires { x.v.width(); })
    return x.v.width();
  else
    return 0;
}

// "" if every element of x equals `expected(position)`; else the first position that differs.
// Intervals are equal as far as one can know if they meet, and are not wide.
template <class F>
std::string difference(const Tensor& x, const Shape& shape, F expected, double tol = tolerance) {
  if (x.shape() != shape) return fmt::format("shape {} instead of {}", x.shape(), shape);
  std::string report;
  for_each_position(shape, [&](const Position& position) {
    const auto value = at(x, position);
    const auto reference = expected(position);
    const auto got = static_cast<double>(value), want = static_cast<double>(reference);
    const double widths = std::min(width(value) + width(reference), 1e-3 * (1 + std::abs(want)));
    const bool same = got == want || (std::isnan(got) && std::isnan(want)) ||
                      std::abs(got - want) <= tol * (1 + std::abs(want)) + widths;
    if (!same && report.empty())
      report = fmt::format("at [{}]: {} instead of {}", fmt::join(position, ", "), got, want);
  });
  return report;
}

inline std::string difference(const Tensor& x, const Tensor& reference, double tol = tolerance) {
  return difference(
      x, reference.shape(), [&](const Position& p) { return at(reference, p); }, tol);
}

// Does x equal the reference to the last bit? Two NaNs count as equal.
inline std::string exact_difference(const Tensor& x, const Tensor& reference) {
  return difference(x, reference, 0);
}

// ---- layouts ----

struct Layout {
  std::string name;
  Tensor value;
};

// Random tensors of one shape, each with a different layout in memory.
inline std::vector<Layout> layouts(const Shape& shape, Rng& rng, double lo = -2, double hi = 2) {
  std::vector<Layout> result;
  result.push_back({"contiguous", uniform(shape, lo, hi, rng)});
  if (shape.rank() == 0) return result;

  Shape reversed = shape, stepped = shape, single = shape, first = shape;
  std::vector<Index> order;
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    reversed = reversed.with(axis, shape[-1 - axis]);
    order.push_back(shape.rank() - 1 - axis);
    stepped = stepped.with(axis, 2 * shape[axis] + 1);
    single = single.with(axis, 1);
  }
  first = first.with(0, 1);
  result.push_back({"transposed", uniform(reversed, lo, hi, rng).permute(order)});
  if (shape.rank() <= 4) {
    Tensor sliced = uniform(stepped, lo, hi, rng);
    for (Index axis = 0; axis < shape.rank(); ++axis)
      sliced = sliced.slice(axis, 1, 2 * shape[axis] + 1, 2);
    result.push_back({"sliced", sliced});
  }
  result.push_back({"expanded", uniform(first, lo, hi, rng).expand(shape)});
  result.push_back({"repeated", uniform(single, lo, hi, rng).expand(shape)});
  return result;
}

inline const std::vector<Shape>& some_shapes() {
  static const std::vector<Shape> shapes = {Shape{},
                                            Shape{1},
                                            Shape{7},
                                            Shape{0},
                                            Shape{3, 5},
                                            Shape{1, 4},
                                            Shape{4, 1},
                                            Shape{2, 0},
                                            Shape{2, 3, 4},
                                            Shape{3, 1, 2},
                                            Shape{70, 33},
                                            Shape{0, 2, 3},
                                            Shape{2, 1, 2, 1, 2, 1, 2, 3}};
  return shapes;
}

// The message of the exception that f throws, or a note that it threw none.
template <class Error, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

// ---- is this gradient right? ----

// The derivative part of a dual number; 0 and nothing in the other builds.
template <class R>
double direction(const R& x) {
  if constexpr (requires { x.d; })
    return static_cast<double>(x.d);
  else
    return 0;
}
template <class R>
void set_direction(R& x, double d) {
  if constexpr (requires { x.d; }) x.d = d;
}

// "" if a second sweep adds the same gradients to the leaves' gradients, and does not change the
// first gradients, which a user may still hold.
inline std::string wrong_sum(const std::function<Var()>& f,
                             const std::vector<std::pair<std::string, Var>>& leaves,
                             const std::vector<Tensor>& firsts) {
  std::vector<Tensor> copies;
  for (const Tensor& first : firsts) copies.push_back(first.clone());
  sum(f()).backward();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto& [name, leaf] = leaves[i];
    std::string wrong = exact_difference(firsts[i], copies[i]);
    if (!wrong.empty()) return fmt::format("held gradient of {}: {}", name, wrong);
    wrong = exact_difference(leaf.grad(), copies[i] + copies[i]);
    if (!wrong.empty()) return fmt::format("gradient of {} after two sweeps: {}", name, wrong);
  }
  return "";
}

// "" or what is wrong with the gradients of f's value. f32 rounds too much for a comparison of
// numbers: there, every gradient must have its value's shape and be finite.
inline std::string wrong_gradient(const std::function<Var()>& f,
                                  const std::vector<std::pair<std::string, Var>>& leaves) {
  if constexpr (!is_float) {
    const GradcheckReport report = gradcheck(f, leaves);
    // Where all gradients are intervals around 0, nothing can be proved, and nothing is wrong.
    const bool unproved = is_certified && report.text.starts_with("gradcheck UNDECIDED") &&
                          report.text.find("no scale") != std::string::npos;
    if (!report && !unproved) return report.text;
  }
  for (const auto& [name, leaf] : leaves) leaf.zero_grad();
  sum(f()).backward();
  std::vector<Tensor> firsts;  // gradients of the first sweep, as a user may keep them
  for (const auto& [name, leaf] : leaves) {
    const Tensor nothing = leaf.grad() * 0;
    const std::string wrong = exact_difference(nothing, zeros(leaf.shape()));
    if (!wrong.empty()) return fmt::format("gradient of {}: {}", name, wrong);
    if (!leaf.grad().owns_memory())
      return fmt::format("gradient of {}: its memory is not its own", name);
  }
  for (const auto& [name, leaf] : leaves) firsts.push_back(leaf.grad());
  return wrong_sum(f, leaves, firsts);
}

}  // namespace glass::oracle
