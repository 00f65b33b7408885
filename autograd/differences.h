// # A derivative from values alone
//
// (private to gradcheck) The slope of a function of one number whose values carry rounding: which
// step to take, how much of a change is rounding, and where the function has a kink.
//
// The error of the difference (L(x + h) − L(x − h)) / 2h has two parts. Truncation, the terms of
// Taylor's series that were left out, shrinks with h. The rounding of L's values is divided by h,
// and grows as h shrinks. With logarithmic axes:
//
//     error
//       │ \                        /
//       │   \                    /
//       │     \ noise ∝ 1/h    /  truncation ∝ h²
//       │       \            /
//       │         \________/
//       └──────────────────────────────── h
//         too fine    best    too coarse
//
// Words:  change   how far L has moved from its value at x
//         noise    how much of a change, or of a slope, rounding may explain
//         still    the rounding of those outputs of f that have not moved at any step so far
//         error    how far an estimate has not settled: truncation that may be left in it
//         reach    the largest slope that was seen at any step
//         clear    the part of such a slope that rounding cannot explain, the largest at any step
//         gap      the upper slope minus the lower one: 0 where L is smooth, not 0 at a kink
//
// Source: C. J. F. Ridders, Advances in Engineering Software 4 (1982), extrapolated differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace glass {

// Differences at many steps around x. It knows no tensors and no calculus beyond Taylor's.
class Differences {
 public:
  struct Change {
    double value, noise, still;
  };
  struct Slope {
    double low = 0, high = 0;  // the derivative; two numbers at a kink: the slopes to its sides
    double noise = 0;          // how far rounding may have moved the derivative
    double error = 0;          // how far it has not settled
    double reach = 0;          // the largest slope that was seen
    double clear = 0;          // the same, beyond rounding
    bool is_kink() const { return low != high && low == low; }
  };

  double x;
  double scale;  // of the gradient, of which the derivative is wanted to rtol
  double rtol;

  // change(y) gives the Change from x to y. Steps are `first`, `first`/4, … but none below `last`,
  // and none that has no digits left, as a subnormal number.
  template <class F>
  Slope slope(F&& change, double first, double last) const {
    Progress progress;
    const double finest = std::max({last, 4 * ulp * std::abs(x), least_step});
    for (double h = first; h >= finest; h /= shrink) {
      if (!measure(change, h, progress)) continue;
      if (progress.levels.size() >= 3 && is_enough(progress)) break;
    }
    conclude(progress.levels, progress.found);
    progress.found.noise += progress.still;
    return progress.found;
  }

  // The height of a stair. A function that adds a large number on its way and takes it off again
  // moves in stairs: not at all at a fine step, and about equally far to both sides at a coarser
  // one. (Differences at two steps may then agree by chance.) 0 if the function rises smoothly, or
  // is flat and then bends.
  template <class F>
  double stair(F&& change, double first) const {
    const double fine = std::max(1e-8 * first, 4 * ulp * std::abs(x));
    const Edge above = edge(change, first, fine);
    const Edge below = above.height > 0 ? edge(change, -first, -fine) : Edge{};
    if (below.height == 0) return 0;
    const double height = std::min(above.height, below.height);
    for (double h = first; h >= std::max(above.at, -below.at); h /= shrink) {
      const double right = change(x + h).value, left = change(x - h).value;
      const double uneven = std::abs(right + left) - (std::abs(right) + std::abs(left)) / 2;
      if (right * left < 0 && uneven <= 2 * height) return height;
    }
    return 0;
  }

 private:
  static constexpr double ulp = std::numeric_limits<double>::epsilon();
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr double shrink = 4;  // from one step to the next
  static constexpr double least_step = 1e-307;

  // The step at which the function begins to move, and how far it moves there at once.
  struct Edge {
    double at = 0, height = 0;
  };

  // The edge between the steps `near` and `far`. Its height is 0 if the function has moved at
  // `near` already, or begins to move smoothly: then it moves much further at twice the step.
  template <class F>
  Edge edge(F&& change, double far, double near) const {
    const auto moved = [&](double step) { return std::abs(change(x + step).value); };
    if (near == 0 || moved(near) != 0) return {};
    // Halves the ratio of the two steps until they are nearly equal.
    for (int halving = 0; halving < 24 && far / near > 1.001; ++halving) {
      const double middle = std::sqrt(std::abs(near)) * std::sqrt(std::abs(far));
      double& bound = moved(std::copysign(middle, far)) == 0 ? near : far;
      bound = std::copysign(middle, far);
    }
    const double height = moved(far);
    return height > 0.1 * moved(2 * far) ? Edge{far, height} : Edge{};
  }

  // The slopes to both sides, at one step.
  struct Level {
    double h, up, down, noise;
  };
  struct Estimate {
    double value = std::numeric_limits<double>::quiet_NaN();
    double error = infinity, noise = 0;
    double total() const { return error + noise; }
  };

  // What has been found out while the step shrinks.
  struct Progress {
    std::vector<Level> levels;  // the coarsest step first
    Slope found;
    double still = 0;
    double error = infinity;  // of the estimate at the step before
    int almost = 0;           // how many steps running were nearly good enough
  };

