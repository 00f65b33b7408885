// # A training that stops, and goes on later
//
// One file holds the model, the optimiser, the count of steps and the random streams. What to see:
// after a pause the training goes on as if there had been none, with the same losses and weights.
#include <glassgrad.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

using namespace glass;
namespace fs = std::filesystem;

struct Net {
  explicit Net(Rng& rng) : up(1, 32, rng), down(32, 1, rng), dropout(0.1, rng) {}
  Var operator()(const Var& x) const { return down(dropout(tanh(up(x)))); }  // [64, 1] → [64, 1]
  void each(auto&& f) { f("up", up), f("down", down), f("dropout", dropout); }
  nn::Linear up, down;
  nn::Dropout dropout;  // has a random stream, which is saved too
};

struct Training {
  Rng rng;  // of the batches
  Net net{rng};
  optim::Adam adam{nn::parameters(net)};
  Index step = 0;

  void run_until(Index last) {
    while (step < last) {
      adam.options.rate = optim::warmup_cosine(++step, {.rate = 0.02, .warmup = 20, .total = 400});
      const Tensor x = uniform({64, 1}, -3, 3, rng);  // a new batch
      const Var loss = mean(pow(net(x) - x * tanh(2 * x), 2));
      adam.zero_grad();
      loss.backward();
      adam.step();
      if (step % 100 == 0) fmt::print("step {}  loss {:.6f}\n", step, loss);
    }
  }
  void save(const fs::path& file) const {
    nn::save(file, {{"net", net}, {"adam", adam}, {"step", step}, {"rng", rng}});
  }
  void load(const fs::path& file) {
    nn::load(file, {{"net", net}, {"adam", adam}, {"step", step}, {"rng", rng}});
  }
};

bool run(std::uint64_t seed) {
  const fs::path file = fs::temp_directory_path() / fmt::format("net-{}", std::random_device()());
  Training whole{Rng(seed)}, stopped{Rng(seed)}, resumed{Rng(0)};  // load() overwrites the last
  whole.run_until(400);
  stopped.run_until(200);
  stopped.save(file);
  resumed.load(file);
  fs::remove(file);
  resumed.run_until(400);

  const auto numbers = [](const Var& p) { return p.value().to_vector(); };
  const bool holds = std::ranges::equal(nn::parameters(whole.net), nn::parameters(resumed.net), {},
                                        numbers, numbers);
  fmt::print("claim: all {} weights are the same, bit for bit: {}\n",
             nn::count_parameters(whole.net), holds ? "holds" : "fails");
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

// Change first: give Net a third layer, and name it in each(). The file then holds it too.
