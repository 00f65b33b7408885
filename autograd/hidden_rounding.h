// # The rounding of a sweep that no measurement shows
//
// (private to gradcheck) The slope of sigmoid is p · (1 − p), computed from the rounded p: 1 − p is
// off by the rounding of p. If p is close to 1, p is the same number at all x near, and so is the
// error: moving x or the seed a little does not show it. So it is bounded instead. A VJP may be
// off by one rounding of the largest number in the gradient that it is given. A sweep that begins
// at the parent carries that error to the leaves. The errors of all VJPs add up.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <vector>

#include "autograd/objective.h"

namespace glass {

class HiddenRounding {
 public:
  explicit HiddenRounding(Objective& objective) : objective_(objective) {}

  // For each element of a leaf; found when it is first asked for.
  const Numbers& of(std::size_t leaf) {
    if (of_leaves_.empty()) measure();
    return of_leaves_[leaf];
  }

  // The largest number in any of the gradients that the sweep adds up for a leaf.
  // This takes one sweep; the roundings take three for each VJP.
  double largest_share(std::size_t leaf) {
    if (shares_.empty()) {
      Largest largest;
      sweep(largest);
      for (const Leaf& each : objective_.leaves) shares_.push_back(largest.of[each.node.get()]);
    }
    return shares_[leaf];
  }

 private:
  // Watches a sweep for the largest number in the gradient of each value.
  struct Largest final : SweepObserver {
    void next(std::span<const NodePtr>) override {}
    void gave(const Edge& to, const Tensor& g) override { add(to.node.get(), g); }
    void pulled() override {}
    void add(const Node* node, const Tensor& g) {
      double& largest = of[node];
      for (const Real& x : g.to_vector())
        if (std::isfinite(number(x))) largest = std::max(largest, std::abs(number(x)));
    }
    std::unordered_map<const Node*, double> of;
  };

  // Calls f and sweeps, watched. Returns what f gave, with its graph.
  Var sweep(Largest& largest) {
    const Unwatched unwatched;
    const Var out = objective_.call();
    largest.add(out.node().get(), objective_.seed());
    out.backward(objective_.seed(), {.retain_graph = true, .observer = &largest});
    return out;
  }

  void measure() {
    const Unwatched unwatched;
    for (const Leaf& each : objective_.leaves) of_leaves_.emplace_back(each.elements.size());
    Largest largest;
    const Var out = sweep(largest);
    for (const NodePtr& node : nodes_of(out))
      for (const Edge& parent : node->parents())
        if (parent.wants_grad()) carry(parent.node, largest.of[node.get()]);
  }

  // Adds what roundings of a number of this size, in the gradient of a value, do to the leaves: the
  // largest of a few samples, since the errors of one sample may cancel. The sweep carries errors
  // as large as the number, and the results are divided: a VJP that ignores its gradient would
  // otherwise make a large error of a small one.
  void carry(const NodePtr& value, double size) {
    std::vector<Numbers> most;
    for (const Leaf& leaf : objective_.leaves) most.emplace_back(leaf.elements.size());
    for (const std::uint64_t sample : {1, 2, 3}) {
      for (const Leaf& leaf : objective_.leaves) leaf.node->grad.reset();
      const Tensor seed = errors(value->value.shape(), size, Draw{sample, value->birth});
      Var(value).backward(seed, {.retain_graph = true});
      for (std::size_t leaf = 0; leaf < most.size(); ++leaf) take(leaf, most[leaf]);
    }
    for (std::size_t leaf = 0; leaf < most.size(); ++leaf) add_to(of_leaves_[leaf], most[leaf]);
  }
  static void add_to(Numbers& sums, const Numbers& errors) {
    constexpr double rounding = std::numeric_limits<double>::epsilon();
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += rounding * errors[i];
  }

  // Random numbers of both signs: of half this size at least.
  static Tensor errors(const Shape& shape, double size, const Draw& draw) {
    Tensor list = empty(shape);
    for (Index i = 0; i < list.numel(); ++i) {
      const double u = 2 * draw.uniform(static_cast<std::uint64_t>(i)) - 1;
      list.data()[i] = static_cast<Real>(size * (u + std::copysign(1, u)) / 2);
    }
    return list;
  }

  // The larger of what is known and of what the last sweep left in the leaf.
  void take(std::size_t leaf, Numbers& most) const {
    const std::optional<Tensor>& grad = objective_.leaves[leaf].node->grad;
    if (!grad) return;
    const std::vector<Real> numbers = grad->to_vector();
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (std::isfinite(number(numbers[i])))
        most[i] = std::max(most[i], std::abs(number(numbers[i])));
  }

  Objective& objective_;
  std::vector<Numbers> of_leaves_;
  Numbers shares_;
};

}  // namespace glass
