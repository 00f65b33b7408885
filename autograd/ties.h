// # Kinks of several elements, taken together
//
// (private to gradcheck) At a kink along one axis, any slope between those to both sides is right.
// For several elements that is not enough: the gradients of max(x, y) at x = y are (t, 1 − t), and
// (1, 1), of ties that were not divided, is none of them, though 1 is right along each axis alone.
//
// So all elements at kinks move together a little, into regions where f is smooth, and the slope
// along a direction is taken there. The gradient of f at a kink is a mean of gradients of such
// regions (the subdifferential of Clarke), so along any direction it lies between the smallest and
// the largest slope of them. There are two directions: all elements with + and with alternating
// signs. Not all regions are seen, only those where slopes are likely to be largest and smallest.
//
// Source: F. H. Clarke, Optimization and Nonsmooth Analysis (1983), theorem 2.5.1.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <string>
#include <vector>

#include "autograd/objective.h"

namespace glass {

// An element at a kink: its scale, the slopes to both sides along its axis, and the sweep's claim.
struct Tie {
  Real* x;
  double size, low, high, claim;
};

class Together {
 public:
  Together(Objective& objective, const std::vector<Tie>& ties)
      : objective_(objective), ties_(ties) {}

  // Why the claims are no gradient, taken together; or "".
  std::string fault() {
    if (ties_.size() < 2) return "";
    find_upper_sides();
    for (const bool alternating : {false, true}) {
      std::vector<double> direction;
      for (std::size_t i = 0; i < ties_.size(); ++i)
        direction.push_back(alternating && i % 2 == 1 ? -1 : 1);
      const std::string fault = fault_along(direction);
      if (!fault.empty()) return fault;
    }
    return "";
  }

 private:
  // How far elements move, and how exact a slope is there, as a share of the slopes: differences
  // need larger steps, and f bends on the way.
  static constexpr bool by_values = std::is_same_v<Real, double>;
  static constexpr double near = by_values ? 1e-4 : 1e-9;
  static constexpr double exact = by_values ? 1e-3 : 1e-6;

  struct Slope {
    double value, noise;
  };

  // To which side of each element its slope is the higher one.
  void find_upper_sides() {
    for (std::size_t i = 0; i < ties_.size(); ++i) {
      std::vector<double> alone(ties_.size());
      alone[i] = 1;
      const double right = slope(alone, alone).value / ties_[i].size;
      upper_.push_back(2 * right >= ties_[i].low + ties_[i].high ? 1 : -1);
    }
  }

  // What is wrong along one direction: the claims make a slope that f has in no region around. ""
  // if nothing is, or if f is not finite there.
  std::string fault_along(const std::vector<double>& direction) {
    double claim = 0, total = 0, noise = 0;
    for (std::size_t i = 0; i < ties_.size(); ++i) {
      const Tie& here = ties_[i];
      claim += direction[i] * here.size * here.claim;
      total +=
          here.size * std::max({std::abs(here.claim), std::abs(here.low), std::abs(here.high)});
    }
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const std::vector<double>& moves : regions(direction)) {
      const Slope seen = slope(moves, direction);
      if (!std::isfinite(seen.value)) return "";
      low = std::min(low, seen.value);
      high = std::max(high, seen.value);
      noise = std::max(noise, seen.noise);
    }
    const double slack = exact * total + 4 * noise;
    if (claim >= low - slack && claim <= high + slack) return "";
    return fmt::format(
        "the {} elements at kinks together: their gradients make a slope of {:.6g} along a common "
        "direction, and f has slopes from {:.6g} to {:.6g} around. Each gradient is right alone. "
        "Is "
        "a gradient given to all tied elements, and not divided, or do the slopes that ops choose "
        "at ties not fit together?",
        ties_.size(), claim, low, high);
  }

  // Moves of all elements into regions where f is smooth: to all upper sides along the direction,
  // to all lower sides, all with +, all with alternating signs, and the opposites. No two elements
  // move equally far, and of any two each one is once the larger.
  std::vector<std::vector<double>> regions(const std::vector<double>& direction) const {
    const auto n = static_cast<double>(ties_.size());
    std::vector<std::vector<double>> all;
    for (const double sign : {1.0, -1.0})
      for (const bool rising : {false, true})
        for (const int pattern : {0, 1, 2}) {
          std::vector<double>& moves = all.emplace_back();
          for (std::size_t i = 0; i < ties_.size(); ++i) {
            const double side = pattern == 0   ? upper_[i] * direction[i]
                                : pattern == 1 ? 1
                                               : (i % 2 == 1 ? -1 : 1);
            const double rank = static_cast<double>(i + 1) / n;
            moves.push_back(sign * side * (1 + 0.5 * (rising ? rank : 1 - rank)));
          }
        }
    return all;
  }

  // The slope of L along a direction, where each element is moved. Both are in sizes of elements.
  Slope slope(const std::vector<double>& moves, const std::vector<double>& direction) {
#if defined(GLASS_REAL_CERTIFIED) || defined(GLASS_REAL_DUAL)
    const std::vector<Real> y = at(moves, direction, 0, true);
    Slope found{0, 0};
    for (std::size_t k = 0; k < y.size(); ++k) {
      found.value += objective_.weights()[k] * static_cast<double>(y[k].d);
#ifdef GLASS_REAL_CERTIFIED
      found.noise += std::abs(objective_.weights()[k]) * y[k].d.width();
#endif
    }
    return found;
#else
    const double h = near / 16;
    const std::vector<Real> up = at(moves, direction, h), down = at(moves, direction, -h);
    Slope found{0, 0};
    for (std::size_t k = 0; k < up.size(); ++k) {
      const double weight = objective_.weights()[k] / (2 * h), a = number(up[k]),
                   b = number(down[k]);
      found.value += weight * (a - b);
      found.noise +=
          std::abs(weight) * std::numeric_limits<double>::epsilon() * (std::abs(a) + std::abs(b));
    }
    return found;
#endif
  }

  // What f returns with all elements moved, and then by a step along the direction, or with an ε
  // along it.
  std::vector<Real> at(const std::vector<double>& moves, const std::vector<double>& direction,
                       double step, [[maybe_unused]] bool epsilon = false) {
    std::deque<Moved> elements;
    for (std::size_t i = 0; i < ties_.size(); ++i) {
      const Tie& here = ties_[i];
      elements.emplace_back(*here.x,
                            number(*here.x) + (near * moves[i] + step * direction[i]) * here.size);
#if defined(GLASS_REAL_CERTIFIED) || defined(GLASS_REAL_DUAL)
      if (epsilon) here.x->d = direction[i] * here.size;
#endif
    }
    return objective_.evaluate();
  }

  Objective& objective_;
  const std::vector<Tie>& ties_;
  std::vector<double> upper_ = {};
};

}  // namespace glass
