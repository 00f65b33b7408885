// Freezing, unfreezing, and copying parameters by name.
#include "nn/transfer.h"

#include <filesystem>

#include "autograd/gradcheck.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/serialize.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/op_table.h"

namespace transfer_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Net {
  explicit Net(std::uint64_t seed = 1) : Net(Rng(seed)) {}
  explicit Net(Rng rng) : body(3, 4, rng), head(4, 2, rng, {.bias = false}) {}
  Var operator()(const Var& x) const { return head(tanh(body(x))); }
  void each(auto&& f) { f("body", body), f("head", head); }
  nn::Linear body, head;
};

// The same names, in another type and another order, with a buffer.
struct Other {
  explicit Other(Rng rng) : head(4, 2, rng, {.bias = false}), body(3, 4, rng) {}
  void each(auto&& f) { f("statistics", statistics), f("head", head), f("body", body); }
  nn::Linear head, body;
  Tensor statistics = zeros({3});
};

struct Pair {
  nn::Parameter a, b;
  void each(auto&& f) { f("a", a), f("b", b); }
};

struct One {
  nn::Parameter a;
  void each(auto&& f) { f("a", a); }
};

// Other shapes and other names than Net's.
struct Wrong {
  explicit Wrong(Rng rng) : body(3, 5, rng), neck(2, 2, rng) {}
  void each(auto&& f) { f("body", body), f("neck", neck); }
  nn::Linear body, neck;
};

Tensor some(const Shape& shape, std::uint64_t seed = 5) {
  Rng rng(seed);
  return uniform(shape, -1, 1, rng);
}

std::vector<Tensor> values_of(const auto& module) {
  std::vector<Tensor> values;
  for (const Var& p : nn::parameters(module)) values.push_back(p.value().clone());
  return values;
}

std::string changes(const auto& module, const std::vector<Tensor>& before) {
  std::string all;
  for (std::size_t i = 0; const auto& [name, p] : nn::named_parameters(module))
    if (exact_difference(p.value(), before.at(i++)) != "") all += name + " ";
  return all;
}

}  // namespace

// ---- freezing ----

TEST_CASE("a frozen parameter is the same leaf without a gradient, and is not counted") {
  Net net;
  sum(net(some({5, 3}))).backward();
  const Node* const node = net.body.weight.node().get();
  nn::freeze(net.body);
  CHECK(net.body.weight.node().get() == node);
  for (const Var& p : {Var(net.body.weight), Var(net.body.bias)}) {
    CHECK(!p.requires_grad());
    CHECK(!p.has_grad());
  }
  CHECK(net.head.weight.has_grad());
  CHECK(nn::count_parameters(net) == 8);
  CHECK(nn::named_parameters(net).size() == 3);
  sum(net(some({5, 3}))).backward();
  CHECK(!net.body.weight.has_grad());
  CHECK(net.head.weight.has_grad());

  nn::unfreeze(net);
  CHECK(nn::count_parameters(net) == 12 + 4 + 8);
  sum(net(some({5, 3}))).backward();
  CHECK(net.body.weight.has_grad());
  CHECK(net.body.weight.node().get() == node);
}

TEST_CASE("a lone Parameter, a Var, and lists of modules can be frozen too") {
  const nn::Parameter p{ones({2})};
  const Var leaf(ones({3}), true);
  const std::vector<nn::LayerNorm> list(2, nn::LayerNorm(3));
  const std::optional<nn::LayerNorm> absent;
  nn::freeze(p), nn::freeze(leaf), nn::freeze(list), nn::freeze(absent);
  CHECK((!p.requires_grad() && !leaf.requires_grad() && nn::count_parameters(list) == 0));
  nn::freeze(p);  // once more: nothing happens
  nn::unfreeze(p), nn::unfreeze(leaf), nn::unfreeze(list);
  CHECK((p.requires_grad() && leaf.requires_grad() && nn::count_parameters(list) == 12));
}

