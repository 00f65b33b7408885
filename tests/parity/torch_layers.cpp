// # Layers as PyTorch saves them
//
// Modules of libtorch, their state dicts under PyTorch's own names, and their results.
//
// B batch, T queries, S keys, C width
#include "nn/serialize.h"
#include "tests/parity/rows.h"

namespace glass::parity {

torch::Tensor to_torch(const Tensor& x) {
  std::vector<double> values = x.to_vector();
  const std::vector<int64_t> sizes(x.shape().begin(), x.shape().end());
  return torch::from_blob(values.data(), sizes, torch::kDouble).clone();
}

Tensor from_torch(const torch::Tensor& x) {
  const torch::Tensor dense = x.detach().to(torch::kDouble).contiguous();
  const double* values = dense.data_ptr<double>();
  return Tensor(Shape(std::span<const Index>(dense.sizes().data(), dense.sizes().size())),
                std::vector<Real>(values, values + dense.numel()));
}

namespace {

// Numbers that a float holds exactly, so that every build of glassgrad starts from the same.
torch::Tensor random(at::IntArrayRef sizes) {
  return torch::randn(sizes, torch::kFloat).to(torch::kDouble);
}

void save_state_dict(torch::nn::Module& module, const std::string& path) {
  nn::State state;
  for (const auto& item : module.named_parameters())
    state.tensors.emplace_back(item.key(), from_torch(item.value()));
  nn::save_state(state, path, {});
}

void randomize(torch::nn::Module& module) {
  const torch::NoGradGuard frozen;
  module.to(torch::kDouble);
  for (auto& parameter : module.parameters()) parameter.copy_(random(parameter.sizes()));
}

// Torch's layer has the batch in the middle.
torch::Tensor attend(torch::nn::MultiheadAttention& layer, const torch::Tensor& query,
                     const torch::Tensor& key, const torch::Tensor& value) {
  const auto turned = [](const torch::Tensor& x) { return x.transpose(0, 1); };
  return turned(std::get<0>(layer->forward(turned(query), turned(key), turned(value))));
}

std::vector<Tensor> converted(const std::vector<torch::Tensor>& list) {
  std::vector<Tensor> result;
  for (const torch::Tensor& x : list) result.push_back(from_torch(x));
  return result;
}

}  // namespace

std::map<std::string, std::vector<Tensor>> write_layers(const std::string& folder) {
  using torch::nn::MultiheadAttentionOptions;
  std::map<std::string, std::vector<Tensor>> answers;
  torch::manual_seed(1);

  // Names that glassgrad shares.
  torch::nn::Linear linear(3, 4);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({4}));
  torch::nn::Embedding embedding(5, 3);
  torch::nn::Module layers;
  layers.register_module("linear", linear);
  layers.register_module("norm", norm);
  layers.register_module("embedding", embedding);
  randomize(layers);
  save_state_dict(layers, folder + "/layers.safetensors");
  const torch::Tensor ids = torch::tensor({{4, 0, 2}, {2, 1, 3}});
  answers["layers"] = converted({ids, norm(linear(embedding(ids)))});

  // One layer of attention alone: packed projections.
  torch::nn::MultiheadAttention alone(MultiheadAttentionOptions(4, 2));
  randomize(*alone);
  save_state_dict(*alone, folder + "/attention.safetensors");
  const torch::Tensor query = random({2, 3, 4}), key = random({2, 5, 4}), value = random({2, 5, 4});
  answers["attention"] = converted({query, key, value, attend(alone, query, key, value)});

  // Two of them inside a model: without biases, and with keys of another width.
  torch::nn::MultiheadAttention self(MultiheadAttentionOptions(4, 2).bias(false));
  torch::nn::MultiheadAttention cross(MultiheadAttentionOptions(4, 2).kdim(3).vdim(3));
  torch::nn::Module stack;
  stack.register_module("self", self);
  stack.register_module("cross", cross);
  randomize(stack);
  save_state_dict(stack, folder + "/stack.safetensors");
  const torch::Tensor image = random({2, 5, 3});
  answers["stack"] =
      converted({query, image, attend(cross, attend(self, query, query, query), image, image)});

  // A layer that reads step by step, with a state from before.
  torch::nn::GRU gru(torch::nn::GRUOptions(3, 4).batch_first(true));
  randomize(*gru);
  save_state_dict(*gru, folder + "/gru.safetensors");
  const torch::Tensor x = random({2, 5, 3}), state = random({2, 4});
  answers["gru"] = converted({x, state, std::get<0>(gru->forward(x, state.unsqueeze(0)))});
  return answers;
}

}  // namespace glass::parity
