#include "tests/op_rows.h"

#include <fstream>
#include <iterator>
#include <regex>

#include "nn/attention.h"
#include "nn/loss.h"

using namespace glass;
using namespace glass::oracle;

namespace {

const std::vector<std::vector<Shape>> one = {{Shape{}},     {Shape{1}},       {Shape{4}},
                                             {Shape{3, 2}}, {Shape{2, 1, 3}}, {Shape{0, 2}}};
const std::vector<std::vector<Shape>> lines = {
    {Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{2, 1, 3}}, {Shape{0, 2}}};
const std::vector<std::vector<Shape>> grids = {
    {Shape{3, 2}}, {Shape{1, 4}}, {Shape{2, 3, 4}}, {Shape{2, 0}}};
const std::vector<std::vector<Shape>> cubes = {
    {Shape{2, 3, 4}}, {Shape{1, 3, 2}}, {Shape{0, 3, 2}}};
const std::vector<std::vector<Shape>> two = {{Shape{}, Shape{}},
                                             {Shape{3}, Shape{3}},
                                             {Shape{2, 3}, Shape{3}},
                                             {Shape{}, Shape{2, 3}},
                                             {Shape{2, 1}, Shape{1, 3}},
                                             {Shape{1}, Shape{2, 0}},
                                             {Shape{4, 2, 3}, Shape{2, 1}},
                                             {Shape{0, 3}, Shape{1, 1}}};

// q [B, H, T, D], k [B, H, S, D], v [B, H, S, E]
const std::vector<std::vector<Shape>> heads = {
    {Shape{2, 1, 3, 5}, Shape{2, 1, 4, 5}, Shape{2, 1, 4, 6}},
    {Shape{1, 2, 4, 3}, Shape{1, 2, 5, 3}, Shape{1, 2, 5, 6}}};

// query [B, T, C], key [B, S, C], value [B, S, C]
const std::vector<std::vector<Shape>> sequences(3,
                                                {Shape{3, 4, 2}, Shape{3, 5, 2}, Shape{3, 5, 2}});

// Two operands of one shape.
const std::vector<std::vector<Shape>> alike = {{Shape{}, Shape{}},
                                               {Shape{5}, Shape{5}},
                                               {Shape{3, 2}, Shape{3, 2}},
                                               {Shape{2, 1, 3}, Shape{2, 1, 3}},
                                               {Shape{0, 2}, Shape{0, 2}}};

const std::vector<std::vector<Shape>> logits = {{Shape{5}}, {Shape{3, 4}}, {Shape{2, 3, 5}}};

// The first cases, each with one more operand.
std::vector<std::vector<Shape>> with(std::vector<std::vector<Shape>> cases,
                                     const std::vector<Shape>& last) {
  cases.resize(last.size());
  for (std::size_t i = 0; i < last.size(); ++i) cases[i].push_back(last[i]);
  return cases;
}

Var masked(const Inputs& x) { return attention(x[0], x[1], x[2], x[3].value()); }

// Two heads on two columns, with weights of its own.
const nn::CrossAttention& layer() {
  static Rng rng(7);
  static const nn::CrossAttention attention(2, 2, rng, {.dropout = 0});
  return attention;
}

// x with a different factor for each element: no two numbers are equal, whatever the layout.
Var spread(const Var& x) { return x * (1 + arange(x.numel())).reshape(x.shape()); }

// The loss of targets 1, 3, 5, … modulo V, of which the second does not count.
Var surprise(const Var& x, double smoothing, bool reduce = true) {
  std::vector<int> targets;
  for (Index i = 0; i < x.shape().with(-1, 1).numel(); ++i)
    targets.push_back(i == 1 ? -100 : static_cast<int>((2 * i + 1) % x.size(-1)));
  return nn::cross_entropy(x, targets, {.label_smoothing = smoothing, .reduce = reduce});
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<OpRow>& oracle::op_rows() {
  static const std::vector<OpRow> rows = {
      // element-wise, one operand
      {"exp", [](auto& x) { return exp(x[0]); }, one},
      {"log", [](auto& x) { return log(x[0]); }, one, 0.2, 3},
      {"log1p", [](auto& x) { return log1p(x[0]); }, one, -0.009, 3},
      {"sqrt", [](auto& x) { return sqrt(x[0]); }, one, 0.2, 3},
      {"sin", [](auto& x) { return sin(x[0]); }, one, -5, 5},
      {"cos", [](auto& x) { return cos(x[0]); }, one, -5, 5},
      {"tanh", [](auto& x) { return tanh(x[0]); }, one},
      {"sigmoid", [](auto& x) { return sigmoid(x[0]); }, one, -5, 5},
      {"relu", [](auto& x) { return relu(x[0]); }, one},
      {"softplus", [](auto& x) { return softplus(x[0]); }, one, -5, 5},
      {"gelu", [](auto& x) { return gelu(x[0]); }, one, -4, 4},
      {"abs", [](auto& x) { return abs(x[0]); }, one},
      {"neg", [](auto& x) { return -x[0]; }, one},
      {"pow 0", [](auto& x) { return pow(x[0], 0) * x[0]; }, one},
      {"pow 1", [](auto& x) { return pow(x[0], 1); }, one},
      {"pow 2", [](auto& x) { return pow(x[0], 2); }, one},
      {"pow 3", [](auto& x) { return pow(x[0], 3); }, one},
      {"pow -1", [](auto& x) { return pow(x[0], -1); }, one, 0.5, 3},
      {"pow 0.5", [](auto& x) { return pow(x[0], 0.5); }, one, 0.2, 3},
      {"clamp", [](auto& x) { return clamp(x[0], -0.7, 1.1); }, one},
      {"clamp from below", [](auto& x) { return clamp(x[0], -0.3, inf); }, one},
      {"map",
       [](auto& x) {
         return map(x[0], [](Real v) { return v * v * v; }, [](Real v) { return 3 * v * v; });
       }, one},
      {"number first", [](auto& x) { return 2 - 3 / x[0] + 1.5 * x[0]; }, one, 0.5, 3},
      {"number last", [](auto& x) { return (x[0] + 2) * 3 / 4 - 1; }, one},

      // element-wise, two operands
      {"+", [](auto& x) { return x[0] + x[1]; }, two},
      {"-", [](auto& x) { return x[0] - x[1]; }, two},
      {"*", [](auto& x) { return x[0] * x[1]; }, two},
      {"/", [](auto& x) { return x[0] / x[1]; }, two, 0.5, 3},
      {"maximum", [](auto& x) { return maximum(x[0], x[1]); }, two},
      {"minimum", [](auto& x) { return minimum(x[0], x[1]); }, two},
      {"where", [](auto& x) { return where(greater(x[0].value(), x[1].value() / 3), x[0], x[1]); },
       two},
      {"where, a mask by comparison", [](auto& x) { return where(x[0] <= x[1], x[0], 2 * x[1]); }, two},
      {"where, a mask of every shape",
       [](auto& x) { return where(x[0].value(), x[1], x[2]); },
       {{Shape{2, 3}, Shape{2, 3}, Shape{2, 3}}, {Shape{2, 1}, Shape{3}, Shape{}},
        {Shape{3}, Shape{4, 2, 1}, Shape{2, 3}}, {Shape{}, Shape{3}, Shape{2, 1}},
        {Shape{2, 3, 4}, Shape{4}, Shape{1}}}, -2, 2, {0}},
      {"where, numbers",
       [](auto& x) { return where(tensor({{1}, {0}, {1}}), x[0], 2) * where(arange(2), 3, x[0]); },
       {{Shape{3, 2}}, {Shape{2}}, {Shape{}}}, -2, 2, {}, {2, 3}},
      {"x with itself",
       [](auto& x) { return x[0] * x[0] + x[0] / (x[0] * x[0] + 1) - maximum(x[0], -x[0]); }, one},

      // reductions
      {"sum", [](auto& x) { return sum(x[0] * x[0]); }, one},
      {"sum of an axis", [](auto& x) { return sum(x[0] * x[0], 0); }, lines},
      {"sum, kept", [](auto& x) { return x[0] * sum(x[0], -1, true); }, lines},
      {"sum of two axes", [](auto& x) { return sum(x[0] * x[0], {0, -1}); }, cubes},
      {"sum of neighbours, kept", [](auto& x) { return x[0] * sum(x[0], {1, 2}, true); }, cubes},
      {"mean", [](auto& x) { return mean(x[0] * x[0]); }, {{Shape{}}, {Shape{5}}, {Shape{3, 2}}}},
      {"mean of an axis", [](auto& x) { return mean(x[0] * x[0], 0); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{2, 0}}}},
      {"mean of two axes, kept", [](auto& x) { return mean(x[0] * x[0], {0, 2}, true); },
       {{Shape{2, 3, 4}}, {Shape{2, 0, 3}}}},
      {"max", [](auto& x) { return max(x[0], 0); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{3, 2, 4}}, {Shape{2, 0}}}, -2, 2, {}, {3, 5}},
      {"max, kept", [](auto& x) { return x[0] * max(x[0], -2, true); },
       {{Shape{3, 2}}, {Shape{2, 3, 4}}, {Shape{1, 4}}}, -2, 2, {}, {3}},

      {"max of everything", [](auto& x) { return max(x[0]) * x[0]; },
       {{Shape{}}, {Shape{5}}, {Shape{3, 2}}}, -2, 2, {}, {2, 3, 5}},
      {"min", [](auto& x) { return min(x[0], 0); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{3, 2, 4}}, {Shape{2, 0}}}, -2, 2, {}, {3, 5}},
      {"min of everything", [](auto& x) { return min(x[0]) * x[0]; },
       {{Shape{}}, {Shape{5}}, {Shape{3, 2}}}, -2, 2, {}, {2, 3, 5}},
      {"amax", [](auto& x) { return amax(x[0]) * x[0]; },
       {{Shape{}}, {Shape{5}}, {Shape{3, 2}}}, -2, 2, {}, {2, 3, 5}},
      {"amax of two axes, kept", [](auto& x) { return x[0] * amax(x[0], {0, -1}, true); },
       {{Shape{2, 3, 4}}, {Shape{3, 2}}, {Shape{1, 3, 2}}}, -2, 2, {}, {2, 3, 4}},
      {"amin of an axis", [](auto& x) { return amin(x[0], -2); },
       {{Shape{3, 2}}, {Shape{2, 3, 4}}, {Shape{1, 4}}}, -2, 2, {}, {3}},
      {"var", [](auto& x) { return var(x[0]); }, {{Shape{5}}, {Shape{3, 2}}, {Shape{2, 1, 3}}}},
      {"var of two axes, kept", [](auto& x) { return x[0] * var(x[0], {0, 2}, true); },
       {{Shape{2, 3, 4}}, {Shape{3, 1, 2}}}},
      {"var, biased", [](auto& x) { return var(x[0], -1, false, {.biased = true}); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{0, 2}}}},
      {"std", [](auto& x) { return glass::std(spread(x[0]), 0); }, {{Shape{5}}, {Shape{3, 2}}}},
      {"std, biased, kept",
       [](auto& x) { return x[0] * glass::std(spread(x[0]), -1, true, {.biased = true}); },
       {{Shape{5}}, {Shape{3, 2}}, {Shape{2, 0, 3}}}},
      {"logsumexp", [](auto& x) { return logsumexp(x[0]); },
       {{Shape{}}, {Shape{1}}, {Shape{4}}, {Shape{3, 2}}, {Shape{2, 1, 3}}}},
      {"logsumexp of an axis", [](auto& x) { return logsumexp(x[0], 0) * 2; },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{2, 0}}}, -30, 30},
      {"logsumexp of two axes, kept", [](auto& x) { return x[0] * logsumexp(x[0], {0, 2}, true); },
       {{Shape{2, 3, 4}}, {Shape{1, 3, 2}}}},
      {"cumsum", [](auto& x) { return cumsum(x[0] * x[0], -1); }, lines},
      {"cumsum of an axis", [](auto& x) { return cumsum(x[0], 0) * x[0]; }, lines},

      // rows
      {"softmax", [](auto& x) { return softmax(x[0]); }, lines},
      {"softmax of an axis", [](auto& x) { return softmax(x[0], 0); }, lines},
      {"log_softmax", [](auto& x) { return log_softmax(x[0]); }, lines},
      {"log_softmax of an axis", [](auto& x) { return log_softmax(x[0], -2); }, grids},
      {"layer_norm", [](auto& x) { return layer_norm(x[0], x[1], x[2], 0.1); },
       {{Shape{5}, Shape{5}, Shape{5}}, {Shape{3, 4}, Shape{4}, Shape{4}},
       {Shape{2, 3, 4}, Shape{4}, Shape{4}},
        {Shape{2, 1}, Shape{1}, Shape{1}}, {Shape{0, 3}, Shape{3}, Shape{3}}}},

      // matmul
      {"matmul", [](auto& x) { return matmul(x[0], x[1]); },
       {{Shape{2, 3}, Shape{3, 4}}, {Shape{3, 3}, Shape{3, 3}}, {Shape{1, 1}, Shape{1, 1}},
       {Shape{7, 5}, Shape{5, 1}},
        {Shape{2, 0}, Shape{0, 3}}, {Shape{0, 3}, Shape{3, 2}}, {Shape{2, 3}, Shape{3, 0}}}},
      {"matmul of batches", [](auto& x) { return matmul(x[0], x[1]); },
       {{Shape{2, 3, 4}, Shape{2, 4, 5}}, {Shape{2, 3, 4}, Shape{4, 5}},
       {Shape{3, 4}, Shape{2, 4, 5}},
        {Shape{2, 1, 3, 4}, Shape{3, 4, 2}}, {Shape{1, 3, 4}, Shape{2, 4, 1}},
        {Shape{2, 3, 0}, Shape{0, 4}},
        {Shape{0, 3, 4}, Shape{4, 5}}, {Shape{2, 2, 2, 3}, Shape{3, 2}}}},
      {"matmul of vectors", [](auto& x) { return matmul(x[0], x[1]); },
       {{Shape{3}, Shape{3}}, {Shape{3}, Shape{3, 4}}, {Shape{2, 3}, Shape{3}},
        {Shape{3}, Shape{2, 3, 4}}, {Shape{2, 4, 3}, Shape{3}}, {Shape{1}, Shape{1}},
        {Shape{0}, Shape{0}},
        {Shape{2, 2, 0}, Shape{0}}, {Shape{3}, Shape{0, 3, 2}}}},

      {"linear", [](auto& x) { return linear(x[0], x[1], x[2]); },
       {{Shape{2, 3}, Shape{4, 3}, Shape{4}}, {Shape{3, 3}, Shape{3, 3}, Shape{3}},
        {Shape{2, 3, 4}, Shape{5, 4}, Shape{5}}, {Shape{3}, Shape{2, 3}, Shape{2}},
        {Shape{2, 0}, Shape{3, 0}, Shape{3}}, {Shape{0, 3}, Shape{2, 3}, Shape{2}}}},

      // views
      {"transpose", [](auto& x) { return x[0].transpose(0, -1) * 2; }, lines},
      {"mT", [](auto& x) { return exp(mT(x[0])); }, grids},
      {"permute", [](auto& x) { return x[0].permute({1, -1, 0}); }, cubes},
      {"reshape", [](auto& x) { return x[0].reshape({3, -1}); },
       {{Shape{3, 2}}, {Shape{2, 3, 4}}, {Shape{6}}}},
      {"reshape of a transposed", [](auto& x) { return x[0].mT().reshape({x[0].numel()}); }, grids},
      {"slice", [](auto& x) { return x[0].slice(0, 1, -1); }, lines},
      {"slice from the end", [](auto& x) { return x[0].slice(-1, -3, 100); }, lines},
      {"slice to the end", [](auto& x) { return slice(x[0], 0, 1) * sum(x[0].slice(-1, -2)); }, lines},
      {"slice with a step", [](auto& x) { return x[0].slice(-1, 0, 100, 2); }, lines},
      {"slices that overlap",
       [](auto& x) { return x[0].slice(0, 0, 2) * sum(x[0].slice(0, 1, 3)); }, lines},
      {"select", [](auto& x) { return x[0].select(-1, -1); },
       {{Shape{1}}, {Shape{5}}, {Shape{3, 2}}, {Shape{4, 3, 2}}}, -2, 2, {}, {2, 5}},
      {"expand", [](auto& x) { return x[0].expand({2, 3, 4}); },
       {{Shape{}}, {Shape{4}}, {Shape{3, 1}}, {Shape{2, 1, 1}}, {Shape{1, 1, 1}},
        {Shape{2, 3, 4}}}, -2, 2, {}, {2, 3, 4}},
      {"expand in front", [](auto& x) { return x[0].expand({5, -1, -1}); },
       {{Shape{3, 2}}, {Shape{1, 3, 2}}}},
      {"expand to nothing", [](auto& x) { return x[0].expand({0, -1}); }, {{Shape{1, 2}}, {Shape{3}}}},
      {"squeeze", [](auto& x) { return x[0].squeeze(0).squeeze(-1); },
       {{Shape{1, 3, 1}}, {Shape{1, 1}}, {Shape{2, 3}}}},
      {"unsqueeze", [](auto& x) { return x[0].unsqueeze(0).unsqueeze(-1); }, one},

      // joining and picking: lists that read differently from their end
      {"cat", [](auto& x) { return cat({x[0], x[1], x[2], x[0]}, 0); },
       {{Shape{2}, Shape{3}, Shape{4}}, {Shape{2, 3}, Shape{1, 3}, Shape{4, 3}},
        {Shape{0, 2}, Shape{3, 2}, Shape{0, 2}}}},
      {"cat of like parts", [](auto& x) { return cat({x[0], x[1], x[1]}, 1); },
       {{Shape{3, 2}, Shape{3, 2}}, {Shape{4, 3, 2}, Shape{4, 3, 2}}}},
      {"cat of the last axis, with a constant",
       [](auto& x) { return cat({x[0], ones(x[0].shape()), x[1]}, -1); },
       {{Shape{2}, Shape{3}}, {Shape{2, 3}, Shape{2, 1}}}},
      {"stack", [](auto& x) { return stack({x[0], x[1], x[2], x[0]}, -1); },
       {{Shape{}, Shape{}, Shape{}}, {Shape{3}, Shape{3}, Shape{3}},
        {Shape{2, 3}, Shape{2, 3}, Shape{2, 3}}, {Shape{2, 0}, Shape{2, 0}, Shape{2, 0}}}},
      {"stack in front, with a constant",
       [](auto& x) { return stack({x[0], x[1], ones(x[0].shape()), x[1]}, 0); },
       {{Shape{3}, Shape{3}}, {Shape{2, 3}, Shape{2, 3}}}},
      {"take", [](auto& x) { return take(x[0], {2, 3, {1, 0, 1, 1, 2, 0}}); },
       {{Shape{4, 3}}, {Shape{4, 1}}, {Shape{4, 0}}}, -2, 2, {}, {4}},
      {"take by a list", [](auto& x) { return take(x[0], 0, {2, 0, 2, 2, 1}); },
       {{Shape{4}}, {Shape{4, 3}}, {Shape{4, 3, 2}}, {Shape{4, 0}}}, -2, 2, {}, {4}},
      {"take of an axis", [](auto& x) { return take(x[0], -2, {1, 3, 1}) * 2; },
       {{Shape{4, 3}}, {Shape{2, 4, 3}}, {Shape{4, 1}}}, -2, 2, {}, {4}},
      {"take nothing by a list", [](auto& x) { return take(x[0], 1, {}); }, {{Shape{3, 2}}}},
      {"take nothing", [](auto& x) { return take(x[0], {0, 3, {}}); }, {{Shape{4, 3}}}},
      {"dropout", [](auto& x) { Rng rng(5); return dropout(x[0], 0.4, rng); }, one},
      {"relu_dropout", [](auto& x) { Rng rng(5); return relu_dropout(x[0], 0.4, rng); }, one},

      // attention; a mask is the last operand
      {"attention", [](auto& x) { return attention(x[0], x[1], x[2]); }, heads},
      {"attention, causal", [](auto& x) { return attention(x[0], x[1], x[2], {}, {.causal = true}); },
       {heads[0], heads[1], {Shape{1, 1, 4, 2}, Shape{1, 1, 3, 2}, Shape{1, 1, 3, 5}}}},
      {"attention, a mask for all heads", masked, with(heads, {{3, 4}, {4, 5}}), -2, 2, {3}},
      {"attention, a mask for each entry", masked, with(heads, {{2, 3, 4}, {1, 4, 5}}), -2, 2, {3}},
      {"attention, a mask for each head", masked, with(heads, {{2, 1, 3, 4}, {1, 2, 4, 5}}), -2, 2,
       {3}},
      {"attention, a mask of keys", masked, with(heads, {{2, 1, 1, 4}, {1, 1, 1, 5}}), -2, 2, {3}},
      {"attention, a mask of keys and queries at once",
       [](auto& x) { return masked({x[0], x[1], x[2], x[3].value() * x[4].value()}); },
       with(with(heads, {{3, 1}, {4, 1}}), {{1, 4}, {1, 1, 5}}), -2, 2, {3, 4}},
      {"attention, causal, with dropout",
       [](auto& x) {
         Rng rng(6);
         return attention(x[0], x[1], x[2], x[3].value(),
                          {.causal = true, .dropout = 0.3, .rng = &rng});
       },
       with(heads, {{3, 4}, {1, 4, 5}}), -2, 2, {3}},
      {"CrossAttention", [](auto& x) { return layer()(x[0], x[1], x[2]); }, sequences, -2, 2, {}, {2}},
      {"CrossAttention, masked", [](auto& x) { return layer()(x[0], x[1], x[2], x[3].value()); },
       with(sequences, {{4, 5}, {3, 4, 5}, {3, 2, 4, 5}}), -2, 2, {3}, {2}},
      {"CrossAttention, padded", [](auto& x) { return layer()(x[0], x[1], x[1], x[2].value()); },
       {{Shape{3, 4, 2}, Shape{3, 5, 2}, Shape{3, 1, 1, 5}}}, -2, 2, {2}, {2}},
      {"CrossAttention, masked, its weights asked for",
       [](auto& x) {
         Tensor weights;
         return layer()(x[0], x[1], x[2], x[3].value(), &weights);
       },
       with(sequences, {{4, 5}, {3, 4, 5}, {3, 2, 4, 5}}), -2, 2, {3}, {2}},

      // loss
      {"cross_entropy", [](auto& x) { return surprise(x[0], 0); }, logits, -2, 2, {}, {4, 5}},
      {"cross_entropy, smoothed", [](auto& x) { return surprise(x[0], 0.3); }, logits, -2, 2, {},
       {4, 5}},
      {"cross_entropy of each target", [](auto& x) { return surprise(x[0], 0.3, false); }, logits, -2, 2,
       {}, {4, 5}},
      {"binary_cross_entropy_with_logits",
       [](auto& x) { return nn::binary_cross_entropy_with_logits(x[0], x[1].value()); }, alike, -2, 2,
       {1}},
      {"binary_cross_entropy_with_logits of each element",
       [](auto& x) {
         return nn::binary_cross_entropy_with_logits(x[0], x[1].value() * 0.75, {.reduce = false});
       },
       alike, -2, 2, {1}},
  };
  return rows;
}

