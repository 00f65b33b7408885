// # The function that a gradient check looks at
//
// (private to gradcheck) L(x) = Σ seed ⊙ f(x) is a function of every element of every leaf. This
// file evaluates L where an element has moved, asks the reverse sweep for L's gradients, and
// measures how much of a change is rounding and whether L jumps. It judges nothing: verdict.h does.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "autograd/differences.h"
#include "autograd/trace.h"

namespace glass {

using Numbers = std::vector<double>;
using Variables = std::vector<std::pair<std::string, Var>>;

inline double number(Real x) { return static_cast<double>(x); }

// What the witness reads off an output: its ε, which is exact, or its value.
#ifdef GLASS_REAL_DUAL
inline double reading(Real y) { return y.d; }
#else
inline double reading(Real y) { return number(y); }
#endif

// Whether two calls of f gave the same output, and whether an output is a finite number. An
// interval without a bound may hold one.
#ifdef GLASS_REAL_CERTIFIED
inline bool are_same(Real a, Real b) {
  return (a.v.below() == b.v.below() && a.v.above() == b.v.above()) || (isnan(a.v) && isnan(b.v));
}
inline bool has_value(Real y) { return !isnan(y.v) && !is_infinite(y.v); }
#else
inline bool are_same(Real a, Real b) { return a == b || (a != a && b != b); }
inline bool has_value(Real y) { return std::isfinite(number(y)); }
#endif

// The larger of what is known and of how far two lists are apart, where that is a finite number.
inline void widen(Numbers& most, const Numbers& a, const Numbers& b) {
  for (std::size_t i = 0; i < most.size(); ++i) {
    const double apart = std::abs(a[i] - b[i]);
    if (std::isfinite(apart)) most[i] = std::max(most[i], apart);
  }
}

// The largest step of the differences, as a share of the element's size.
constexpr double first_step = 0.0437;
// At how many distances rounding is measured. Each is a sixteenth of the one before.
constexpr int distances = 8;

// ---- a leaf, while it is perturbed ----

// An element that has another value while this lives. It is written in place, which bumps no
// version: graphs recorded earlier stay valid. The destructor restores the value, also when f
// throws.
struct Moved {
  Moved(Real& element, double there)
      : x(element), before(std::exchange(x, static_cast<Real>(there))) {}
  Moved(const Moved&) = delete;
  ~Moved() { x = before; }
  Real& x;
  const Real before;
};

// A leaf and all its elements. The destructor restores the leaf's value and its gradient.
struct Leaf {
  Leaf(const std::string& its_name, const NodePtr& leaf, bool shared)
      : name(its_name), node(leaf), value(leaf->value) {
    std::swap(node->grad, grad);
    // Where several elements share one number of memory, one of them cannot move alone.
    for (Index axis = 0; axis < value.rank(); ++axis) shared |= value.stride(axis) == 0;
    if (shared) node->value = value.clone();

    double mean = 0, count = static_cast<double>(value.numel());
    for (Index i = 0; i < value.numel(); ++i) {
      Real& x = node->value.data()[offset_of(i)];
      elements.emplace_back(x, number(x));  // a dual number loses its ε meanwhile
      steady.push_back(true);
      if (std::isfinite(number(x))) mean += std::abs(number(x)) / count;
    }
    if (mean > 0) typical = mean;
  }
  ~Leaf() {
    elements.clear();
    node->value = value;
    node->grad = std::move(grad);
  }

  const std::string name;
  const NodePtr node;
  const Tensor value;
  std::optional<Tensor> grad;
  std::deque<Moved> elements;  // row-major
  std::vector<bool> steady;    // false where an element is at a kink or a jump of f
  double typical = 1;          // mean magnitude of the elements; 1 where all are zero
  bool reached = true;         // by f's graph

  // How large an element is, on its own scale: a zero is as large as its neighbours.
  double size(std::size_t i) const {
    const double own = std::abs(number(elements[i].x));
    return own > 0 ? own : typical;
  }

