// # Weights from PyTorch
//
// Three lines of Python write a file with the weights of attention and a linear layer:
//     from torch import nn; from safetensors.torch import save_file
//     attn, head = nn.MultiheadAttention(16, 2, batch_first=True), nn.Linear(16, 3)
//     save_file(nn.ModuleDict({"attn": attn, "head": head}).state_dict(), "weights.safetensors")
// load_torch() reads such a file into a model, read_tensors() into a map. This program writes one
// itself, with random numbers, so that it needs no Python. What to see: in_proj_weight packs the
// projections of query, key and value.   T positions, C = 16 wide, H = 2 heads of D = 8
#include <glassgrad.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

using namespace glass;

struct Model {
  explicit Model(Rng& rng) : attn(16, 2, rng, {.dropout = 0}), head(16, 3, rng) {}
  Var operator()(const Var& x) const { return head(attn(x, x, x)); }  // [1, T, C] → [1, T, 3]
  void each(auto&& f) { f("attn", attn), f("head", head); }           // PyTorch's names
  nn::CrossAttention attn;
  nn::Linear head;
};

void write_like_torch(const std::filesystem::path& path, Rng& rng) {
  const auto random = [&](Shape shape) { return normal(shape, 0, 0.2, rng); };
  nn::save(path, {{"attn.in_proj_weight", random({48, 16})},
                  {"attn.in_proj_bias", random({48})},
                  {"attn.out_proj.weight", random({16, 16})},
                  {"attn.out_proj.bias", random({16})},
                  {"head.weight", random({3, 16})},
                  {"head.bias", random({3})}});
}

// The model as a formula of the tensors of the file. x [T, C] → [T, 3]
Tensor by_hand(const std::map<std::string, Tensor>& t, const Tensor& x) {
  const Tensor packed = linear(x, t.at("attn.in_proj_weight"), t.at("attn.in_proj_bias"));
  const Tensor heads = packed.reshape({-1, 3, 2, 8}).permute({1, 2, 0, 3});  // [3, H, T, D]
  const Tensor q = heads.select(0, 0), k = heads.select(0, 1), v = heads.select(0, 2);
  const Tensor weights = softmax(matmul(q, k.mT()) / std::sqrt(8.0));           // [H, T, T]
  const Tensor context = matmul(weights, v).transpose(0, 1).reshape({-1, 16});  // [T, C]
  const Tensor out = linear(context, t.at("attn.out_proj.weight"), t.at("attn.out_proj.bias"));
  return linear(out, t.at("head.weight"), t.at("head.bias"));  // [T, 3]
}

bool run(std::uint64_t seed) {
  Rng rng(seed);
  const auto path = std::filesystem::temp_directory_path() / std::to_string(std::random_device()());
  write_like_torch(path, rng);
  const auto tensors = nn::read_tensors(path);
  for (const auto& [name, tensor] : tensors) fmt::print("{:22}{}\n", name, tensor.shape());
  Model model(rng);
  nn::load_torch(model, path);
  std::filesystem::remove(path);

  const Tensor x = normal({1, 5, 16}, 0, 1, rng);  // [1, T, C]
  const Real error = max(abs(model(x).value() - by_hand(tensors, x.squeeze(0)))).item();
  const bool holds = error < 1e-6;
  fmt::print("claim: largest error {:.0e} < 1e-6: {}\n", error, holds ? "holds" : "fails");
  return holds;
}

// The only argument is the seed. Status 0: the claim holds; 1: it fails; 2: an error.
int main(int argc, char** argv) try {
  const std::string word = argc > 1 ? argv[1] : "1";
  const std::uint64_t seed = std::strtoull(word.c_str(), nullptr, 10);
  if (argc > 2 || std::to_string(seed) != word)  // of "abc" or "3x" strtoull reads only a part
    throw std::invalid_argument("usage: one optional seed, a whole number");
  const bool holds = run(seed);
  if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write the standard output");
  return holds ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}

// Change first: give head 10 outputs, in Model and in write_like_torch().
