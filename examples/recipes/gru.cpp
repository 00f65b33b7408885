// # A GRU that keeps a state
//
// A lamp has three levels of light, and buttons that go to the next level, back, and to level 0.
// A GRU reads which buttons are pressed, and says after each of them which level the lamp has. The
// order matters: "zero, next" leaves level 1, and "next, zero" leaves level 0.
// What to see: it learns from sequences of 12 buttons, and is right in sequences of 100.
#include <glassgrad.h>

using namespace glass;

constexpr int levels = 3, buttons = 4;
enum Button { nothing, next, back, zero };

struct Presses {
  Tokens pressed;            // [N, T] buttons
  std::vector<int> answers;  // the level after each of them, N · T
};

// N lamps of level 0, and T random buttons for each.
Presses press(Index n, Index length, Rng& rng) {
  Presses result{{n, length, categorical(zeros({n * length, buttons}), rng)}, {}};
  int level = 0;
  for (const int button : result.pressed.ids) {
    if (static_cast<Index>(result.answers.size()) % length == 0) level = 0;  // another lamp
    if (button == next) level = (level + 1) % levels;
    if (button == back) level = (level + levels - 1) % levels;
    if (button == zero) level = 0;
    result.answers.push_back(level);
  }
  return result;
}

struct Net {
  explicit Net(Rng& rng) : embedding(buttons, 8, rng), gru(8, 32, rng), out(32, levels, rng) {}
  Var operator()(const Tokens& pressed) const {
    const Var states = gru(embedding(pressed));  // [N, T, 8] → [N, T, 32]
    return out(states);                          // [N, T, levels]
  }
  void each(auto&& f) { f("embedding", embedding), f("gru", gru), f("out", out); }
  nn::Embedding embedding;
  nn::GRU gru;
  nn::Linear out;
};

// Prints the course of the training, and returns whether the claim holds.
bool run(std::uint64_t seed) {
  Rng rng(seed);
  const Net net(rng);
  optim::Adam adam(nn::parameters(net), {.rate = 0.01});
  for (int step = 1; step <= 300; ++step) {
    const Presses batch = press(32, 12, rng);
    const Var loss = cross_entropy(net(batch.pressed), batch.answers);
    adam.zero_grad();
    loss.backward();
    adam.step();
    if (step % 30 == 0) fmt::print("step {:3}  loss {:.4f}\n", step, loss);
  }
  const Presses test = press(100, 100, rng);
  const NoGrad no_grad;
  const Tensor found({10000}, argmax(net(test.pressed).value(), -1));
  const Real share = mean(equal(found, Tensor({10000}, test.answers))).item();
  fmt::print("claim: accuracy {:.4f} > 0.99: {}\n", share, share > 0.99 ? "holds" : "fails");
  return share > 0.99;
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

// Change first: `levels`, from 3 to 4.