 private:
  // Where element i, counted row by row, is in memory.
  Index offset_of(Index i) const {
    Index offset = 0;
    for (Index axis = value.rank(), rest = i; axis-- > 0; rest /= value.size(axis))
      offset += rest % value.size(axis) * node->value.stride(axis);
    return offset;
  }
};

// Switches the NaN watch off while it lives. A step may leave f's domain, and a NaN there is an
// answer, not a mistake.
struct Unwatched {
  ~Unwatched() { settings().nan_check = watching; }
  const bool watching = settings().nan_check.exchange(false);
};

// ---- the objective L ----

class Objective {
 public:
  Objective(const std::function<Var()>& f, const Variables& variables, std::uint64_t seed)
      : f_(f), seed_number_(seed) {
    expect_trained(variables);
    const Var first = call(), second = call();
    check<StateError>(first.requires_grad(),
                      "gradcheck: no leaf with requires_grad reaches what f returns, or f computes "
                      "under NoGrad; compute the result from the variables inside f");
    find_leaves(variables, first, second);
    shakes_.emplace_back(static_cast<std::size_t>(first.numel()));
    make_seed(first.shape());
    set_base();
    refusal = why_not(first, second);
  }
  ~Objective() { replay_.rewind(); }

  // ∂L/∂x for every element of every leaf, at the present values, by the reverse sweep. It takes
  // the gradient of `multiple` · L, and divides it by `multiple` again.
  std::vector<Numbers> gradients(double multiple = 1) { return numbers(sweep(multiple), multiple); }
  // What a sweep from x, which is given the gradient g, leaves in every element of every leaf.
  std::vector<Numbers> gradients_from(const Var& x, const Tensor& g) {
    return numbers(sweep_from(x, g), 1);
  }

  // ∂(multiple · L)/∂x for every element of every leaf.
  std::vector<std::vector<Real>> sweep(double multiple, SweepObserver* observer = nullptr) {
    const Unwatched unwatched;
    const Var out = call();
    // Beyond a kink f may reach leaves that it did not reach before. They must be restored, too.
    for (const NodePtr& node : nodes_of(out))
      if (node->is_leaf() && node->requires_grad) add("", node);
    return sweep_from(out, seed_ * multiple, observer);
  }

  // Calls f. Each call draws the same random numbers.
  Var call() {
    replay_.rewind();
    return f_();
  }

  // What f returns, without a graph.
  std::vector<Real> evaluate() {
    const NoGrad constant;
    const Unwatched unwatched;
    const Var out = call();
    check<StateError>(out.shape() == seed_.shape(), "gradcheck: f gave the shape {}, and then {}",
                      seed_.shape(), out.shape());
    return out.value().to_vector();
  }

  // Changes are counted from the present values. Outputs are subtracted one by one, so that a large
  // constant in an output cancels before the outputs are added up.
  void set_base() { base_ = evaluate(); }

  // How far L has moved from its base. `moved` remembers which outputs an element moves: only the
  // rounding of these can disturb its slope. `share` is the element's distance from its base, as a
  // share of the coarsest step.
  Differences::Change change(std::vector<bool>& moved, double share = 0) {
    constexpr double ulp = std::numeric_limits<double>::epsilon();
    const std::vector<Real> outputs = evaluate();
    const Numbers& shake = shake_at(share);
    moved.resize(outputs.size());
    long double value = 0;
    double noise = 0, still = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      // The output's own change, and the rounding of both of its values.
      const double y = reading(outputs[i]), y0 = reading(base_[i]);
      value += static_cast<long double>(weights_[i]) * (static_cast<long double>(y) - y0);
      if (y != y0) moved[i] = true;
      // Subnormal numbers are rounded by more than their share.
      const double rounding = shake[i] + ulp * (std::abs(y) + std::abs(y0)) + 5e-324;
      (moved[i] ? noise : still) += std::abs(weights_[i]) * rounding;
    }
    return {static_cast<double>(value), noise, still};
  }

