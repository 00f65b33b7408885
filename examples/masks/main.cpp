// # masks
//
// Prints the same scores under four conventions for a mask: the mask as its users write it, the
// weights, and the gradients of the scores.
#include <cmath>

#include "examples/common/arguments.h"
#include "examples/common/program.h"
#include "examples/masks/conventions.h"

namespace masks {

namespace {

// A number in seven columns.
std::string cell(Real x) {
  if (std::isnan(x)) return fmt::format("{:>7}", "NaN");
  if (std::abs(x) >= 1e6) return fmt::format("{:>7.0e}", x);
  if (x == std::round(x)) return fmt::format("{:>7.0f}", x + 0);  // + 0: no sign for −0
  return fmt::format("{:>7.3f}", x);
}

std::string row(const Tensor& x, Index i) {
  std::string text;
  for (Index j = 0; j < x.size(1); ++j) text += cell(x(i, j));
  return text;
}

// A row for each query: its mask, its weights, the gradients of its scores.
void show(const Tensor& mask, const Outcome& outcome) {
  fmt::print("  {:9}{:>28}  {:>28}  {:>28}\n", "", "mask", "weights", "gradient of the scores");
  for (Index query = 0; query < mask.size(0); ++query)
    fmt::print("  query {:<3}{}  {}  {}\n", query + 1, row(mask, query),
               row(outcome.weights, query), row(outcome.score_gradients, query));
  fmt::print("\n");
}

// What the query that may see no key got, in one sentence.
std::string verdict(const Outcome& outcome) {
  const bool no_gradient = std::isnan(outcome.score_gradients(2, 0));
  const Tensor blind = outcome.weights.select(0, 2);  // [S]
  if (no_gradient) return "query 3 gets NaN, and so do its scores' gradients and every value's";
  if (std::isnan(blind(0))) return "query 3 gets NaN, and so does the gradient of every value";
  if (allclose(blind, 0)) return "query 3 gets weights 0, context 0 and gradient 0";
  return "query 3 sees all keys alike, and its scores get gradients, though they are blocked";
}

void show_conventions() {
  fmt::print(
      "Three queries, four keys. Query 1 may see all keys, query 2 the first two, query 3 "
      "none.\n\n");
  for (const Convention& convention : conventions()) {
    const Outcome literal = outcome(convention);
    fmt::print("{}: {}\n  {}\n", convention.name, convention.rule, verdict(literal));
    show(convention.mask, literal);
  }
  const Convention last = conventions().back();
  const Outcome here = outcome_here(last);
  fmt::print("glassgrad: each of these masks, converted to 0 blocks, 1 attends\n  {}\n",
             verdict(here));
  show(last.converted(last.mask), here);
}

// The cells of one head of one sentence.
std::string cells(const Tensor& allowed, Index sentence, Index head) {
  std::string text;
  for (Index key = 0; key < allowed.size(3); ++key)
    text += allowed(sentence, head, 0, key) != 0 ? " 1" : " 0";
  return text;
}

void show_heads() {
  fmt::print(
      "Two sentences and two heads. The masks have the shape [B, T, S] = [2, 1, 3]:{}  and "
      "{}.\n",
      cells(broadcast_with_heads(), 0, 0), cells(broadcast_with_heads(), 1, 0));
  fmt::print(
      "Broadcast against scores of the shape [B, H, T, S], the axis B meets the axis H:\n\n");
  fmt::print("  {:12}{:8}{:>16}{:>16}\n", "", "", "as written", "as it should be");
  const Tensor written = broadcast_without_heads(), right = broadcast_with_heads();
  for (Index sentence = 0; sentence < 2; ++sentence)
    for (Index head = 0; head < 2; ++head) {
      const std::string got = cells(written, sentence, head), due = cells(right, sentence, head);
      fmt::print("  sentence {:<3}head {:<3}{:>16}{:>16}{}\n", sentence + 1, head + 1, got, due,
                 got == due ? "" : "   wrong");
    }
  fmt::print(
      "\nNothing reports this if there are as many sentences as heads. CrossAttention gives a "
      "mask\nof three axes its axis of heads itself.\n");
}

}  // namespace

}  // namespace masks

int main(int argc, char** argv) {
  return examples::program("masks", [&] {
    examples::expect_no_arguments(
        "Shows what four conventions for an attention mask do to weights and gradients.", argc,
        argv);
    masks::show_conventions();
    masks::show_heads();
  });
}
