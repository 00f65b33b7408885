// # How intervals grow
//
// Every operation adds the rounding of its own to the widths of its operands. This program shows by
// how much: for one op that is applied to its own result again and again, and for an EncoderDecoder
// of some sizes, from the encoder's result to the gradients. It proves nothing and checks nothing: a
// width that is too large shows where a formula needs another form, or the ends more digits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "nn/transformer.h"
#include "tensor/parallel.h"

namespace {

using namespace glass;

double widest(const Tensor& x) {
  double width = 0;
  for (const Real& v : x.to_vector()) width = std::max(width, v.v.width());
  return width;
}

// The widths of f(x), f(f(x)), …, and each divided by the one before.
void repeat(const std::string& name, Index C, const std::function<Var(const Var&)>& f) {
  Rng rng(2);
  Var x(uniform({4, C}, -1, 1, rng) / 3);  // [4, C], inexact
  double before = widest(x.value());
  fmt::print("{:<11} C = {:<3}", name, C);
  try {
    for (int i = 0; i < 6; ++i) {
      x = f(x);
      const double width = widest(x.value());
      fmt::print(" {:8.1e} (×{:.0f})", width, width / before);
      before = width;
    }
  } catch (const Undecided& error) {
    fmt::print(" {}", error.what());
  }
  fmt::print("\n");
}

void ops(Index C) {
  Rng rng(3);
  const double bound = std::sqrt(3 / static_cast<double>(C));  // keeps the size of its input
  const Var weight(uniform({C, C}, -bound, bound, rng)), gain(ones({C})), bias(zeros({C}));
  repeat("layer_norm", C, [&](const Var& x) { return layer_norm(x, gain, bias); });
  repeat("linear", C, [&](const Var& x) { return linear(x, weight, bias); });
  repeat("tanh", C, [](const Var& x) { return tanh(x); });
  repeat("softmax", C, [](const Var& x) { return softmax(x) * 3; });
  repeat("attention", C, [=](const Var& x) {
    const Var heads = x.reshape({1, 1, 4, C});
    return attention(heads, heads, heads).reshape({4, C});
  });
}

// Random tokens, none of which is padding.
Tokens tokens(Index length, Rng& rng) {
  Tokens all{2, length, {}};
  for (Index i = 0; i < 2 * length; ++i) all.ids.push_back(1 + static_cast<int>(rng.below(63)));
  return all;
}

void model(Index layers, Index dim) {
  Rng rng(1);
  const nn::EncoderDecoder model(rng, {.source_vocab = 64,
                                       .target_vocab = 64,
                                       .dim = dim,
                                       .heads = std::max<Index>(1, dim / 16),
                                       .layers = layers,
                                       .hidden = 4 * dim});
  const Tokens source = tokens(5, rng), target = tokens(4, rng);
  fmt::print("{} layers, C = {}, {} parameters: ", layers, dim, nn::count_parameters(model));
  try {
    fmt::print("memory {:.1e}", widest(model.encode(source).value()));
    const Var logits = model(source, target);  // [2, 4, 64]
    fmt::print(", logits {:.1e}", widest(logits.value()));
    std::vector<int> labels(8);
    std::iota(labels.begin(), labels.end(), 1);
    cross_entropy(logits.reshape({8, 64}), labels).backward();
    double width = 0;
    for (const auto& [name, parameter] : nn::named_parameters(model))
      width = std::max(width, widest(Var(parameter).grad()));
    fmt::print(", gradients {:.1e}\n", width);
  } catch (const Undecided& error) {
    fmt::print(", {}\n", error.what());
  }
}

}  // namespace

int main() {
  for (const Index C : {8, 64}) ops(C);
  for (const Index layers : {1, 2})
    for (const Index dim : {8, 16, 32, 64}) model(layers, dim);
}