  // Measures how far rounding moves each output when elements of this leaf move, and returns what
  // that may add up to in L near the base. Other leaves do not move: their rounding is constant.
  //
  // At a minimum as that of (x − c)² at c, the output does not feel the rounding of intermediate
  // values: its slope is 0 there. A step away it does. So the rounding is measured at the base, and
  // also at several distances from it.
  double measure_noise(const Leaf& leaf) {
    // If η is too small, a large intermediate value absorbs it, and no rounding is seen. So several
    // sizes of η are tried.
    Numbers most(base_.size());
    for (std::uint64_t trial = 1; trial <= 8; ++trial)
      measure_rounding(leaf, trial, 0, std::ldexp(1, 3 * static_cast<int>(trial) - 51), most);

    // From the nearest distance to the coarsest step. What is measured at one distance counts at
    // all larger distances, too.
    shakes_.assign(1, most);
    Numbers beside(base_.size());
    for (int near = distances; near-- > 0;) {
      const double away = std::ldexp(first_step, -4 * near), hair = std::min(away / 64, 7e-9);
      const auto trial = 100 + static_cast<std::uint64_t>(near);
      measure_rounding(leaf, trial, away, hair, beside);
      measure_rounding(leaf, 2 * trial, away, std::max(hair / 4096, 4e-15), beside);
      if (2 * near == distances) noise_beside_ = noise_of(beside);
      std::ranges::transform(beside, most, most.begin(), std::ranges::max);
      shakes_.push_back(most);
    }
    return noise_of(shakes_[0]);
  }

  // How large the outputs are, taken together.
  double total() const {
    double sum = 0;
    for (std::size_t k = 0; k < base_.size(); ++k) sum += std::abs(weights_[k] * number(base_[k]));
    return sum;
  }

  // How far f jumps when an element of this size leaves its place. The change at a jump is the same
  // at every step, however small; a smooth change shrinks with the step, and rounding varies. 0 if
  // f is continuous, or if rounding of the outputs can explain the change.
  double jump(Real& x, double size) {
    double height = 0;
    for (double step : {1e-9 * size, -1e-9 * size}) {
      // Up to six finer steps, while the smallest change is more than half of the largest.
      double most = distance(x, step), least = most;
      for (int nearer = 0; nearer < 6 && least > most / 2; ++nearer) {
        const double change = distance(x, step /= 4);
        most = std::max(most, change);
        least = std::min(least, change);
      }
      if (least > most / 2) height = std::max(height, least);
    }
    return height > std::max(1e-12 * total(), 4 * noise_beside_) ? height : 0;
  }

  // How far rounding moves the gradient g that the sweep claims for a leaf: with other seeds, and
  // where elements move by a tiny distance. If g is nothing but rounding, it moves by about its own
  // size.
  double measure_jitter(std::size_t leaf, const Numbers& g) {
    const auto off = [&](const Numbers& there) {
      double most = 0;
      for (std::size_t i = 0; i < g.size(); ++i) most = std::max(most, std::abs(there[i] - g[i]));
      return most;
    };
    const double jitter = std::ranges::max(rounding_by_seeds(leaf));
    // Up to half of the moves may cross a kink, where the gradient jumps. So only the smaller half
    // of the changes counts. Elements that are 0 do not move, since most kinks are at 0.
    Numbers hairs;
    for (const double times : {-1e4, -1e2, -1.0, 1.0, 1e2, 1e4}) {
      std::deque<Moved> elements;
      for (const Leaf& each : leaves) shake(each, 99, 1e-13, times, elements, false);
      hairs.push_back(off(gradients()[leaf]));
    }
    std::ranges::sort(hairs);
    return std::max(jitter, hairs[2]);
  }

