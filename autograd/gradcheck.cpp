// # The reverse sweep against a witness
//
// L(x) = Σ seed ⊙ f(x) is a function of every element of every leaf. The sweep claims a derivative
// of L for each element. A witness that knows no VJPs finds the derivatives again, from values of f
// alone. In the dual build the witness is exact. In the f64 build it takes differences, and most of
// the work is to know when to believe them: how far to step, what is rounding, what is a kink, what
// is a jump. Where differences cannot be believed, the check is inconclusive, and does not pass.
//
// No tolerance of the differences is a fixed number: all are relative to the gradient, or to
// rounding that was measured. This is not a proof: it looks at one point, along one axis at a time.
//
// Sources: C. J. F. Ridders, Advances in Engineering Software 4 (1982), extrapolated differences;
// J. N. Lyness, C. B. Moler, SIAM J. Numer. Anal. 4 (1967), why no step is small enough.
#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/differences.h"
#include "autograd/objective.h"
#include "autograd/verdict.h"

namespace glass {

namespace {

// The largest step of the differences, as a share of the element's size.
constexpr double first_step = 0.0437;

// How wrong a gradient may be, as a share of the variable's largest gradient, or of `least_unit`.
#ifdef GLASS_REAL_DUAL
double tolerance(const GradcheckOptions&) { return 1e-12; }
constexpr double least_unit = 1;
#else
double tolerance(const GradcheckOptions& options) { return options.rtol; }
constexpr double least_unit = 0;
#endif

// ---- one element after the other ----

// What both witnesses share. They differ in prepare(), may_jump() and differentiate().
struct Witness {
  Objective& objective;
  double rtol;
  std::vector<double> claimed = {};  // the largest gradient for each leaf, by the sweep
  double largest = 0;                // of all leaves
  double span = 0;                   // the largest claim times the size of its leaf

  // The evidence about a leaf. The sweep claims the gradient g for it, and the gradient `other`
  // with another seed; of the two claims for an element, one that is much worse replaces the first.
  Evidence find(std::size_t leaf, const Numbers& g, const Numbers& other) {
    const Leaf& owner = objective.leaves[leaf];
    Evidence evidence{owner.name, owner.value.shape(), {}, owner.reached};
    std::vector<Finding>& findings = evidence.findings;
    prepare(leaf);
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t at = findings.size();
      // The claim of the first seed, and then that of the other seed against the same witness.
      examine(leaf, Finding(i, g[i]), findings);
      Finding second = findings[at];
      second.analytic = other[i];
      if (second.distance() > 2 * findings[at].distance()) findings[at] = second;
    }
    return evidence;
  }

  // Adds one finding, or three at a kink or a jump. At a kink any gradient between the two slopes
  // is right, so a wrong gradient could hide there. At a jump no gradient is right or wrong. In
  // both cases the element also moves to either side, where its gradient can be judged.
  void examine(std::size_t leaf, Finding here, std::vector<Finding>& findings) {
    const double size = natural(leaf, here.element);
    // The element is ∞ or NaN, yet f is finite: f does not depend on it.
    if (!std::isfinite(size)) return findings.push_back(here);
    differentiate(leaf, size * first_step, here);
    if (may_jump(leaf, here)) here.jump = jump(leaf, here.element);
    findings.push_back(here);
    if (!here.is_kink() && here.jump == 0) return;
    objective.leaves[leaf].steady[here.element] = false;
    for (const double moved : {size / 64, -size / 64})
      findings.push_back(beside(leaf, here.element, moved));
  }

  // Asks the sweep and the witness again, with the element moved a little off the kink. If there is
  // no clear slope there, the element moves less far, in up to four attempts.
  Finding beside(std::size_t leaf, std::size_t i, double moved) {
    Real& x = objective.leaves[leaf].elements[i].x;
    Finding found;
    for (int attempt = 0; attempt < 4; ++attempt, moved /= 64) {
      const Moved element(x, number(x) + moved);
      objective.set_base();
      found = Finding(i, objective.gradients()[leaf][i], moved);
      differentiate(leaf, std::abs(moved) / 8, found);
      // Good enough, if there is no other kink, and the error is below rtol or below rounding.
      const double wanted = rtol * std::max(claimed[leaf], std::abs(found.low));
      if (!found.is_kink() && found.error <= wanted + found.noise) break;
    }
    objective.set_base();
    return found;
  }

  // The scale of an element: its own size, or the typical size of its leaf if that is larger.
  double natural(std::size_t leaf, std::size_t i) const {
    const Leaf& owner = objective.leaves[leaf];
    return std::max(std::abs(number(owner.elements[i].x)), owner.typical);
  }

  // The next leaf has gradients up to this size.
  void expect(const Leaf& leaf, double gradient) {
    claimed.push_back(gradient);
    largest = std::max(largest, gradient);
    span = std::max(span, gradient * leaf.typical);
  }

