// # The reverse sweep against a witness
//
// L(x) = Σ seed ⊙ f(x) is a function of every element of every leaf. The sweep claims to know its
// derivative along each; a witness that has never heard of VJPs finds them again from values of f
// alone. In the dual build the witness is exact. In the f64 build it takes differences, and most of
// this file is about when to believe them: how far to step, what is rounding, what is a kink.
//
// No tolerance of the differences is a fixed number: all are relative to the gradient, or to
// rounding that was measured. This is not a proof: it looks at one point, along one axis at a time.
//
// Sources: C. J. F. Ridders, Advances in Engineering Software 4 (1982), extrapolated differences;
// J. N. Lyness, C. B. Moler, SIAM J. Numer. Anal. 4 (1967), why no step is small enough.
#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "autograd/differences.h"
#include "autograd/trace.h"
#include "autograd/verdict.h"

namespace glass {

namespace {

using Numbers = std::vector<double>;
using Variables = std::vector<std::pair<std::string, Var>>;

constexpr double ulp = std::numeric_limits<double>::epsilon();
constexpr double infinity = std::numeric_limits<double>::infinity();

double number(Real x) { return static_cast<double>(x); }

// What the witness reads off an output: its ε, which is exact, or its value.
#ifdef GLASS_REAL_DUAL
double reading(Real y) { return y.d; }
#else
double reading(Real y) { return number(y); }
#endif

// ---- a leaf, while it is perturbed ----

// An element that stands elsewhere while this lives. It is written where it lies, which bumps no
// version: graphs recorded earlier stay valid. It comes back in the end, also when f throws.
struct Moved {
  Moved(Real& element, double there)
      : x(element), before(std::exchange(x, static_cast<Real>(there))) {}
  Moved(const Moved&) = delete;
  ~Moved() { x = before; }
  Real& x;
  const Real before;
};

// The gradient comes back, too.
struct Leaf {
  Leaf(const std::string& its_name, const NodePtr& leaf, bool shared)
      : name(its_name), node(leaf), value(leaf->value) {
    std::swap(node->grad, grad);
    // Where one number of memory is several elements, it cannot move for one of them alone.
    for (Index axis = 0; axis < value.rank(); ++axis) shared |= value.stride(axis) == 0;
    if (shared) node->value = value.clone();
    double mean = 0, count = static_cast<double>(value.numel());
    for (Index i = 0; i < value.numel(); ++i) {
      Index offset = 0;
      for (Index axis = value.rank(), rest = i; axis-- > 0; rest /= value.size(axis))
        offset += rest % value.size(axis) * node->value.stride(axis);
      Real& x = node->value.data()[offset];
      elements.emplace_back(x, number(x));  // a dual number leaves its ε behind
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
  double typical = 1;          // mean magnitude of the elements; 1 where all are zero
};

// A step may leave f's domain, where a NaN is an answer and no accident: the watch is off
// meanwhile.
struct Unwatched {
  ~Unwatched() { settings().nan_check = watching; }
  const bool watching = settings().nan_check.exchange(false);
};

// ---- the objective L ----

class Objective {
 public:
  Objective(const std::function<Var()>& f, const Variables& variables, std::uint64_t seed)
      : f_(f), seed_number_(seed) {
    const Var first = call(), second = call();
    check<StateError>(first.requires_grad(),
                      "gradcheck: no leaf with requires_grad reaches what f returns, or f computes "
                      "under NoGrad; compute the result from the variables inside f");
    find_leaves(variables, first, second);
    // The cotangent is of both signs and of magnitude ½ … 1½: no output is overlooked.
    for (Index i = 0; i < first.numel(); ++i) {
      const double u = 2 * Draw{seed, 0}.uniform(static_cast<std::uint64_t>(i)) - 1;
      weights_.push_back(first.numel() == 1 ? 1 : u + std::copysign(0.5, u));
    }
    seed_ = Tensor(first.shape(), std::vector<Real>(weights_.begin(), weights_.end()));
    const auto one = first.value().to_vector(), two = second.value().to_vector();
    const auto same = [](Real a, Real b) { return a == b || (a != a && b != b); };
    set_base();
    if (!std::ranges::equal(one, two, same))
      refusal = "f is not deterministic: two calls, two results";
    else if (!std::ranges::all_of(one, [](Real y) { return std::isfinite(number(y)); }))
      refusal = "f is not finite at the given values";
    else
      measure_noise();
  }
  ~Objective() { replay_.rewind(); }

  // ∂L/∂x for every element of every leaf, at the present values, by the reverse sweep: that of a
  // multiple of L, divided again.
  std::vector<Numbers> gradients(double multiple = 1) {
    const Unwatched unwatched;
    const Var out = call();
    // Beyond a kink f may reach leaves that it did not reach before: those are to be restored, too.
    for (const NodePtr& node : nodes_of(out))
      if (node->is_leaf() && node->requires_grad) add("", node);
    for (const Leaf& leaf : leaves) leaf.node->grad.reset();
    out.backward(seed_ * multiple, {.retain_graph = true});
    std::vector<Numbers> all;
    for (const Leaf& leaf : leaves) {
      const Tensor g = leaf.node->grad ? *leaf.node->grad : zeros(leaf.value.shape());
      Numbers& numbers = all.emplace_back();
      for (const Real x : g.to_vector()) numbers.push_back(number(x) / multiple);
    }
    return all;
  }

  // From here changes count. Outputs are subtracted one by one, so that what is large and constant
  // cancels before it can drown the rest.
  void set_base() { base_ = evaluate(); }

  // `moved` remembers which outputs an element moves: only their rounding can disturb its slope.
  Differences::Change change(std::vector<bool>& moved) {
    const std::vector<Real> outputs = evaluate();
    moved.resize(outputs.size());
    long double value = 0;
    double noise = 0, still = 0;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const double y = reading(outputs[i]), y0 = reading(base_[i]);
      value += static_cast<long double>(weights_[i]) * (static_cast<long double>(y) - y0);
      if (y != y0) moved[i] = true;
      const double rounding = shake_[i] + ulp * (std::abs(y) + std::abs(y0));
      (moved[i] ? noise : still) += std::abs(weights_[i]) * rounding;
    }
    return {static_cast<double>(value), noise, still};
  }

  // How far rounding moves each output, measured. All elements move together by a hair η, twice and
  // three times that far: the third difference y(x + 3η) − 3 y(x + 2η) + 3 y(x + η) − y(x) is too
  // small to see, but for rounding. (A second one is blind where rounding is symmetric.) An η too
  // small shows none where an intermediate value swallows it, so several are tried.
  void measure_noise() {
    shake_.assign(base_.size(), 0);
    for (std::uint64_t trial = 1; trial <= 8; ++trial) {
      const double hair = std::ldexp(1, 3 * static_cast<int>(trial) - 51);  // 4·10⁻¹⁵ … 7·10⁻⁹
      Numbers rest(base_.size());
      for (const auto& [times, weight] :
           {std::pair(1., 3.), std::pair(2., -3.), std::pair(3., 1.)}) {
        const std::deque<Moved> elements = shaken(trial, hair, times);
        const std::vector<Real> y = evaluate();
        for (std::size_t i = 0; i < y.size(); ++i)
          rest[i] += weight * (reading(y[i]) - reading(base_[i]));
      }
      for (std::size_t i = 0; i < rest.size(); ++i)
        shake_[i] = std::max(shake_[i], std::abs(rest[i]) / 2);
    }
  }

  // How far a hair moves the gradient g that the sweep claims for a leaf.
  double measure_jitter(std::size_t leaf, const Numbers& g) {
    double jitter = 0;
    for (const double times : {-1e4, -1e2, -1.0, 1.0, 1e2, 1e4}) {
      const std::deque<Moved> elements = shaken(99, 1e-13, times);
      const Numbers there = gradients()[leaf];
      for (std::size_t i = 0; i < g.size(); ++i)
        jitter = std::max(jitter, std::abs(there[i] - g[i]));
    }
    return jitter;
  }

  std::deque<Leaf> leaves;  // the first `checked` are checked, the others only restored
  std::size_t checked = 0;
  std::string refusal;

 private:
  // Each call draws the same random numbers.
  Var call() {
    replay_.rewind();
    return f_();
  }

  std::vector<Real> evaluate() {
    const NoGrad constant;
    const Unwatched unwatched;
    const Var out = call();
    check<StateError>(out.shape() == seed_.shape(), "gradcheck: f gave the shape {}, and then {}",
                      seed_.shape(), out.shape());
    return out.value().to_vector();
  }

  void add(const std::string& name, const NodePtr& node) {
    bool shared = false;
    for (const Leaf& leaf : leaves) {
      if (leaf.node.get() == node.get()) return;
      shared |= leaf.value.storage().same_as(node->value.storage());
    }
    leaves.emplace_back(name, node, shared);
  }

  // The listed variables, then every other leaf that both graphs reach, oldest first. One that only
  // a single graph reaches was made inside f: a constant, seen from here.
  void find_leaves(const Variables& variables, const Var& first, const Var& second) {
    for (const auto& [name, variable] : variables) {
      check<StateError>(variable.node()->is_leaf() && variable.requires_grad(),
                        "gradcheck: '{}' must be a leaf with requires_grad; it is a '{}'", name,
                        variable.node()->name);
      add(name, variable.node());
    }
    std::vector<NodePtr> one = nodes_of(first), two = nodes_of(second);
    std::ranges::reverse(one);
    const std::size_t listed = leaves.size();
    for (const NodePtr& node : one)
      if (node->is_leaf() && node->requires_grad &&
          std::ranges::find(two, node.get(), &NodePtr::get) != two.end())
        add(fmt::format("unnamed leaf {}", leaves.size() - listed + 1), node);
    checked = leaves.size();
    check<StateError>(checked > 0, "gradcheck: f makes its leaves anew; make them outside");
  }

  // All elements moved by up to so many hairs of their size. A zero moves by a few ulps of its
  // neighbours only: it may lie at a kink, which is no noise.
  std::deque<Moved> shaken(std::uint64_t trial, double hair, double times) {
    std::deque<Moved> moved;
    for (const Leaf& leaf : leaves)
      for (const Moved& element : leaf.elements) {
        const double x = number(element.x), size = std::abs(x);
        const double reach = size > 0 ? hair * size : std::min(hair, 2 * ulp) * leaf.typical;
        const double u = 2 * Draw{seed_number_, trial}.uniform(moved.size()) - 1;
        moved.emplace_back(element.x, x + u * times * reach);
      }
    return moved;
  }

  const std::function<Var()>& f_;
  Replay replay_;
  Tensor seed_;
  std::uint64_t seed_number_;
  Numbers weights_;         // the seed's elements
  std::vector<Real> base_;  // the outputs that changes are counted from
  Numbers shake_;           // of each output, how far rounding moves it
};

#ifdef GLASS_REAL_DUAL

// ---- the exact witness ----
// d = 1 on one element, and L's own d is its derivative. Only the rounding of two sweeps remains.

double tolerance(const GradcheckOptions&) { return 1e-12; }
constexpr double least_unit = 1;

struct Witness {
  void examine(std::size_t leaf, Finding here, double /*scale*/, std::vector<Finding>& findings) {
    Real& x = objective.leaves[leaf].elements[here.element].x;
    std::vector<bool> moved;
    x.d = 1;
    here.low = here.high = objective.change(moved).value;
    x.d = 0;
    findings.push_back(here);
  }
  Objective& objective;
  double rtol;
};

#else

double tolerance(const GradcheckOptions& options) { return options.rtol; }
constexpr double least_unit = 0;

// ---- the witness by differences ----

struct Witness {
  // Adds one finding, or three at a kink. There any gradient between the two slopes is right, and a
  // wrong one could hide; so the element also moves off to either side.
  void examine(std::size_t leaf, Finding here, double scale, std::vector<Finding>& findings) {
    Real& x = objective.leaves[leaf].elements[here.element].x;
    const double size = std::abs(number(x));
    const double natural = std::max(size, objective.leaves[leaf].typical);
    // ∞ or NaN, yet f is finite: f does not look at it.
    if (std::isfinite(size)) {
      const double finest = size == 0 ? 1e-16 * natural : std::min(1e-12 * natural, 1e-4 * size);
      differentiate(x, 0.0437 * natural, finest, scale, here);
    }
    findings.push_back(here);
    if (!here.is_kink()) return;
    for (const double moved : {natural / 64, -natural / 64})
      findings.push_back(beside(leaf, here.element, moved, scale));
  }

