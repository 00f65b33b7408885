// # Four ways to write a mask
//
// Libraries and articles agree on what a mask is for, and not on how it is written. The same three
// queries and four keys are masked here in the four ways that are common. Each is computed
// literally, as its users write it, so that one sees what becomes of a query that may see no key.
//
// glassgrad reads one convention: 0 blocks, a positive number attends. from_torch_mask() and
// from_additive_mask() convert the others.
//
// B batch, H heads, T = 3 queries, S = 4 keys, E = 2 width of a value
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "autograd/ops.h"

namespace masks {

using namespace glass;

// ---- the example ----

// The first query may see every key, the second the first two, the third none.
inline Tensor allowed() { return tensor({{1, 1, 1, 1}, {1, 1, 0, 0}, {0, 0, 0, 0}}); }  // [T, S]

inline Tensor scores() {
  return tensor({{2.1, 0.3, -1.0, 0.5}, {0.4, 1.2, 2.0, -0.6}, {1.5, -0.7, 0.2, 0.9}});  // [T, S]
}
inline Tensor values() { return tensor({{1, 0}, {0, 1}, {-1, 2}, {3, 1}}); }  // [S, E]

// The gradient that each query's context receives.
inline Tensor cotangent() { return tensor({{1, 0.5}, {-1, 2}, {0.5, 1}}); }  // [T, E]

// ---- the conventions ----

struct Convention {
  std::string name;                                // where it is used
  std::string rule;                                // which number blocks, and what is computed
  Tensor mask;                                     // as its users write it   [T, S]
  Var (*apply)(const Var& scores, const Tensor&);  // the scores with the mask in them
  Tensor (*converted)(const Tensor& mask);         // the mask as glassgrad reads it
};

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

// Where the mask is 0, the score is replaced by −∞.
inline Var fill(const Var& scores, const Tensor& mask) {
  return where(mask, scores, minus_infinity);
}
// The mask becomes numbers that are added to the scores: −∞ where it blocks.
inline Var add_where_false(const Var& scores, const Tensor& mask) {
  return scores + where(mask, 0, minus_infinity);
}
inline Var add_where_true(const Var& scores, const Tensor& mask) {
  return scores + where(mask, minus_infinity, 0);
}
inline Var add(const Var& scores, const Tensor& mask) { return scores + mask; }

inline std::vector<Convention> conventions() {
  const auto as_it_is = [](const Tensor& mask) { return mask; };
  return {
      {"the article", "0 blocks: that score is replaced by −∞", allowed(), fill, as_it_is},
      {"scaled_dot_product_attention", "false (0) blocks: −∞ is added to that score", allowed(),
       add_where_false, as_it_is},
      {"MultiheadAttention", "true (1) blocks: −∞ is added to that score", 1 - allowed(),
       add_where_true, from_torch_mask},
      {"additive", "the mask is added to the scores: −10⁹ blocks, 0 does not",
       (allowed() - 1) * 1e9, add, from_additive_mask},
  };
}

// ---- what becomes of them ----

// Softmax of each row by its definition, as most programs compute it: with the row's largest score
// subtracted. A row of −∞ alone gives NaN, because −∞ − (−∞) has no value.
inline Var literal_softmax(const Var& scores) {
  const Var e = exp(scores - max(scores.value(), -1, true));  // [T, S]
  return e / sum(e, -1, true);                                // [T, S]
}

struct Outcome {
  Tensor weights;          // [T, S]
  Tensor score_gradients;  // [T, S]
  Tensor value_gradients;  // [S, E]
};

// The weights, and the gradients of scores and values, if `weigh` turns scores into weights.
inline Outcome outcome_of(const auto& weigh) {
  const Var score(scores(), true);
  const Var value(values(), true);
  const Var weights = weigh(score);            // [T, S]
  const Var context = matmul(weights, value);  // [T, E]
  context.backward(cotangent());
  return {weights.value(), score.grad(), value.grad()};
}

// The convention, taken literally.
inline Outcome outcome(const Convention& convention) {
  return outcome_of(
      [&](const Var& s) { return literal_softmax(convention.apply(s, convention.mask)); });
}

// The same mask, converted, as CrossAttention computes: softmax of −∞ alone is 0.
inline Outcome outcome_here(const Convention& convention) {
  return outcome_of(
      [&](const Var& s) { return softmax(fill(s, convention.converted(convention.mask))); });
}

// ---- a mask for each sentence, and no axis for the heads ----

// Two sentences: the first may see the first key only, the second the first two.   [B, T, S]
inline Tensor sentence_masks() { return tensor({{{1, 0, 0}}, {{1, 1, 0}}}); }

// Which cells [B, H, T, S] attend if the mask [B, T, S] is simply broadcast against two heads. Axes
// are matched from the last one, so the mask's axis B lies at the axis H of the scores.
inline Tensor broadcast_without_heads() { return expand(sentence_masks(), {2, 2, 1, 3}); }
// As it should be: the mask of a sentence holds for both of its heads.
inline Tensor broadcast_with_heads() {
  return expand(unsqueeze(sentence_masks(), 1), {2, 2, 1, 3});
}

}  // namespace masks
