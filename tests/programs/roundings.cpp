// # How far roundings may move the numbers of a program
//
// Two right ways to one number differ by roundings, and a program may multiply roundings: a norm of
// a row whose numbers are nearly equal does, by up to 1/√eps = 316, and a model has several norms.
// So a tolerance that is relative to the numbers of a program does not hold for all programs.
//
// An op is stable if what it computes is the exact result, up to a few roundings, for operands that
// were changed by a few roundings (N. Higham, Accuracy and Stability of Numerical Algorithms, 2002,
// section 1.5: mixed forward-backward stability). If all ops and all VJPs are, then a computation
// that rounds by u gives, to first order,
//
//     y + Σ sᵢ δᵢ,   |δᵢ| ≤ c u
//
// where δᵢ is the relative change of one operand, result or gradient, and sᵢ how much y depends on
// it. The sum is not computed but sampled: the program runs with random δᵢ between −u and u (Monte
// Carlo arithmetic: D. S. Parker, 1997). The largest of the sampled differences times `spread` is
// the bound. `spread` stands for c, and for how far all δᵢ together may be from a sample. It is the
// one number here that was measured: README.md says how.
//
// Some ops are less stable than that:
//
// - VJPs of tanh and sigmoid compute the slope from the rounded result, so that 1 − y is known to u
//   only; that of attention subtracts numbers of the size of g · k · v, which may be equal. So the
//   change of a gradient that a VJP gives is relative to the largest number of the gradient that it
//   was given, times those of the operands, if that is larger. In a layer of attention, k and v are
//   products themselves, and the gradient is multiplied by x once more: each operand counts thrice.
// - log_softmax rounds the logarithm of a sum, and a GRU its gates, which are numbers near 1 that
//   nobody sees. The change of the result of such an op is relative to 1, if that is larger. In a
//   GRU the roundings of all steps add up: its changes are larger by the number of steps. And the
//   gradient of a state is the sum of those of all later steps: changes of gradients are larger by
//   the square of the number.
// - A layer rounds sums of products, relative to the largest one, and then a norm may multiply that.
//   The change of a number of a layer's operand is relative to the operand's largest number, at
//   least 1.
// - A softmax divides by a rounded sum, and log_softmax subtracts a rounded logarithm. Such a
//   rounding is common to all numbers of a row: their changes do not cancel in a sum. So the
//   numbers of such ops, and of layers, get a common change beside their own.
// - The gradient of a weight, or of a number that broadcasts, is a sum over rows. Where thousands of
//   rows are alike, so are their roundings, which add up and do not cancel. The change of such a
//   gradient is larger by the number of rows, where it is more than `rows_covered`, over that.
// - A norm's mean is rounded, which shifts all numbers of a row together. Where the row is nearly
//   equal, the norm multiplies the shift by 1/√eps. The change of a norm's result is relative to
//   its operands' largest numbers, multiplied by that. With such a norm inside a layer, where eps
//   is 1e-5, the bound of the whole program is larger by 316.
#include <cmath>
#include <limits>
#include <memory>

#include "tests/programs/sweeps.h"

namespace glass::programs {

namespace {

constexpr int samples = 4;
constexpr double spread = 100;
constexpr double amplified = 316;  // 1/√eps of the norms inside models

constexpr double steepest = 3.2;     // 1/√eps of the norms in the table
constexpr double rows_covered = 32;  // whose roundings `spread` covers, if they add up

bool is_norm(const Op& op) {
  return op.text.starts_with("layer_norm(") || op.text.starts_with("with(nn::LayerNorm");
}

// The roundings of all steps of a recurrence add up; [B, T, C] is the result of T steps.
bool is_recurrent(const Op& op) { return op.text.find("nn::GRU") != std::string::npos; }
double steps_of(const Var& result) {
  return static_cast<double>(std::max<Index>(1, result.size(-2)));
}

double largest_of(const Tensor& g) {
  double most = 0;
  for (const Real v : g.to_vector()) most = std::max(most, std::abs(value_of(v)));
  return most;
}

// Changes operands, results and gradients by roundings.
class Noise {
 public:
  Noise(std::uint64_t seed, double unit) : rng_(seed), unit_(unit) {}

