// # Making a failing program smaller
//
// One change after the other is tried: fewer ops, smaller shapes, plainer layouts, rounder numbers.
// A change stays if the program still fails in the same way. When no change does, the program is
// the smallest one that this search finds.
#include <algorithm>
#include <cmath>
#include <set>

#include "tests/programs/program.h"

namespace glass::programs {

namespace {

// Every use of one value becomes a use of another.
void replace(Program& program, Operand from, Operand to) {
  for (Step& step : program.steps) std::ranges::replace(step.operands, from, to);
}

void erase_step(Program& program, std::size_t i) {
  program.steps.erase(program.steps.begin() + static_cast<std::ptrdiff_t>(i));
  for (Step& step : program.steps)
    for (Operand& operand : step.operands)
      if (operand > static_cast<Operand>(i)) --operand;
}

void erase_leaf(Program& program, std::size_t i) {
  program.leaves.erase(program.leaves.begin() + static_cast<std::ptrdiff_t>(i));
  for (Step& step : program.steps)
    for (Operand& operand : step.operands)
      if (operand < leaf_number(i)) ++operand;
}

}  // namespace

// The steps and leaves that the result was made from.
Program without_unused(Program program) {
  const auto used = [&](Operand operand) {
    return std::ranges::any_of(program.steps, [&](const Step& step) {
      return std::ranges::find(step.operands, operand) != step.operands.end();
    });
  };
  for (std::size_t i = program.steps.size(); i-- > 0;)
    if (i + 1 < program.steps.size() && !used(static_cast<Operand>(i))) erase_step(program, i);
  for (std::size_t i = program.leaves.size(); i-- > 0;)
    if (!used(leaf_number(i))) erase_leaf(program, i);
  return program;
}

namespace {

// The leaf's numbers that stay when an axis gets another size. Larger axes repeat numbers.
void resize(Leaf& leaf, Index axis, Index size) {
  const Shape old = leaf.shape, now = old.with(axis, size);
  std::vector<double> values;
  for (Index i = 0; i < now.numel(); ++i) {
    Index rest = i, place = 0, stride = 1;
    for (Index a = now.rank(); a-- > 0;) {
      place += rest % now[a] % old[a] * stride;
      rest /= now[a];
      stride *= old[a];
    }
    values.push_back(leaf.values[static_cast<std::size_t>(place)]);
  }
  leaf.shape = now;
  leaf.values = std::move(values);
}

class Shrinker {
 public:
  Shrinker(Program program, const std::function<bool(const Program&)>& fails,
           const std::function<bool()>& may_go_on)
      : best_(std::move(program)), fails_(fails), may_go_on_(may_go_on) {}

  Program smallest() {
    for (bool smaller = true; smaller && may_go_on_();)
      smaller = fewer_steps() | smaller_shapes() | plainer_leaves() | rounder_numbers() |
                smaller_arguments();
    return best_;
  }

 private:
  // Takes the changed program if it still fails.
  bool accept(Program changed) {
    changed = without_unused(std::move(changed));
    if (changed.steps.empty() || !unusable(changed).empty() || !fails_(changed)) return false;
    best_ = std::move(changed);
    return true;
  }
  // Changes a copy, unless an earlier change made that place vanish.
  bool change(auto&& edit) {
    if (!may_go_on_()) return false;
    Program copy = best_;
    return edit(copy) && accept(std::move(copy));
  }

  // The last steps go; a step is replaced by one of its operands, or by a leaf of its value.
  bool fewer_steps() {
    bool any = false;
    while (best_.steps.size() > 1 && change([](Program& p) { return p.steps.pop_back(), true; }))
      any = true;
    for (std::size_t i = best_.steps.size(); i-- > 0;) {
      if (i >= best_.steps.size()) continue;
      for (const Operand operand : std::vector<Operand>(best_.steps[i].operands))
        if (change([&](Program& p) { return bypass(p, i, operand); })) {
          any = true;
          break;
        }
      any |= change([&](Program& p) { return become_leaf(p, i); });
    }
    return any;
  }
  static bool bypass(Program& p, std::size_t i, Operand operand) {
    if (i + 1 >= p.steps.size()) return false;
    replace(p, static_cast<Operand>(i), operand);
    return true;
  }
  // The step goes, and a new leaf holds its value.
  static bool become_leaf(Program& p, std::size_t i) {
    if (i + 1 >= p.steps.size()) return false;
    const Run values = run(p);
    Leaf leaf{values.steps[i].shape(), Layout::contiguous, {}, true};
    for (const Real v : values.steps[i].value().to_vector())
      leaf.values.push_back(static_cast<double>(v));
    p.leaves.push_back(std::move(leaf));
    replace(p, static_cast<Operand>(i), leaf_number(p.leaves.size() - 1));
    return true;
  }