  // Adds the slopes at step h. False where the function is not finite there, beyond the edge of its
  // domain, as near 0 for a logarithm: then all begins again from finer steps.
  template <class F>
  bool measure(F&& change, double h, Progress& progress) const {
    // The steps as floating point makes them, not as they were asked for.
    const double right = x + h, left = x - h;
    const Change plus = change(right), minus = change(left);
    const Level level{h, plus.value / (right - x), minus.value / (left - x),
                      (plus.noise + minus.noise) / (right - left)};
    std::vector<Level>& levels = progress.levels;
    if (!std::isfinite(level.up + level.down)) {
      levels.clear();
      return false;
    }
    if (levels.empty()) progress.still = (plus.still + minus.still) / (right - left);
    levels.push_back(level);
    const double steeper = std::max(std::abs(level.up), std::abs(level.down));
    progress.found.reach = std::max(progress.found.reach, steeper);
    progress.found.clear =
        std::max(progress.found.clear, steeper - 4 * level.noise - progress.still);
    return true;
  }

  // Whether a finer step is not needed, or would not help.
  bool is_enough(Progress& progress) const {
    const Level& level = progress.levels.back();
    const Estimate central = extrapolate(progress.levels, 0.5, 0.5, 2).back();
    const Estimate gap = extrapolate(progress.levels, 1, -1, 1).back();
    const double aim = rtol * std::max(scale, std::abs(central.value));
    // Finer steps would see nothing but rounding.
    if (level.noise > std::max(central.error, 0.1 * aim)) return true;
    // Where x is much smaller than its neighbours, the function may yet change on x's own scale.
    const double size = std::abs(x);
    if (size > least_step && level.h > size / 10) return false;
    // The slope has settled, and the gap has closed.
    const double open = std::abs(gap.value) + gap.total();
    if (central.total() <= 0.01 * aim && open <= 0.1 * aim) return true;
    // Nearly settled, and getting worse again: there is more rounding than was measured.
    if (progress.almost >= 2 && central.error > progress.error) return true;
    const bool is_near = central.total() <= 0.1 * aim && open <= aim;
    progress.almost = is_near ? progress.almost + 1 : 0;
    progress.error = central.error;
    return false;
  }

  // Ridders' table. It extrapolates A(h) = A + a hᵖ + b hᵖ⁺² + … to h = 0: two neighbouring steps
  // together remove the power hᵖ, two such results remove hᵖ⁺², and so on. Here A = `up` · the
  // upper slope + `down` · the lower slope: the central slope with p = 2, or the gap with p = 1.
  // Each level offers the best entry of its row.
  //
  // If an estimate is right, finer steps differ from it only by rounding, which grows as 1/h: their
  // scatter measures it. So an estimate from too coarse a step (an oscillation seen as a line) and
  // one from too fine a step both come out worse.
  static std::vector<Estimate> extrapolate(const std::vector<Level>& levels, double up, double down,
                                           int p) {
    std::vector<Estimate> offers;
    std::vector<double> above;  // the row of the level before
    for (const Level& level : levels) {
      std::vector<double> row{up * level.up + down * level.down};
      const Estimate best = extend(row, above, level.noise, p);
      // What this level says of the coarser ones.
      for (std::size_t k = 0; k < offers.size(); ++k) {
        const double deviation = std::abs(row[0] - offers[k].value);
        offers[k].noise = std::max(offers[k].noise, deviation * level.h / levels[k].h);
      }
      offers.push_back(best);
      above = std::move(row);
    }
    return offers;
  }

  // Extends a row of the table, which holds A(h) alone, and gives its best entry. The error of an
  // entry is how far it is from the two entries that it was made of.
  static Estimate extend(std::vector<double>& row, const std::vector<double>& above, double noise,
                         int p) {
    Estimate best{row[0], above.empty() ? infinity : std::abs(row[0] - above[0]), noise};
    for (std::size_t j = 0; j < above.size(); ++j) {
      const double power = std::pow(shrink, p + 2 * static_cast<int>(j));
      const double next = row[j] + (row[j] - above[j]) / (power - 1);
      const double error = std::max(std::abs(next - row[j]), std::abs(next - above[j]));
      if (error < best.error) best = {next, error, noise};
      row.push_back(next);
    }
    return best;
  }

  // The offer with the smallest error and noise together.
  static Estimate settle(const std::vector<Level>& levels, double up, double down, int p) {
    Estimate best;
    for (const Estimate& offer : extrapolate(levels, up, down, p))
      if (offer.total() < best.total()) best = offer;
    return best;
  }

  // The derivative, or two at a kink: there the gap does not close as the step shrinks.
  void conclude(const std::vector<Level>& levels, Slope& found) const {
    Estimate right = settle(levels, 0.5, 0.5, 2), left = right;
    const Estimate gap = settle(levels, 1, -1, 1);
    const double aim = rtol * std::max(scale, std::abs(right.value));
    if (std::abs(gap.value) > std::max(0.1 * aim, 4 * gap.total())) {
      // A kink: one slope to each side.
      right = settle(levels, 1, 0, 1);
      left = settle(levels, 0, 1, 1);
    }
    found.low = std::min(left.value, right.value);
    found.high = std::max(left.value, right.value);
    found.noise = std::max(left.noise, right.noise);
    found.error = std::max(left.error, right.error);
  }
};

}  // namespace glass
