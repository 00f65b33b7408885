// # Running a program, and asking whether it is usable
#include <algorithm>
#include <cmath>

#include "autograd/trace.h"
#include "tests/programs/program.h"

namespace glass::programs {

// ---- running ----

Vars make_leaves(const Program& program, bool plain) {
  Vars leaves;
  for (const Leaf& leaf : program.leaves) {
    const Tensor value = placed(Tensor(leaf.shape, leaf.values), leaf.layout);
    leaves.emplace_back(plain ? value.clone() : value, leaf.trained);
  }
  return leaves;
}

Vars operands_of(const Run& run, const Step& step) {
  Vars x;
  for (const Operand operand : step.operands)
    x.push_back((is_leaf(operand) ? run.leaves : run.steps)[index_of(operand)]);
  return x;
}

namespace {

Shapes shapes_of(const Vars& x) {
  Shapes shapes;
  for (const Var& one : x) shapes.push_back(one.shape());
  return shapes;
}

double number(Real x) { return static_cast<double>(x); }

// Does every number lie in [lo, hi]? A NaN does not.
bool within(const Tensor& x, double lo, double hi) {
  return std::ranges::all_of(x.to_vector(),
                             [=](Real v) { return lo <= number(v) && number(v) <= hi; });
}

}  // namespace

bool has_nan(const Tensor& x) {
  return std::ranges::any_of(x.to_vector(), [](Real v) {
    using std::isnan;
    return isnan(v);
  });
}

Args legal_args(const Op& op, const Vars& operands, const Args& args) {
  return op.legal ? op.legal(shapes_of(operands), args) : Args{};
}

bool is_cut(const Step& step) { return step.no_grad || ops()[step.op].cuts; }

// Each step has a random stream of its own: removing a step leaves the numbers of the others.
// The other form of an op is right for moderate numbers only, as it shifts no exponents.
Var run_step(const Program& program, const Step& step, const Vars& operands, bool plain) {
  const Op& op = ops()[step.op];
  const Args args = legal_args(op, operands, step.args);
  Rng rng(program.seed);
  plain = plain && op.plain &&
          std::ranges::all_of(operands, [](const Var& x) { return within(x.value(), -5, 5); });
  const Op::Call& call = plain ? op.plain : op.run;
  if (!step.no_grad) return call(operands, args, rng);
  const NoGrad off;
  return call(operands, args, rng);
}

Run run(const Program& program, const Vars& leaves, const Way& way) {
  Run result{leaves, {}};
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    if (way.constants && is_cut(step)) {
      result.steps.emplace_back(way.constants->steps[i].value());
      continue;
    }
    Vars x = operands_of(result, step);
    const Op& op = ops()[step.op];
    for (std::size_t k = 0; way.replace && k < x.size(); ++k)
      if (static_cast<int>(k) != op.mask) x[k] = way.replace(op, x[k], false);
    const Var y = run_step(program, step, x, way.plain);
    result.steps.push_back(way.replace ? way.replace(op, y, true) : y);
  }
  return result;
}

// ---- usable? ----

namespace {

bool is_mask(const Tensor& x) {
  return std::ranges::all_of(x.to_vector(),
                             [](Real v) { return number(v) == 0 || number(v) == 1; });
}

// The distance to 0 of what layers give to their ReLUs.
double from_inner_kinks(const Vars& x, const Var& y) {
  double least = std::numeric_limits<double>::infinity();
  if (!y.requires_grad()) return least;
  std::uint64_t oldest = 0;
  for (const Var& operand : x) oldest = std::max(oldest, operand.node()->birth);
  for (const NodePtr& node : nodes_of(y))
    if (node->birth > oldest && node->name.starts_with("relu"))
      for (const Real v : node->parents()[0].node->value.to_vector())
        least = std::min(least, std::abs(number(v)));
  return least;
}

}  // namespace

// An op that takes any number takes huge ones, too. Not a layer, nor attention: their scores would
// be products of huge numbers, which nobody sees, and whose rounding decides about the weights.
Range range_of(const Program& program, const Op& op, std::size_t operand) {
  Range range{-50, 50};
  if (operand == op.ranged) range = {op.lo, op.hi};
  if (is_layer(op) || op.first == First::heads) return range;
  if (program.huge && range.lo == -50) range.lo = -1e8;
  if (program.huge && range.hi == 50) range.hi = 1e8;
  return range;
}

std::string illegal(const Program& program, const Step& step, const Vars& x) {
  const Op& op = ops()[step.op];
  const Shapes shapes = shapes_of(x);
  if (!fits_first(shapes[0], op.first)) return "the rank does not fit";
  if (op.defined && !op.defined(shapes, legal_args(op, x, step.args))) return "no value here";
  if (op.others.fit && !op.others.fit(shapes)) return "the shapes do not fit";
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool mask = op.mask == static_cast<int>(i);
    if (mask && (x[i].requires_grad() || !is_mask(x[i].value()))) return "no mask";
    if (mask) continue;
    const Range range = range_of(program, op, i);
    if (!within(x[i].value(), range.lo, range.hi)) return "out of range";
  }
  return "";
}

std::string unusable(const Program& program, const Step& step, const Vars& x, const Var& y) {
  const Op& op = ops()[step.op];
  // At a kink a gradient is a choice, so that two right ways may differ.
  if (!program.at_kinks) {
    // A float near 10⁸ is known to 8.
    const double margin = program.huge ? 100 : 1e-2;
    if (op.margin && op.margin(x, legal_args(op, x, step.args)) < margin) return "near a kink";
    if (is_layer(op) && from_inner_kinks(x, y) < 1e-3) return "near a kink of a layer";
  }
  const double most = program.huge ? 1e10 : 1000;
  return within(y.value(), -most, most) ? "" : "the result is too large";
}

std::string unusable(const Program& program) {
  try {
    Run so_far{make_leaves(program), {}};
    for (const Step& step : program.steps) {
      const Vars x = operands_of(so_far, step);
      std::string why = illegal(program, step, x);
      if (!why.empty()) return why;
      const Var y = run_step(program, step, x);
      if (has_nan(y.value())) return "";
      why = unusable(program, step, x, y);
      if (!why.empty()) return why;
      so_far.steps.push_back(y);
    }
    if (so_far.steps.empty() || !so_far.result().requires_grad()) return "no gradient";
  } catch (const std::exception& error) {
    if (is_undecided(error)) return error.what();
  }
  return "";
}

std::string broken(const Program& program) {
  Run so_far{make_leaves(program), {}};
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Vars x = operands_of(so_far, program.steps[i]);
    try {
      so_far.steps.push_back(run_step(program, program.steps[i], x));
    } catch (const std::exception& error) {
      if (is_undecided(error)) throw;
      return fmt::format("y{}: legal operands, but: {}", i, error.what());
    }
    if (has_nan(so_far.steps.back().value())) return fmt::format("y{} holds NaN", i);
  }
  return "";
}

bool is_undecided([[maybe_unused]] const std::exception& error) {
#ifdef GLASS_REAL_CERTIFIED
  return dynamic_cast<const Undecided*>(&error) != nullptr;
#else
  return false;
#endif
}

}  // namespace glass::programs
