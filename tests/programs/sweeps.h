// # What the oracles share: sweeps of a program, and comparisons of their results
//
// Only the oracles include this file.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <functional>
#include <utility>

#include "tests/programs/program.h"

namespace glass::programs {

// ---- numbers ----

constexpr bool is_float = std::same_as<Real, float>;
constexpr bool is_double = std::same_as<Real, double>;
#if defined(GLASS_REAL_CERTIFIED)
constexpr bool is_certified = true;
#else
constexpr bool is_certified = false;
#endif
constexpr bool is_dual = !is_float && !is_double && !is_certified;

// ε in dual numbers, 0 in other ones.
template <class R = Real>
R infinitesimal() {
  if constexpr (requires(R x) { x.d; })
    return R(0, 1);
  else
    return 0;
}

inline double value_of(Real x) { return static_cast<double>(x); }

// The largest magnitude of a program's values, at least 1: rounding is relative to it.
inline double largest(const Run& run) {
  double most = 1;
  for (const Vars* list : {&run.leaves, &run.steps})
    for (const Var& y : *list)
      for (const Real v : y.value().to_vector()) most = std::max(most, std::abs(value_of(v)));
  return most;
}

// Whether two numbers may be the same one: |Δ| ≤ bound; intervals have a number in common.
inline bool may_agree(Real x, Real y, [[maybe_unused]] double bound) {
#if defined(GLASS_REAL_CERTIFIED)
  return !disjoint(x.v, y.v);
#else
  return std::abs(value_of(x) - value_of(y)) <= bound;
#endif
}

// "" if |Δ| ≤ tolerance · (1 + the largest number of the reference) for every element. Tolerance 0
// demands the same numbers; but two intervals need only have a number in common, since the width of
// a number near 5e-324 depends on the order of exact operations.
inline std::string difference(const Tensor& x, const Tensor& reference, double tolerance) {
  if (x.shape() != reference.shape())
    return fmt::format("shape {} instead of {}", x.shape(), reference.shape());
  const std::vector<Real> got = x.to_vector(), want = reference.to_vector();
  double scale = 1;
  for (const Real v : want) scale = std::max(scale, 1 + std::abs(value_of(v)));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool same = tolerance == 0 && !is_certified
                          ? value_of(got[i]) == value_of(want[i])
                          : may_agree(got[i], want[i], tolerance * scale);
    if (!same) return fmt::format("element {} is {} instead of {}", i, got[i], want[i]);
  }
  return "";
}

// ---- sweeps ----

// The gradient of each leaf, 0 where none came.
inline std::vector<Tensor> gradients_of(const Vars& leaves) {
  std::vector<Tensor> list;
  for (const Var& leaf : leaves)
    list.push_back(leaf.requires_grad() && leaf.has_grad() ? leaf.grad().clone()
                                                           : zeros(leaf.shape()));
  return list;
}

struct Swept {
  Tensor value;
  std::vector<Tensor> gradients;
};
inline Swept swept(const Run& values) {
  const Var& y = values.result();
  if (y.requires_grad()) y.backward(seed_for(y.value()));
  return {y.value(), gradients_of(values.leaves)};
}
inline Swept sweep(const Program& program, bool plain_leaves = false) {
  return swept(run(program, make_leaves(program, plain_leaves)));
}

inline std::string difference(const Swept& x, const Swept& reference, double tolerance) {
  std::string wrong = difference(x.value, reference.value, tolerance);
  if (!wrong.empty()) return "the result: " + wrong;
  for (std::size_t i = 0; i < x.gradients.size() && wrong.empty(); ++i) {
    wrong = difference(x.gradients[i], reference.gradients[i], tolerance);
    if (!wrong.empty()) return fmt::format("the gradient of x{}: {}", i, wrong);
  }
  return "";
}

// The values at which gradients are cut, in memory of their own.
inline Run constants_of(const Program& program) {
  Run result = run(program);
  for (Var& value : result.steps) value = Var(value.value().clone());
  return result;
}

// A part of x in which no two elements share memory.
inline Tensor without_repeats(Tensor x) {
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (x.stride(axis) == 0 && x.size(axis) > 1) x = x.slice(axis, 0, 1);
  return x;
}

inline bool is_long(const Program& program) {
  return std::ranges::any_of(program.leaves,
                             [](const Leaf& leaf) { return leaf.shape.numel() > 250; });
}

// Whether there are norms inside a layer, whose rows nobody sees.
inline bool hides_norms(const Program& program) {
  return std::ranges::any_of(program.steps, [](const Step& step) {
    return ops()[step.op].text.find("nn::Encoder") != std::string::npos;
  });
}

// ---- how far roundings may move numbers (roundings.cpp) ----

constexpr double unit_of_double = 0x1p-53;

// Numbers that a run of the program leads to, the run being changed in this way.
using Numbers = std::function<std::vector<double>(const Way&)>;
// For each of the numbers, how far it may be from its value if all computations round by `unit`.
std::vector<double> sampled(const Program& program, double unit, const Numbers& numbers);
// The same for the numbers of the result and of the gradients, in this order.
std::vector<double> sampled(const Program& program, double unit);
std::vector<double> numbers_of(const Swept& result);
// difference(x, reference, tolerance), if it is more than what roundings do in this program.
std::string difference(const Program& program, const Swept& x, const Swept& reference,
                       double tolerance);

// ---- the oracles ----

// An oracle returns "" or what is wrong. None of them knows what the right gradient is: it compares
// two ways to the same numbers, or asks for an error that must come.
struct Oracle {
  std::string name;
  std::string (*fault)(const Program&);
};
std::vector<Oracle> derivative_oracles();  // forward mode, differences, enclosures
std::vector<Oracle> equality_oracles();    // the same program in another way
std::vector<Oracle> promise_oracles();     // errors, memory, what may not change

// Against the other processes and libraries, where there are any.
std::string agrees_with_double(const Program& program);
std::string agrees_with_torch(const Program& program);
// The largest error of a float so far, as a part of its bound.
double used_of_bound();
// Answers on the standard output what a float process asks on the standard input.
int serve_double();
// Starts the process that does; its path is this program's with f64 instead of f32.
void start_double(const std::string& path);

}  // namespace glass::programs