TEST_CASE("unfreezing brings back what was frozen, and no other constant") {
  Net net;
  net.body.bias = net.body.bias.detach();
  nn::freeze(net);
  CHECK(nn::count_parameters(net) == 0);
  nn::unfreeze(net);
  nn::unfreeze(net.head.bias);  // there is none
  CHECK(net.body.weight.requires_grad());
  CHECK(!net.body.bias.requires_grad());
  CHECK(!net.head.bias.requires_grad());
  const Var constant = ones({2});
  nn::freeze(constant), nn::unfreeze(constant);
  CHECK(!constant.requires_grad());
}

TEST_CASE("what an op made cannot be frozen, and then nothing is") {
  Pair pair{nn::Parameter(ones({2})), nn::Parameter(ones({3}))};
  pair.b = pair.b * 2;
  const std::string message = message_of<StateError>([&] { nn::freeze(pair); });
  CHECK_THAT(message, ContainsSubstring("'b' of shape [3]") && ContainsSubstring("'mul'") &&
                          ContainsSubstring("freeze the leaves"));
  CHECK(pair.a.requires_grad());
}

TEST_CASE("a tied parameter is frozen under both of its names") {
  Pair pair{nn::Parameter(ones({2})), nn::Parameter()};
  pair.b = Var(pair.a);
  nn::freeze(pair.b);
  CHECK(!pair.a.requires_grad());
  CHECK(pair.a.node().get() == pair.b.node().get());
}

// ---- optimisers ----

TEST_CASE("an optimiser passes over what is frozen, whatever its momentum and its decay") {
  const auto holds = [](auto make) {
    Net net;
    auto optimiser = make(nn::parameters(net));
    const auto step = [&] {
      optimiser.zero_grad();
      mean(net(some({5, 3})) * net(some({5, 3}))).backward();
      optimiser.step();
    };
    step();
    nn::freeze(net.body);
    const std::vector<Tensor> before = values_of(net);
    step();
    step();
    CHECK(changes(net, before) == "head.weight ");
    nn::unfreeze(net);
    step();
    CHECK(changes(net, before) == "body.weight body.bias head.weight ");
  };
  using Variables = std::vector<Var>;
  holds([](const Variables& p) {
    return optim::Sgd(p, {.rate = 0.1, .momentum = 0.9, .weight_decay = 0.1});
  });
  holds([](const Variables& p) { return optim::Adam(p, {.rate = 0.1, .weight_decay = 0.1}); });
  holds([](const Variables& p) {
    return optim::Adam(p, {.rate = 0.1, .weight_decay = 0.1, .decoupled = false});
  });
}

TEST_CASE("an optimiser made while a parameter is frozen trains it later as one that is new") {
  Net frozen, fresh;
  nn::freeze(frozen.body);
  optim::Adam late(nn::parameters(frozen), {.rate = 0.1});
  const auto step = [](const Net& net, optim::Adam& adam) {
    adam.zero_grad();
    sum(net(some({5, 3}))).backward();
    adam.step();
  };
  for (int i = 0; i < 3; ++i) step(frozen, late);
  CHECK(late.steps == std::vector<Index>{0, 0, 3});
  nn::unfreeze(frozen);
  // From here on the body moves as it does in a new model with the same head.
  Tensor(fresh.head.weight.value()).copy_from(frozen.head.weight.value());
  optim::Adam early(nn::parameters(fresh), {.rate = 0.1});
  step(frozen, late);
  step(fresh, early);
  CHECK(exact_difference(frozen.body.weight.value(), fresh.body.weight.value()) == "");
  CHECK(exact_difference(frozen.body.bias.value(), fresh.body.bias.value()) == "");
}

TEST_CASE("a momentum waits while its parameter is frozen") {
  const nn::Parameter a{zeros({1})}, b{zeros({1})};
  optim::Sgd sgd({a, b}, {.rate = 1, .momentum = 0.5});
  const auto step = [&] {
    sgd.zero_grad();
    sum(a + b).backward();
    sgd.step();
  };
  step();  // the velocity becomes 1
  nn::freeze(a);
  step();
  nn::unfreeze(a);
  step();  // 0.5 · 1 + 1
  CHECK(static_cast<double>(a.value().item()) == 0 - 1 - 1.5);
}

