// # Ops that reduce, in random programs: rows of the table
//
// elementwise_ops.cpp says what a row is.
#include "tests/programs/arguments.h"

namespace glass::programs {

namespace {

using V = const Vars&;
using A = const Args&;

Var of_axis(const Var& x, A a, Var (*reduce)(const Var&, const Axes&, bool)) {
  return reduce(x, a[0], a[1] == 1);
}

// The mean of the squared differences, times n / (n − 1) unless biased.
Var plain_var(const Var& x, const Axes& axes, bool keep, bool biased) {
  const Var centred = x - mean(x, axes, true), y = mean(centred * centred, axes, keep);
  const double n = static_cast<double>(x.numel()) / static_cast<double>(y.numel());
  return biased ? y : y * n / (n - 1);
}

// The running sums as a product with a triangle of ones.
Var plain_cumsum(const Var& x, Index axis) {
  const Tensor triangle = tril(ones(Shape{x.size(axis), x.size(axis)})).mT();
  return transpose(matmul(transpose(x, axis, -1), triangle), axis, -1);
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
Table reduction_ops() {
  return {
      // sums and means
      {.text = "sum($0)",
       .run = [](V x, A, Rng&) { return sum(x[0]); },
       .plain =
           [](V x, A, Rng&) {
             return matmul(reshape(x[0], Shape{x[0].numel()}), ones(Shape{x[0].numel()}));
           },
       .for_long = true},
      {.text = projection, .run = [](V x, A, Rng&) { return sum(x[0] * seed_for(x[0].value())); }},
      {.text = "sum($0, #0, #1)",
       .first = First::line,
       .legal = axis_keep,
       .run = [](V x, A a, Rng&) { return of_axis(x[0], a, sum); },
       .for_long = true},
      {.text = "mean($0)",
       .run = [](V x, A, Rng&) { return mean(x[0]); },
       .plain = [](V x, A, Rng&) { return sum(x[0]) / static_cast<double>(x[0].numel()); },
       .defined = not_empty},
      {.text = "mean($0, {#0, #1}, true)",
       .first = First::grid,
       .legal = two_axes,
       .run =
           [](V x, A a, Rng&) {
             return mean(x[0], {a[0], a[1]}, true);
           },
       .defined = two_axes_not_empty},
      // spreads
      {.text = "var($0, #0, #1)",
       .first = First::line,
       .legal = axis_keep,
       .run = [](V x, A a, Rng&) { return var(x[0], a[0], a[1] == 1); },
       .plain = [](V x, A a, Rng&) { return plain_var(x[0], a[0], a[1] == 1, false); },
       .defined = axis_of_two},
      {.text = "glass::std($0, {}, false, {.biased = true})",
       .run = [](V x, A, Rng&) { return glass::std(x[0], {}, false, {.biased = true}); },
       .plain = [](V x, A, Rng&) { return sqrt(plain_var(x[0], {}, false, true)); },
       .defined = not_empty,
       .margin = from_no_spread},
      // sums of exponentials
      {.text = "logsumexp($0)",
       .run = [](V x, A, Rng&) { return logsumexp(x[0]); },
       .plain = [](V x, A, Rng&) { return log(sum(exp(x[0]))); },
       .defined = not_empty,
       .near_one = true},
      {.text = "logsumexp($0, #0, #1)",
       .first = First::line,
       .legal = axis_keep,
       .run = [](V x, A a, Rng&) { return of_axis(x[0], a, logsumexp); },
       .plain = [](V x, A a, Rng&) { return log(sum(exp(x[0]), a[0], a[1] == 1)); },
       .defined = axis_not_empty,
       .near_one = true,
       .for_long = true},

      // the largest and the smallest
      {.text = "max($0)",
       .run = [](V x, A, Rng&) { return max(x[0]); },
       .plain = [](V x, A, Rng&) { return amax(x[0]); },
       .defined = not_empty,
       .margin = from_a_tie},
      {.text = "min($0)",
       .run = [](V x, A, Rng&) { return min(x[0]); },
       .plain = [](V x, A, Rng&) { return -amax(-x[0]); },
       .defined = not_empty,
       .margin = from_a_tie},
      {.text = "max($0, #0, #1)",
       .first = First::line,
       .legal = axis_keep,
       .run = [](V x, A a, Rng&) { return max(x[0], a[0], a[1] == 1); },
       .plain = [](V x, A a, Rng&) { return of_axis(x[0], a, amax); },
       .defined = axis_not_empty,
       .margin = from_a_tie},
      {.text = "min($0, #0, #1)",
       .first = First::line,
       .legal = axis_keep,
       .run = [](V x, A a, Rng&) { return min(x[0], a[0], a[1] == 1); },
       .plain = [](V x, A a, Rng&) { return of_axis(x[0], a, amin); },
       .defined = axis_not_empty,
       .margin = from_a_tie},
      // with ties that share the gradient
      {.text = "amax($0, #0, #1)",
       .first = First::line,
       .legal = axis_keep,
       .run = [](V x, A a, Rng&) { return of_axis(x[0], a, amax); },
       .defined = axis_not_empty,
       .margin = from_a_tie},
      {.text = "amin($0)",
       .run = [](V x, A, Rng&) { return amin(x[0]); },
       .plain = [](V x, A, Rng&) { return -amax(-x[0]); },
       .defined = not_empty,
       .margin = from_a_tie},
      // running sums
      {.text = "cumsum($0, #0)",
       .first = First::line,
       .legal = axis,
       .run = [](V x, A a, Rng&) { return cumsum(x[0], a[0]); },
       .plain = [](V x, A a, Rng&) { return plain_cumsum(x[0], a[0]); },
       .for_long = true},
  };
}

}  // namespace glass::programs
