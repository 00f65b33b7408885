// # A program of ops, as data
//
// A Program is a list of leaves, and a list of steps that each call one op. It can be run, printed
// as C++, and made smaller. Its result is the value of its last step.
//
// The arguments of a step are any integers. The op makes legal arguments of them when the shapes of
// its operands are known: an axis is taken modulo the rank, an index modulo the size. For this
// reason a program stays legal, almost always, when the shrinker removes a step or an axis.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/gradcheck.h"
#include "tests/programs/layout.h"
#include "tests/programs/own_ops.h"

namespace glass::programs {

struct Leaf {
  Shape shape;
  Layout layout = Layout::contiguous;
  std::vector<double> values;  // row-major
  bool trained = true;         // false: a constant
};

// Step i is operand i, leaf i is operand −1 − i.
using Operand = int;
constexpr Operand leaf_number(std::size_t i) { return -1 - static_cast<Operand>(i); }
constexpr bool is_leaf(Operand operand) { return operand < 0; }
constexpr std::size_t index_of(Operand operand) {
  return static_cast<std::size_t>(is_leaf(operand) ? -1 - operand : operand);
}

using Args = std::vector<Index>;
using Shapes = std::vector<Shape>;

struct Step {
  std::size_t op = 0;  // a row of ops()
  std::vector<Operand> operands;
  Args args;             // any integers
  bool no_grad = false;  // inside a NoGrad
};

struct Program {
  std::uint64_t seed = 0;  // of dropout, and of the generator
  bool at_kinks = false;   // values may lie at a kink, where a gradient is a choice
  bool huge = false;       // values may be as large as 10⁸
  std::vector<Leaf> leaves;
  std::vector<Step> steps;
};

// ---- the table of ops ----

// What an op needs of its first operand: a rank of at least 0, 1 or 2; of exactly 2, 3 or 4. An
// operand is made if no value of the program fits.
enum class First { any, line, grid, matrix, sequence, heads };
bool fits_first(const Shape& shape, First first);

// The shapes of the operands after the first. `make` invents some that fit, where `pick(n)` gives a
// number in 0 … n − 1. `fit` says whether any shapes are legal, without asking the library. The
// library must refuse all others if the rule is its own.
using Pick = std::function<Index(Index)>;
struct Others {
  std::function<Shapes(const Shape&, const Pick&)> make = {};
  std::function<bool(const Shapes&)> fit = {};
  bool own_rule = true;
};

struct Op {
  using Call = std::function<Var(const Vars&, const Args&, Rng&)>;
  // C++: $i operand i, &i all operands from i on, #i argument i, %i a quarter of it, @i those from
  // i on.
  std::string text;
  First first = First::any;
  Others others = {};
  std::function<Args(const Shapes&, const Args&)> legal = {};
  Call run;
  Call plain = {};  // the same value, and so the same gradients, from other ops
  // Where the op has a value; without it, everywhere. For instance not where nothing is averaged.
  std::function<bool(const Shapes&, const Args&)> defined = {};
  // The distance of the operands to the nearest kink. Without it there is none.
  std::function<double(const Vars&, const Args&)> margin = {};
  std::size_t ranged = 0;    // the operand whose numbers lie between lo and hi
  double lo = -50, hi = 50;  //
  int mask = -1;             // the operand that is a constant mask of 0 and 1
  bool cuts = false;         // no gradient passes
  bool near_one = false;     // numbers near 1 inside are rounded, even if the result is near 0
  bool for_long = false;     // the op changes its way of computing where an axis is long
};

// A weighted sum: unlike sum(), it tells apart the rows of a softmax.
constexpr const char* projection = "sum($0 * seed_for($0.value()))";

using Table = std::vector<Op>;
Table elementwise_ops();
Table reduction_ops();
Table product_ops();
Table view_ops();
Table layer_ops();
const Table& ops();  // all of them
std::size_t op_called(const std::string& text);
bool is_layer(const Op& op);   // of several ops, whose results nobody sees
bool is_wanted(const Op& op);  // in programs_torch, only ops that libtorch has, too

// ---- running ----

struct Run {
  Vars leaves, steps;
  const Var& result() const { return steps.back(); }
};

// What may change a run.
struct Way {
  const Run* constants = nullptr;  // where a gradient is cut, take the value from here
  bool plain = false;              // every op that has another form, in that form
  // Called with each operand of a step, then with its result, to replace it.
  std::function<Var(const Op&, const Var&, bool is_result)> replace = {};
};

Vars make_leaves(const Program& program, bool plain = false);  // plain: all contiguous
// The steps on these leaves. A derivative by forward mode or by differences must not pass where a
// gradient is cut: for this there are `way.constants`.
Run run(const Program& program, const Vars& leaves, const Way& way = {});
inline Run run(const Program& program) { return run(program, make_leaves(program)); }
Var run_step(const Program& program, const Step& step, const Vars& operands, bool plain = false);
Vars operands_of(const Run& run, const Step& step);
Args legal_args(const Op& op, const Vars& operands, const Args& args);
bool is_cut(const Step& step);

// The bounds of an operand's numbers; in a program of huge numbers they are wider.
struct Range {
  double lo, hi;
};
Range range_of(const Program& program, const Op& op, std::size_t operand);
// "" if the op may be called with these operands, else why not. No library is asked.
std::string illegal(const Program& program, const Step& step, const Vars& x);
// "" if a result can be used: numbers that are not too large, at a distance from kinks.
std::string unusable(const Program& program, const Step& step, const Vars& x, const Var& y);
// "" if the whole program is usable. A legal step that throws, or gives a NaN, is: that is a fault.
std::string unusable(const Program& program);
// The first legal step that throws, or gives a NaN.
std::string broken(const Program& program);
// An Undecided of the certified build: nobody is wrong.
bool is_undecided(const std::exception& error);
bool has_nan(const Tensor& x);

// ---- what can be done with a program ----

Program generate(std::uint64_t seed);
Program without_unused(Program program);  // only what the result was made from

// What an oracle found.
struct Fault {
  std::string oracle, text;
  bool undecided = false;  // no fault: intervals could not decide a comparison
  explicit operator bool() const { return !oracle.empty(); }
};
// The program as a test that can be pasted into a file that includes tests/catch.h and this file.
std::string print(const Program& program, const Fault& fault);
// The first oracle that finds a fault; with `only`, that oracle alone.
Fault check_program(const Program& program, const std::string& only = "");

// The smallest program found for which `fails` still holds.
Program shrink(Program program, const std::function<bool(const Program&)>& fails,
               const std::function<bool()>& may_go_on);

// A program as a line of numbers, for another process.
std::string to_line(const Program& program);
Program from_line(const std::string& line);

}  // namespace glass::programs
