// # A variational autoencoder
//
// The encoder gives a mean and a variance for each number of an image's code. The code is drawn as
// mean + deviation · noise, so that gradients reach both, and the decoder restores the image.
// What to see: images that are decoded from noise alone look like the others.
#include <glassgrad.h>

using namespace glass;
constexpr Index codes = 2;  // how many numbers a code has

struct Net {
  explicit Net(Rng& rng)
      : enc(64, 64, rng), code(64, 2 * codes, rng), dec(codes, 64, rng), out(64, 64, rng) {}
  Var decode(const Var& z) const { return out(relu(dec(z))); }  // [N, codes] → [N, 64]
  void each(auto&& f) { f("enc", enc), f("code", code), f("dec", dec), f("out", out); }
  nn::Linear enc, code, dec, out;
};

// Images of 8 × 8 pixels [N, 64]. Each has a round spot at a random place.
Tensor spots(Index n, Rng& rng) {
  const Tensor down = arange(8).unsqueeze(1) - uniform({n, 1, 1}, 1, 6, rng);  // [N, 8, 1]
  const Tensor right = arange(8) - uniform({n, 1, 1}, 1, 6, rng);              // [N, 1, 8]
  return exp(-(down * down + right * right) / 4).reshape({n, 64});
}

// Gives the restored images [N, 64], and means over them: the squared error, the KL divergence [].
std::tuple<Var, Var, Var> restore(const Net& net, const Tensor& x, Rng& rng) {
  const Var code = net.code(relu(net.enc(x)));  // [N, 2 codes]
  const Var mu = code.slice(1, 0, codes), log_variance = code.slice(1, codes);
  const Var z = mu + exp(log_variance / 2) * normal(mu.shape(), 0, 1, rng);         // [N, codes]
  const Var images = net.decode(z);                                                 // [N, 64]
  const Var kl = mean(sum(mu * mu + exp(log_variance) - log_variance - 1, 1)) / 2;  // []
  return {images, mean(sum(pow(images - x, 2), 1)), kl};
}

// Prints the first eight images, one beside the other.
void show(std::string_view title, const Tensor& images) {
  fmt::print("{}:\n", title);
  for (Index row = 0; row < 8; ++row) {
    for (const Real pixel : images.reshape({-1, 8, 8}).slice(0, 0, 8).select(1, row).to_vector())
      fmt::print("{}", " .:-=+*#%@"[std::clamp(static_cast<int>(10 * pixel), 0, 9)]);
    fmt::print("\n");
  }
}

bool run(std::uint64_t seed) {
  Rng rng(seed);
  const Net net(rng);
  optim::Adam adam(nn::parameters(net), {.rate = 0.003});
  for (int step = 1; step <= 1500; ++step) {
    const auto [images, error, kl] = restore(net, spots(64, rng), rng);
    adam.zero_grad();
    (50 * error + kl).backward();  // 50 = 1 / (2 σ²) for pixels with a deviation σ of 0.1
    adam.step();
  }
  const Tensor x = spots(500, rng);
  const auto [images, error, kl] = restore(net, x, rng);
  show("new images", x);
  show("restored", images.value());
  show("decoded from noise", net.decode(normal({8, codes}, 0, 1, rng)).value());
  const bool holds = error.item() < 0.3 && kl.item() > 1;  // of the mean image: 3.3 and 0
  fmt::print("claim: error {:.3f} < 0.3, KL {:.2} > 1: {}\n", error, kl, holds ? "holds" : "fails");
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

// Change first: `codes`, from 2 to 3. With 1 the claim fails, since a place has two coordinates.