  // How far rounding moves each of the sweep's gradients of a leaf: with other seeds, and what is
  // left of third differences at several distances.
  Numbers measure_sweep(std::size_t leaf) {
    Numbers most = rounding_by_seeds(leaf);
    for (int power = -48; power <= -20; power += 4) {
      const Numbers rest = third_difference_of_sweep(leaf, power);
      for (std::size_t i = 0; i < rest.size(); ++i)
        if (std::isfinite(rest[i])) most[i] = std::max(most[i], std::abs(rest[i]) / 2);
    }
    return most;
  }

  // How steep L is on the way from the present values to a leaf of zeros: the largest slope, beyond
  // rounding, that is seen when all elements shrink.
  double measure_slope(const Leaf& leaf) {
    double slope = 0;
    for (const double rest : {0.75, 0.5, 0.25, 0.0625, 0.0}) {
      std::deque<Moved> elements;
      double way = 0;
      for (const Moved& element : leaf.elements) {
        const double x = number(element.x);
        elements.emplace_back(element.x, x * rest);
        way += std::abs(x) * (1 - rest);
      }
      std::vector<bool> moved;
      // The slope along the way, without the part that rounding explains.
      const Differences::Change there = change(moved);
      const double seen = std::abs(there.value) - 4 * (there.noise + there.still);
      if (seen > 0 && std::isfinite(way)) slope = std::max(slope, seen / way);
    }
    return slope;
  }

  // The seed, the cotangent of what f returns, and its elements.
  const Tensor& seed() const { return seed_; }
  const Numbers& weights() const { return weights_; }

  std::deque<Leaf> leaves;  // the first `checked` are checked, the others only restored
  std::size_t checked = 0;
  std::string refusal;

 private:
  std::vector<std::vector<Real>> sweep_from(const Var& x, const Tensor& g,
                                            SweepObserver* observer = nullptr) {
    for (const Leaf& leaf : leaves) leaf.node->grad.reset();
    x.backward(g, {.retain_graph = true, .observer = observer});
    std::vector<std::vector<Real>> all;
    for (const Leaf& leaf : leaves) {
      const Tensor of_leaf = leaf.node->grad ? *leaf.node->grad : zeros(leaf.value.shape());
      all.push_back(of_leaf.to_vector());
    }
    return all;
  }
  static std::vector<Numbers> numbers(const std::vector<std::vector<Real>>& lists, double divisor) {
    std::vector<Numbers> all;
    for (const std::vector<Real>& list : lists) {
      Numbers& quotients = all.emplace_back();
      for (const Real& x : list) quotients.push_back(number(x) / divisor);
    }
    return all;
  }

  // How far each of the sweep's gradients of a leaf moves if the seed is multiplied by 3, 5, …, and
  // the result divided by it: then every step is rounded differently. A power of two changes no
  // rounding. If a gradient moves there, a VJP is not linear, and nothing is called rounding.
  const Numbers& rounding_by_seeds(std::size_t leaf) {
    if (by_seeds_.empty()) measure_by_seeds();
    return by_seeds_[leaf];
  }
  // For all leaves at once, since each sweep gives the gradients of all.
  void measure_by_seeds() {
    const std::vector<Numbers> all = gradients(), twice = gradients(-2), fourfold = gradients(4);
    for (const Numbers& g : all) by_seeds_.emplace_back(g.size());
    for (const double multiple : {3, 5, 7, 11, 13}) {
      const std::vector<Numbers> there = gradients(multiple);
      for (std::size_t leaf = 0; leaf < all.size(); ++leaf) {
        if (twice[leaf] != all[leaf] || fourfold[leaf] != all[leaf]) continue;
        widen(by_seeds_[leaf], all[leaf], there[leaf]);
      }
    }
  }

