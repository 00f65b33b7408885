// # Views, joining and picking, in random programs: rows of the table
//
// elementwise_ops.cpp says what a row is.
#include "tests/programs/arguments.h"

namespace glass::programs {

namespace {

using V = const Vars&;
using A = const Args&;

Var plain_take(const Var& x, Index axis, A places) {
  Tensor picks = zeros(Shape{std::ssize(places), x.size(axis)});
  for (Index i = 0; i < std::ssize(places); ++i) picks(i, places[static_cast<std::size_t>(i)]) = 1;
  return transpose(matmul(transpose(x, axis, -1), picks.mT()), axis, -1);
}

Args from(A a, std::size_t i) { return {a.begin() + static_cast<std::ptrdiff_t>(i), a.end()}; }

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
Table view_ops() {
  return {
      // the same numbers in another order
      {.text = "transpose($0, #0, #1)",
       .first = First::grid,
       .legal = two_axes,
       .run = [](V x, A a, Rng&) { return transpose(x[0], a[0], a[1]); }},
      {.text = "mT($0)",
       .first = First::grid,
       .run = [](V x, A, Rng&) { return mT(x[0]); },
       .plain = [](V x, A, Rng&) { return transpose(x[0], -1, -2); }},
      {.text = "permute($0, {@0})",
       .first = First::line,
       .legal = order,
       .run = [](V x, A a, Rng&) { return permute(x[0], a); }},
      {.text = "reshape($0, {@0})",
       .legal = other_sizes,
       .run = [](V x, A a, Rng&) { return reshape(x[0], shape_of(a)); }},
      // parts
      {.text = "slice($0, #0, #1, #2, #3)",
       .first = First::line,
       .legal = range,
       .run = [](V x, A a, Rng&) { return slice(x[0], a[0], a[1], a[2], a[3]); }},
      {.text = "slice($0, #0, #1)",
       .first = First::line,
       .legal = place,
       .run = [](V x, A a, Rng&) { return slice(x[0], a[0], a[1]); },
       .plain = [](V x, A a, Rng&) { return slice(x[0], a[0], a[1], x[0].size(a[0])); }},
      {.text = "select($0, #0, #1)",
       .first = First::line,
       .legal = place,
       .run = [](V x, A a, Rng&) { return select(x[0], a[0], a[1]); },
       .plain =
           [](V x, A a, Rng&) {
             return reshape(slice(x[0], a[0], a[1], a[1] + 1), x[0].shape().erase(a[0]));
           },
       .defined = axis_not_empty},
      // other ranks
      {.text = "expand($0, {@0})",
       .legal = larger_sizes,
       .run = [](V x, A a, Rng&) { return expand(x[0], shape_of(a)); },
       .plain = [](V x, A a, Rng&) { return x[0] * ones(shape_of(a)); }},
      {.text = "squeeze($0, #0)",
       .first = First::line,
       .legal = axis,
       .run = [](V x, A a, Rng&) { return squeeze(x[0], a[0]); }},
      {.text = "unsqueeze($0, #0)",
       .legal = new_axis,
       .run = [](V x, A a, Rng&) { return unsqueeze(x[0], a[0]); },
       .plain = [](V x, A a, Rng&) { return reshape(x[0], x[0].shape().insert(a[0], 1)); }},

      // joining
      {.text = "cat({$0, $1, $1}, 0)",
       .first = First::line,
       .others = longer,
       .run =
           [](V x, A, Rng&) {
             return cat({x[0], x[1], x[1]}, 0);
           }},
      {.text = "stack({$0, $1, $1}, #0)",
       .others = alike,
       .legal = new_axis,
       .run =
           [](V x, A a, Rng&) {
             return stack({x[0], x[1], x[1]}, a[0]);
           },
       .plain =
           [](V x, A a, Rng&) {
             const Var first = unsqueeze(x[0], a[0]), second = unsqueeze(x[1], a[0]);
             return cat({first, second, second}, a[0]);
           }},
      // picking
      {.text = "take($0, #0, std::vector<int>{@1})",
       .first = First::line,
       .legal = places,
       .run = [](V x, A a, Rng&) { return take(x[0], a[0], ints(a, 1)); },
       .plain = [](V x, A a, Rng&) { return plain_take(x[0], a[0], from(a, 1)); },
       .for_long = true},
      {.text = "take($0, Tokens{#0, #1, {@2}})",
       .first = First::matrix,
       .legal = tokens,
       .run =
           [](V x, A a, Rng&) {
             return take(x[0], Tokens{a[0], a[1], ints(a, 2)});
           },
       .plain = [](V x, A a, Rng&) { return unsqueeze(take(x[0], 0, ints(a, 2)), 0); }},
  };
}

}  // namespace glass::programs
