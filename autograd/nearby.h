// # Whether forward mode tells the truth
//
// (private to gradcheck of the certified libraries) Forward mode at x is an enclosure of the slope
// only if every op hands its ε on. Some do not: an op that computes with static_cast<double>(x)
// returns no ε at all, one that compares it takes the branch of x itself, and a mask of x² loses
// the ε, since ε² = 0. What happens beside x tells. Two steps to one side, h and h/64, give
//
//     slopes   by forward mode at x + h. If f is smooth to this side, they differ from the slope at
//              x by less at the smaller step. A difference that stays is a jump of the slope.
//     secants  (L(x + h) − L(x)) / h. If they are not near the slopes, forward mode is blind: it
//              does not see how f changes.
//
// All numbers are intervals. Rounding cannot make two of them disjoint.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/objective.h"

namespace glass {

// The sizes of the numbers in an interval: the smallest, and the largest.
inline double smallest(Interval x) { return abs(x).below(); }
inline double largest(Interval x) { return abs(x).above(); }
inline bool has_bounds(Interval x) { return !isnan(x) && isfinite(x); }

// How far apart two disjoint intervals are, and 0 if they meet.
inline double gap(Interval a, Interval b) {
  return std::max({0.0, b.below() - a.above(), a.below() - b.above()});
}

// All numbers that are at most `far` away from the numbers of x.
inline Interval around(Interval x, double far) { return x + Interval(-far, far); }

class Nearby {
 public:
  enum Answer {
    agrees,   // or nothing can be asked: f is not defined to this side
    jumps,    // the slope to this side is `slope`, and not that at x
    blind,    // f changes, and forward mode does not see it: `secant` is not near `slope`
    too_wide  // all enclosures beside x are wide: `slope` may be any number in that of the last one
  };
  struct Side {
    Answer answer = agrees;
    Interval slope = {}, secant = {};
  };

  // `values` are those of f at x.
  Nearby(Objective& objective, Real& x, const std::vector<Real>& values)
      : objective_(objective), x_(x), values_(values) {}

  // `side` is 1 or −1, and `slope` is that to this side, by forward mode. It is asked whether the
  // slope may be wrong by `wrong`, if secants can tell.
  Side ask(double side, double size, Interval slope, double wrong) {
    const double first = side * std::ldexp(size, -24);
    Side found = compare_secants(first, size, slope, wrong);
    return found.answer == blind ? found : compare_slopes(first, size, slope);
  }

 private:
  static constexpr double shrink = 64;

  struct Sample {
    bool known = false;
    Interval slope = {}, secant = {};
  };

  // Forward mode at x + h, where ε points away from x.
  Sample sample(double h) try {
    const double base = number(x_), there = base + h, sign = std::copysign(1, h);
    if (there == base || !std::isfinite(there)) return {};
    const Moved element(x_, there);
    x_.d = Interval(sign);
    const std::vector<Real> y = objective_.evaluate();
    Interval slope = 0, rise = 0;
    for (std::size_t k = 0; k < y.size(); ++k) {
      const Interval weight(objective_.weights()[k]);
      slope += weight * y[k].d;
      rise += weight * (y[k].v - values_[k].v);
    }
    Sample found{true, Interval(sign) * slope, rise / (Interval(there) - Interval(base))};
    found.known = has_bounds(found.slope) && has_bounds(found.secant);
    return found;
  } catch (const Undecided&) {
    return {};
  }

  // How far a secant is from what the slopes at both of its ends allow. The slope between may go as
  // far beyond them as they are apart.
  static double off(const Sample& there, Interval slope) {
    return gap(there.secant, around(hull(slope, there.slope), largest(there.slope - slope)));
  }

  // From fine steps to coarse ones, until rounding does not hide the secant.
  Side compare_secants(double h, double size, Interval slope, double wrong) {
    Sample near = sample(h / shrink);
    for (; std::abs(h) <= size / shrink; h *= shrink) {
      const Sample far = sample(h);
      if (!far.known || !near.known) return {};
      const double visible = 1e-3 * std::max(largest(slope), largest(far.secant));
      const double little = wrong > 0 ? std::min(visible, wrong / 4) : visible;
      const double here = off(near, slope), before = off(far, slope);
      if (here > 0) return {here > before / 2 ? blind : agrees, near.slope, near.secant};
      if (near.secant.width() <= std::max(little, before / 2)) return {};
      near = far;
    }
    return {};
  }

  // What two steps say of the slope at x.
  static Answer compare(Interval slope, const Sample& far, const Sample& near) {
    if (!far.known || !near.known) return agrees;
    const double here = gap(near.slope, slope), before = gap(far.slope, slope);
    if (here > 0) return here <= before / 2 ? agrees : jumps;
    const double little = 1e-3 * std::max(largest(slope), largest(near.slope));
    const double apart = largest(near.slope - slope);
    return apart <= std::max(little, 8 * slope.width()) ? agrees : too_wide;
  }

  // If the slope jumps, finer steps follow, since f may be smooth on a finer scale. If enclosures
  // are too wide, as after a cancellation, coarser steps follow.
  Side compare_slopes(double h, double size, Interval slope) {
    Sample far = sample(h), near = sample(h / shrink);
    Answer answer = compare(slope, far, near);
    const bool fine = answer == jumps;
    for (double step = h; answer == too_wide && std::abs(step) < size / shrink;) {
      near = far;
      far = sample(step *= shrink);
      answer = compare(slope, far, near);
    }
    const double least = number(x_) == 0 ? 1e-60 * size : std::ldexp(size, -46);
    Sample further = near;
    for (double step = h; fine && std::abs(step) > least;) {
      const Sample before = std::exchange(further, sample((step /= shrink) / shrink));
      if (!further.known || further.slope.width() > gap(before.slope, slope) / 2) break;
      if (compare(slope, before, further) == agrees) return {};
      far = before, near = further;
    }
    // The limit of the slopes is not farther from the last one than that is from the one before.
    return {answer, around(near.slope, largest(far.slope - near.slope)), near.secant};
  }

  Objective& objective_;
  Real& x_;
  const std::vector<Real>& values_;
};

}  // namespace glass