  // The third difference of each of the sweep's gradients of a leaf. The elements that are not 0
  // move by k · 2^power of their size, k = 1 … 4, all to one side, so that no kink at the present
  // values is crossed. What a third difference leaves of a smooth function is rounding.
  Numbers third_difference_of_sweep(std::size_t leaf, int power) {
    Numbers rest(leaves[leaf].elements.size());
    for (const auto& [times, weight] :
         {std::pair(1., 1.), std::pair(2., -3.), std::pair(3., 3.), std::pair(4., -1.)}) {
      std::deque<Moved> elements;
      const auto trial = static_cast<std::uint64_t>(200 - power);
      shake(leaves[leaf], trial, std::ldexp(1, power), times, elements, false);
      const Numbers there = gradients()[leaf];
      for (std::size_t i = 0; i < rest.size(); ++i) rest[i] += weight * there[i];
    }
    return rest;
  }

  // The cotangent has both signs and magnitudes of ½ … 1½, so that every output has a weight that
  // is not small.
  void make_seed(const Shape& shape) {
    for (Index i = 0; i < shape.numel(); ++i) {
      const double u = 2 * Draw{seed_number_, 0}.uniform(static_cast<std::uint64_t>(i)) - 1;
      weights_.push_back(shape.numel() == 1 ? 1 : u + std::copysign(0.5, u));
    }
    seed_ = Tensor(shape, std::vector<Real>(weights_.begin(), weights_.end()));
  }

  // Why f cannot be checked, given the results of two calls; or "".
  static std::string why_not(const Var& first, const Var& second) {
    const auto one = first.value().to_vector(), two = second.value().to_vector();
    if (!std::ranges::equal(one, two, are_same))
      return "f is not deterministic: two calls, two results";
    if (!std::ranges::all_of(one, has_value)) return "f is not finite at the given values";
    return "";
  }

  // Adds a leaf, unless it is there already.
  void add(const std::string& name, const NodePtr& node) {
    bool shared = false;
    for (const Leaf& leaf : leaves) {
      if (leaf.node.get() == node.get()) return;
      shared |= leaf.value.storage().same_as(node->value.storage());
    }
    leaves.emplace_back(name, node, shared);
  }

  static void expect_trained(const Variables& variables) {
    for (const auto& [name, variable] : variables) {
      check<StateError>(!variable.node()->frozen,
                        "gradcheck: '{}' is frozen, so it has no gradient to check; unfreeze() it, "
                        "or leave it out of the list",
                        name);
      check<StateError>(variable.node()->is_leaf() && variable.requires_grad(),
                        "gradcheck: '{}' must be a leaf with requires_grad; it is a '{}'", name,
                        variable.node()->name);
    }
  }

  // The listed variables, then every other leaf that the graphs of both calls reach, oldest first.
  // A leaf that only one graph reaches was made inside f: it is no variable.
  void find_leaves(const Variables& variables, const Var& first, const Var& second) {
    // The listed variables.
    for (const auto& [name, variable] : variables) add(name, variable.node());
    std::vector<NodePtr> one = nodes_of(first), two = nodes_of(second);
    for (Leaf& leaf : leaves)
      leaf.reached = std::ranges::find(one, leaf.node.get(), &NodePtr::get) != one.end();
    // The other leaves, from the oldest on.
    std::ranges::reverse(one);
    const std::size_t listed = leaves.size();
    for (const NodePtr& node : one)
      if (node->is_leaf() && node->requires_grad &&
          std::ranges::find(two, node.get(), &NodePtr::get) != two.end())
        add(fmt::format("unnamed leaf {}", leaves.size() - listed + 1), node);
    checked = leaves.size();
    check<StateError>(checked > 0, "gradcheck: f makes its leaves anew; make them outside");
  }