TEST_CASE("an optimiser of frozen parameters alone can be made, and says why it does not step") {
  Net net;
  nn::freeze(net);
  optim::Adam adam(nn::parameters(net));
  CHECK_THROWS_WITH(adam.step(), ContainsSubstring("frozen"));
  CHECK_THROWS_AS(adam.step(), StateError);
  nn::unfreeze(net);
  sum(net(some({5, 3}))).backward();
  CHECK_NOTHROW(adam.step());
  // A frozen leaf may move one day, so it needs a number for each element, too.
  const Var expanded(ones({1}).expand({3}), true);
  nn::freeze(expanded);
  CHECK_THROWS_WITH(optim::Sgd({expanded}), ContainsSubstring("expanded"));
}

// ---- copies ----

TEST_CASE("a copy of a frozen parameter is frozen, and is unfrozen alone") {
  Net net;
  nn::freeze(net.body);
  Net copy = net;
  CHECK(!copy.body.weight.requires_grad());
  CHECK(copy.head.weight.requires_grad());
  nn::unfreeze(copy);
  CHECK(nn::count_parameters(copy) == 24);
  CHECK(nn::count_parameters(net) == 8);
  const Net moved = std::move(net);
  CHECK(!moved.body.weight.requires_grad());
  nn::unfreeze(moved);
  CHECK(moved.body.weight.requires_grad());
}

TEST_CASE("assigning a Parameter changes numbers; frozen stays frozen, and trained stays trained") {
  for (const bool left_frozen : {false, true})
    for (const bool right_frozen : {false, true}) {
      nn::Parameter left{zeros({2})}, right{ones({2})};
      if (left_frozen) nn::freeze(left);
      if (right_frozen) nn::freeze(right);
      const Node* const node = left.node().get();
      const nn::Parameter& source = right;
      left = source;
      CHECK(left.node().get() == node);
      CHECK(exact_difference(left.value(), ones({2})) == "");
      CHECK(left.requires_grad() == !left_frozen);
      nn::unfreeze(left);
      CHECK(left.requires_grad());
    }
  // Of another shape, or in the place of a constant: a copy is bound, which is as the source is.
  nn::Parameter source{ones({3})}, other{zeros({2})}, absent;
  nn::freeze(source);
  const nn::Parameter& frozen = source;
  other = frozen;
  absent = frozen;
  CHECK((!other.requires_grad() && !absent.requires_grad()));
  nn::unfreeze(other), nn::unfreeze(absent);
  CHECK((other.requires_grad() && absent.requires_grad()));
}

TEST_CASE("a snapshot from before freezing is restored, and the body stays frozen") {
  Net net;
  const Net best = net;
  optim::Sgd sgd(nn::parameters(net), {.rate = 0.1});
  nn::freeze(net.body);
  sum(net(some({5, 3}))).backward();
  sgd.step();
  net = best;
  CHECK(changes(net, values_of(best)).empty());
  CHECK(nn::count_parameters(net) == 8);
  sum(net(some({5, 3}))).backward();
  sgd.step();
  CHECK(changes(net, values_of(best)) == "head.weight ");
}

TEST_CASE("a frozen parameter is saved and loaded as any other") {
  const std::string path =
      (std::filesystem::temp_directory_path() / "glassgrad_transfer_test.safetensors").string();
  Net net(1), other(2);
  nn::freeze(net.body);
  nn::save(net, path);
  nn::freeze(other.head);
  nn::load(other, path);
  CHECK(changes(other, values_of(net)).empty());
  CHECK(other.body.weight.requires_grad());
  CHECK(!other.head.weight.requires_grad());
  std::filesystem::remove(path);
}

// ---- graphs ----

