// # The reverse sweep against an enclosure of the truth
//
// gradcheck of the certified libraries, where Real is a dual number of intervals. L(x) = Σ seed ⊙
// f(x). For each element of each leaf there are two intervals:
//
//     forward   the slope of L along this element (ε = 1), by the rules of dual numbers, which have
//               one line each. Where they hold, the true derivative lies in this interval.
//     analytic  what the reverse sweep claims, by the VJPs.
//
// If the two have no number in common, one of them is wrong: the claim is refuted. There is no
// tolerance, since rounding is inside the intervals. If they meet, the sweep's gradient is not
// farther from the truth than from the farthest point of the forward interval: a proved error.
//
// Only a point is looked at, as in every gradient check. At a kink the true slope is two numbers,
// one for each side, and any gradient between them is right. ε = 1 gives the slope to the right,
// and ε = −1 the slope to the left.
//
// Forward mode itself is believed only where it agrees with what happens beside the element
// (nearby.h). An op may hide from it: one that compares or computes with static_cast<double>(x).
//
// This file is empty for the other Reals: gradcheck.cpp is theirs.
#ifdef GLASS_REAL_CERTIFIED

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "autograd/enclosure_verdict.h"
#include "autograd/gradcheck.h"
#include "autograd/nearby.h"
#include "autograd/objective.h"
#include "autograd/ties.h"
#include "autograd/verdict.h"

namespace glass {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// ---- the witness ----

// Knows which op's VJPs are running.
struct Watcher : SweepObserver {
  void next(std::span<const NodePtr> waiting) override {
    name = waiting.empty() ? "" : std::string(waiting[0]->name);
  }
  void gave(const Edge&, const Tensor&) override {}
  void pulled() override {}
  std::string name;
};

constexpr const char* advice =
    "Here is a kink or a jump of f, or an enclosure is too wide to tell. Move the input, or "
    "compute with fewer roundings before the comparison";

constexpr const char* lost =
    "An op probably compares or computes with static_cast<double>(x), or masks by a power of x: it "
    "loses the ε of forward mode. Compute with Real, or move the element";

// Gradients of L by the sweep, for all elements of all leaves.
struct Claims {
  Claims(Objective& objective, Watcher& watcher)
      : one(scaled(objective.sweep(1, &watcher), 1)),
        other(scaled(objective.sweep(-2, &watcher), -2)) {}

  std::vector<std::vector<Interval>> one, other;

 private:
  static std::vector<std::vector<Interval>> scaled(const std::vector<std::vector<Real>>& all,
                                                   double multiple) {
    std::vector<std::vector<Interval>> result;
    for (const std::vector<Real>& numbers : all) {
      std::vector<Interval>& claims = result.emplace_back();
      for (const Real& x : numbers) claims.push_back(x.v / Interval(multiple));
    }
    return result;
  }
};

// The witness: encloses the slope along each element, and puts the sweep's claims beside it.
class Encloser {
 public:
  explicit Encloser(Objective& objective) : objective_(objective) {}

  Enclosures enclose(std::size_t leaf, const Claims& claims) {
    const Leaf& owner = objective_.leaves[leaf];
    Enclosures found{owner.name, owner.value.shape(), owner.reached};
    const std::vector<Real> values = objective_.evaluate();
    for (std::size_t i = 0; i < owner.elements.size(); ++i) {
      Entry here{.element = i, .claim = claims.one[leaf][i], .other = claims.other[leaf][i]};
      differentiate(leaf, values, here);
      examine(leaf, std::move(here), found.entries);
    }
    return found;
  }

 private:
  // Adds an entry, or three at a kink or a jump: a wrong gradient could hide there, so the element
  // also moves to either side. The ops of f may have a kink where f has none: relu(x) − relu(−x) at
  // 0. Then the slopes that they choose need not make that of f, and the sides alone are judged.
  void examine(std::size_t leaf, Entry here, std::vector<Entry>& entries) {
    const bool jumps = here.doubt.starts_with("f jumps");
    std::string tie;
    if (here.is_kink() || here.is_refuted()) tie = kinked_op(leaf, here.element);
    if (!jumps && !here.is_kink() && tie.empty()) return entries.push_back(std::move(here));

    const Leaf& owner = objective_.leaves[leaf];
    const double size = std::max(owner.size(here.element), owner.typical);
    const Entry up = beside(leaf, here.element, size / 64);
    const Entry down = beside(leaf, here.element, -size / 64);
    if (here.is_refuted() && !up.is_refuted() && !down.is_refuted())
      here.doubt = fmt::format(
          "the sweep says {}, and the slope is {}. '{}' has a kink here, and beside it the "
          "gradient is right: the slopes that ops choose at ties do not make that of f, or the "
          "slope of one op at its kink is not between its sides. Move the element off the tie",
          here.worse(), here.forward(), tie);
    entries.insert(entries.end(), {here, up, down});
  }

