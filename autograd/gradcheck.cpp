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
//
// In the certified libraries gradcheck is another algorithm: enclosures.cpp.
#ifndef GLASS_REAL_CERTIFIED

#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/differences.h"
#include "autograd/hidden_rounding.h"
#include "autograd/objective.h"
#include "autograd/ties.h"
#include "autograd/verdict.h"

namespace glass {

namespace {

// How wrong a gradient may be, as a share of the variable's largest gradient.
#ifdef GLASS_REAL_DUAL
double tolerance(const GradcheckOptions&) { return 1e-12; }
// A jump of f that is lower than this share of the element is rounding of f's values.
constexpr double least_jump = 1e-12;
#else
double tolerance(const GradcheckOptions& options) { return options.rtol; }
constexpr double least_jump = 0;
#endif

// ---- one element after the other ----

constexpr double least_scale = 1e-290;

// What both witnesses share. They differ in prepare(), may_jump() and differentiate().
struct Witness {
  Objective& objective;
  double rtol;
  std::vector<double> claimed = {};             // the largest gradient for each leaf, by the sweep
  double largest = 0;                           // of all leaves
  double span = 0;                              // the largest claim times the size of its leaf
  std::vector<Numbers> rounding_of_sweep = {};  // for each leaf, once it was measured; in dual

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

