// # Ops that take each number by itself, in random programs
//
// One row an op: how it is written, what its operands must look like, how any integers become legal
// arguments, how far its operands must lie from a kink, and the same value from other ops, if there
// is such a form. A program that was printed calls the op with the same words as the row.
#include "tests/programs/arguments.h"

namespace glass::programs {

namespace {

using V = const Vars&;
using A = const Args&;

Var exp_log_pow(const Var& x, double n) { return exp(log(x) * n); }

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
Table elementwise_ops() {
  return {
      // with the bounds that other steps need
      {.text = "tanh($0)",
       .run = [](V x, A, Rng&) { return tanh(x[0]); },
       .plain = [](V x, A, Rng&) { return 1 - 2 / (exp(2 * x[0]) + 1); }},
      {.text = "0.75 + sigmoid($0)",
       .run = [](V x, A, Rng&) { return 0.75 + sigmoid(x[0]); },
       .plain = [](V x, A, Rng&) { return 0.75 + 1 / (1 + exp(-x[0])); }},
      // one operand
      {.text = "exp($0)", .run = [](V x, A, Rng&) { return exp(x[0]); }, .lo = -5, .hi = 4},
      {.text = "log($0)", .run = [](V x, A, Rng&) { return log(x[0]); }, .lo = 0.2},
      {.text = "log1p($0)",
       .run = [](V x, A, Rng&) { return log1p(x[0]); },
       .plain = [](V x, A, Rng&) { return log(1 + x[0]); },
       .lo = -0.5},
      {.text = "sqrt($0)",
       .run = [](V x, A, Rng&) { return sqrt(x[0]); },
       .plain = [](V x, A, Rng&) { return exp_log_pow(x[0], 0.5); },
       .lo = 0.2},
      {.text = "sin($0)", .run = [](V x, A, Rng&) { return sin(x[0]); }, .lo = -5, .hi = 5},
      {.text = "cos($0)",
       .run = [](V x, A, Rng&) { return cos(x[0]); },
       .plain = [](V x, A, Rng&) { return 1 - 2 * pow(sin(x[0] / 2), 2); },
       .lo = -5,
       .hi = 5},
      {.text = "sigmoid($0)",
       .run = [](V x, A, Rng&) { return sigmoid(x[0]); },
       .plain = [](V x, A, Rng&) { return 1 / (1 + exp(-x[0])); },
       .lo = -9,
       .hi = 9},
      // with a kink at 0, and their smooth relatives
      {.text = "relu($0)",
       .run = [](V x, A, Rng&) { return relu(x[0]); },
       .plain = [](V x, A, Rng&) { return where(x[0] > 0, x[0], 0); },
       .margin = from_zero},
      {.text = "softplus($0)",
       .run = [](V x, A, Rng&) { return softplus(x[0]); },
       .plain = [](V x, A, Rng&) { return log(1 + exp(x[0])); },
       .near_one = true},
      {.text = "gelu($0)",
       .run = [](V x, A, Rng&) { return gelu(x[0]); },
       .lo = -5,
       .hi = 5,
       .near_one = true},
      {.text = "abs($0)",
       .run = [](V x, A, Rng&) { return abs(x[0]); },
       .plain = [](V x, A, Rng&) { return maximum(x[0], -x[0]); },
       .margin = from_zero},
      {.text = "pow($0, %0)",
       .legal = exponent,
       .run = [](V x, A a, Rng&) { return pow(x[0], Real(quarter(a[0]))); },
       .plain = [](V x, A a, Rng&) { return exp_log_pow(x[0], quarter(a[0])); },
       .lo = 0.3,
       .hi = 5},
      {.text = "pow($0, 3)",
       .run = [](V x, A, Rng&) { return pow(x[0], 3); },
       .plain = [](V x, A, Rng&) { return x[0] * x[0] * x[0]; },
       .lo = -5,
       .hi = 5},
      {.text = "clamp($0, -0.75, 1)",
       .run = [](V x, A, Rng&) { return clamp(x[0], -0.75, 1); },
       .plain = [](V x, A, Rng&) { return minimum(maximum(x[0], -0.75), 1); },
       .margin = from_bounds},

      // with plain numbers
      {.text = "-$0", .run = [](V x, A, Rng&) { return -x[0]; }},
      {.text = "2 - $0 * 0.5", .run = [](V x, A, Rng&) { return 2 - x[0] * 0.5; }},
      {.text = "3 / $0 - 1", .run = [](V x, A, Rng&) { return 3 / x[0] - 1; }, .lo = 0.3},
      // what users write themselves
      {.text = "map($0, [](Real v) { return v * v * v; }, [](Real v) { return 3 * v * v; })",
       .run =
           [](V x, A, Rng&) {
             return map(
                 x[0], [](Real v) { return v * v * v; }, [](Real v) { return 3 * v * v; });
           },
       .plain = [](V x, A, Rng&) { return pow(x[0], 3); },
       .lo = -5,
       .hi = 5},
      {.text = "own_square($0)",
       .run = [](V x, A, Rng&) { return own_square(x[0]); },
       .plain = [](V x, A, Rng&) { return x[0] * x[0]; },
       .lo = -9,
       .hi = 9},
      {.text = "own_product($0, $1)",
       .others = alike_here,
       .run = [](V x, A, Rng&) { return own_product(x[0], x[1]); },
       .plain = [](V x, A, Rng&) { return x[0] * x[1] + x[1]; }},
      {.text = "tripled_in_place($0)",
       .run = [](V x, A, Rng&) { return tripled_in_place(x[0]); },
       .plain = [](V x, A, Rng&) { return x[0] + x[0] + x[0]; }},
      {.text = "loop_of_50($0, $1)",
       .others = alike_here,
       .run = [](V x, A, Rng&) { return loop_of_50(x[0], x[1]); },
       .ranged = 1,
       .lo = -2,
       .hi = 2,
       .near_one = true},

      // two operands
      {.text = "$0 + $1", .others = broadcasting, .run = [](V x, A, Rng&) { return x[0] + x[1]; }},
      {.text = "$0 - $1",
       .others = broadcasting,
       .run = [](V x, A, Rng&) { return x[0] - x[1]; },
       .plain = [](V x, A, Rng&) { return x[0] + -1 * x[1]; }},
      {.text = "$0 * $1", .others = broadcasting, .run = [](V x, A, Rng&) { return x[0] * x[1]; }},
      {.text = "$0 / $1",
       .others = broadcasting,
       .run = [](V x, A, Rng&) { return x[0] / x[1]; },
       .plain = [](V x, A, Rng&) { return x[0] * pow(x[1], -1); },
       .ranged = 1,
       .lo = 0.3},
      // choices
      {.text = "maximum($0, $1)",
       .others = broadcasting,
       .run = [](V x, A, Rng&) { return maximum(x[0], x[1]); },
       .plain = [](V x, A, Rng&) { return -minimum(-x[0], -x[1]); },
       .margin = from_each_other},
      {.text = "minimum($0, $1)",
       .others = broadcasting,
       .run = [](V x, A, Rng&) { return minimum(x[0], x[1]); },
       .plain = [](V x, A, Rng&) { return where(x[0] < x[1], x[0], x[1]); },
       .margin = from_each_other},
      // where() on the comparisons
      {.text = "where($0 <= $1, $0, 2 * $1)",
       .others = broadcasting,
       .run = [](V x, A, Rng&) { return where(x[0] <= x[1], x[0], 2 * x[1]); },
       .margin = from_each_other},
      {.text = "where(less($0, $1), $0, 2 * $1) + where(greater_equal($0, $1), 3 * $0, $1)",
       .others = broadcasting,
       .run =
           [](V x, A, Rng&) {
             return where(less(x[0], x[1]), x[0], 2 * x[1]) +
                    where(greater_equal(x[0], x[1]), 3 * x[0], x[1]);
           },
       .margin = from_each_other},
      {.text = "where(greater($0, $1), $0, 0) - where(less_equal($0, $1), $1, 0)",
       .others = broadcasting,
       .run =
           [](V x, A, Rng&) {
             return where(greater(x[0], x[1]), x[0], 0) - where(less_equal(x[0], x[1]), x[1], 0);
           },
       .margin = from_each_other},
      {.text = "where(equal($0, $1), 5, $0)",
       .others = broadcasting,
       .run = [](V x, A, Rng&) { return where(equal(x[0], x[1]), 5, x[0]); },
       .margin = from_each_other},
      {.text = "where($2.value(), $0, $1)",
       .others = choice_and_mask,
       .run = [](V x, A, Rng&) { return where(x[2].value(), x[0], x[1]); },
       .plain = [](V x, A, Rng&) { return x[0] * x[2].value() + x[1] * (1 - x[2].value()); },
       .mask = 2},

      // randomness, and where no gradient passes
      {.text = "dropout($0, %0, rng)",
       .legal = share,
       .run = [](V x, A a, Rng& rng) { return dropout(x[0], quarter(a[0]), rng); },
       .plain = [](V x, A a,
                   Rng& rng) { return x[0] * dropout(ones(x[0].shape()), quarter(a[0]), rng); }},
      {.text = "relu_dropout($0, %0, rng)",
       .legal = share,
       .run = [](V x, A a, Rng& rng) { return relu_dropout(x[0], quarter(a[0]), rng); },
       .plain = [](V x, A a, Rng& rng) { return dropout(relu(x[0]), quarter(a[0]), rng); },
       .margin = from_zero},
      {.text = "$0.detach()", .run = [](V x, A, Rng&) { return x[0].detach(); }, .cuts = true},
  };
}

}  // namespace glass::programs
