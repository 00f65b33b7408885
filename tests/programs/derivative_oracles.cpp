// # Is the gradient right?
//
// The sweep against derivatives that no VJP takes part in: forward mode on dual numbers, forward
// mode on intervals, finite differences.
#include "autograd/gradcheck.h"
#include "tests/programs/sweeps.h"

namespace glass::programs {

namespace {

// The number that x's slope has, a double or an Interval; 0 where numbers have no slope.
template <class R>
auto slope_of(const R& x) {
  if constexpr (requires { x.d; })
    return x.d;
  else
    return 0.0;
}
using Slope = decltype(slope_of(Real()));

// The number without its slope.
template <class R>
auto plain_of(const R& x) {
  if constexpr (requires { x.v; })
    return x.v;
  else
    return static_cast<double>(x);
}

constexpr bool has_slopes = is_dual || is_certified;

double middle(Slope x) { return static_cast<double>(x); }

// Whether two numbers are no farther from each other than roundings move them.
bool explained(const Program& program, const Numbers& two) {
  const std::vector<double> exact = two({}), bounds = sampled(program, unit_of_double, two);
  return std::abs(exact[0] - exact[1]) <= bounds[0] + bounds[1];
}

// ---- forward mode ----

// The derivative of ⟨seed, result⟩ along a direction of all leaves: by forward mode, and from the
// gradients of the sweep. `scale` is the sum of the magnitudes, which rounding is relative to.
struct Slopes {
  Slope forward = 0, swept = 0;
  double scale = 1;