  // The scale of an element: its own size, or the typical size of its leaf if that is larger. No
  // scale is so small that a share of it is a subnormal number, which has few digits.
  double natural(std::size_t leaf, std::size_t i) const {
    const Leaf& owner = objective.leaves[leaf];
    return std::max({std::abs(number(owner.elements[i].x)), owner.typical, least_scale});
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
    double little = std::min(slope, 1e-6 * objective.total());
    little = std::max({little, 1e-9 * span, least_jump * natural(leaf, i)});
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

// The slope to one side: with d = ±1, or a multiple of it.
double side_slope(Objective& objective, Real& x, double there, double side) {
  const Moved element(x, there);
  std::vector<bool> moved;
  x.d = side;
  return objective.change(moved).value / side;
}

// How far rounding moves the slope to one side. With another d, every step is rounded differently.
// So a slope that is nothing but rounding moves by about its own size. So it does where x moves a
// little to the same side: a third difference of slopes is rounding, if f is smooth there.
double rounding_to_side(Objective& objective, Real& x, double size, double side) {
  const double slope = side_slope(objective, x, number(x), side);
  double most = 0;
  for (const double multiple : {3, 5, 7})
    most = std::max(most, std::abs(side_slope(objective, x, number(x), multiple * side) - slope));
  for (const int power : {-44, -40, -36}) {
    const double step = std::ldexp(side * size, power);
    const auto at = [&](double k) { return side_slope(objective, x, number(x) + k * step, side); };
    const double rest = std::abs(at(1) - 3 * at(2) + 3 * at(3) - at(4));
    if (std::isfinite(rest)) most = std::max(most, rest / 2);
  }
  return most;
}
double rounding_of_slope(Objective& objective, Real& x, double size) {
  return std::max(rounding_to_side(objective, x, size, 1),
                  rounding_to_side(objective, x, size, -1));
}

// The slope to one side. An op that compares plain numbers, static_cast<double>(x), does not see
// the ε, and may take the wrong branch at x. If the slope at x + step differs from that at x, and
// at finer steps too, the slope beside is the slope to this side. If the difference shrinks with
// the step, f is smooth, on however small a scale.
double seen_slope(Objective& objective, Real& x, double side, double size, double claimed) {
  const double here = side_slope(objective, x, number(x), side);
  const auto beside = [&](double step) {
    return side_slope(objective, x, number(x) + side * step, side);
  };
  double step = 1e-12 * size, slope = beside(step);
  if (!(std::abs(slope - here) > 1e-6 * std::max({claimed, std::abs(here), std::abs(slope)})))
    return here;
  const double finest = number(x) == 0 ? 1e-60 * size : 1.8e-15 * std::abs(number(x));
  while ((step /= 64) > finest) {
    const double near = beside(step);
    if (!(std::abs(near - here) > std::abs(slope - here) / 2)) return here;
    slope = near;
  }
  return slope;
}

// How far rounding moves the sweep's gradient of one element. It is measured for all elements of a
// leaf at once, where the first of them needs it. An element that is moved off a tie takes what was
// measured before.
double rounding_of_claim(Witness& witness, std::size_t leaf, const Finding& found) {
  std::vector<Numbers>& of_leaves = witness.rounding_of_sweep;
  if (of_leaves.size() <= leaf) of_leaves.resize(leaf + 1, Numbers());
  Numbers& of_leaf = of_leaves[leaf];
  if (found.moved == 0 && of_leaf.empty()) of_leaf = witness.objective.measure_sweep(leaf);
  return of_leaf.empty() ? 0 : of_leaf[found.element];
}

void Witness::differentiate(std::size_t leaf, double /*first*/, Finding& found) {
  const Leaf& owner = objective.leaves[leaf];
  const double size = owner.size(found.element);
  Real& x = owner.elements[found.element].x;
  double slopes[2];
  for (const int i : {0, 1}) slopes[i] = seen_slope(objective, x, 2 * i - 1, size, claimed[leaf]);
  // Branches that give the same value may round differently.
  const double steepest = std::max({claimed[leaf], std::abs(slopes[0]), std::abs(slopes[1])});
  const double rounding = 1e-12 * steepest, gap = std::abs(slopes[1] - slopes[0]);
  double noise = gap > rounding ? rounding_of_slope(objective, x, size) : 0;
  if (gap <= rounding + 64 * noise) slopes[0] = slopes[1];
  found.low = std::min(slopes[0], slopes[1]);
  found.high = std::max(slopes[0], slopes[1]);
  if (!(found.distance() > rounding)) return;
  // How far rounding moves this slope, and the sweep's gradients of this leaf.
  if (noise == 0) noise = rounding_of_slope(objective, x, size);
  found.noise = noise + rounding_of_claim(*this, leaf, found);
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

// At the edge of f's domain one side must do: a claim that is the slope to that side cannot be
// called wrong.
template <class F>
void look_at_one_side(double x, F&& change, double first, double reference, Finding& found) {
  for (const double h : {1e-9 * first, -1e-9 * first}) {
    const double secant = change(x + h).value / h;
    if (!(std::abs(secant - found.analytic) <= 1e-3 * reference)) continue;
    found.low = found.high = found.analytic;
    found.noise = reference;
    found.error = 0;
  }
}

// Other scales at which f may show its slope: finer ones, that of a small element itself, and
// coarser ones if differences see no slope at all.
Numbers other_scales(double x, double first, const Finding& found) {
  Numbers scales = {std::abs(x) / 16};
  for (const int power : {-8, -16, -24, -32}) scales.push_back(std::ldexp(first, power));
  const bool flat = found.low == 0 && found.high == 0;
  // At a tiny x, as in log(exp(x)), only steps of an ordinary size may move f beyond its rounding,
  // or parts of it: x + ln(exp(x)) has the slope 2, and the slope 1 at steps as small as x.
  const bool is_tiny = first < 1e-12;
  if (is_tiny || (flat && (found.reach == 0 || found.reach > 4 * std::abs(found.analytic))))
    for (int power = 8; power <= 56 || std::ldexp(first, power) < 0.1; power += 8)
      scales.push_back(std::ldexp(first, power));
  std::erase_if(scales, [](double scale) { return !(scale > 0); });
  return scales;
}

// Differences see a function at the scale of their steps. Before a claim is called wrong, they are
// taken at other scales. If one of them is clear and near the claim, differences cannot decide
// between the two, and their disagreement is noise. A kink is not clear: coarse steps may lead
// beyond a kink elsewhere, where any claim between two slopes would look right.
template <class F>
void look_again(const Differences& differences, F&& change, double first, double reference,
                Finding& found) {
  const double distance = found.distance();
  if (distance <= differences.rtol * reference + 4 * found.noise) return;
  if (!std::isfinite(found.low))
    return look_at_one_side(differences.x, change, first, reference, found);
  for (const double scale : other_scales(differences.x, first, found)) {
    const double last = scale > first ? scale / 20 : scale / 1e4;
    const Differences::Slope seen = differences.slope(change, scale, last);
    if (seen.is_kink()) continue;
    Finding other = found;
    static_cast<Differences::Slope&>(other) = seen;
    if (other.distance() + 4 * seen.noise + seen.error <= 0.1 * distance) found.noise = distance;
  }
}

void Witness::differentiate(std::size_t leaf, double first, Finding& found) {
  Real& x = objective.leaves[leaf].elements[found.element].x;
  const double size = std::abs(number(x)), natural = first / first_step;
  const double last = found.moved != 0     ? 1e-9 * first
                      : size < least_scale ? 1e-16 * natural
                                           : std::min(1e-12 * natural, 1e-4 * size);
  // The change of L, with a grain that counts as noise: the height of a stair, once it is known.
  const double base = number(objective.leaves[leaf].elements[found.element].before);
  const double coarsest = first_step * this->natural(leaf, found.element);
  std::vector<bool> moved;
  double grain = 0;
  const auto change = [&](double there) {
    const Moved element(x, there);
    Differences::Change seen = objective.change(moved, std::abs(there - base) / coarsest);
    seen.noise += grain;
    return seen;
  };
  // Where L moves in stairs, the slope is measured again with that noise.
  const Differences differences{number(x), claimed[leaf], rtol};
  auto& slope = static_cast<Differences::Slope&>(found);
  slope = differences.slope(change, first, last);
  grain = differences.stair(change, first);
  if (grain > 0) slope = differences.slope(change, first, last);
  if (found.moved == 0) look_again(differences, change, first, reference(leaf), found);
}

#endif

// ---- the whole check ----

double largest_of(const Numbers& g) {
  double largest = 0;
  for (const double x : g)
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
  return largest;
}

// Whether a claim is further off than rounding that was measured explains.
bool is_off(const Finding& f, double scale) { return f.distance() > 1e-12 * scale + 4 * f.noise; }

// Rounding that no measurement shows excuses a small error. One rounding of the seed makes a zero
// of a claim that no slope beyond rounding speaks against.
void excuse_hidden_rounding(Objective& objective, HiddenRounding& hidden, std::size_t leaf,
                            double claimed, double noise, Evidence& evidence) {
  const double scale = evidence.scale();
  if (scale <= std::max(16 * noise, 1e-3 * claimed))
    evidence.jitter = 4 * std::numeric_limits<double>::epsilon() * largest_of(objective.weights());
  for (Finding& f : evidence.findings) {
    if (!is_off(f, scale)) continue;
    const double most = hidden.of(leaf)[f.element];
    if (f.distance() <= 4 * most) f.noise = most;
  }
}

// Noise was measured by a sample. A slope that is hardly larger does not speak against a zero.
void accept_zeros_in_noise(double claimed, Evidence& evidence) {
  if (claimed != 0) return;
  for (Finding& f : evidence.findings)
    if (f.slope() <= 16 * f.noise) f.noise = std::max(f.noise, f.slope());
}

// (x − x) + x² has the gradient 1 − 1 + 2x, which is 0 if 2x is less than the rounding of 1. Such
// an error is no larger than a rounding of the largest share of the gradient.
void excuse_lost_digits(HiddenRounding& hidden, std::size_t leaf, Evidence& evidence) {
  constexpr double ulp = std::numeric_limits<double>::epsilon();
  const double scale = evidence.scale();
  for (Finding& f : evidence.findings) {
    if (!is_off(f, scale)) continue;
    const double lost = ulp * hidden.largest_share(leaf);
    if (f.distance() <= lost && scale <= lost) f.noise = std::max(f.noise, lost);
  }
}

// Whether L stands still where the claim says that it moves: at a step that would move it by four
// roundings of results within f. A larger step may lead to where f is steeper.
bool stands_still(Objective& objective, Real& x, double size, double claim, double rounding) {
  const double longest = std::max(size, 0.1);
  const double step = std::max(4 * rounding / claim, 1e-9 * longest);
  if (step > longest) return false;
  std::vector<bool> moved;
  double rise = 0;
  for (const double side : {1, -1}) {
    const Moved element(x, number(x) + side * step);
    rise += side * objective.change(moved).value / 2;
  }
  return std::abs(rise) < claim * step / 2;
}

// Differences see no slope of some elements here, and a slope as small as the claim may round away.
// Either f is so much steeper elsewhere: cross_entropy of (40, 0) for class 0 computes 40 − 40. Or
// f moves by less than the rounding of results within it: ln cos 1e-30, and ln cos x³ at 0.001.
// All is in doubt then, unless L stands still where the claim says that it moves.
void doubt_rounded_slopes(Objective& objective, HiddenRounding& hidden, const Leaf& leaf,
                          Evidence& evidence) {
  if (!Witness::looks_around || evidence.is_zero()) return;
  const double little = 1024 * std::numeric_limits<double>::epsilon() * evidence.around;
  for (Finding& f : evidence.findings) {
    const double claim = std::abs(f.analytic);
    if (f.slope() != 0 || claim <= 4 * f.noise) continue;
    if (claim > little && stands_still(objective, leaf.elements[f.element].x, leaf.size(f.element),
                                       claim, hidden.of_values()))
      continue;
    f.noise = claim;
    evidence.around = 0;
  }
}

// Where f hardly changes, the gradient that the sweep claims may be nothing but rounding, or f may
// be flat only at this point. Measures both.
void look_closer(Objective& objective, HiddenRounding& hidden, std::size_t leaf, const Numbers& g,
                 Evidence& evidence) {
  const double claimed = largest_of(g);
  double noise = 0;
  for (const Finding& f : evidence.findings) {
    noise = std::max(noise, 4 * f.noise);
    evidence.around = std::max(evidence.around, f.clear);
  }
  // Differences do not see rounding as small as the hidden one.
  if (Witness::looks_around) {
    accept_zeros_in_noise(claimed, evidence);
    excuse_lost_digits(hidden, leaf, evidence);
  } else {
    excuse_hidden_rounding(objective, hidden, leaf, claimed, noise, evidence);
  }
  const double scale = evidence.scale(), little = 1e-4 * claimed;
  if (claimed == 0 || (scale > little && noise <= little)) return;
  evidence.jitter = std::max(evidence.jitter, objective.measure_jitter(leaf, g));
  evidence.around = std::max(evidence.around, objective.measure_slope(objective.leaves[leaf]));
  doubt_rounded_slopes(objective, hidden, objective.leaves[leaf], evidence);
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
  HiddenRounding hidden(objective);
  for (std::size_t leaf = 0; leaf < all.size(); ++leaf) {
    // What else the verdict needs: is the gradient hidden in rounding, or is there a tie?
    look_closer(objective, hidden, leaf, claims.analytic[leaf], all[leaf]);
    all[leaf].tied = is_tied(objective, leaf, all[leaf]);
  }
  return all;
}

// What is wrong with the gradients at kinks, taken together; or "".
std::string fault_of_ties(Objective& objective, const std::vector<Evidence>& all) {
  std::vector<Tie> ties;
  for (std::size_t leaf = 0; leaf < all.size(); ++leaf)
    for (const Finding& f : all[leaf].findings) {
      if (!f.is_kink() || f.moved != 0 || f.jump != 0) continue;
      const Leaf& owner = objective.leaves[leaf];
      Real& x = owner.elements[f.element].x;
      ties.push_back({&x, std::max(std::abs(number(x)), owner.typical), f.low, f.high, f.analytic});
    }
  return Together(objective, ties).fault();
}

// The judge measures a variable without gradient by the largest gradient of all variables.
GradcheckReport verdict_on(std::vector<Evidence> all, const std::string& fault,
                           const GradcheckOptions& options) {
  double largest = 0;
  for (const Evidence& evidence : all)
    if (!evidence.is_zero()) largest = std::max({largest, evidence.scale(), evidence.claimed()});
  Judge judge{options.rtol, tolerance(options), largest > 0 ? largest : 1};
  for (Evidence& evidence : all) judge.hear(std::move(evidence));
  if (!fault.empty()) judge.hear(fault);
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
  std::vector<Evidence> all = gather(objective, claims, options.rtol);
  const std::string fault = fault_of_ties(objective, all);
  return verdict_on(std::move(all), fault, options);
}

}  // namespace glass

#endif
