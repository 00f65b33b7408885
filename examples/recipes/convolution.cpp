// # A convolution made of views
//
// Nine slices of the images, shifted by 0 to 2 pixels down and right, are views. Joined along the
// channels, they hold at each place the 3 × 3 pixels of a window, and a Linear maps every window.
// What to see: the network names the direction of a stroke, at any place and in noise.
#include <glassgrad.h>

using namespace glass;

// Images [N, height, width, in] → [N, height - 2, width - 2, out]
struct Convolution {
  Convolution(Index in, Index out, Rng& rng) : map(9 * in, out, rng) {}
  Var operator()(const Var& x) const {
    const Index height = x.size(1) - 2, width = x.size(2) - 2;
    std::vector<Var> shifted;
    for (Index row = 0; row < 3; ++row)
      for (Index column = 0; column < 3; ++column)
        shifted.push_back(x.slice(1, row, row + height).slice(2, column, column + width));
    return map(cat(shifted, -1));  // [N, height - 2, width - 2, 9 in] → […, out]
  }
  void each(auto&& f) { f("map", map); }
  nn::Linear map;
};

struct Net {
  explicit Net(Rng& rng) : first(1, 8, rng), second(8, 16, rng), out(16, 4, rng) {}
  // [N, 12, 12, 1] → [N, 8, 8, 16] → the mean over all places [N, 16] → [N, 4]
  Var operator()(const Var& x) const { return out(mean(relu(second(relu(first(x)))), {1, 2})); }
  void each(auto&& f) { f("first", first), f("second", second), f("out", out); }
  Convolution first, second;
  nn::Linear out;
};

// Images [N, 12, 12, 1] of noise, each with a stroke of 5 pixels. The label is its direction.
std::pair<Tensor, std::vector<int>> strokes(Index n, Rng& rng) {
  constexpr Index dy[] = {0, 1, 1, 1}, dx[] = {1, 0, 1, -1};  // — | \ /
  Tensor images = normal({n, 12, 12, 1}, 0, 0.3, rng);
  const std::vector<int> labels = categorical(zeros({n, 4}), rng);  // all equally likely
  for (Index i = 0; i < n; ++i) {
    const Index y = 2 + rng.below(8), x = 2 + rng.below(8);  // the middle of the stroke
    const int label = labels[static_cast<std::size_t>(i)];
    for (Index k = -2; k <= 2; ++k) images(i, y + k * dy[label], x + k * dx[label], 0) += 1;
  }
  return {images, labels};
}

bool run(std::uint64_t seed) {
  Rng rng(seed);
  const Net net(rng);
  optim::Adam adam(nn::parameters(net), {.rate = 0.02});
  for (int step = 1; step <= 400; ++step) {
    const auto [images, labels] = strokes(64, rng);
    const Var loss = cross_entropy(net(images), labels);
    adam.zero_grad();
    loss.backward();
    adam.step();
    if (step % 40 == 0) fmt::print("step {:3}  loss {:.4f}\n", step, loss);
  }
  const auto [images, labels] = strokes(500, rng);
  const Tensor found({500}, argmax(net(images).value(), 1));
  const Real share = mean(equal(found, Tensor({500}, labels))).item();
  fmt::print("claim: accuracy {:.3f} > 0.95: {}\n", share, share > 0.95 ? "holds" : "fails");
  return share > 0.95;
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

// Change first: `mean` in Net to `amax`, the largest number of all places instead of their mean.