TEST_CASE("a graph gives a gradient to what was trained when it was recorded, and is now") {
  const auto swept = [](const Var& w, const std::function<void()>& before,
                        const std::function<void()>& between) {
    const Var x(tensor({3, 5}), true);
    before();
    // One VJP per parent, a joint VJP, and both forms of a user's op.
    const Var product = w * x, normal = layer_norm(x, w, zeros({2}));
    const Var own = record("own", w.value() * x.value(),
                           {Parent{w, [v = x.value()](const Tensor& g) { return g * v; }},
                            Parent{x, [v = w.value()](const Tensor& g) { return g * v; }}});
    const Var joint = record("joint", w.value() * x.value(), std::vector<Var>{w, x},
                             [a = w.value(), b = x.value()](const Tensor& g) {
                               return std::vector<Tensor>{g * b, g * a};
                             });
    const Var y = sum(product + normal + own + joint);
    between();
    y.backward();
    CHECK(x.has_grad());
    return w.has_grad();
  };
  const auto nothing = [] {};
  const Var a(ones({2}), true), b(ones({2}), true), c(ones({2}), true), d(ones({2}), true);
  CHECK(swept(a, nothing, nothing));
  CHECK(!swept(b, nothing, [&] { nn::freeze(b); }));
  CHECK(!swept(
      c, [&] { nn::freeze(c); }, [&] { nn::unfreeze(c); }));
  CHECK(swept(c, nothing, nothing));
  CHECK(swept(d, nothing, [&] { nn::freeze(d), nn::unfreeze(d); }));
}

TEST_CASE("nothing is recorded, nor can be swept, where all is frozen") {
  Net net;
  const Var before = sum(net(some({5, 3})));
  nn::freeze(net);
  CHECK_NOTHROW(before.backward());
  CHECK(!net.head.weight.has_grad());
  const Var y = net(some({5, 3}));
  CHECK(!y.requires_grad());
  CHECK_THROWS_AS(sum(y).backward(), StateError);
  CHECK_THROWS_AS(sum(net.body.weight).backward(), StateError);
}

TEST_CASE("the text of a graph says which of its leaves are frozen") {
  const Var a(ones({2}), true), b(ones({2}), true);
  nn::freeze(a);
  CHECK(to_text(a * b) ==
        "#3 mul [2] ← #1, #2\n"
        "#2 leaf [2]\n"
        "#1 leaf [2] (frozen)\n");
}

TEST_CASE("check_parameters does not miss what is frozen") {
  Net net;
  const nn::Parameter outside{ones({2})};
  const auto loss = [&] { return sum(net(some({5, 3})) * outside); };
  CHECK_THROWS_AS(nn::check_parameters(loss(), net), StateError);
  nn::freeze(outside);
  CHECK_NOTHROW(nn::check_parameters(loss(), net));
}

TEST_CASE("gradcheck refuses a frozen name, and takes other frozen leaves for constants") {
  if constexpr (!is_float) {
    Net net;
    nn::freeze(net.body);
    const Tensor x = some({2, 3});
    const auto f = [&] { return net(x); };
    CHECK_THROWS_WITH(
        gradcheck(f, nn::named_parameters(net)),
        ContainsSubstring("'body.weight' is frozen") && ContainsSubstring("unfreeze()"));
    CHECK_THROWS_AS(gradcheck(f, nn::named_parameters(net)), StateError);
    const GradcheckReport report = gradcheck(f, nn::named_parameters(net.head));
    CHECK(report.ok);
    CHECK_THAT(report.text, !ContainsSubstring("unnamed"));
    nn::unfreeze(net);
    CHECK(gradcheck(f, nn::named_parameters(net)).ok);
  }
}

// ---- copying ----

TEST_CASE("copy_parameters copies by name, between modules of different types") {
  const Net from(1);
  Other to(Rng(2));
  const Node* const node = to.body.weight.node().get();
  nn::copy_parameters(from, to);
  CHECK(to.body.weight.node().get() == node);
  CHECK(exact_difference(to.body.weight.value(), from.body.weight.value()) == "");
  CHECK(exact_difference(to.body.bias.value(), from.body.bias.value()) == "");
  CHECK(exact_difference(to.head.weight.value(), from.head.weight.value()) == "");
  // Numbers were copied, not shared.
  Tensor(to.head.weight.value()).fill(3);
  CHECK(exact_difference(to.head.weight.value(), from.head.weight.value()) != "");
}

