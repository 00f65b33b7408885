// # A derivative from values alone
//
// (private to gradcheck) The slope of a function of one number whose values carry rounding: which
// step to take, what is noise, what is a kink.
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
  // How far the function has moved from its value at x; how much of that rounding may explain; and
  // what rounding may hide in parts of it that have not moved at any step.
  struct Change {
    double value, noise, still;
  };
  struct Slope {
    double low = 0, high = 0;  // the derivative; two numbers at a kink: the slopes to its sides
    double noise = 0;          // how far rounding may have moved them
    double error = 0;          // how far they have not settled
    double reach = 0;          // the largest slope met on the way
    bool is_kink() const { return low != high && low == low; }
  };

  double x;
  double scale;  // of the gradient, of which the derivative is wanted to rtol
  double rtol;

  // change(y) gives the Change from x to y. Steps are `first`, `first`/4, … but none below `last`.
  template <class F>
  Slope slope(F&& change, double first, double last) const {
    const double size = std::abs(x);
    std::vector<Level> levels;
    Slope found;
    double still = 0, error = infinity;
    int almost = 0;
    for (double h = first; h >= std::max(last, 4 * ulp * size); h /= shrink) {
      // The steps as floating point makes them, not as they were asked for.
      const double right = x + h, left = x - h;
      const Change plus = change(right), minus = change(left);
      const Level level{h, plus.value / (right - x), minus.value / (left - x),
                        (plus.noise + minus.noise) / (right - left)};
      // Beyond the edge of the domain, as near 0 for a logarithm: begin again, nearer.
      if (!std::isfinite(level.up + level.down)) {
        levels.clear();
        continue;
      }
      if (levels.empty()) still = (plus.still + minus.still) / (right - left);
      levels.push_back(level);
      found.reach = std::max({found.reach, std::abs(level.up), std::abs(level.down)});
      if (levels.size() < 3) continue;

      const Estimate central = extrapolate(levels, 0.5, 0.5, 2).back();
      const Estimate gap = extrapolate(levels, 1, -1, 1).back();
      const double aim = rtol * std::max(scale, std::abs(central.value));
      // Finer steps would see nothing but rounding.
      if (level.noise > std::max(central.error, 0.1 * aim)) break;
      // Where x is much smaller than its neighbours, the function may yet change on x's own scale.
      if (size > 0 && h > size / 10) continue;
      const double open = std::abs(gap.value) + gap.total();
      if (central.total() <= 0.01 * aim && open <= 0.1 * aim) break;
      // As good as settled, and getting worse again: there is more rounding than was measured.
      if (almost >= 2 && central.error > error) break;
      almost = central.total() <= 0.1 * aim && open <= aim ? almost + 1 : 0;
      error = central.error;
    }
    conclude(levels, found);
    found.noise += still;
    return found;
  }

  // A function that was rounded by a large number on its way moves in stairs: not at all at a fine
  // step, and about as far to both sides at the first. (Two steps may then agree by chance.) The
  // height of a stair; 0 if the function rises smoothly, or is flat and then bends, or if stairs
  // are too low to matter. `reach`: the largest slope that was met.
  template <class F>
  double stair(F&& change, double first, double reach) const {
    const double fine = std::max(1e-8 * first, 4 * ulp * std::abs(x));
    const double above = edge(change, first, fine, reach);
    const double height = above > 0 ? std::min(above, edge(change, -first, -fine, reach)) : 0;
    if (height == 0) return 0;
    const double right = change(x + first).value, left = change(x - first).value;
    const double uneven = std::abs(right + left) - (std::abs(right) + std::abs(left)) / 2;
    return right * left < 0 && uneven <= 2 * height ? height : 0;
  }

 private:
  static constexpr double ulp = std::numeric_limits<double>::epsilon();
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr double shrink = 4;  // from one step to the next

  // How much the function moves at once where it begins to, somewhere between these two steps; 0
  // if it has moved at the nearer one, or begins to smoothly.
  template <class F>
  double edge(F&& change, double far, double near, double reach) const {
    const auto moved = [&](double step) { return std::abs(change(x + step).value); };
    if (moved(near) != 0) return 0;
    while (far / near > 1.001) {
      const double middle = std::copysign(std::sqrt(near * far), far);
      (moved(middle) == 0 ? near : far) = middle;
    }
    const double height = moved(far);
    return height > 0.1 * reach * std::abs(far) ? height : 0;
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

  // Ridders' table. Where A(h) = A + a hᵖ + b hᵖ⁺² + …, two neighbouring steps remove the first
  // power, two such results the next. A = `up` · the upper slope + `down` · the lower: the central
  // slope, with p = 2, or the gap between both, with p = 1, which is 0 where the function is
  // smooth. The error of an entry is how far it stands from the two that it was made of. Each level
  // offers its best.
  //
  // If an offer is right, then all that A(h) at finer steps deviates from it by is noise, which
  // grows as 1/h: so they tell how much there is of it here. Too coarse a step (an oscillation seen
  // as a line) and too fine a one both lose.
  static std::vector<Estimate> extrapolate(const std::vector<Level>& levels, double up, double down,
                                           int p) {
    std::vector<Estimate> offers;
    std::vector<double> above;
    for (const Level& level : levels) {
      std::vector<double> row{up * level.up + down * level.down};
      Estimate best{row[0], above.empty() ? infinity : std::abs(row[0] - above[0]), level.noise};
      for (std::size_t j = 0; j < above.size(); ++j) {
        const double power = std::pow(shrink, p + 2 * static_cast<int>(j));
        const double next = row[j] + (row[j] - above[j]) / (power - 1);
        const double error = std::max(std::abs(next - row[j]), std::abs(next - above[j]));
        if (error < best.error) best = {next, error, level.noise};
        row.push_back(next);
      }
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

  // The offer that is least in doubt.
  static Estimate settle(const std::vector<Level>& levels, double up, double down, int p) {
    Estimate best;
    for (const Estimate& offer : extrapolate(levels, up, down, p))
      if (offer.total() < best.total()) best = offer;
    return best;
  }

  // A kink is a gap that does not close as the step shrinks.
  void conclude(const std::vector<Level>& levels, Slope& found) const {
    Estimate right = settle(levels, 0.5, 0.5, 2), left = right;
    const Estimate gap = settle(levels, 1, -1, 1);
    const double aim = rtol * std::max(scale, std::abs(right.value));
    if (std::abs(gap.value) > std::max(0.1 * aim, 4 * gap.total())) {
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
