#include "nn/module.h"

#include <array>
#include <filesystem>

#include "nn/attention.h"
#include "nn/loss.h"
#include "nn/serialize.h"
#include "nn/summary.h"
#include "nn/transformer.h"
#include "optim/sgd.h"
#include "tests/op_table.h"

namespace module_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// A module as a user writes it.
struct Block {
  nn::Linear up, down;
  Var operator()(const Var& x) const { return down(relu(up(x))); }
  void each(auto&& f) { f("up", up), f("down", down); }
};

// Everything that each() may name.
struct Zoo {
  explicit Zoo(Rng& rng)
      : stem(2, 3, rng), gain(ones({3})), drop(0.5, rng), statistics(arange(3)), stream(7) {
    for (int i = 0; i < 2; ++i)
      blocks.push_back({nn::Linear(3, 4, rng), nn::Linear(4, 3, rng, {.bias = false})});
  }
  void each(auto&& f) {
    f("stem", stem), f("gain", gain), f("scales", scales), f("blocks", blocks);
    f("absent", absent), f("present", present), f("drop", drop), f("statistics", statistics);
    f("stream", stream), f("steps", steps), f("rate", rate);
  }
  nn::Linear stem;
  nn::Parameter gain;
  std::vector<nn::Parameter> scales{nn::Parameter(ones({1})), nn::Parameter(ones({2}))};
  std::vector<Block> blocks;
  std::optional<nn::LayerNorm> absent, present = nn::LayerNorm(3);
  nn::Dropout drop;
  Tensor statistics;
  Rng stream;
  Index steps = 0;
  double rate = 0.5;
};

// Knows two layers and names one.
struct Forgetful {
  nn::Linear named, forgotten;
  Var operator()(const Var& x) const { return forgotten(named(x)); }
  void each(auto&& f) { f("named", named); }
};

struct Tied {
  nn::Parameter a, b;
  std::vector<nn::Parameter> list;
  void each(auto&& f) { f("a", a), f("b", b), f("list", list); }
};

struct Nothing {
  void each(auto&&) {}
};

// Has a mode of its own.
struct Mode {
  bool training = true;
  nn::LayerNorm norm{2};
  void each(auto&& f) { f("norm", norm); }
};

std::vector<std::string> names_of(const auto& module) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : nn::named_parameters(module)) names.push_back(name);
  return names;
}

Tensor some(const Shape& shape) {
  Rng rng(5);
  return uniform(shape, -1, 1, rng);
}

}  // namespace

// ---- names ----

TEST_CASE("parameters are named by their path, in the order of each()") {
  Rng rng(1);
  const Zoo zoo(rng);
  CHECK(names_of(zoo) ==
        std::vector<std::string>{"stem.weight", "stem.bias", "gain", "scales.0", "scales.1",
                                 "blocks.0.up.weight", "blocks.0.up.bias", "blocks.0.down.weight",
                                 "blocks.1.up.weight", "blocks.1.up.bias", "blocks.1.down.weight",
                                 "present.weight", "present.bias"});
  CHECK(nn::parameters(zoo).size() == 13);
  CHECK(nn::count_parameters(zoo) == 6 + 3 + 3 + 1 + 2 + 2 * (12 + 4 + 12) + 6);
}

TEST_CASE("a parameter by its name is the module's own") {
  Rng rng(1);
  const Block block{nn::Linear(2, 3, rng), nn::Linear(3, 2, rng)};
  Tensor weight = nn::named_parameters(block).at(2).second.value();
  weight.fill(9);
  CHECK(exact_difference(block.down.weight.value(), full({2, 3}, 9)) == "");
}

TEST_CASE("an optional module is named only while it is there") {
  Rng rng(1);
  Zoo zoo(rng);
  zoo.present.reset();
  CHECK(names_of(zoo).back() == "blocks.1.down.weight");
  zoo.absent.emplace(3);
  CHECK(names_of(zoo).back() == "absent.bias");
}