  // All axes of one size get a smaller one; then each axis alone; then axes in front go.
  bool smaller_shapes() {
    bool any = false;
    std::set<Index> sizes;
    for (const Leaf& leaf : best_.leaves) sizes.insert(leaf.shape.begin(), leaf.shape.end());
    for (const Index from : sizes)
      for (Index to = 1; to < from; ++to)
        if (change([&](Program& p) { return resize_all(p, from, to); })) {
          any = true;
          break;
        }
    for (std::size_t i = 0; i < best_.leaves.size(); ++i) any |= smaller_leaf(i);
    return any;
  }
  // Every axis of one size, so that operands keep fitting each other.
  static bool resize_all(Program& p, Index from, Index to) {
    for (Leaf& leaf : p.leaves)
      for (Index axis = 0; axis < leaf.shape.rank(); ++axis)
        if (leaf.shape[axis] == from) resize(leaf, axis, to);
    return true;
  }
  bool smaller_leaf(std::size_t i) {
    bool any = false;
    for (Index axis = 0; i < best_.leaves.size() && axis < best_.leaves[i].shape.rank(); ++axis) {
      const Index size = best_.leaves[i].shape[axis];
      if (size == 1) {
        any |= change([&](Program& p) {
          p.leaves[i].shape = p.leaves[i].shape.erase(axis);
          return true;
        });
      } else if (size > 1) {
        any |= change([&](Program& p) { return resize(p.leaves[i], axis, size / 2), true; });
      }
    }
    return any;
  }

  // Each leaf contiguous, each step recorded.
  bool plainer_leaves() {
    bool any = false;
    for (std::size_t i = 0; i < best_.leaves.size(); ++i)
      if (best_.leaves[i].layout != Layout::contiguous)
        any |= change([&](Program& p) {
          p.leaves[i].layout = Layout::contiguous;
          return true;
        });
    for (std::size_t i = 0; i < best_.steps.size(); ++i)
      if (best_.steps[i].no_grad)
        any |= change([&](Program& p) { return p.steps[i].no_grad = false, true; });
    return any;
  }

  // Each number: 1, 2, an integer, or one digit behind the point.
  bool rounder_numbers() {
    bool any = false;
    for (std::size_t i = 0; i < best_.leaves.size(); ++i)
      for (std::size_t j = 0; i < best_.leaves.size() && j < best_.leaves[i].values.size(); ++j) {
        const double v = best_.leaves[i].values[j];
        for (const double rounder : {1., 2., std::round(v), std::round(v * 10) / 10}) {
          if (rounder == v) break;
          if (change([&](Program& p) { return p.leaves[i].values[j] = rounder, true; })) {
            any = true;
            break;
          }
          if (i >= best_.leaves.size()) break;
        }
      }
    return any;
  }

  // Each argument 0.
  bool smaller_arguments() {
    bool any = false;
    for (std::size_t i = 0; i < best_.steps.size(); ++i)
      for (std::size_t j = 0; i < best_.steps.size() && j < best_.steps[i].args.size(); ++j)
        if (best_.steps[i].args[j] != 0)
          any |= change([&](Program& p) { return p.steps[i].args[j] = 0, true; });
    return any;
  }

  Program best_;
  const std::function<bool(const Program&)>& fails_;
  const std::function<bool()>& may_go_on_;
};

}  // namespace

Program shrink(Program program, const std::function<bool(const Program&)>& fails,
               const std::function<bool()>& may_go_on) {
  return Shrinker(std::move(program), fails, may_go_on).smallest();
}

}  // namespace glass::programs