TEST_CASE(
    "what copy_parameters writes into stays trained, tied or frozen, and loses its gradient") {
  const Net from(1);
  Net to(2);
  optim::Sgd sgd(nn::parameters(to), {.rate = 0.1});
  nn::freeze(to.body.bias);
  const Var loss = sum(to(some({5, 3})));
  sum(to(some({5, 3}))).backward();
  nn::copy_parameters(from, to);
  for (const Var& p : nn::parameters(to)) CHECK(!p.has_grad());
  CHECK(!to.body.bias.requires_grad());
  CHECK_THROWS_AS(loss.backward(), StateError);  // the copy is a write
  sum(to(some({5, 3}))).backward();
  sgd.step();
  CHECK(changes(to, values_of(from)) == "body.weight head.weight ");
}

TEST_CASE("copy_parameters lists all names at fault, and then copies nothing") {
  const Wrong from{Rng(3)};
  Net to(2);
  const std::vector<Tensor> before = values_of(to);
  const std::string message = message_of<ShapeError>([&] { nn::copy_parameters(from, to); });
  CHECK_THAT(message, ContainsSubstring("missing head.weight;") &&
                          ContainsSubstring("unexpected neck.weight, neck.bias;") &&
                          ContainsSubstring("body.weight (expected [4, 3], found [5, 3]), "
                                            "body.bias (expected [4], found [5])"));
  CHECK(changes(to, before).empty());
}

TEST_CASE("every number of a tied model is copied, tied or not") {
  Pair tied{nn::Parameter(full({2}, 1)), nn::Parameter()};
  tied.b = Var(tied.a);
  Pair free{nn::Parameter(full({2}, 2)), nn::Parameter(full({2}, 3))};
  const One one{nn::Parameter(full({2}, 4))};

  Pair target = free;
  nn::copy_parameters(tied, target);  // both names get the numbers
  CHECK(exact_difference(target.a.value() + target.b.value(), full({2}, 2)) == "");
  nn::copy_parameters(tied, one);
  CHECK(exact_difference(one.a.value(), full({2}, 1)) == "");
  Pair twin{nn::Parameter(zeros({2})), nn::Parameter()};
  twin.b = Var(twin.a);
  nn::copy_parameters(tied, twin);
  CHECK(twin.a.node().get() == twin.b.node().get());
  CHECK(exact_difference(twin.b.value(), full({2}, 1)) == "");
  // Two different parameters do not fit into one.
  CHECK_THROWS_WITH(nn::copy_parameters(free, tied),
                    ContainsSubstring("unexpected b (tied to another parameter in the target)"));
  CHECK_THROWS_WITH(nn::copy_parameters(free, one), ContainsSubstring("unexpected b"));
  CHECK_THROWS_WITH(nn::copy_parameters(one, free), ContainsSubstring("missing b"));
}

TEST_CASE("copy_parameters between modules that share leaves reads before it writes") {
  Pair from{nn::Parameter(full({2}, 1)), nn::Parameter(full({2}, 2))};
  Pair crossed;
  crossed.a = Var(from.b), crossed.b = Var(from.a);
  nn::copy_parameters(from, crossed);
  CHECK(exact_difference(from.b.value(), full({2}, 1)) == "");
  CHECK(exact_difference(from.a.value(), full({2}, 2)) == "");
  // Onto itself: nothing happens, not even a write.
  const Var loss = sum(from.a * from.b);
  nn::copy_parameters(from, from);
  CHECK_NOTHROW(loss.backward());
  CHECK(from.a.has_grad());
}

TEST_CASE("copy_parameters needs leaves, and gives an expanded one memory of its own") {
  const One from{nn::Parameter(some({2, 3}))};
  One made{nn::Parameter(some({2, 3}))};
  made.a = made.a * 2;
  CHECK_THROWS_AS(nn::copy_parameters(from, made), StateError);
  One expanded{nn::Parameter(ones({1, 3}).expand({2, 3}))};
  nn::copy_parameters(from, expanded);
  CHECK(exact_difference(expanded.a.value(), from.a.value()) == "");
}

}  // namespace transfer_test
