// # Random cases
//
// Shapes, numbers and layouts in memory, all a function of one seed, so that a case can be drawn
// again. Small draws are for the golden files: few numbers, each of them a float, none extreme.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tensor/ops.h"
#include "tests/parity/cases.h"

namespace glass::parity {

// Numbers between lo and hi, times one of the scales. Some tensors are drawn from a grid of nine
// values, so that there are ties and zeros; into some, extremes are mixed.
struct Range {
  double lo = -2, hi = 2;
  std::vector<double> scales = {1};
  std::vector<double> extremes = {};
};

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

class Dice {
 public:
  Dice(std::uint64_t seed, bool small_numbers) : small(small_numbers), rng_(seed) {}

  const bool small;

  Index between(Index lo, Index hi) { return lo + rng_.below(hi - lo + 1); }
  bool chance(double p) { return rng_.uniform() < p; }
  double one_of(const std::vector<double>& list) {
    return list[static_cast<std::size_t>(rng_.below(static_cast<Index>(list.size())))];
  }

  // ---- shapes ----

  Index size() {  // sometimes 0, often 1
    if (small) return chance(0.15) ? 1 : between(2, 3);
    return chance(0.04) ? 0 : chance(0.2) ? 1 : between(2, 6);
  }
  Index length() {  // never 0, sometimes long
    if (small) return chance(0.15) ? 1 : between(2, 3);
    return chance(0.1) ? between(20, 80) : chance(0.2) ? 1 : between(2, 6);
  }
  Shape shape(Index lowest, Index highest) {
    Shape result;
    const Index rank = small ? std::min(highest, lowest + between(1, 2)) : between(lowest, highest);
    for (Index axis = 0; axis < rank; ++axis) result = result.insert(axis, size());
    return result;
  }
  Index axis(const Shape& shape) { return between(-shape.rank(), shape.rank() - 1); }

  std::vector<Index> order(Index rank) {
    std::vector<Index> result(static_cast<std::size_t>(rank));
    std::iota(result.begin(), result.end(), 0);
    for (Index i = rank - 1; i > 0; --i)
      std::swap(result[static_cast<std::size_t>(i)],
                result[static_cast<std::size_t>(below(i + 1))]);
    return result;
  }
  Index below(Index n) { return rng_.below(n); }

  // A shape that broadcasts to the given one: leading axes are gone, others have size 1.
  Shape stretchable(Shape shape) {
    while (shape.rank() > 0 && chance(0.15)) shape = shape.erase(0);
    for (Index axis = 0; axis < shape.rank(); ++axis)
      if (chance(0.2)) shape = shape.with(axis, 1);
    return shape;
  }

  // ---- numbers ----

  Tensor numbers(const Shape& shape, const Range& range = {}) {
    // An expanded tensor repeats its numbers along some axes, in the same memory.
    Shape held = shape;
    if (!small && chance(0.15))
      for (Index axis = 0; axis < shape.rank(); ++axis)
        if (chance(0.5)) held = held.with(axis, 1);

    const double scale = small ? 1 : one_of(range.scales);
    const bool grid = chance(0.3);
    const bool extreme = !small && !range.extremes.empty() && chance(0.2);
    std::vector<Real> values;
    for (Index i = 0; i < held.numel(); ++i) {
      double x = grid ? static_cast<double>(between(0, 8)) / 8 : rng_.uniform();
      x = (range.lo + x * (range.hi - range.lo)) * scale;
      if (small) x = static_cast<float>(x);
      if (extreme && chance(0.2)) x = one_of(range.extremes);
      values.push_back(static_cast<Real>(x));
    }
    return laid_out(Tensor(held, std::move(values))).expand(shape);
  }

  // 1 with the given probability, else 0.
  Tensor mask(const Shape& shape, double ones) {
    std::vector<Real> values;
    for (Index i = 0; i < shape.numel(); ++i) values.push_back(chance(ones) ? Real(1) : Real(0));
    return laid_out(Tensor(shape, std::move(values)));
  }

  std::vector<Index> ids(Index count, Index below) {
    std::vector<Index> result;
    for (Index i = 0; i < count; ++i) result.push_back(between(0, below - 1));
    return result;
  }

  // ---- leaves ----

  // The input as a leaf, or as the transposed or the stepped part of one.
  Input input(const Tensor& x) {
    const auto itself = [](const Var& leaf) { return leaf; };
    if (x.rank() == 0 || chance(0.6)) return {Var(x, true), itself};
    if (chance(0.5))
      return {Var(x.transpose(0, -1), true), [](const Var& leaf) { return leaf.transpose(0, -1); }};
    const auto [memory, part] = between_others(x);
    return {Var(memory, true), part};
  }

 private:
  // The same numbers in memory of another order, or with others in between.
  Tensor laid_out(const Tensor& x) {
    if (small || x.rank() == 0 || chance(0.4)) return x;
    if (chance(0.5)) {
      const std::vector<Index> there = order(x.rank());
      std::vector<Index> back(there.size());
      for (std::size_t i = 0; i < there.size(); ++i)
        back[static_cast<std::size_t>(there[i])] = static_cast<Index>(i);
      return x.permute(there).clone().permute(back);
    }
    const auto [memory, part] = between_others(x);
    return part(Var(memory)).value();
  }

  // Memory that has x at every other position of one axis, and how to find it there.
  std::pair<Tensor, std::function<Var(const Var&)>> between_others(const Tensor& x) {
    const Index axis = this->axis(x.shape()), n = x.size(axis);
    const Tensor memory = full(x.shape().with(axis, 2 * n + 1), Real(0.25));
    memory.slice(axis, 1, 2 * n + 1, 2).copy_from(x);
    return {memory, [axis, n](const Var& v) { return v.slice(axis, 1, 2 * n + 1, 2); }};
  }

  Rng rng_;
};

// One list of numbers from numbers, bools and lists of them.
template <class... Parts>
std::vector<double> list(const Parts&... parts) {
  std::vector<double> result;
  [[maybe_unused]] const auto add = [&](const auto& part) {
    if constexpr (requires { part.begin(); })
      for (const auto item : part) result.push_back(static_cast<double>(item));
    else
      result.push_back(static_cast<double>(part));
  };
  (add(parts), ...);
  return result;
}

}  // namespace glass::parity
