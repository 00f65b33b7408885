// # Writing a program at random
//
// The program runs while it is written, so the generator knows every value: it calls an op only
// with operands that the op can take, at a distance from kinks. An operand that does not fit is
// first brought into range, by tanh or by 0.75 + sigmoid. If a legal step throws, or gives a NaN,
// the program ends with it: an oracle will say so.
#include <algorithm>
#include <cmath>

#include "tests/programs/program.h"

namespace glass::programs {

namespace {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : rng_(seed) { program_.seed = seed; }

  Program write() {
    // What kind of program: one with ties, with huge numbers, or with an axis of thousands.
    program_.at_kinks = pick(10) == 0;
    program_.huge = !program_.at_kinks && pick(15) == 0;
    long_ = !program_.at_kinks && pick(40) == 0;
    Index wanted = program_.at_kinks && pick(2) == 0 ? 1 : 1 + pick(12);
    if (long_) wanted = 1 + pick(2);
    // Its leaves and steps.
    const Index leaves = long_ ? 0 : 1 + pick(3);
    for (Index i = 0; i < leaves; ++i) add_leaf(some_shape(First::any));
    for (int tries = 0; std::ssize(program_.steps) < wanted && tries < 60 && !broken_; ++tries)
      add_step();
    if (pick(4) != 0 && !broken_) join();
    // It ends with a value that has a gradient.
    while (!broken_ && !program_.steps.empty() && !run_.result().requires_grad()) {
      program_.steps.pop_back();
      run_.steps.pop_back();
    }
    return program_;
  }

 private:
  Index pick(Index n) { return rng_.below(n); }

  // ---- leaves ----

  static Index least_rank(First kind) {
    constexpr Index least[] = {0, 1, 2, 2, 3, 4};
    return least[static_cast<int>(kind)];
  }

  Shape some_shape(First kind) {
    const Index least = least_rank(kind);
    Index rank = least;
    if (kind <= First::grid) rank += pick(5 - least);
    if (long_ && kind <= First::grid) rank = std::min<Index>(std::max<Index>(rank, 1), 2);
    Shape shape;
    for (Index i = 0; i < rank; ++i)
      shape = shape.insert(i, pick(40) == 0 ? 0 : 1 + pick(rank < 4 ? 4 : 3));
    if (long_ && kind != First::heads && rank > 0) shape = shape.with(pick(rank), long_axis());
    // Many queries; or 5 queries, which then have many keys.
    if (long_ && kind == First::heads) shape = Shape{1, 1, pick(4) == 0 ? 4300 : 5, 1 + pick(2)};
    return shape;
  }
  Index long_axis() {
    constexpr Index sizes[] = {300, 2000, 9000};
    return sizes[pick(3)] + pick(20);
  }

  // Numbers of one kind, with few digits.
  std::vector<double> some_values(const Shape& shape) {
    const Index kind = program_.at_kinks ? 1 : pick(10);
    const double equal = std::round(rng_.uniform() * 400 - 200) / 100;
    // Ordinary numbers, small and larger ones, tiny ones, huge ones.
    constexpr double scales[] = {1, 1, 1, 1e-3, 10, 1e-30, 1e6, 1, 1, 1};
    double scale = scales[kind];
    if (kind == 6 && !program_.huge) scale = 1;
    std::vector<double> values;
    for (Index i = 0; i < shape.numel(); ++i) {
      const double x = std::round(rng_.uniform() * 4e4 - 2e4) / 1e4;
      if (kind == 1)
        values.push_back(std::round(x));
      else if (kind == 2)
        values.push_back(equal);
      else
        values.push_back(x * scale);
    }
    return values;
  }

  // A third of the keys is blocked; sometimes all keys of the first query.
  std::vector<double> some_mask(const Shape& shape) {
    std::vector<double> values;
    for (Index i = 0; i < shape.numel(); ++i) values.push_back(pick(3) == 0 ? 0 : 1);
    if (shape.rank() > 0 && pick(3) == 0)
      std::fill_n(values.begin(), std::min(shape[-1], shape.numel()), 0);
    return values;
  }

  Operand add_leaf(const Shape& shape, bool mask = false) {
    Leaf leaf{shape, static_cast<Layout>(pick(5)), mask ? some_mask(shape) : some_values(shape),
              !mask && pick(6) != 0};
    if (program_.leaves.empty()) leaf.trained = true;
    Program alone;
    alone.leaves.push_back(leaf);
    run_.leaves.push_back(make_leaves(alone)[0]);
    program_.leaves.push_back(std::move(leaf));
    return leaf_number(program_.leaves.size() - 1);
  }

  // ---- steps ----

  const Var& value(Operand operand) const {
    return (is_leaf(operand) ? run_.leaves : run_.steps)[index_of(operand)];
  }