  Var operator()(const Op& op, const Var& x, bool is_result) {
    const auto step = step_;
    const double size = std::max(1.0, largest_of(x.value()));
    const bool attends = is_layer(op) && op.text.find("Attention") != std::string::npos;
    if (!is_result) step->operands *= attends ? size * size * size : size;
    const bool common = is_layer(op) || op.near_one;
    const double steps = is_recurrent(op) && is_result ? steps_of(x) : 1;
    const Index numbers = x.numel();
    const auto vjp = [=, noise = random(x, common)](const Tensor& g) {
      if (is_result) {
        step->given = steps * steps * largest_of(g);
        step->numbers = numbers;
        step->rows = numbers / std::max<Index>(1, g.rank() > 0 ? g.size(-1) : 1);
        return g * (1 + noise);
      }
      const double added =
          numbers < step->numbers ? static_cast<double>(step->rows) / rows_covered : 1;
      return g + noise * maximum(abs(g), step->given * step->operands * std::max(1., added));
    };
    // What the change is relative to, if x is smaller.
    double least = 0;
    if (is_layer(op)) least = is_result ? steps : size;
    if (op.near_one && is_result) least = 1;
    if (is_norm(op) && is_result) least = steepest * step->operands;
    // The next step's operands come after this step's result.
    if (is_result) step_ = std::make_shared<Magnitudes>();
    Tensor y = x.value() + random(x, common) * maximum(abs(x.value()), least);
    if (common) y = y * (1 + unit_ * changes(Shape{}));
    return record(std::string_view("noise"), y, std::vector<Parent>{{x, vjp}});
  }

 private:
  // The largest number of the gradient that a step's VJP is given, and the product of those of the
  // step's operands, each at least 1.
  struct Magnitudes {
    double given = 0, operands = 1;
    Index numbers = 0, rows = 0;  // of the result
  };

  // On dual numbers the slopes are rounded, too.
  Tensor random(const Var& x, bool common) {
    Tensor value = changes(x.shape());
    if (common) value = value + changes(Shape{});
    return unit_ * (value + changes(x.shape()) * Tensor(infinitesimal()));
  }

  // Of both signs, and of 1/2 at least: a bound must not be low by chance.
  Tensor changes(const Shape& shape) {
    const Tensor x = uniform(shape, -1, 1, rng_);
    return (x + where(greater(x, 0), 1, -1)) / 2;
  }

  Rng rng_;
  double unit_;
  std::shared_ptr<Magnitudes> step_ = std::make_shared<Magnitudes>();
};

// A NaN is beyond any bound: a rounding may change a 0 into a number that has no root.
double distance(double x, double y) {
  return std::isnan(x) ? std::numeric_limits<double>::infinity() : std::abs(x - y);
}

}  // namespace

std::vector<double> sampled(const Program& program, double unit, const Numbers& numbers) {
  const std::vector<double> exact = numbers({});
  std::vector<double> most(exact.size(), 0);
  for (int i = 0; i < samples; ++i) {
    const Way noisy{.replace = Noise(program.seed + static_cast<std::uint64_t>(i), unit)};
    const std::vector<double> other = numbers(noisy);
    for (std::size_t j = 0; j < exact.size(); ++j)
      most[j] = std::max(most[j], distance(other[j], exact[j]));
  }
  // A number that depends on nothing is rounded at least.
  for (std::size_t j = 0; j < exact.size(); ++j)
    most[j] =
        spread * (hides_norms(program) ? amplified : 1) * (most[j] + unit * std::abs(exact[j]));
  return most;
}

std::vector<double> numbers_of(const Swept& result) {
  std::vector<double> list;
  for (const Real v : result.value.to_vector()) list.push_back(value_of(v));
  for (const Tensor& gradient : result.gradients)
    for (const Real v : gradient.to_vector()) list.push_back(value_of(v));
  return list;
}

std::vector<double> sampled(const Program& program, double unit) {
  return sampled(program, unit, [&](const Way& way) {
    return numbers_of(swept(run(program, make_leaves(program), way)));
  });
}

// The bounds are sampled only where the tolerance is too small: seldom, since that takes time.
std::string difference(const Program& program, const Swept& x, const Swept& reference,
                       double tolerance) {
  const std::string wrong = difference(x, reference, tolerance);
  if (wrong.empty() || is_certified || is_float) return wrong;
  const std::vector<double> got = numbers_of(x), want = numbers_of(reference);
  const std::vector<double> bounds = sampled(program, unit_of_double);
  if (got.size() != want.size() || want.size() != bounds.size()) return wrong;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - want[i]) <= bounds[i] + tolerance * (1 + std::abs(want[i]))))
      return wrong;
  return "";
}

}  // namespace glass::programs
