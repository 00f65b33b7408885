// # The example masks: what each convention does to a query that may see no key
#include <algorithm>
#include <cmath>
#include <string>

#include "examples/masks/conventions.h"
#include "tests/catch.h"

namespace examples_masks_test {

using namespace masks;

namespace {

bool all_nan(const Tensor& x) {
  return std::ranges::all_of(x.to_vector(), [](Real number) { return std::isnan(number); });
}

// The first two queries, which may see a key.
Tensor sighted(const Tensor& x) { return x.slice(0, 0, 2); }
// The third query, which may see none.
Tensor blind(const Tensor& x) { return x.select(0, 2); }

}  // namespace

TEST_CASE("the four masks say the same, each in its own way") {
  for (const Convention& convention : conventions()) {
    INFO(convention.name);
    CHECK(allclose(convention.converted(convention.mask), allowed()));
  }
}

TEST_CASE("a query that sees a key is treated alike under every convention") {
  for (const Convention& convention : conventions()) {
    INFO(convention.name);
    const Outcome literal = outcome(convention), here = outcome_here(convention);
    CHECK(allclose(sighted(literal.weights), sighted(here.weights)));
    CHECK(allclose(sighted(literal.score_gradients), sighted(here.score_gradients)));
  }
}

TEST_CASE("a query that sees no key becomes NaN, or sees everything; here it gets 0") {
  const std::vector<Convention> all = conventions();
  for (std::size_t i = 0; i < 3; ++i) {
    INFO(all[i].name);
    const Outcome literal = outcome(all[i]);
    CHECK(all_nan(blind(literal.weights)));
    CHECK(all_nan(literal.value_gradients));
    // where() gives a score that it replaced the gradient 0; an addition passes the NaN on.
    CHECK(all_nan(blind(literal.score_gradients)) == (i > 0));
  }
  // In float, −10⁹ leaves nothing of the scores: all keys are seen alike.
  const Outcome added = outcome(all[3]);
  CHECK(allclose(blind(added.weights), 0.25));
  CHECK(!allclose(blind(added.score_gradients), 0));
  for (const Convention& convention : all) {
    INFO(convention.name);
    const Outcome here = outcome_here(convention);
    CHECK(allclose(blind(here.weights), 0));
    CHECK(allclose(blind(here.score_gradients), 0));
  }
}

TEST_CASE("without an axis for the heads, the second head sees by the second sentence's mask") {
  const Tensor written = broadcast_without_heads(), right = broadcast_with_heads();
  CHECK(allclose(written.select(0, 0).select(0, 0), right.select(0, 0).select(0, 0)));
  CHECK(allclose(written.select(0, 0).select(0, 1), right.select(0, 1).select(0, 1)));
  CHECK(!allclose(written, right));
}

}  // namespace examples_masks_test
