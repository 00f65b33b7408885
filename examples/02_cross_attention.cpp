// # Cross-attention: shapes, weights, one gradient step
//
// A batch of 8 with eight heads: ten query positions of a decoder attend to twenty key positions of
// an encoder, each 512 wide. Shapes and weights are printed, then one gradient step is taken.
//
// B batch, T query length, S key length, C width, H heads
#include <glassgrad.h>

#include "examples/common/arguments.h"
#include "examples/common/program.h"

using namespace glass;

namespace {

void attend() {
  Rng rng(1);
  const nn::CrossAttention cross_attention(512, 8, rng);
  const Var decoder_query = normal({8, 10, 512}, 0, 1, rng);      // [B, T, C] = [8, 10, 512]
  const Var encoder_key_value = normal({8, 20, 512}, 0, 1, rng);  // [B, S, C] = [8, 20, 512]

  // The last argument receives the weights, which are printed below. Without it the fused op runs.
  Tensor weights;
  const Var out =
      cross_attention(decoder_query, encoder_key_value, encoder_key_value, {}, &weights);
  fmt::print("query {}  key = value {}  →  out {}\n", decoder_query.shape(),
             encoder_key_value.shape(), out.shape());  // [B, T, C] = [8, 10, 512]
  fmt::print("weights {}: one row a query, one column a key\n", weights.shape());  // [B, H, T, S]

  fmt::print(
      "\nHow the first head of the first entry looks at the keys, each row summing to 1:\n{:.3f}\n",
      weights.select(0, 0).select(0, 0));  // [T, S]
  fmt::print("row sums {:.4f}\n", sum(weights.select(0, 0).select(0, 0), -1));

  // One step of gradient descent towards a target that is all ones.
  const auto parameters = nn::named_parameters(cross_attention);
  nn::set_training(cross_attention, false);
  optim::Sgd sgd(nn::parameters(cross_attention), {.rate = 1.0});
  const auto loss_now = [&] {
    return mean(pow(cross_attention(decoder_query, encoder_key_value, encoder_key_value) - 1, 2));
  };
  const Var loss = loss_now();
  loss.backward();
  fmt::print("\n{} parameters; the length of the gradient of each:\n",
             nn::count_parameters(cross_attention));
  for (const auto& [name, p] : parameters)
    fmt::print("  {:16} {:12} {:.6f}\n", name, fmt::format("{}", p.shape()),
               sqrt(sum(p.grad() * p.grad())));
  sgd.step();
  fmt::print("\nloss {:.6f} → {:.6f}\n", loss, loss_now());
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("02_cross_attention", [&] {
    examples::expect_no_arguments("Shows one cross-attention layer: shapes, weights, gradients.",
                                  argc, argv);
    attend();
  });
}