  // Mostly the newest value that fits, so that little of the program is left unused.
  Operand choose(auto fitting) {
    std::vector<Operand> found;
    for (std::size_t i = 0; i < program_.leaves.size(); ++i)
      if (fitting(leaf_number(i))) found.push_back(leaf_number(i));
    for (std::size_t i = 0; i < program_.steps.size(); ++i)
      if (fitting(static_cast<Operand>(i))) found.push_back(static_cast<Operand>(i));
    if (found.empty()) return none;
    if (pick(4) != 0) return found.back();
    const Index back = pick(std::ssize(found));
    return found[found.size() - 1 - static_cast<std::size_t>(back)];
  }

  Operand operand_of(const Shape& shape, bool mask) {
    const Operand found = mask || pick(3) == 0 ? none : choose([&](Operand operand) {
      return value(operand).shape() == shape;
    });
    return found != none ? found : add_leaf(shape, mask);
  }

  // An op that brings an operand into the range that the next op needs.
  Operand in_range(Operand operand, Range range) {
    for (const Real number : value(operand).value().to_vector()) {
      const auto v = static_cast<double>(number);
      if (range.lo <= v && v <= range.hi) continue;
      const char* const repair = range.lo > -0.5 ? "0.75 + sigmoid($0)" : "tanh($0)";
      return append({op_called(repair), {operand}, {}}) ? newest() : operand;
    }
    return operand;
  }

  // Where an axis is to be long, first an op to which that matters.
  std::size_t some_op() {
    const auto size = std::ssize(ops());
    for (;;) {
      const auto op = static_cast<std::size_t>(pick(size));
      const bool fits = !long_ || !program_.steps.empty() || ops()[op].for_long;
      if (fits && is_wanted(ops()[op])) return op;
    }
  }

  void add_step() {
    Step step;
    step.op = some_op();
    step.no_grad = pick(30) == 0;
    const Op& op = ops()[step.op];
    Operand first =
        choose([&](Operand operand) { return fits_first(value(operand).shape(), op.first); });
    if (first == none || (pick(6) == 0 && !long_)) first = add_leaf(some_shape(op.first));
    step.operands = {first};
    for (int i = 0; i < 5; ++i) step.args.push_back(pick(60));
    if (op.defined &&
        !op.defined({value(first).shape()}, legal_args(op, {value(first)}, step.args)))
      return;
    if (op.others.make) {
      const Shapes shapes = op.others.make(value(first).shape(), [&](Index n) { return pick(n); });
      for (const Shape& shape : shapes)
        if (shape.numel() > most_numbers()) return;
      for (std::size_t i = 0; i < shapes.size(); ++i)
        step.operands.push_back(operand_of(shapes[i], op.mask == static_cast<int>(i + 1)));
    }
    step.operands[op.ranged] =
        in_range(step.operands[op.ranged], range_of(program_, op, op.ranged));
    if (!broken_) append(step);
  }
  Index most_numbers() const { return long_ ? 40000 : 150; }

  // The results that no step uses are summed, with weights, and added to the last one.
  void join() {
    const std::size_t made = program_.steps.size();
    for (std::size_t i = 0; i + 1 < made && !broken_; ++i) {
      const auto operand = static_cast<Operand>(i), last = newest();
      const bool used = std::ranges::any_of(program_.steps, [&](const Step& step) {
        return std::ranges::find(step.operands, operand) != step.operands.end();
      });
      if (!used && append({op_called(projection), {operand}, {}}))
        append({op_called("$0 + $1"), {last, newest()}, {}});
    }
  }
  Operand newest() const { return static_cast<Operand>(program_.steps.size()) - 1; }

  // Appends the step if it can run and its result is usable; or if it is at fault.
  bool append(const Step& step) {
    const Vars x = operands_of(run_, step);
    if (!illegal(program_, step, x).empty()) return false;
    try {
      Var y = run_step(program_, step, x);
      broken_ = has_nan(y.value());
      if (!broken_ && (y.numel() > most_numbers() || !unusable(program_, step, x, y).empty()))
        return false;
      program_.steps.push_back(step);
      run_.steps.push_back(std::move(y));
    } catch (const std::exception& error) {
      if (is_undecided(error)) return false;
      broken_ = true;
      program_.steps.push_back(step);
    }
    return true;
  }

  static constexpr Operand none = std::numeric_limits<Operand>::min();
  Rng rng_;
  Program program_;
  Run run_;
  bool long_ = false;    // an axis has hundreds or thousands of numbers
  bool broken_ = false;  // the last step is at fault
};

}  // namespace

// What leads to the result; the other leaves and steps go.
Program generate(std::uint64_t seed) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    Program program = Generator(seed + (attempt << 40)).write();
    if (!program.steps.empty() && unusable(program).empty()) return without_unused(program);
  }
}

}  // namespace glass::programs
