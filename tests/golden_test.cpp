// # Comparison with stored results of PyTorch
//
// Values, gradients, trajectories and layers of PyTorch 1.13, kept in tests/parity/golden, for
// machines without it. The files are made by libtorch (tests/parity/CMakeLists.txt):
//
//     cmake -B build -DGLASS_PARITY=ON && cmake --build build --target parity
//     build/tests/parity/parity --golden tests/parity/golden
#include <set>

#include "nn/serialize.h"
#include "tests/op_table.h"
#include "tests/parity/golden.h"

namespace golden_test {

using namespace glass;
using namespace glass::oracle;

namespace {

const std::string folder = GLASS_SOURCE_DIR "/tests/parity/golden/";

const std::map<std::string, std::vector<parity::Answered>>& golden() {
  static const auto cases = parity::load_golden(folder + "cases.safetensors");
  return cases;
}

// The tensors of a layer's file: inputs, then results.
const std::vector<Tensor>& answered(const std::string& file) {
  return golden().at("file " + file).at(0).given.inputs;
}

// |Δ| / (1 + |reference|). A thousand steps let rounding grow.
double allowed(const std::string& op, bool gradient) {
  if (op == "Sgd" || op == "Adam" || op == "AdamW") return is_float ? 1e-3 : 1e-6;
  return is_float ? 2e-5 : gradient ? 1e-9 : 1e-10;
}

const double layer_tolerance = allowed("CrossAttention", false);

// The names that PyTorch gave these layers.
struct Layers {
  explicit Layers(Rng rng) : linear(3, 4, rng), norm(4), embedding(5, 3, rng) {}
  void each(auto&& f) { f("linear", linear), f("norm", norm), f("embedding", embedding); }
  nn::Linear linear;
  nn::LayerNorm norm;
  nn::Embedding embedding;
};

struct Stack {
  explicit Stack(Rng rng)
      : self(4, 2, rng, {.dropout = 0, .bias = false}),
        cross(4, 2, rng, {.dropout = 0, .key_dim = 3, .value_dim = 3}) {}
  void each(auto&& f) { f("self", self), f("cross", cross); }
  nn::CrossAttention self, cross;
};

}  // namespace

TEST_CASE("every op has PyTorch's values and gradients") {
  for (const auto& [op, unused] : parity::ops()) {
    INFO(op);
    REQUIRE(golden().contains(op));
    for (const auto& [given, expected] : golden().at(op)) {
      std::vector<parity::Input> inputs;
      for (const Tensor& x : given.inputs)
        inputs.push_back({Var(x, true), [](const Var& leaf) { return leaf; }});
      const Tensor& cotangent = expected.cotangent;
      const parity::Result got =
          parity::evaluate(op, given, inputs, [&](const Shape&) { return cotangent; });

      CHECK(difference(got.value, expected.value, allowed(op, false)) == "");
      REQUIRE(got.gradients.size() == expected.gradients.size());
      for (std::size_t i = 0; i < got.gradients.size(); ++i) {
        INFO("gradient of input " << i);
        CHECK(difference(got.gradients[i], expected.gradients[i], allowed(op, true)) == "");
      }
    }
  }
}

TEST_CASE("Linear, LayerNorm and Embedding load what PyTorch saved") {
  const Layers layers(Rng(1));
  const nn::LoadReport report = nn::load(layers, folder + "layers.safetensors");
  CHECK(report.missing.empty());
  CHECK(report.unexpected.empty());
  const auto& in_out = answered("layers");
  Tokens tokens{in_out[0].size(0), in_out[0].size(1), {}};
  for (const Real id : in_out[0].to_vector()) tokens.ids.push_back(static_cast<int>(double(id)));
  const Var y = layers.norm(layers.linear(layers.embedding(tokens)));
  CHECK(difference(y.value(), in_out[1], layer_tolerance) == "");
}

TEST_CASE("CrossAttention loads the packed weights of nn.MultiheadAttention") {
  Rng rng(1);
  const nn::CrossAttention layer(4, 2, rng, {.dropout = 0});
  CHECK_THROWS_AS(nn::load(layer, folder + "attention.safetensors"), FileError);
  nn::load_torch(layer, folder + "attention.safetensors");
  const auto& in_out = answered("attention");
  CHECK(difference(layer(in_out[0], in_out[1], in_out[2]).value(), in_out[3], layer_tolerance) ==
        "");
}

TEST_CASE("so it does inside a model, without biases, and with keys of another width") {
  const Stack stack(Rng(1));
  nn::load_torch(stack, folder + "stack.safetensors");
  const auto& in_out = answered("stack");
  const Var query = in_out[0], image = in_out[1];
  const Var y = stack.cross(stack.self(query, query, query), image, image);
  CHECK(difference(y.value(), in_out[2], layer_tolerance) == "");
}

TEST_CASE("GRU loads nn.GRU") {
  Rng rng(1);
  const nn::GRU layer(3, 4, rng);
  const nn::LoadReport report = nn::load(layer, folder + "gru.safetensors");
  CHECK((report.missing.empty() && report.unexpected.empty()));
  const auto& in_out = answered("gru");
  CHECK(difference(layer(in_out[0], in_out[1]).value(), in_out[2], layer_tolerance) == "");
}

}  // namespace golden_test
