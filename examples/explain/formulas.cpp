// # The table of formulas, one entry for each op
#include "examples/explain/formulas.h"

#include <algorithm>

#include "tensor/error.h"

namespace explain {

// NOLINTNEXTLINE(readability-function-size): a table, one entry for each op
const std::vector<Formula>& formulas() {
  static const std::vector<Formula> all = {
      {"add",
       "a + b",
       {"g", "g"},
       "A nudge of either operand moves the sum by as much, so each is given g as it is."},
      {"sub",
       "a − b",
       {"g", "−g"},
       "What is taken away pulls the other way: its gradient changes the sign."},
      {"mul",
       "a ⊙ b",
       {"g ⊙ b", "g ⊙ a"},
       "A nudge of one factor is scaled by the other, element by element. So both were saved."},
      {"div",
       "a / b",
       {"g / b", "−g ⊙ y / b"},
       "Dividing by b scales every nudge down by b, and every gradient too."},
      {"neg", "−a", {"−g"}, "What moves a up moves −a down: the gradient changes the sign."},
      // Functions of each element.
      {"exp",
       "eᵃ",
       {"g ⊙ y"},
       "The slope of the exponential is its value. It needs y alone, so a is not saved."},
      {"log", "ln a", {"g / a"}, "The slope of the logarithm is 1/a."},
      {"sqrt", "√a", {"g / (2 y)"}, "The slope of the root is half of 1/y."},
      {"tanh",
       "tanh a",
       {"g ⊙ (1 − y²)"},
       "The slope is 1 at 0 and dies out at both ends. It needs y alone, so a is not saved."},
      {"relu",
       "max(a, 0)",
       {"g where a > 0"},
       "Where a is above 0 it passes, and so does its gradient; elsewhere nothing passes."},
      {"sigmoid",
       "1 / (1 + e⁻ᵃ)",
       {"g ⊙ y ⊙ (1 − y)"},
       "The slope is steepest at y = ½ and dies out at both ends. It needs y alone, so a is not "
       "saved."},
      // Sums.
      {"sum",
       "Σ a",
       {"g"},
       "A nudge of any element moves the sum by as much, so each element is given g."},
      {"mean",
       "Σ a / n",
       {"g / n"},
       "Each of the n elements moves the mean by 1/n of its own nudge; all are given the same."},
      // Ops on whole matrices and rows.
      {"matmul",
       "a b",
       {"g bᵀ", "aᵀ g"},
       "Each element of a meets a row of b, and g meets it there again. The shapes leave no other "
       "way to multiply."},
      {"mT",
       "aᵀ",
       {"gᵀ"},
       "No number changes, only its place; the gradient goes back to the old one."},
      {"softmax",
       "exp a / Σ exp a",
       {"y ⊙ (g − Σ g ⊙ y)"},
       "A row of weights sums to 1: what one gains the others lose. So the mean of g under these "
       "weights is taken off first, and every row given back sums to 0."},
  };
  return all;
}

// Looks an op up by its name.
const Formula& formula_of(std::string_view op) {
  const auto found = std::ranges::find(formulas(), op, &Formula::op);
  glass::check<glass::StateError>(found != formulas().end(), "explain: no formula for the op '{}'",
                                  op);
  return *found;
}

}  // namespace explain