TEST_CASE("a lone parameter vector and an empty module have names too") {
  CHECK(names_of(Nothing{}).empty());
  CHECK(nn::count_parameters(Nothing{}) == 0);
  const std::vector<nn::LayerNorm> list(2, nn::LayerNorm(3));
  CHECK(names_of(list) == std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias"});
}

// ---- sharing and copying ----

TEST_CASE("a tied weight is one parameter, under its first name") {
  Rng rng(1);
  Block block{nn::Linear(3, 3, rng), nn::Linear(3, 3, rng)};
  CHECK(nn::count_parameters(block) == 24);
  block.down.weight = Var(block.up.weight);
  CHECK(names_of(block) == std::vector<std::string>{"up.weight", "up.bias", "down.bias"});
  CHECK(nn::count_parameters(block) == 15);
  CHECK(nn::parameters(block).size() == 3);
}

TEST_CASE("a tied weight gathers both gradients and is stepped once") {
  Rng rng(1);
  Block tied{nn::Linear(3, 3, rng), nn::Linear(3, 3, rng)};
  Block free = tied;
  tied.down.weight = Var(tied.up.weight);
  free.down.weight = free.up.weight;  // the same numbers, not shared
  const Tensor x = some({2, 3});
  sum(tied(x)).backward();
  sum(free(x)).backward();
  const Tensor both = free.up.weight.grad() + free.down.weight.grad();
  CHECK(tied.up.weight.grad().shape() == Shape{3, 3});
  CHECK(difference(tied.up.weight.grad(), both) == "");
  CHECK(difference(tied.down.weight.grad(), both) == "");

  const Tensor before = tied.up.weight.value().clone();
  optim::Sgd sgd(nn::parameters(tied), {.rate = 0.5});
  sgd.step();
  CHECK(difference(tied.up.weight.value(), before - 0.5 * both) == "");
  CHECK(difference(tied.down.weight.value(), before - 0.5 * both) == "");
}

TEST_CASE("a copy of a module has numbers of its own and no gradient") {
  Rng rng(1);
  const Block original{nn::Linear(2, 3, rng), nn::Linear(3, 2, rng)};
  sum(original(some({4, 2}))).backward();
  Block copy = original;
  for (const Var& p : nn::parameters(copy)) {
    CHECK(p.requires_grad());
    CHECK(!p.has_grad());
  }
  const Tensor before = original.up.weight.value().clone();
  CHECK(exact_difference(copy.up.weight.value(), before) == "");
  Tensor weight = copy.up.weight.value();
  weight.fill(3);
  CHECK(exact_difference(original.up.weight.value(), before) == "");
  CHECK(original.up.weight.has_grad());

  const Node* const node = copy.up.weight.node().get();
  copy = original;  // the numbers are copied, the leaves stay
  CHECK(exact_difference(copy.up.weight.value(), before) == "");
  CHECK(copy.up.weight.node().get() == node);
  CHECK(node != original.up.weight.node().get());
  CHECK(!copy.up.weight.has_grad());
}

TEST_CASE("a snapshot that is assigned back goes on being trained by the same optimiser") {
  Rng rng(1);
  Block net{nn::Linear(2, 3, rng), nn::Linear(3, 2, rng)};
  Block best = net;
  optim::Sgd sgd(nn::parameters(net), {.rate = 0.1});
  const Tensor x = some({4, 2});
  const auto train = [&] {
    sgd.zero_grad();
    const Var loss = sum(net(x) * net(x));
    loss.backward();
    sgd.step();
    return static_cast<double>(loss.item());
  };
  const double first = train();
  for (int i = 0; i < 3; ++i) (void)train();
  sum(net(x)).backward();
  net = best;
  for (const Var& p : nn::parameters(net)) CHECK(!p.has_grad());
  CHECK(train() == first);
  CHECK(train() < first);
  best = net;  // and in the other direction: the snapshot does not change with net
  (void)train();
  CHECK(exact_difference(best.up.weight.value(), net.up.weight.value()) != "");
}

TEST_CASE("assigning a tied model leaves the ties") {
  const auto tied = [](double value) {
    Tied t{nn::Parameter(full({2}, static_cast<Real>(value))), {}, {}};
    t.b = Var(t.a);
    t.list.emplace_back(full({3}, static_cast<Real>(value)));
    return t;
  };
  Tied t = tied(1);
  const Tied u = tied(2);
  const Node* const node = t.list[0].node().get();
  t = u;
  CHECK(t.a.node().get() == t.b.node().get());
  CHECK(t.list[0].node().get() == node);
  CHECK(exact_difference(t.a.value(), full({2}, 2)) == "");
  CHECK(nn::parameters(t).size() == 2);
}

TEST_CASE("assigning a Parameter is a write that a graph notices") {
  nn::Parameter a{tensor({1, 2})};
  const nn::Parameter b{tensor({3, 4})};
  const Var loss = sum(a * a);
  a = b;
  CHECK_THROWS_AS(loss.backward(), StateError);
  const nn::Parameter& self = a;
  const Var next = sum(a * a);
  a = self;  // nothing happens
  CHECK_NOTHROW(next.backward());
  CHECK(a.has_grad());
}

TEST_CASE("where there is no trained leaf of the same shape, assigning a Parameter binds a copy") {
  const nn::Parameter b{tensor({3, 4})};
  const auto bound = [&](nn::Parameter a) {
    const Node* const before = a.node().get();
    a = b;
    CHECK(a.node().get() != before);
    CHECK(a.node().get() != b.node().get());
    CHECK(exact_difference(a.value(), b.value()) == "");
    CHECK(a.requires_grad());
  };
  bound({});                        // a parameter that was not there
  bound(nn::Parameter{ones({3})});  // another shape
  nn::Parameter frozen{ones({2})}, made{ones({2})};
  frozen = frozen.detach();
  bound(std::move(frozen));
  made = made * 2;
  bound(std::move(made));
}

TEST_CASE(
    "a Parameter that was moved from can be assigned to, and copied as one that is not there") {
  const nn::Parameter b{tensor({3, 4})};
  nn::Parameter a{ones({2})};
  const nn::Parameter taken = std::move(a);
  const nn::Parameter nothing = a;  // NOLINT(bugprone-use-after-move): the test is about this
  CHECK(nothing.rank() == 0);
  a = b;
  CHECK(exact_difference(a.value(), b.value()) == "");
  CHECK(taken.numel() == 2);
  nn::Parameter c{ones({2})};
  const nn::Parameter gone = std::move(a);
  c = a;  // NOLINT(bugprone-use-after-move)
  CHECK(c.rank() == 0);
  Rng rng(1);
  nn::Linear layer(2, 2, rng);
  const nn::Linear moved = std::move(layer);
  layer = moved;
  CHECK(exact_difference(layer.weight.value(), moved.weight.value()) == "");
}

TEST_CASE("a new Parameter or a Tensor of the same shape changes the numbers of the leaf") {
  Rng rng(31);
  nn::Linear layer(3, 2, rng);
  const NodePtr weight = layer.weight.node(), bias = layer.bias.node();
  layer.bias = nn::Parameter(full({2}, 7));
  CHECK(layer.bias.node().get() == bias.get());
  CHECK(exact_difference(layer.bias.value(), full({2}, 7)) == "");
  layer.bias = zeros({2});
  CHECK(layer.bias.node().get() == bias.get());
  CHECK(layer.bias.requires_grad());
  CHECK(exact_difference(layer.bias.value(), zeros({2})) == "");
  layer = nn::Linear(3, 2, rng);
  CHECK(layer.weight.node().get() == weight.get());

  // So an optimiser that was made before goes on training the layer.
  optim::Sgd sgd(nn::parameters(layer), {.rate = 1});
  layer.bias = zeros({2});
  sum(layer(ones({1, 3}))).backward();
  sgd.step();
  CHECK(exact_difference(layer.bias.value(), full({2}, -1)) == "");

  // Another shape needs another leaf, which is trained, too.
  layer.bias = zeros({5});
  CHECK(layer.bias.node().get() != bias.get());
  CHECK(layer.bias.requires_grad());
}

TEST_CASE("a Tensor that is assigned to a Parameter keeps numbers of its own") {
  const Tensor numbers = zeros({2});
  nn::Parameter p;
  p = numbers;
  Tensor(p.value()).fill(1);
  CHECK(exact_difference(numbers, zeros({2})) == "");
}

TEST_CASE("swapped and erased parameters keep their numbers") {
  std::vector<nn::Parameter> list;
  for (int i = 0; i < 3; ++i) list.emplace_back(full({2}, Real(i)));
  std::swap(list[0], list[2]);
  CHECK(exact_difference(list[0].value(), full({2}, 2)) == "");
  list.erase(list.begin());
  CHECK(exact_difference(list[0].value(), full({2}, 1)) == "");
  CHECK(exact_difference(list[1].value(), full({2}, 0)) == "");
}

namespace {

struct Running {
  nn::Buffer mean{zeros({2})};
  void each(auto&& f) { f("mean", mean); }
};

}  // namespace

TEST_CASE("a copy of a module has Buffers of its own, and each() names them") {
  Running running, best = running;
  running.mean.fill(3);
  CHECK(exact_difference(best.mean, zeros({2})) == "");
  best = running;
  running.mean = 0.5 * running.mean;
  CHECK(exact_difference(best.mean, full({2}, 3)) == "");
  CHECK(exact_difference(running.mean, full({2}, 1.5)) == "");
  const Running moved = std::move(best);
  CHECK(exact_difference(moved.mean, full({2}, 3)) == "");

  const auto path = std::filesystem::temp_directory_path() /
                    fmt::format("glassgrad-buffer-{}", static_cast<const void*>(&running));
  nn::save(running, path);
  nn::load(best = Running(), path);
  std::filesystem::remove(path);
  CHECK(exact_difference(best.mean, full({2}, 1.5)) == "");
  CHECK(nn::summary(running).rows.at(0).kind == "buffer");
}

TEST_CASE("a leaf whose elements share memory gets memory of its own when it is assigned to") {
  nn::Parameter a{ones({1, 3}).expand({2, 3})};
  const Node* const node = a.node().get();
  const nn::Parameter b{some({2, 3})};
  a = b;
  CHECK(a.node().get() == node);
  CHECK(exact_difference(a.value(), b.value()) == "");
  // A value that is expanded may be the source, too.
  nn::Parameter c{some({2, 3})};
  c = nn::Parameter{ones({1, 3}).expand({2, 3})};
  CHECK(exact_difference(c.value(), ones({2, 3})) == "");
}

TEST_CASE("a Parameter prints as its value") {
  Rng rng(1);
  const nn::Linear layer(2, 3, rng);
  CHECK(fmt::format("{:.3f}", layer.weight) == fmt::format("{:.3f}", layer.weight.value()));
}

TEST_CASE("only what is trained is counted") {
  Rng rng(1);
  nn::Linear layer(2, 3, rng);
  CHECK(nn::count_parameters(layer) == 9);
  layer.weight = layer.weight.detach();
  CHECK(nn::count_parameters(layer) == 3);
  CHECK(nn::count_parameters(Tied{}) == 0);  // parameters that are not there
}

TEST_CASE("a copy of a view has memory of its own, row by row") {
  const nn::Parameter transposed{some({3, 2}).mT()};
  const nn::Parameter copy = transposed;
  CHECK(copy.value().is_contiguous());
  CHECK(exact_difference(copy.value(), transposed.value()) == "");
}

TEST_CASE("a moved module keeps its parameters") {
  Rng rng(1);
  Block block{nn::Linear(2, 3, rng), nn::Linear(3, 2, rng)};
  const Node* node = block.up.weight.node().get();
  const Block moved = std::move(block);
  CHECK(moved.up.weight.node().get() == node);
  std::vector<Block> list;
  list.push_back(moved);
  node = list[0].up.weight.node().get();
  list.reserve(list.capacity() + 10);
  CHECK(list[0].up.weight.node().get() == node);
}

TEST_CASE("a copy of a layer that drops out repeats its random numbers") {
  Rng rng(1);
  const nn::Dropout original(0.5, rng);
  const Tensor x = ones({100});
  (void)original(x);
  const nn::Dropout copy = original;
  const Tensor first = original(x).value(), second = original(x).value();
  CHECK(exact_difference(copy(x).value(), first) == "");
  CHECK(exact_difference(copy(x).value(), second) == "");
  CHECK(exact_difference(second, first) != "");
}

TEST_CASE("assigning a Var binds it, assigning a Parameter copies it") {
  nn::Parameter a{ones({2})}, b{zeros({2})};
  a = b;
  CHECK(a.node().get() != b.node().get());
  a = Var(b);
  CHECK(a.node().get() == b.node().get());
}

TEST_CASE("a parameter bound to a constant is frozen, yet listed") {
  Rng rng(1);
  nn::Linear layer(2, 2, rng);
  layer.weight = layer.weight.detach();
  CHECK(names_of(layer) == std::vector<std::string>{"weight", "bias"});
  sum(layer(some({3, 2}))).backward();
  CHECK(!layer.weight.has_grad());
  CHECK(layer.bias.has_grad());
}

// ---- training mode ----

TEST_CASE("set_training reaches every module that has a mode, also through const") {
  Rng rng(1);
  const nn::EncoderDecoder model(rng, {.source_vocab = 5, .target_vocab = 5, .dim = 4, .heads = 2});
  const auto modes = [&] {
    int on = 0, all = 0;
    nn::walk("", model, [&](const std::string&, auto& x) {
      if constexpr (requires { x.training; }) ++all, on += x.training;
    });
    return std::pair(on, all);
  };
  CHECK(modes() == std::pair(15, 15));  // 3 an encoder layer, 4 a decoder layer, 1 in front
  nn::set_training(model, false);
  CHECK(modes() == std::pair(0, 15));
  nn::set_training(model, true);
  CHECK(modes() == std::pair(15, 15));
}

TEST_CASE("set_training sets a user's own flag") {
  const std::vector<Mode> modes(2);
  nn::set_training(modes, false);
  CHECK((!modes[0].training && !modes[1].training));
}

// ---- forgotten members ----

TEST_CASE("check_parameters finds a member that each() forgot") {
  Rng rng(1);
  const Forgetful module{nn::Linear(2, 3, rng), nn::Linear(3, 4, rng)};
  const Var loss = sum(module(some({5, 2})));
  CHECK_THROWS_AS(nn::check_parameters(loss, module), StateError);
  CHECK_THROWS_WITH(nn::check_parameters(loss, module), ContainsSubstring("each()"));
  // Its weight and its bias, both at once, and what to do where a base's each() is hidden.
  CHECK_THROWS_WITH(nn::check_parameters(loss, module),
                    ContainsSubstring("[4, 3], [4]") && ContainsSubstring("Base::each(f)"));
  CHECK_NOTHROW(nn::check_parameters(sum(module.named(some({5, 2}))), module));
  // The check swept no graph.
  CHECK_NOTHROW(loss.backward());
}

TEST_CASE("check_parameters after backward is an error, for there is no graph left to check") {
  Rng rng(1);
  const Forgetful module{nn::Linear(2, 3, rng), nn::Linear(3, 4, rng)};
  const Var loss = sum(module(some({5, 2})));
  loss.backward();
  CHECK_THROWS_AS(nn::check_parameters(loss, module), StateError);
}

TEST_CASE("every layer names all that its output depends on, and uses all that it names") {
  Rng rng(3);
  const auto complete = [](const auto& module, const Var& output) {
    const Var loss = mean(output * output);
    nn::check_parameters(loss, module);
    loss.backward();
    for (const auto& [name, parameter] : nn::named_parameters(module)) {
      INFO(name);
      CHECK(parameter.has_grad());
    }
  };
  const Var x = some({2, 3, 4});
  const Tokens tokens{2, 3, {1, 2, 3, 4, 1, 2}};
  const nn::Linear linear(4, 5, rng);
  complete(linear, linear(x));
  const nn::Linear plain(4, 5, rng, {.bias = false});
  complete(plain, plain(x));
  const nn::LayerNorm norm(4);
  complete(norm, norm(x));
  const nn::Embedding embedding(5, 4, rng);
  complete(embedding, embedding(tokens));
  const nn::FeedForward feed(4, 8, 0.1, rng);
  complete(feed, feed(x));
  const nn::CrossAttention attention(4, 2, rng);
  complete(attention, attention(x, x * 2, x));
  const nn::EncoderLayer encoder({.dim = 4, .heads = 2, .hidden = 8}, rng);
  complete(encoder, encoder(x, {}));
  const nn::DecoderLayer decoder({.dim = 4, .heads = 2, .hidden = 8}, rng);
  complete(decoder, decoder(x, {}, x, {}));
  const nn::EncoderDecoder model(rng, {.source_vocab = 5, .target_vocab = 5, .dim = 4, .heads = 2});
  complete(model, model(tokens, tokens));
}

}  // namespace module_test