  // The element moved a little off the kink. If there is another kink, it moves less far, in up to
  // four attempts.
  Entry beside(std::size_t leaf, std::size_t i, double moved) {
    Real& x = objective_.leaves[leaf].elements[i].x;
    Entry found{.element = i};
    for (int attempt = 0; attempt < 4; ++attempt, moved /= 64) {
      const Moved element(x, number(x) + moved);
      found = Entry{.element = i, .moved = moved};
      try {
        Watcher watcher;
        const Claims claims(objective_, watcher);
        found.claim = claims.one[leaf][i];
        found.other = claims.other[leaf][i];
        differentiate(leaf, objective_.evaluate(), found);
      } catch (const Undecided& undecided) {
        found.doubt = fmt::format("{}. {}", undecided.what(), advice);
      }
      if (found.doubt.empty() && !found.is_kink()) break;
    }
    return found;
  }

  // What forward mode says of one element. `values` are those of f without any ε.
  void differentiate(std::size_t leaf, const std::vector<Real>& values, Entry& entry) {
    Real& x = objective_.leaves[leaf].elements[entry.element].x;
    // If the element is ∞ or NaN, yet f is finite, f does not depend on it: its slope is 0.
    if (std::isfinite(number(x))) entry.doubt = measure_slopes(x, values, entry);
    if (!entry.doubt.empty()) return;
    if (!has_bounds(entry.forward()))
      entry.doubt = fmt::format("f is not finite to both sides: its slope is {}", entry.forward());
    else if (!entry.is_refuted() && !(has_bounds(entry.claim) && has_bounds(entry.other)))
      entry.doubt = fmt::format("the sweep's enclosure has no bound: {}", entry.worse());
    else if (std::isfinite(number(x)))
      look_beside(leaf, values, entry);
  }

  // Forward mode at the element is believed only if it agrees with what is seen beside it. If the
  // slope jumps, the slopes beside take its place: a claim between them is right, as at any kink.
  void look_beside(std::size_t leaf, const std::vector<Real>& values, Entry& entry) {
    const Leaf& owner = objective_.leaves[leaf];
    Real& x = owner.elements[entry.element].x;
    const double size = owner.size(entry.element);
    Nearby nearby(objective_, x, values);
    const double wrong = entry.is_no_number() ? std::numeric_limits<double>::infinity()
                                              : std::max(gap(entry.claim, entry.forward()),
                                                         gap(entry.other, entry.forward()));
    bool replaced = false;
    for (const int direction : {1, -1}) {
      Interval& slope = direction > 0 ? entry.right : entry.left;
      const Nearby::Side side = nearby.ask(direction, size, slope, wrong);
      if (side.answer == Nearby::blind) entry.doubt = why_blind(x, size, slope, side, entry.moved);
      if (!entry.doubt.empty()) return;
      replaced |= correct(slope, side);
    }
    if (replaced && entry.is_refuted()) entry.doubt = why_not_between(entry);
  }

  // Corrects a slope by what was seen to its side. Returns whether it was replaced.
  static bool correct(Interval& slope, const Nearby::Side& side) {
    if (side.answer == Nearby::too_wide) slope = hull(slope, side.slope);
    if (side.answer == Nearby::jumps) slope = side.slope;
    return side.answer == Nearby::jumps;
  }

  // Why a claim that does not lie between the slopes beside the element is not believed.
  static std::string why_not_between(const Entry& entry) {
    return fmt::format(
        "the sweep says {}, and beside the element the slopes are {} to the left and {} to the "
        "right. {}",
        entry.worse(), entry.left, entry.right, lost);
  }

  // Why the values of f do not fit the slope: f jumps, or an op hides from forward mode.
  std::string why_blind(Real& x, double size, Interval slope, const Nearby::Side& side,
                        double moved) {
    const double height = moved == 0 ? objective_.jump(x, size) : 0;
    if (height > 0)
      return fmt::format(
          "f jumps by {:.2g} here, so there is no derivative. Move the element off "
          "it",
          height);
    return fmt::format(
        "forward mode says that the slope is {}, but the values of f beside the element change at "
        "a rate of {}. {}",
        slope, side.secant, lost);
  }