  // Finds how far rounding moves each output, and keeps the largest in `most`. The steady elements
  // of the leaf move together by a tiny distance η, at most `hair` of their size. Before that, each
  // moves to about the distance `away` from the base, as a share of its size.
  void measure_rounding(const Leaf& leaf, std::uint64_t trial, double away, double hair,
                        Numbers& most) {
    std::deque<Moved> elements;
    const Draw draw{seed_number_, 1000 + trial};
    for (std::size_t i = 0; i < leaf.elements.size(); ++i) {
      const double u = 2 * draw.uniform(i) - 1;
      const double share = leaf.steady[i] ? (u + std::copysign(2, u)) / 3 : 0;  // ±⅔ … ±1
      Real& x = leaf.elements[i].x;
      elements.emplace_back(x, number(x) + share * away * leaf.size(i));
    }
    const Numbers rest = third_difference(leaf, trial, hair);
    for (std::size_t i = 0; i < rest.size(); ++i)
      most[i] = std::max(most[i], std::abs(rest[i]) / 2);
  }

  // What the rounding of each output may add up to in L.
  double noise_of(const Numbers& shake) const {
    double noise = 0;
    for (std::size_t i = 0; i < shake.size(); ++i) noise += std::abs(weights_[i]) * shake[i];
    return noise;
  }

  // How far rounding moves each output at this share of the coarsest step: as far as at the nearest
  // distance that is not smaller.
  const Numbers& shake_at(double share) const {
    std::size_t place = share > 0 ? shakes_.size() - 1 : 0;
    for (double next = 1.0 / 16; place > 1 && share <= next; next /= 16) --place;
    return shakes_[place];
  }

  // y(x + 3η) − 3 y(x + 2η) + 3 y(x + η) − y(x) of each output, where η is a random share of `hair`
  // for each element. For so small an η, the third difference of a smooth function is below
  // rounding, so what is measured is rounding. (A second difference would be 0 where rounding is
  // symmetric.)
  Numbers third_difference(const Leaf& leaf, std::uint64_t trial, double hair) {
    const std::vector<Real> base = evaluate();
    Numbers rest(base.size());
    for (const auto& [times, weight] : {std::pair(1., 3.), std::pair(2., -3.), std::pair(3., 1.)}) {
      std::deque<Moved> elements;
      shake(leaf, trial, hair, times, elements);
      const std::vector<Real> y = evaluate();
      for (std::size_t i = 0; i < y.size(); ++i)
        rest[i] += weight * (reading(y[i]) - reading(base[i]));
    }
    return rest;
  }

  // Moves the steady elements of a leaf by up to `times` · `hair` of their size. A zero moves by a
  // few ulps of its neighbours only: it may be at a kink, and crossing a kink is no noise.
  void shake(const Leaf& leaf, std::uint64_t trial, double hair, double times,
             std::deque<Moved>& moved, bool zeros_too = true) const {
    constexpr double ulp = std::numeric_limits<double>::epsilon();
    const Draw draw{seed_number_, trial};
    for (std::size_t i = 0; i < leaf.elements.size(); ++i) {
      Real& x = leaf.elements[i].x;
      const double share = number(x) == 0 ? std::min(hair, 2 * ulp) : hair;
      const double u = 2 * draw.uniform(moved.size()) - 1;
      const bool moves = leaf.steady[i] && (zeros_too || number(x) != 0);
      const double reach = moves ? u * times * share * leaf.size(i) : 0;
      moved.emplace_back(x, number(x) + reach);
    }
  }

  // How far the outputs move, taken together, when an element moves by this step.
  double distance(Real& x, double step) {
    const Moved element(x, number(x) + step);
    const std::vector<Real> y = evaluate();
    double sum = 0;
    for (std::size_t k = 0; k < y.size(); ++k)
      sum += std::abs(weights_[k] * (number(y[k]) - number(base_[k])));
    return sum;
  }

  const std::function<Var()>& f_;
  std::vector<Numbers> by_seeds_;  // of each leaf, once it was measured
  Replay replay_;
  Tensor seed_;
  std::uint64_t seed_number_;
  Numbers weights_;         // the seed's elements
  std::vector<Real> base_;  // the outputs that changes are counted from
  // While a leaf moves, how far rounding moves each output: at the base, and then at each distance.
  std::vector<Numbers> shakes_;
  double noise_beside_ = 0;  // of L, near the base, and not at the base, where f may jump
};

}  // namespace glass
