// # libtorch's attention, the op and the layer
//
// B batch, T queries, S keys, C width, H heads, D width of a head
#include <cmath>

#include "tests/benchmarks/torch_parts.h"

namespace bench {

using torch::Tensor;

// ---- the op ----

namespace {

// libtorch made its own attention public in 2.0. Before that its name began with an underscore, and
// it returned the weights too.
Tensor fused_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias,
                       double dropout) {
#if TORCH_VERSION_MAJOR >= 2
  return bias.defined() ? at::scaled_dot_product_attention(q, k, v, bias, dropout)
                        : at::scaled_dot_product_attention(q, k, v, {}, dropout);
#else
  return std::get<0>(bias.defined() ? at::_scaled_dot_product_attention(q, k, v, bias, dropout)
                                    : at::_scaled_dot_product_attention(q, k, v, {}, dropout));
#endif
}

}  // namespace

Tensor attend(Way way, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias,
              double dropout) {
  if (way == Way::fused) return fused_attention(q, k, v, bias, dropout);
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  if (way == Way::separate) {
    Tensor scores = torch::matmul(q * scale, k.transpose(2, 3));  // [B, H, T, S]
    if (bias.defined()) scores.add_(bias);
    return torch::matmul(dropped(scores.softmax(-1), dropout), v);  // [B, H, T, D]
  }
  const auto flat = [](const Tensor& x) { return x.reshape({-1, x.size(2), x.size(3)}); };
  const Tensor keys = flat(k).transpose(1, 2);  // [B H, D, S]
  const Tensor scores = bias.defined() ? torch::baddbmm(bias, flat(q), keys, 1, scale)
                                       : torch::bmm(flat(q * scale), keys);  // [B H, T, S]
  return torch::bmm(dropped(scores.softmax(-1), dropout), flat(v))
      .view({q.size(0), q.size(1), q.size(2), v.size(3)});  // [B, H, T, D]
}

// ---- the layer ----

Attention::Attention(int width, int h, double share, Way w, bool self)
    : way(w), heads(h), dropout(share) {
  const auto linear = [&](const char* name, int size) {
    return register_module(name, torch::nn::Linear(width, size));
  };
  if (way == Way::multihead) {
    multihead = register_module(
        "attention", torch::nn::MultiheadAttention(
                         torch::nn::MultiheadAttentionOptions(width, heads).dropout(dropout)));
    return;
  }
  if (way == Way::separate) {
    projections = {linear("q", width), linear("k", width), linear("v", width)};
  } else if (self) {
    projections = {linear("qkv", 3 * width)};
  } else {
    projections = {linear("q", width), linear("kv", 2 * width)};
  }
  out = linear("out", width);
}

Tensor Attention::forward(const Tensor& query, const Tensor& memory, const Mask& mask) {
  if (way == Way::multihead)
    return std::get<0>(
        multihead->forward(query, memory, memory, mask.keys, false, mask.pairs));  // [T, B, C]

  std::vector<Tensor> qkv;  // [B, H, T, D]
  for (std::size_t i = 0; i < projections.size(); ++i) {
    const Tensor x = projections[i](i == 0 ? query : memory);  // [B, T, C], or 2 C or 3 C wide
    for (const Tensor& part : x.split(query.size(2), 2))
      qkv.push_back(part.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2));
  }
  const Tensor context = attend(way, qkv[0], qkv[1], qkv[2], mask.bias, dropout);  // [B, H, T, D]
  return out(context.transpose(1, 2).reshape(query.sizes()));                      // [B, T, C]
}

// ---- what the races need ----

namespace {

Attended attended(const Scores& s, Way way) {
  const auto leaf = [&](const std::vector<float>& v) {
    return torch::tensor(v).view({1, s.heads, s.length, s.width}).requires_grad_();
  };
  const Tensor q = leaf(s.q), k = leaf(s.k), v = leaf(s.v), seed = q.detach();
  Tensor bias;  // [T, T]
  if (s.causal) {
    bias = torch::full({s.length, s.length}, -INFINITY).triu_(1);
    if (way == Way::packed) bias = bias.unsqueeze(0);
  }
  const auto run = [=, dropout = s.dropout] {
    for (const Tensor& x : {q, k, v}) x.mutable_grad().reset();
    const Tensor y = attend(way, q, k, v, bias, dropout);
    y.backward(seed);
    return y.detach();
  };
  const auto answer = [=] {
    const Tensor all =
        torch::cat({run().flatten(), q.grad().flatten(), k.grad().flatten(), v.grad().flatten()});
    return std::vector<float>(all.data_ptr<float>(), all.data_ptr<float>() + all.numel());
  };
  return {[run] { run(); }, answer};
}

Attended attended_layer(const CrossLayer& l, Way way) {
  const bool turned = way == Way::multihead;
  const auto input = [&](int length) {
    return torch::randn(turned ? std::vector<int64_t>{length, l.batch, l.width}
                               : std::vector<int64_t>{l.batch, length, l.width})
        .requires_grad_();
  };
  const Tensor query = input(l.queries), memory = input(l.keys), seed = torch::ones_like(query);
  const auto layer = std::make_shared<Attention>(l.width, l.heads, l.dropout, way, false);
  return {[=] {
            for (const Tensor& x : {query, memory}) x.mutable_grad().reset();
            for (const Tensor& p : layer->parameters()) p.mutable_grad().reset();
            layer->forward(query, memory, {}).backward(seed);
          },
          {}};
}

}  // namespace

Makers<Attended, Scores> torch_attention() {
  auto makers = in_every_way<Attended, Scores>(attended);
  makers.erase("MultiheadAttention");  // has no name for the op alone
  return makers;
}

Makers<Attended, CrossLayer> torch_layers() {
  return in_every_way<Attended, CrossLayer>(attended_layer);
}

}  // namespace bench