// ---- the table itself ----

TEST_CASE("every op of the library's headers has a row in the table of ops") {
  const std::regex declared(R"(\n(?:inline )?Var (\w+)\()");
  std::ifstream file(std::string(GLASS_SOURCE_DIR) + "/autograd/ops.h");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  int count = 0;
  for (std::sregex_iterator match(text.begin(), text.end(), declared), end; match != end; ++match) {
    const std::string op = (*match)[1];
    ++count;
    INFO("autograd/ops.h declares " << op);
    CHECK(std::ranges::any_of(op_rows(), [&](const OpRow& row) {
      return std::regex_search(row.name, std::regex("^" + op + "\\b"));
    }));
  }
  CHECK(count > 0);
}

// A transposed or exchanged gradient has the right shape where sizes are alike.
TEST_CASE("every row of the table of ops has a case without equal sizes") {
  const auto forgives = [](const Shape& shape) {
    std::vector<Index> sizes(shape.begin(), shape.end());
    std::erase(sizes, 1);
    std::ranges::sort(sizes);
    return std::ranges::find(sizes, 0) != sizes.end() ||
           std::ranges::adjacent_find(sizes) != sizes.end();
  };
  for (const OpRow& row : op_rows()) {
    INFO(row.name);
    CHECK(std::ranges::any_of(row.shapes, [&](const std::vector<Shape>& shapes) {
      return std::ranges::none_of(shapes, forgives);
    }));
  }
}