  // The size of a large gradient of this leaf.
  double reference(std::size_t leaf) const {
    return claimed[leaf] > 0 ? claimed[leaf] : largest > 0 ? largest : 1;
  }

  // How far f jumps. 0 if the jump is so low that it may be rounding: if it could not hide a
  // thousandth of the gradient and is below a millionth of what f returns, or if it is below a
  // billionth of what f can move.
  double jump(std::size_t leaf, std::size_t i) {
    const Leaf& owner = objective.leaves[leaf];
    double height = objective.jump(owner.elements[i].x, owner.size(i));
    if (looks_around)  // an element much smaller than the others may be right beside a jump
      height = std::max(height, objective.jump(owner.elements[i].x, natural(leaf, i)));
    const double slope = 1e-3 * reference(leaf) * first_step * natural(leaf, i);
    const double little = std::max({std::min(slope, 1e-6 * objective.total()), 1e-9 * span,
                                    1e-12 * least_unit * natural(leaf, i)});
    return height > little ? height : 0;
  }

  static const bool looks_around;
  void prepare(std::size_t leaf);
  bool may_jump(std::size_t leaf, const Finding& here) const;
  void differentiate(std::size_t leaf, double first, Finding& found);
};

#ifdef GLASS_REAL_DUAL

// ---- the exact witness ----
// d = ±1 on one element, and L's own d is its slope to that side: x + ε is on the right of a kink
// at x, x − ε on the left. Only the rounding of two sweeps remains.

constexpr bool Witness::looks_around = false;

void Witness::prepare(std::size_t) {}
bool Witness::may_jump(std::size_t, const Finding&) const { return true; }

double side_slope(Objective& objective, Real& x, double there, double side) {
  const Moved element(x, there);
  std::vector<bool> moved;
  x.d = side;
  return objective.change(moved).value * side;
}

void Witness::differentiate(std::size_t leaf, double /*first*/, Finding& found) {
  const Leaf& owner = objective.leaves[leaf];
  Real& x = owner.elements[found.element].x;
  const double visible = 1e-6 * std::max(1.0, reference(leaf));
  double slopes[2];
  for (const int i : {0, 1}) {
    const double side = 2 * i - 1, step = side * 1e-12 * owner.size(found.element);
    slopes[i] = side_slope(objective, x, number(x), side);
    // An op that compares plain numbers, static_cast<double>(x), does not see the ε, and may take
    // the wrong branch at x. If the slope at x + step differs, and the slope much nearer to x, at
    // x + step / 64, agrees with that slope, it is the slope to this side.
    const double far = std::abs(side_slope(objective, x, number(x) + step, side) - slopes[i]);
    if (!(far > visible)) continue;
    const double near = side_slope(objective, x, number(x) + step / 64, side);
    if (std::abs(near - slopes[i]) > far / 2) slopes[i] = near;
  }
  // Branches that give the same value may round differently.
  const double rounding = 1e-12 * std::max({1.0, reference(leaf), std::abs(slopes[1])});
  if (std::abs(slopes[1] - slopes[0]) <= rounding) slopes[0] = slopes[1];
  found.low = std::min(slopes[0], slopes[1]);
  found.high = std::max(slopes[0], slopes[1]);
}

#else

// ---- the witness by differences ----

constexpr bool Witness::looks_around = true;

// A jump must not be taken for rounding. Where the measured noise of a leaf is suspiciously large,
// its elements at a jump are found, and the noise is measured again while they do not move.
void Witness::prepare(std::size_t leaf) {
  Leaf& owner = objective.leaves[leaf];
  if (objective.measure_noise(owner) <= 1e-5 * reference(leaf) * first_step * owner.typical) return;
  for (std::size_t i = 0; i < owner.elements.size(); ++i)
    if (std::isfinite(natural(leaf, i))) owner.steady[i] = jump(leaf, i) == 0;
  objective.measure_noise(owner);
}

bool Witness::may_jump(std::size_t leaf, const Finding& here) const {
  return here.is_kink() || !objective.leaves[leaf].steady[here.element] ||
         !(4 * here.noise + here.error <= 1e-3 * reference(leaf));
}

void Witness::differentiate(std::size_t leaf, double first, Finding& found) {
  Real& x = objective.leaves[leaf].elements[found.element].x;
  const double size = std::abs(number(x)), natural = first / first_step;
  const double last = found.moved != 0 ? 1e-9 * first
                      : size == 0      ? 1e-16 * natural
                                       : std::min(1e-12 * natural, 1e-4 * size);
  // The change of L, with a grain that counts as noise: the height of a stair, once it is known.
  std::vector<bool> moved;
  double grain = 0;
  const auto change = [&](double there) {
    const Moved element(x, there);
    Differences::Change seen = objective.change(moved);
    seen.noise += grain;
    return seen;
  };
  // Where L moves in stairs, the slope is measured again with that noise.
  const Differences differences{number(x), claimed[leaf], rtol};
  auto& slope = static_cast<Differences::Slope&>(found);
  slope = differences.slope(change, first, last);
  grain = differences.stair(change, first, found.reach);
  if (grain > 0) slope = differences.slope(change, first, last);
}

#endif

// ---- the whole check ----

double largest_of(const Numbers& g) {
  double largest = 0;
  for (const double x : g)
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  return largest;
}

// Where f hardly changes, the gradient that the sweep claims may be nothing but rounding, or f may
// be flat only at this point. Measures both.
void look_closer(Objective& objective, std::size_t leaf, const Numbers& g, Evidence& evidence) {
  const double claimed = largest_of(g);
  double noise = 0;
  for (const Finding& f : evidence.findings) noise = std::max(noise, 4 * f.noise);
  if (claimed == 0 || (evidence.scale() > 0 && noise <= 1e-4 * claimed)) return;
  evidence.jitter = objective.measure_jitter(leaf, g);
  evidence.around = objective.measure_slope(objective.leaves[leaf]);
}

// Whether the worst claim is wrong at this point, and right a little to both sides of it, as at a
// tie.
bool is_tied(Objective& objective, std::size_t leaf, const Evidence& evidence) {
  const auto& findings = evidence.findings;
  const auto worst = std::ranges::max_element(findings, {}, &Finding::distance);
  if (worst == findings.end()) return false;
  const double distance = worst->distance();
  if (!std::isfinite(distance) || distance <= 1e-3 * evidence.scale()) return false;
  const Leaf& owner = objective.leaves[leaf];
  Real& x = owner.elements[worst->element].x;
  // Is the sweep's gradient off the witness's here, and not off at a small distance?
  for (const double share : {0.0, 1e-6, -1e-6}) {
    const Moved element(x, number(x) + worst->moved + share * owner.size(worst->element));
    const double off = std::abs(objective.gradients()[leaf][worst->element] - worst->numeric());
    if ((off <= 1e-3 * distance) != (share != 0)) return false;
  }
  return true;
}

// What the sweep claims for each leaf, by two seeds. Scaling the seed by −2 is exact, so the
// gradient must scale too. A VJP that ignores g would pass with a seed of 1.
struct Claims {
  explicit Claims(Objective& objective)
      : analytic(objective.gradients()), other(objective.gradients(-2)) {}
  std::vector<Numbers> analytic, other;
};

// What the witness finds out about each leaf.
std::vector<Evidence> gather(Objective& objective, const Claims& claims, double rtol) {
  Witness witness{objective, rtol};
  for (std::size_t leaf = 0; leaf < objective.checked; ++leaf)
    witness.expect(objective.leaves[leaf], largest_of(claims.analytic[leaf]));
  std::vector<Evidence> all;
  for (std::size_t leaf = 0; leaf < objective.checked; ++leaf)
    all.push_back(witness.find(leaf, claims.analytic[leaf], claims.other[leaf]));
  for (std::size_t leaf = 0; leaf < all.size(); ++leaf) {
    // What else the verdict needs: is the gradient hidden in rounding, or is there a tie?
    look_closer(objective, leaf, claims.analytic[leaf], all[leaf]);
    all[leaf].tied = is_tied(objective, leaf, all[leaf]);
  }
  return all;
}

// The judge measures a variable without gradient by the largest gradient of all variables.
GradcheckReport verdict_on(std::vector<Evidence> all, const GradcheckOptions& options) {
  double largest = 0;
  for (const Evidence& evidence : all)
    if (!evidence.is_zero()) largest = std::max({largest, evidence.scale(), evidence.claimed()});
  Judge judge{options.rtol, tolerance(options), least_unit, largest > 0 ? largest : 1};
  for (Evidence& evidence : all) judge.hear(std::move(evidence));
  return judge.conclude();
}

}  // namespace

GradcheckReport gradcheck(const std::function<Var()>& f, const Variables& variables,
                          GradcheckOptions options) {
  check<StateError>(!std::is_same_v<Real, float>,
                    "gradcheck: float is too coarse to judge a gradient; link glassgrad::f64 or "
                    "glassgrad::dual to this program");
  check<ShapeError>(options.rtol > 0 && std::isfinite(options.rtol),
                    "gradcheck: rtol must be a finite number of more than 0; got {}", options.rtol);
  // The claims of the sweep, the evidence of the witness, and the verdict.
  Objective objective(f, variables, options.seed);
  if (!objective.refusal.empty())
    return {false, std::numeric_limits<double>::infinity(),
            "gradcheck FAILED: " + objective.refusal + "\n"};
  const Claims claims(objective);
  return verdict_on(gather(objective, claims, options.rtol), options);
}

}  // namespace glass