  void differentiate(Real& x, double first, double last, double scale, Finding& found) {
    std::vector<bool> moved;
    const auto change = [&](double there) {
      const Moved element(x, there);
      return objective.change(moved);
    };
    const Differences differences{number(x), scale, rtol};
    static_cast<Differences::Slope&>(found) = differences.slope(change, first, last);
  }

  // The sweep again, and the differences again, a little off the kink; nearer if others are there.
  Finding beside(std::size_t leaf, std::size_t i, double moved, double scale) {
    Real& x = objective.leaves[leaf].elements[i].x;
    Finding found;
    for (int attempt = 0; attempt < 4; ++attempt, moved /= 64) {
      const Moved element(x, number(x) + moved);
      objective.set_base();
      found = Finding(i, objective.gradients()[leaf][i], moved);
      differentiate(x, std::abs(moved) / 8, 1e-10 * std::abs(moved), scale, found);
      const double wanted = rtol * std::max(scale, std::abs(found.low));
      if (!found.is_kink() && found.error <= wanted + found.noise) break;
    }
    objective.set_base();
    return found;
  }

  Objective& objective;
  double rtol;
};

#endif

}  // namespace

GradcheckReport gradcheck(const std::function<Var()>& f, const Variables& variables,
                          GradcheckOptions options) {
  check<StateError>(!std::is_same_v<Real, float>,
                    "gradcheck: float is too coarse to judge a gradient; link glassgrad::f64 or "
                    "glassgrad::dual to this program");
  Objective objective(f, variables, options.seed);
  if (!objective.refusal.empty())
    return {false, infinity, "gradcheck FAILED: " + objective.refusal + "\n"};

  // −2 changes no digit. Where the sweep is not linear, an op does not pass on the gradient that it
  // is given, which the seed of a scalar, 1, would hide.
  const std::vector<Numbers> analytic = objective.gradients(), other = objective.gradients(-2);
  Witness witness{objective, options.rtol};
  Judge judge{options.rtol, tolerance(options), least_unit};
  for (std::size_t leaf = 0; leaf < objective.checked; ++leaf) {
    const Numbers& g = analytic[leaf];
    double scale = 0;
    for (const double x : g) scale = std::isfinite(x) ? std::max(scale, std::abs(x)) : scale;
    std::vector<Finding> findings;
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t at = findings.size();
      witness.examine(leaf, Finding(i, g[i]), scale, findings);
      Finding second = findings[at];
      second.analytic = other[leaf][i];
      if (second.distance() > 2 * findings[at].distance()) findings[at] = second;
    }
    // Where f does not move at all, what the sweep claims may still be its own rounding.
    const bool unmoved = std::ranges::all_of(
        findings, [](const Finding& found) { return found.low == 0 && found.high == 0; });
    const double jitter = unmoved && scale > 0 ? objective.measure_jitter(leaf, g) : 0;
    judge.hear(objective.leaves[leaf].name, objective.leaves[leaf].value.shape(), findings, jitter);
  }
  return judge.conclude();
}

}  // namespace glass
