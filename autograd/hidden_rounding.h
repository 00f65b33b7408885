// # The rounding of a sweep that no measurement shows
//
// (private to gradcheck) The slope of sigmoid is p · (1 − p), computed from the rounded p: 1 − p is
// off by the rounding of p. If p is close to 1, p is the same number at all x near, and so is the
// error: moving x or the seed a little does not show it. So it is bounded instead. There are two
// kinds, and both add up over all ops.
//
// Numbers that a VJP computes: it may be off by one rounding of the largest number in the gradient
// that it is given. A sweep that begins at the parent carries that error to the leaves.
//
// Numbers that a VJP reads: the result of each op was rounded. Attention takes two numbers from one
// another that are larger than the gradient that it is given, and one of them is made of its
// result. So all results move, and a sweep over the same graph shows what that does to the leaves.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <unordered_map>
#include <unordered_set>
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
    watch();
    return shares_[leaf];
  }

  // How far L moves if the result of each op is off by one rounding, where its gradient is largest.
  // A change of L that is smaller may not be seen: cos(1e-30) is 1. The rounding is that of the
  // largest number in the result and in the operands, since an op may hide numbers as large:
  // attention adds up parts of v, which may cancel.
  double of_values() {
    watch();
    return of_values_;
  }

 private:
  static double largest_number(const Tensor& numbers) {
    double largest = 0;
    for (const Real& x : numbers.to_vector())
      if (std::isfinite(number(x))) largest = std::max(largest, std::abs(number(x)));
    return largest;
  }

  // Watches a sweep for the largest number in the gradient of each value.
  struct Largest final : SweepObserver {
    void next(std::span<const NodePtr>) override {}
    void gave(const Edge& to, const Tensor& g) override { add(to.node.get(), g); }
    void pulled() override {}
    void add(const Node* node, const Tensor& g) {
      of[node] = std::max(of[node], largest_number(g));
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

  // What one watched sweep tells: the largest shares, and the rounding of values.
  void watch() {
    if (!shares_.empty()) return;
    Largest largest;
    const Var out = sweep(largest);
    for (const Leaf& each : objective_.leaves) shares_.push_back(largest.of[each.node.get()]);
    for (const NodePtr& node : nodes_of(out)) {
      if (node->is_leaf()) continue;
      double size = largest_number(node->value);
      for (const Edge& parent : node->parents())
        size = std::max(size, largest_number(parent.node->value));
      of_values_ += rounding * largest.of[node.get()] * size;
    }
  }

  void measure() {
    const Unwatched unwatched;
    Largest largest;
    const Var out = sweep(largest);
    of_leaves_ = nothing();
    for (const NodePtr& node : nodes_of(out))
      for (const Edge& parent : node->parents())
        if (parent.wants_grad()) carry(parent.node, largest.of[node.get()]);
    move_results(out);
  }

  // Adds what roundings of a number of this size, in the gradient of a value, do to the leaves. The
  // sweep carries errors as large as the number, and the results are divided: a VJP that ignores
  // its gradient would otherwise make a large error of a small one.
  void carry(const NodePtr& value, double size) {
    add_largest(nothing(), rounding, [&](std::uint64_t sample) {
      const Tensor seed = errors(value->value.shape(), size, Draw{sample, value->birth});
      return objective_.gradients_from(Var(value), seed);
    });
  }

  // Adds what a rounding of each result does to the leaves. The results move by many roundings, and
  // the changes are divided. So a VJP that compares results, as that of max does, adds next to
  // nothing: its gradient jumps however little the results move.
  void move_results(const Var& out) {
    constexpr double roundings = 1 << 24;
    add_largest(objective_.gradients_from(out, objective_.seed()), 1 / roundings,
                [&](std::uint64_t sample) {
                  std::deque<Moved> moved;
                  for (const NodePtr& node : results_of(out))
                    move(node, roundings * rounding, sample, moved);
                  return objective_.gradients_from(out, objective_.seed());
                });
  }

  // Moves each number of a result by half of this share of it at least.
  static void move(const NodePtr& node, double share, std::uint64_t sample,
                   std::deque<Moved>& moved) {
    const Tensor shares = errors(node->value.shape(), share, Draw{sample, node->birth});
    for (Index i = 0; i < shares.numel(); ++i) {
      Real& y = node->value.data()[i];
      moved.emplace_back(y, number(y) * (1 + number(shares.data()[i])));
    }
  }

  // The nodes of the graph whose results have memory of their own: a view has that of an earlier
  // result or of a leaf.
  std::vector<NodePtr> results_of(const Var& out) const {
    std::unordered_set<const Real*> seen;
    for (const Leaf& leaf : objective_.leaves) seen.insert(leaf.node->value.storage().data());
    std::vector<NodePtr> nodes = nodes_of(out);
    std::ranges::reverse(nodes);  // the oldest first
    std::erase_if(nodes, [&](const NodePtr& node) {
      const Tensor& y = node->value;
      return node->is_leaf() || !y.is_contiguous() || !seen.insert(y.storage().data()).second;
    });
    return nodes;
  }

  // Adds what errors do, times `share`: how far they move each gradient from `base`. Of a few
  // samples the largest counts, since the errors of one sample may cancel.
  void add_largest(const std::vector<Numbers>& base, double share, auto&& gradients_with_errors) {
    std::vector<Numbers> most = nothing();
    for (const std::uint64_t sample : {1, 2, 3}) {
      const std::vector<Numbers> there = gradients_with_errors(sample);
      for (std::size_t leaf = 0; leaf < most.size(); ++leaf)
        widen(most[leaf], base[leaf], there[leaf]);
    }
    for (std::size_t leaf = 0; leaf < most.size(); ++leaf)
      for (std::size_t i = 0; i < most[leaf].size(); ++i)
        of_leaves_[leaf][i] += share * most[leaf][i];
  }

  // A zero for each element of each leaf.
  std::vector<Numbers> nothing() const {
    std::vector<Numbers> all;
    for (const Leaf& leaf : objective_.leaves) all.emplace_back(leaf.elements.size());
    return all;
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

  static constexpr double rounding = std::numeric_limits<double>::epsilon();
  Objective& objective_;
  std::vector<Numbers> of_leaves_;
  Numbers shares_;
  double of_values_ = 0;
};

}  // namespace glass
