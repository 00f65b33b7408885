// # A classifier, trained in mini-batches
//
// A network learns on which of two spirals a point lies. What to see: its accuracy on other points,
// the validation points, rises and then wavers. The network with the highest accuracy is kept.
#include <glassgrad.h>

using namespace glass;
constexpr int classes = 2;

struct Data {
  Tensor points;            // [N, 2]
  std::vector<int> labels;  // N labels, 0 … classes - 1
};

// Each label has a spiral: points t · (cos(t + φ), sin(t + φ)), where φ depends on the label.
Data spirals(Index n, Rng& rng) {
  const std::vector<int> labels = categorical(zeros({n, classes}), rng);  // all equally likely
  const Tensor t = uniform({n}, 1, 8, rng), angle = t + 6.2832 / classes * Tensor({n}, labels);
  return {stack({t * cos(angle), t * sin(angle)}, 1) / 5 + normal({n, 2}, 0, 0.1, rng), labels};
}

struct Net {
  explicit Net(Rng& rng) : in(2, 256, rng), out(256, classes, rng), dropout(0.1, rng) {}
  Var operator()(const Var& x) const { return out(dropout(relu(in(x)))); }  // [N, classes]
  void each(auto&& f) { f("in", in), f("out", out), f("dropout", dropout); }
  nn::Linear in, out;
  nn::Dropout dropout;
};

Real accuracy(const Net& net, const Data& data) {
  const NoGrad no_grad;
  nn::set_training(net, false);                                                   // without dropout
  const Tensor found({data.labels.size()}, argmax(net(data.points).value(), 1));  // [N]
  nn::set_training(net, true);
  return mean(equal(found, Tensor(found.shape(), data.labels))).item();
}

// One pass over the data in a random order, 50 points a step. A rest of less than 50 is left out.
void train(const Net& net, const Data& data, optim::Adam& adam, Rng& rng) {
  const std::vector<int> order = rng.permutation(data.points.size(0));
  for (std::size_t begin = 0; begin + 50 <= order.size(); begin += 50) {
    const auto batch = std::span(order).subspan(begin, 50);  // which points
    std::vector<int> labels;
    for (const int i : batch) labels.push_back(data.labels[static_cast<std::size_t>(i)]);
    adam.zero_grad();
    cross_entropy(net(take(data.points, 0, batch)), labels).backward();
    adam.step();
  }
}

bool run(std::uint64_t seed) {
  Rng rng(seed);
  const Data training = spirals(800, rng), validation = spirals(200, rng);
  Net net(rng), best = net;
  optim::Adam adam(nn::parameters(net), {.rate = 0.02});
  for (int epoch = 1; epoch <= 60; ++epoch) {
    train(net, training, adam, rng);
    const Real now = accuracy(net, validation);
    if (now > accuracy(best, validation)) best = net;  // a snapshot: it copies the numbers
    if (epoch % 6 == 0) fmt::print("epoch {:2}  validation accuracy {:.3f}\n", epoch, now);
  }
  const Real share = accuracy(best, spirals(1000, rng));  // points that chose no network
  fmt::print("claim: accuracy {:.3f} > 0.9: {}\n", share, share > 0.9 ? "holds" : "fails");
  return share > 0.9;
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
// Change first: `classes`, from 2 to 3: a third spiral.
