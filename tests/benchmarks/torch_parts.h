// # What the files of the libtorch module share
//
// B batch, T queries, S keys, C width, H heads, D width of a head
#pragma once

#include <torch/torch.h>

#include "tests/benchmarks/torch.h"

namespace bench {

// ---- attention, in the ways that people write it ----

enum class Way {
  separate,   // four projections, products of 4 axes
  packed,     // queries, keys, values in one projection where they can be; batched products of 3
  fused,      // packed, and libtorch's own scaled_dot_product_attention
  multihead,  // torch::nn::MultiheadAttention, which wants [T, B, C]
};

template <class Made, class Wanted, class Make>
Makers<Made, Wanted> in_every_way(Make make) {
  const auto in = [make](Way way) { return [=](const Wanted& w) { return make(w, way); }; };
  return {{"separate", in(Way::separate)},
          {"packed", in(Way::packed)},
          {"fused", in(Way::fused)},
          {"MultiheadAttention", in(Way::multihead)}};
}

// What a query may not see: added to the scores ([B, H, T, S] or less; `packed`: [B H, T, S]), or,
// for MultiheadAttention, two boolean masks.
struct Mask {
  torch::Tensor bias = {}, keys = {}, pairs = {};
};

// x with dropout, as in training; without a call where no number is dropped.
inline torch::Tensor dropped(const torch::Tensor& x, double share) {
  return share > 0 ? torch::dropout(x, share, true) : x;
}

// [B, H, T, D], [B, H, S, D] → [B, H, T, D], in training mode.
torch::Tensor attend(Way way, const torch::Tensor& q, const torch::Tensor& k,
                     const torch::Tensor& v, const torch::Tensor& bias, double dropout);

struct Attention : torch::nn::Module {
  Attention(int width, int heads, double dropout, Way way, bool self);
  // [B, T, C], [B, S, C] → [B, T, C]; or [T, B, C] for MultiheadAttention.
  torch::Tensor forward(const torch::Tensor& query, const torch::Tensor& memory, const Mask& mask);

  Way way;
  int heads;
  double dropout;
  std::vector<torch::nn::Linear> projections;
  torch::nn::Linear out{nullptr};
  torch::nn::MultiheadAttention multihead{nullptr};
};

// ---- the parts of struct Torch ----

Op torch_op(const OpCase& c);
Chain torch_chain(const ChainCase& c);
Makers<Trainer, Model> torch_trainers();
Makers<Attended, Scores> torch_attention();
Makers<Attended, CrossLayer> torch_layers();

}  // namespace bench
