// # A character model that writes
//
// Self-attention with a causal mask, by which no character sees a later one, learns to predict the
// next character of a text. What to see: it then writes words of the text, in a partly new order.
#include <glassgrad.h>
#include <sstream>

using namespace glass;
constexpr std::string_view text =
    " the old boat sleeps on the sand. the wind sings to the boat, and the sea sings back. a small "
    "bird walks along the sand and looks for a shell. the shell keeps a song of the sea. when the "
    "moon is high, the boat wakes up and tells the bird of the sea. the bird sings to the moon. ";
constexpr Index window = 12;  // how many characters the model sees; tokens are ASCII codes

struct Model {
  explicit Model(Rng& rng) : in(128, 64, rng, 0.5), layer({.dropout = 0}, rng), out(64, 128, rng) {}
  Var operator()(const Tokens& windows) const {  // [B, window] → [B, window, 128]
    return out(layer(in(windows) + nn::sinusoidal_positions(window, 64), nn::causal_mask(window)));
  }
  void each(auto&& f) { f("in", in), f("layer", layer), f("out", out); }
  nn::Embedding in;
  nn::EncoderLayer layer;
  nn::Linear out;
};

void train(const Model& model, Rng& rng) {
  optim::Adam adam(nn::parameters(model), {.rate = 0.003});
  for (int step = 1; step <= 600; ++step) {
    Tokens batch{32, window, {}}, next = batch;  // the characters, and those that follow
    for (Index i = 0; i < batch.batch; ++i) {
      const auto begin = text.begin() + rng.below(std::ssize(text) - window);
      batch.ids.insert(batch.ids.end(), begin, begin + window);
      next.ids.insert(next.ids.end(), begin + 1, begin + window + 1);
    }
    const Var loss = cross_entropy(model(batch), next.ids);
    adam.zero_grad();
    loss.backward();
    adam.step();
    if (step % 100 == 0) fmt::print("step {:3}  loss {:.3f}\n", step, loss);
  }
}

// Draws a character, reads it, draws the next one. Temperature 0.5: likely ones become likelier.
std::string write(const Model& model, Rng& rng) {
  const NoGrad no_grad;
  std::string written(text.substr(0, window));
  for (int i = 0; i < 400; ++i) {
    const Var logits = model({1, window, {written.end() - window, written.end()}});
    written += static_cast<char>(categorical(logits.value().select(1, -1) / 0.5, rng)[0]);
  }
  return written;
}

bool run(std::uint64_t seed) {
  Rng rng(seed);
  const Model model(rng);
  train(model, rng);
  std::istringstream written(write(model, rng));
  fmt::print("{}\n", written.str());
  double words = 0, known = 0;
  for (std::string w; written >> w; ++words) known += text.find(" " + w + " ") != text.npos;
  const bool holds = known / words > 0.9;
  fmt::print("claim: known words {:.2f} > 0.9: {}\n", known / words, holds ? "holds" : "fails");
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
// Change first: the text, to 300 ASCII characters; the claim needs spaces around every word.