  // Both slopes of L along one element. Returns why there are none; or "".
  std::string measure_slopes(Real& x, const std::vector<Real>& values, Entry& entry) try {
    const std::vector<Real> right = with_direction(x, 1), left = with_direction(x, -1);
    for (std::size_t k = 0; k < values.size(); ++k) {
      const Interval weight(objective_.weights()[k]);
      entry.right += weight * right[k].d;
      entry.left -= weight * left[k].d;
      if (disjoint(right[k].v, left[k].v) || disjoint(right[k].v, values[k].v)) {
        entry.left = entry.right = 0;
        return "f jumps here, so there is no derivative. Move the element off the jump";
      }
    }
    return "";
  } catch (const Undecided& undecided) {
    entry.left = entry.right = 0;
    return fmt::format("{}. {}", undecided.what(), advice);
  }

  // What f returns where one element has this ε.
  std::vector<Real> with_direction(Real& x, double direction) {
    const Moved element(x, number(x));
    x.d = Interval(direction);
    return objective_.evaluate();
  }

  // The name of the first op of f's graph whose value has two slopes along this element; or "".
  std::string kinked_op(std::size_t leaf, std::size_t i) {
    Real& x = objective_.leaves[leaf].elements[i].x;
    const std::vector<NodePtr> up = graph(x, 1), down = graph(x, -1);
    for (std::size_t n = std::min(up.size(), down.size()); n-- > 0;) {
      const std::vector<Real> right = up[n]->value.to_vector(), left = down[n]->value.to_vector();
      for (std::size_t k = 0; k < std::min(right.size(), left.size()); ++k)
        if (disjoint(right[k].d, -left[k].d)) return std::string(up[n]->name);
    }
    return "";
  }

  std::vector<NodePtr> graph(Real& x, double direction) {
    const Unwatched unwatched;
    const Moved element(x, number(x));
    x.d = Interval(direction);
    std::vector<NodePtr> nodes = nodes_of(objective_.call());
    std::erase_if(nodes, [](const NodePtr& node) { return node->is_leaf(); });
    return nodes;
  }

  Objective& objective_;
};

// ---- the whole check ----

// What is wrong with the gradients at kinks, taken together; or "".
std::string fault_of_ties(Objective& objective, const std::vector<Enclosures>& all) try {
  std::vector<Tie> ties;
  for (std::size_t leaf = 0; leaf < all.size(); ++leaf)
    for (const Entry& entry : all[leaf].entries) {
      if (!entry.is_kink() || entry.moved != 0 || !entry.is_decided()) continue;
      const Leaf& owner = objective.leaves[leaf];
      const auto [low, high] =
          std::minmax({static_cast<double>(entry.left), static_cast<double>(entry.right)});
      ties.push_back({&owner.elements[entry.element].x,
                      std::max(owner.size(entry.element), owner.typical), low, high,
                      static_cast<double>(entry.claim)});
    }
  return Together(objective, ties).fault();
} catch (const Undecided&) {
  return "";  // beside the kinks something cannot be compared
}

GradcheckReport failed(const std::string& verdict, const std::string& reason) {
  return {false, infinity, fmt::format("gradcheck {}: {}\n", verdict, reason)};
}

GradcheckReport check_enclosures(Objective& objective, double rtol) {
  // The sweep, which may meet a comparison that it cannot decide.
  Watcher watcher;
  std::optional<Claims> claims;
  try {
    claims.emplace(objective, watcher);
  } catch (const Undecided& undecided) {
    return failed("UNDECIDED",
                  fmt::format("the VJP of '{}': {}. {}.", watcher.name, undecided.what(), advice));
  }
  std::vector<Enclosures> all;
  for (std::size_t leaf = 0; leaf < objective.checked; ++leaf)
    all.push_back(Encloser(objective).enclose(leaf, *claims));
  return verdict_on(all, fault_of_ties(objective, all), rtol);
}

}  // namespace

GradcheckReport gradcheck(const std::function<Var()>& f, const Variables& variables,
                          GradcheckOptions options) {
  check<ShapeError>(options.rtol > 0 && std::isfinite(options.rtol),
                    "gradcheck: rtol must be a finite number of more than 0; got {}", options.rtol);
  try {
    Objective objective(f, variables, options.seed);
    if (!objective.refusal.empty())
      return failed(
          objective.refusal.starts_with("f is not deterministic") ? "REFUTED" : "UNDECIDED",
          objective.refusal);
    return check_enclosures(objective, options.rtol);
  } catch (const Undecided& undecided) {
    return failed("UNDECIDED", fmt::format("{}. {}.", undecided.what(), advice));
  }
}

}  // namespace glass

#endif
