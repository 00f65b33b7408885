// # What the library promises about a sweep
//
// Errors that must come, and what they leave unchanged; memory; values that nobody may write.
#include <stdexcept>

#include "tests/programs/sweeps.h"

namespace glass::programs {

namespace {

std::string name_of(const Program& program, std::size_t value) {
  const std::size_t leaves = program.leaves.size();
  return value < leaves ? fmt::format("x{}", value) : fmt::format("y{}", value - leaves);
}

std::vector<Tensor> scaled(const std::vector<Tensor>& list, double factor) {
  std::vector<Tensor> result;
  for (const Tensor& x : list) result.push_back(x * factor);
  return result;
}

// ---- operands ----

// In place of an operand, another value of the program: if it does not fit, it must be refused.
std::string misfits_are_refused(const Program& program) {
  const Run values = run(program);
  Vars all = values.leaves;
  all.insert(all.end(), values.steps.begin(), values.steps.end());
  for (const Step& step : program.steps) {
    const Op& op = ops()[step.op];
    const Vars x = operands_of(values, step);
    for (std::size_t k = 1; k < x.size() && op.others.fit && op.others.own_rule; ++k) {
      Vars changed = x;
      changed[k] = all[(k * 7 + program.seed) % all.size()];
      Shapes shapes;
      for (const Var& one : changed) shapes.push_back(one.shape());
      if (op.others.fit(shapes)) continue;
      try {
        run_step(program, step, changed);
      } catch (const ShapeError&) {
        continue;
      }
      return fmt::format("{} took operands of shapes {}", op.text, fmt::join(shapes, ", "));
    }
  }
  return "";
}

// ---- graphs ----

// Twice through a graph that is kept: twice the gradient. That sweep frees it; a third throws, and
// changes no leaf.
std::string swept_again(const Program& program) {
  const Swept once = sweep(program);
  const Run values = run(program);
  const Var& y = values.result();
  const Tensor seed = seed_for(y.value());
  y.backward(seed, {.retain_graph = true});
  y.backward(seed);
  const Swept twice{once.value, scaled(once.gradients, 2)};
  const std::string wrong = difference({y.value(), gradients_of(values.leaves)}, twice, 0);
  if (!wrong.empty()) return "two sweeps: " + wrong;
  try {
    y.backward(seed);
  } catch (const StateError&) {
    return difference({y.value(), gradients_of(values.leaves)}, twice, 0);
  }
  return "a sweep through a freed graph threw nothing";
}

// The program, with an op at one use of a value whose VJP throws while `fails` is true.
Run with_breakable(const Program& program, int place, const bool& fails) {
  int count = 0;
  const auto breakable = [&](const Op&, const Var& x, bool) {
    if (count++ != place || !x.requires_grad()) return x;
    return record(std::string_view("breakable"), x.value(),
                  std::vector<Parent>{{x, [&fails](const Tensor& g) {
                                         if (fails) throw std::runtime_error("as planned");
                                         return g;
                                       }}});
  };
  return run(program, make_leaves(program), {.replace = breakable});
}

// A sweep that fails changes no leaf; and the next sweep through the same graph gives the gradient
// as if nothing had happened.
std::string failure_at(const Program& program, int place) {
  bool fails = false;
  const Swept once = swept(with_breakable(program, place, fails));
  const Run values = with_breakable(program, place, fails);
  fails = true;
  const Var& y = values.result();
  const Tensor seed = seed_for(y.value());
  try {
    y.backward(seed, {.retain_graph = true});
  } catch (const std::runtime_error&) {
    for (const Var& leaf : values.leaves)
      if (leaf.has_grad())
        return fmt::format("a sweep that failed at use {} left a gradient", place);
  }
  // If no gradient came to the op that fails, the sweep has succeeded.
  for (const Var& leaf : values.leaves) leaf.zero_grad();
  fails = false;
  y.backward(seed);
  const std::string wrong = difference({y.value(), gradients_of(values.leaves)}, once, 0);
  return wrong.empty() ? "" : fmt::format("after a failure at use {}: {}", place, wrong);
}
std::string failures_leave_nothing(const Program& program) {
  if (is_long(program)) return "";
  int uses = 0;
  for (const Step& step : program.steps) uses += 1 + static_cast<int>(step.operands.size());
  // Some of the uses, so that a long program does not take long.
  for (int place = static_cast<int>(program.seed % 2); place < uses; place += 1 + uses / 6) {
    const std::string wrong = failure_at(program, place);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// ---- leaves that are frozen ----

// One leaf is a constant: when its ops run, when the graph is swept, or both. It gets no gradient,
// and the other leaves get theirs.
std::string frozen(const Program& program, const Swept& all, std::size_t i, int when) {
  const Vars leaves = make_leaves(program);
  Node& leaf = *leaves[i].node();
  const auto freeze = [&](bool now) {
    leaf.frozen = now;
    leaf.requires_grad = !now;
  };
  freeze((when & 1) != 0);
  const Run values = run(program, leaves);
  if (!values.result().requires_grad()) return "";
  freeze((when & 2) != 0);
  values.result().backward(seed_for(values.result().value()));
  const std::string name =
      fmt::format("x{}, frozen {}", i,
                  when == 1 ? "when ops ran" : (when == 2 ? "before the sweep" : "throughout"));
  if (leaves[i].has_grad()) return name + ", got a gradient";
  // The others.
  Swept expected = all;
  expected.gradients[i] = zeros(leaves[i].shape());
  freeze(true);
  const std::string wrong = difference({all.value, gradients_of(leaves)}, expected, 0);
  return wrong.empty() ? "" : name + ": " + wrong;
}
std::string frozen_leaves_get_nothing(const Program& program) {
  if (is_long(program)) return "";
  const Swept all = sweep(program);
  for (std::size_t i = 0; i < program.leaves.size() && i < 4; ++i)
    for (int when = 1; program.leaves[i].trained && when <= 3; ++when) {
      const std::string wrong = frozen(program, all, i, when);
      if (!wrong.empty()) return wrong;
    }
  return "";
}

// ---- writes ----

// A write into a value between forward and backward: an error that changes no leaf, or the old
// gradient.
std::string after_write(const Program& program, const Swept& old, std::size_t written) {
  const Run values = run(program);
  const Vars& leaves = values.leaves;
  const bool leaf = written < leaves.size();
  const Var& target = leaf ? leaves[written] : values.steps[written - leaves.size()];
  Tensor part = without_repeats(target.value());
  if (part.is_expanded()) return "";
  part.copy_from(1 - part);
  const std::string name = name_of(program, written);
  try {
    values.result().backward(seed_for(values.result().value()));
  } catch (const StateError&) {
    for (const Var& other : leaves)
      if (other.has_grad())
        return fmt::format("a write into {}: an error, but a leaf changed", name);
    return "";
  }
  const std::string wrong = difference({old.value, gradients_of(leaves)}, old, 0);
  return wrong.empty() ? "" : fmt::format("a write into {} was not noticed: {}", name, wrong);
}
// Some of the leaves and results are written to, each in a run of its own.
std::string writes_are_noticed(const Program& program) {
  if (is_long(program)) return "";
  const Swept old = sweep(program);
  const std::size_t count = program.leaves.size() + program.steps.size();
  for (std::size_t i = program.seed % 2; i < count; i += 1 + count / 8) {
    const std::string wrong = after_write(program, old, i);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// A value that the caller holds keeps its numbers through the sweep, and so does a gradient.
std::string nothing_is_overwritten(const Program& program) {
  const Run values = run(program);
  std::vector<Tensor> before;
  for (const Var& y : values.steps) before.push_back(y.value().clone());
  const Tensor seed = seed_for(values.result().value()), copy = seed.clone();
  values.result().backward(seed);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string wrong = difference(values.steps[i].value(), before[i], 0);
    if (!wrong.empty()) return fmt::format("the sweep changed y{}: {}", i, wrong);
  }
  for (const Var& leaf : values.leaves) {
    if (leaf.has_grad() && !leaf.grad().owns_memory()) return "a gradient shares its memory";
    if (leaf.has_grad() && !leaf.requires_grad()) return "a constant got a gradient";
    // Gradients of huge numbers overflow in float.
    const bool may_overflow = is_float && program.huge;
    if (leaf.has_grad() && !may_overflow && has_nan(leaf.grad())) return "a gradient is NaN";
  }
  const std::string wrong = difference(seed, copy, 0);
  return wrong.empty() ? "" : "the sweep changed its seed: " + wrong;
}

std::string memory_returns(const Program& program) {
  const Index before = live_bytes();
  sweep(program);
  const Index after = live_bytes();
  return before == after ? "" : fmt::format("{} bytes stay in use", after - before);
}

}  // namespace

std::vector<Oracle> promise_oracles() {
  return {
      {"operands that do not fit", misfits_are_refused},
      {"a second sweep", swept_again},
      {"a sweep that failed", failures_leave_nothing},
      {"frozen leaves", frozen_leaves_get_nothing},
      {"a write into a saved value", writes_are_noticed},
      {"a value was overwritten", nothing_is_overwritten},
      {"live bytes", memory_returns},
  };
}

}  // namespace glass::programs
