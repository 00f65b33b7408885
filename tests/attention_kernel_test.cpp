// # The attention kernel against its definition
//
// Every combination of shapes, masks, causality and dropout, without any graph: the kernel works
// block by block, the definition with all scores at once.
#include "tests/op_table.h"

namespace attention_kernel_test {

using namespace glass;
using namespace glass::oracle;

namespace {

struct Sizes {
  Index B, H, T, S, D, E;
};

// One block, several blocks of keys, several blocks of queries, both; fewer and more queries than
// are worth a copy; sizes of 1 and 0.
const std::vector<Sizes> all_sizes = {
    {2, 3, 4, 5, 6, 7},     {1, 1, 1, 1, 1, 1},   {2, 2, 1, 5, 4, 4},    {2, 2, 5, 1, 4, 4},
    {1, 2, 9, 7, 3, 2},     {1, 2, 50, 96, 5, 3}, {1, 2, 10, 200, 5, 3}, {1, 2, 190, 40, 3, 5},
    {1, 1, 180, 210, 3, 2}, {0, 2, 3, 4, 5, 6},   {2, 2, 0, 4, 3, 3},    {2, 2, 3, 0, 3, 3}};

Tensor heads(const Sizes& s, Index length, Index width, bool side_by_side, Rng& rng) {
  if (side_by_side) return uniform({s.B, length, s.H, width}, -2, 2, rng).transpose(1, 2);
  return uniform({s.B, s.H, length, width}, -2, 2, rng);
}

// No mask, and one of each shape that broadcasts in another way.
std::vector<std::optional<Tensor>> masks(const Sizes& s, Rng& rng) {
  std::vector<std::optional<Tensor>> result = {std::nullopt};
  for (const Shape& shape : {Shape{s.T, s.S}, Shape{s.B, s.T, s.S}, Shape{s.B, 1, 1, s.S},
                             Shape{s.B, s.H, s.T, s.S}, Shape{1, s.H, 1, s.S}})
    result.emplace_back(greater(uniform(shape, -1, 1, rng), -0.3));
  return result;
}

// "" if forward and backward agree with the definition.
std::string disagreement(const AttentionInputs& in, Rng& rng) {
  const AttentionResult result = attention_forward(in);
  std::string report = difference(result.context, attention_naive(in));
  const Tensor g = uniform(result.context.shape(), -1, 1, rng);
  const auto got = attention_backward(in, result, g), expected = attention_backward_naive(in, g);
  for (std::size_t i = 0; i < got.size(); ++i)
    if (report.empty()) report = difference(got[i], expected[i], 10 * tolerance);
  return report;
}

}  // namespace

TEST_CASE("the attention kernel computes the definition, forward and backward") {
  Rng rng(81);
  for (const Sizes& s : all_sizes) {
    if (is_certified && s.T * s.S > 2000) continue;  // intervals take long
    const bool side_by_side = s.T % 2 == 0;
    const Tensor q = heads(s, s.T, s.D, side_by_side, rng);
    const Tensor k = heads(s, s.S, s.D, side_by_side, rng);
    const Tensor v = heads(s, s.S, s.E, side_by_side, rng);
    for (const auto& mask : masks(s, rng))
      for (const bool causal : {false, true})
        for (const double dropout : {0.0, 0.4}) {
          INFO(fmt::format("q {} k {} v {}, mask {}, causal {}, dropout {}", q.shape(), k.shape(),
                           v.shape(), mask ? mask->shape() : Shape{}, causal, dropout));
          const AttentionInputs in =
              attention_inputs(q, k, v, mask, {.causal = causal, .dropout = dropout, .rng = &rng});
          CHECK(disagreement(in, rng) == "");
        }
  }
}

TEST_CASE("the derivatives of the attention kernel are those of the definition") {
  if constexpr (is_dual) {
    Rng rng(82);
    const Sizes s{1, 2, 50, 100, 3, 2};
    const auto moving = [&](Index length, Index width) {
      Tensor x = heads(s, length, width, false, rng);
      for (Index i = 0; i < x.numel(); ++i) set_direction(x.data()[i], rng.uniform());
      return x;
    };
    const AttentionInputs in =
        attention_inputs(moving(s.T, s.D), moving(s.S, s.D), moving(s.S, s.E), {},
                         {.causal = true, .dropout = 0.2, .rng = &rng});
    const AttentionResult result = attention_forward(in);
    const Tensor g = moving(s.T, s.E);
    const auto got = attention_backward(in, result, g), expected = attention_backward_naive(in, g);
    const auto compare = [](const Tensor& x, const Tensor& reference) {
      return difference(
          x, reference.shape(), [&](const Position& p) { return at(reference, p); },
          10 * tolerance);
    };
    const auto derivative = [](const Tensor& x) {
      Tensor d = x.clone();
      for (Index i = 0; i < d.numel(); ++i) d.data()[i] = Real(direction(d.data()[i]));
      return d;
    };
    CHECK(compare(derivative(result.context), derivative(attention_naive(in))) == "");
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(compare(derivative(got[i]), derivative(expected[i])) == "");
  }
}

TEST_CASE("keys that no query sees leave no trace in the kernel and in its definition") {
  Rng rng(83);
  const Sizes s{2, 2, 60, 7, 3, 2};
  const Tensor q = heads(s, s.T, s.D, false, rng);
  Tensor k = heads(s, s.S, s.D, false, rng), v = heads(s, s.S, s.E, false, rng);
  const Tensor mask = ones({s.B, 1, 1, s.S});
  for (const Tensor& x : {k, v, mask.transpose(2, 3)}) {
    const Real value = x.size(-1) == 1 ? Real(0) : Real(not_a_number);
    x.select(0, 1).slice(1, 5, 7).fill(value);
  }
  const AttentionInputs in = attention_inputs(q, k, v, mask, {});
  CHECK(disagreement(in, rng) == "");
  CHECK(exact_difference(attention_naive(in) * 0, zeros({s.B, s.H, s.T, s.E})) == "");
}

}  // namespace attention_kernel_test