  // Intervals agree if they have a number in common: no tolerance.
  bool agree() const {
#if defined(GLASS_REAL_CERTIFIED)
    return !disjoint(forward, swept);
#else
    return std::abs(forward - swept) <= 1e-12 * scale;
#endif
  }
  std::string text() const { return fmt::format("forward mode {}, the sweep {}", forward, swept); }
};

// Σ aᵢ · (slope of bᵢ)
Slope add_products(const Tensor& a, const Tensor& b, double& scale) {
  Slope sum = 0;
  const std::vector<Real> values = a.to_vector(), slopes = b.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Slope product = plain_of(values[i]) * slope_of(slopes[i]);
    sum += product;
    scale += std::abs(middle(product));
  }
  return sum;
}

// Gives each leaf that gets a gradient a direction.
template <class Direction>
void aim(const Vars& leaves, Direction direction) {
  for (const Var& leaf : leaves) {
    if (!leaf.requires_grad()) continue;
    Tensor own = without_repeats(leaf.value());
    own.copy_from(own + direction(own.shape()) * Tensor(infinitesimal()));
  }
}

template <class Direction>
Slopes slopes_along(const Program& program, Direction direction, Way way = {}) {
  // Values where a gradient is cut stay what they are, while the leaves get their direction.
  const Run constants = constants_of(program);
  const Vars leaves = make_leaves(program);
  aim(leaves, direction);
  way.constants = &constants;
  const Run values = run(program, leaves, way);
  const Tensor y = values.result().value(), seed = seed_for(y);
  Slopes slopes;
  slopes.forward = add_products(seed, y, slopes.scale);
  // The sweep.
  if (values.result().requires_grad()) values.result().backward(seed);
  const std::vector<Tensor> gradients = gradients_of(leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    slopes.swept += add_products(gradients[i], leaves[i].value(), slopes.scale);
  slopes.scale *= largest(values);
  return slopes;
}

// Along a random direction u: forward mode's derivative is ⟨gradient, u⟩. If the tolerance is too
// small, both are as far from each other as roundings may move them.
std::string forward_mode(const Program& program) {
  if (program.at_kinks || !has_slopes) return "";
  const auto slopes_in = [&](const Way& way) {
    Rng rng(program.seed + 1);
    const auto random = [&](const Shape& shape) { return uniform(shape, -1, 1, rng); };
    return slopes_along(program, random, way);
  };
  const Slopes slopes = slopes_in({});
  if (slopes.agree() || (is_dual && explained(program, [&](const Way& way) {
                           const Slopes noisy = slopes_in(way);
                           return std::vector<double>{middle(noisy.forward), middle(noisy.swept)};
                         })))
    return "";
  return slopes.text();
}

// At a kink of one op: equal numbers that grow together stay equal. If forward mode gives one slope
// both ways, there is no kink along that direction, and the sweep must give the same slope. With
// several ops this would not follow: relu(x) − relu(−x) is x, and has gradient 0 at 0.
std::string slopes_at_a_tie(const Program& program) {
  if (!program.at_kinks || program.steps.size() != 1 || !is_dual) return "";
  const Slopes up = slopes_along(program, [](const Shape& shape) { return ones(shape); });
  const Slopes down = slopes_along(program, [](const Shape& shape) { return -ones(shape); });
  if (middle(up.forward + down.forward) > 1e-12 * up.scale ||
      middle(up.forward + down.forward) < -1e-12 * up.scale || up.agree())
    return "";
  return "both ways " + up.text();
}

// ---- second derivatives ----

double add_slopes(const Tensor& a, const Tensor& b, double& scale) {
  double sum = 0;
  const std::vector<Real> left = a.to_vector(), right = b.to_vector();
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double product = middle(slope_of(left[i]) * slope_of(right[i]));
    sum += product;
    scale += std::abs(product) + std::abs(value_of(left[i]));
  }
  return sum;
}

// ⟨w, H u⟩ and ⟨u, H w⟩ for two random directions u and w; `scale` is what rounding is relative to.
std::vector<double> curvatures(const Program& program, Way way, double& scale) {
  const Run constants = constants_of(program);
  way.constants = &constants;
  std::vector<double> products(2, 0);
  for (const int turn : {0, 1}) {
    const auto direction = [&](int which) {
      return [rng = Rng(program.seed + static_cast<std::uint64_t>(which))](
                 const Shape& shape) mutable { return uniform(shape, -1, 1, rng); };
    };
    const Vars leaves = make_leaves(program), others = make_leaves(program);
    aim(leaves, direction(turn));
    aim(others, direction(1 - turn));
    // The gradient along one direction, multiplied by the other.
    const Run values = run(program, leaves, way);
    if (!values.result().requires_grad()) return products;
    values.result().backward(seed_for(values.result().value()));
    const std::vector<Tensor> gradients = gradients_of(leaves);
    for (std::size_t i = 0; i < leaves.size(); ++i)
      products[static_cast<std::size_t>(turn)] +=
          add_slopes(gradients[i], others[i].value(), scale);
    scale *= largest(values);
  }
  return products;
}

// On dual numbers the d of the gradient is H u, with the Hessian H. H is symmetric, so
// ⟨w, H u⟩ = ⟨u, H w⟩. That needs VJPs whose own derivatives are right.
std::string second_derivatives(const Program& program) {
  if (program.at_kinks || !is_dual || is_long(program)) return "";
  double scale = 1;
  const std::vector<double> products = curvatures(program, {}, scale);
  if (std::abs(products[0] - products[1]) <= 1e-11 * scale) return "";
  const auto noisy = [&](const Way& way) { return curvatures(program, way, scale); };
  return explained(program, noisy)
             ? ""
             : fmt::format("the Hessian is not symmetric: {} and {}", products[0], products[1]);
}

// ---- finite differences ----

// Every entry against finite differences in the f64 build, against forward mode in the dual one.
// Floats round too much for a comparison with differences. Where huge numbers cancel, more digits
// are lost than gradcheck allows.
std::string checked(const Program& program) {
  Index entries = 0;
  for (const Leaf& leaf : program.leaves) entries += leaf.shape.numel();
  const bool skip = is_float || is_certified || program.huge || hides_norms(program);
  if (skip || program.at_kinks || entries > 24) return "";
  const Run constants = constants_of(program);
  const Vars leaves = make_leaves(program);
  const auto f = [&] { return run(program, leaves, {.constants = &constants}).result(); };
  const Var y = f();
  if (!y.requires_grad()) return "";
  y.backward(seed_for(y.value()));
  // The leaves that got a gradient.
  std::vector<std::pair<std::string, Var>> reached;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (leaves[i].requires_grad() && leaves[i].has_grad())
      reached.emplace_back(fmt::format("x{}", i), leaves[i]);
  if (reached.empty()) return "";
  const GradcheckReport report = gradcheck(f, reached);
  return report || report.text.find("FAILED") == std::string::npos ? "" : report.text;
}

}  // namespace

std::vector<Oracle> derivative_oracles() {
  return {
      {is_certified ? "the enclosures by forward mode and by the sweep are disjoint"
                    : "forward mode and the sweep differ",
       forward_mode},
      {"forward mode and the sweep differ at a tie", slopes_at_a_tie},
      {"second derivatives", second_derivatives},
      {"gradcheck", checked},
  };
}

}  // namespace glass::programs
