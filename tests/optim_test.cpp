#include <set>

#include "nn/linear.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "tests/op_table.h"

namespace optim_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// Is a what b is, but for rounding?
bool near(double a, double b, double tol = 1e-5) { return std::abs(a - b) <= tol * std::abs(b); }

Tensor some(const Shape& shape, std::uint64_t seed = 5) {
  Rng rng(seed);
  return uniform(shape, -1, 1, rng);
}

double number(const Tensor& x) { return static_cast<double>(x.item()); }

// A parameter whose gradient is exactly g: the loss is Σ w ⊙ g.
void set_gradient(const Var& w, const Tensor& g) {
  w.zero_grad();
  sum(w * g).backward();
}

// ---- PyTorch's published algorithms, one number at a time, in double ----

struct TorchSgd {
  double lr, momentum, weight_decay;
  bool nesterov;
  std::optional<double> buffer = {};
  void step(double& w, double g) {
    if (weight_decay != 0) g = g + weight_decay * w;
    if (momentum != 0) {
      buffer = buffer ? momentum * *buffer + g : g;
      g = nesterov ? g + momentum * *buffer : *buffer;
    }
    w = w - lr * g;
  }
};

struct TorchAdam {
  double lr, beta1, beta2, eps, weight_decay;
  bool adamw;
  double m = 0, v = 0;
  int t = 0;
  void step(double& w, double g) {
    ++t;
    if (adamw)
      w = w - lr * weight_decay * w;
    else
      g = g + weight_decay * w;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double m_hat = m / (1 - std::pow(beta1, t));
    const double v_hat = v / (1 - std::pow(beta2, t));
    w = w - lr * m_hat / (std::sqrt(v_hat) + eps);
  }
};

// The largest relative difference after 1,000 steps on gradients that depend on the weights and on
// the step: a valley with steep and flat directions, pushed about.
template <class Reference, class Optimizer>
double drift(Reference reference, const std::function<Optimizer(std::vector<Var>)>& make) {
  const Index n = 6;
  const Var w(some({2, 3}), true);
  Optimizer optimizer = make({w});
  std::vector<double> expected;
  for (const Real x : w.value().to_vector()) expected.push_back(static_cast<double>(x));
  std::vector<Reference> references(n, reference);
  for (int step = 0; step < 1000; ++step) {
    std::vector<Real> slopes;
    for (std::size_t i = 0; i < n; ++i) {
      const auto push = [&](double x) {
        return std::pow(10.0, static_cast<double>(i) - 4) * x +
               0.1 * std::sin(0.7 * step + static_cast<double>(i));
      };
      slopes.emplace_back(push(static_cast<double>(w.value().to_vector()[i])));
      references[i].step(expected[i], push(expected[i]));
    }
    set_gradient(w, Tensor(Shape{2, 3}, slopes));
    optimizer.step();
  }
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    worst = std::max(worst, std::abs(static_cast<double>(w.value().to_vector()[i]) - expected[i]) /
                                std::abs(expected[i]));
  return worst;
}

// Floats round at every step; the algorithm is judged in the other builds.
constexpr double agreement = is_float ? 2e-2 : 1e-6;

}  // namespace

// ---- against PyTorch ----

TEST_CASE("1,000 steps of Sgd agree with PyTorch's") {
  struct Case {
    double momentum, decay;
    bool nesterov;
  };
  for (const auto& [its_momentum, its_decay, its_nesterov] :
       {Case{0, 0, false}, Case{0.9, 0, false}, Case{0.9, 0, true}, Case{0.5, 0.01, false},
        Case{0.5, 0.01, true}, Case{0, 0.1, false}}) {
    const auto& momentum = its_momentum;  // Clang 14 captures no binding
    const auto& decay = its_decay;
    const auto& nesterov = its_nesterov;
    INFO(momentum << " " << decay << " " << nesterov);
    CHECK(drift<TorchSgd, optim::Sgd>({0.05, momentum, decay, nesterov}, [&](std::vector<Var> w) {
            return optim::Sgd(
                w,
                {.rate = 0.05, .momentum = momentum, .nesterov = nesterov, .weight_decay = decay});
          }) < agreement);
  }
}

TEST_CASE("1,000 steps of Adam and AdamW agree with PyTorch's") {
  struct Case {
    double beta1, beta2, eps, decay;
    bool decoupled;
  };
  for (const auto& [its_beta1, its_beta2, its_eps, its_decay, its_decoupled] :
       {Case{0.9, 0.999, 1e-8, 0, true}, Case{0.9, 0.98, 1e-9, 0.1, true},
        Case{0.9, 0.999, 1e-8, 0.1, false}, Case{0, 0.9, 1e-3, 0.01, true},
        Case{0.5, 0.5, 1e-8, 0, false}}) {
    const auto& beta1 = its_beta1;  // Clang 14 captures no binding
    const auto& beta2 = its_beta2;
    const auto& eps = its_eps;
    const auto& decay = its_decay;
    const auto& decoupled = its_decoupled;
    INFO(beta1 << " " << beta2 << " " << eps << " " << decay << " " << decoupled);
    CHECK(drift<TorchAdam, optim::Adam>({0.01, beta1, beta2, eps, decay, decoupled},
                                        [&](std::vector<Var> w) {
                                          return optim::Adam(w, {.rate = 0.01,
                                                                 .beta1 = beta1,
                                                                 .beta2 = beta2,
                                                                 .eps = eps,
                                                                 .weight_decay = decay,
                                                                 .decoupled = decoupled});
                                        }) < agreement);
  }
}

TEST_CASE("the first step of Adam moves every number by the rate, whatever its gradient's size") {
  const Var w(zeros({4}), true);
  optim::Adam adam({w}, {.rate = 0.25});
  set_gradient(w, tensor({1e-3, -5, 100, 0}));
  adam.step();
  CHECK(difference(w.value(), tensor({-0.25, 0.25, -0.25, 0}), 1e-5) == "");
}

TEST_CASE("the default options are PyTorch's") {
  const optim::AdamOptions adam;
  CHECK((adam.rate == 1e-3 && adam.beta1 == 0.9 && adam.beta2 == 0.999 && adam.eps == 1e-8));
  CHECK((adam.weight_decay == 0 && adam.decoupled));
  const optim::SgdOptions sgd{.rate = 1};
  CHECK((sgd.momentum == 0 && !sgd.nesterov && sgd.weight_decay == 0));
}

// ---- which parameters, and where they lie ----

TEST_CASE("a parameter without a gradient is passed over, and decays no more than it moves") {
  const Var with(ones({2}), true), without(ones({2}), true), constant(ones({2}));
  optim::Sgd sgd({with, without, constant}, {.rate = 0.5, .momentum = 0.9, .weight_decay = 0.1});
  optim::Adam adam({with, without, constant}, {.rate = 0.5, .weight_decay = 0.1});
  set_gradient(with, ones({2}));
  sgd.step();
  adam.step();
  CHECK(exact_difference(without.value(), ones({2})) == "");
  CHECK(exact_difference(constant.value(), ones({2})) == "");
  CHECK(number(with.value().select(0, 0)) < 0.6);
  CHECK(adam.steps == std::vector<Index>{1, 0, 0});
}

TEST_CASE("a parameter that waited starts as if it were new") {
  const auto after_waiting = [](int waits, auto make) {
    const Var other(ones({1}), true), w(ones({3}), true);
    auto optimizer = make(std::vector<Var>{other, w});
    for (int step = 0; step < waits + 3; ++step) {
      optimizer.zero_grad();
      set_gradient(other, ones({1}));
      if (step >= waits) set_gradient(w, tensor({1, -2, 3}));
      optimizer.step();
    }
    return w.value();
  };
  const auto sgd = [](std::vector<Var> w) { return optim::Sgd(w, {.rate = 0.1, .momentum = 0.9}); };
  const auto adam = [](std::vector<Var> w) { return optim::Adam(w); };
  CHECK(exact_difference(after_waiting(5, sgd), after_waiting(0, sgd)) == "");
  CHECK(exact_difference(after_waiting(5, adam), after_waiting(0, adam)) == "");
}

TEST_CASE("zero_grad forgets every gradient") {
  const Var a(ones({2}), true), b(ones({3}), true);
  optim::Sgd sgd({a, b}, {.rate = 1});
  optim::Adam adam({a, b});
  const auto set_both = [&] { set_gradient(a, ones({2})), set_gradient(b, ones({3})); };
  set_both();
  sgd.zero_grad();
  CHECK((!a.has_grad() && !b.has_grad()));
  set_both();
  adam.zero_grad();
  CHECK((!a.has_grad() && !b.has_grad()));
  CHECK_THROWS_AS(sgd.step(), StateError);
  CHECK(exact_difference(a.value(), ones({2})) == "");
}

TEST_CASE("a step is an error where no parameter has a gradient") {
  Rng rng(1);
  nn::Linear net(2, 3, rng);
  optim::Adam adam(nn::parameters(net));
  CHECK_THROWS_WITH(adam.step(), ContainsSubstring("call backward() before step()"));
  // An optimiser over a copy of the model that is trained.
  const nn::Linear copy = net;
  sum(copy(some({4, 2}))).backward();
  CHECK_THROWS_WITH(adam.step(), ContainsSubstring("another copy of the model"));
  sum(net(some({4, 2}))).backward();
  CHECK_NOTHROW(adam.step());
}

TEST_CASE("an optimiser moves leaves, and passes over constants") {
  const auto each_optimiser = [](const std::vector<Var>& variables, auto check) {
    check([&] { optim::Sgd sgd(variables); }, "Sgd");
    check([&] { optim::Adam adam(variables); }, "Adam");
  };
  const Var leaf(ones({2}), true), frozen(ones({3}));
  each_optimiser({leaf, 2 * leaf}, [](auto make, const std::string& name) {
    CHECK_THROWS_AS(make(), StateError);
    CHECK_THROWS_WITH(make(), ContainsSubstring(name + ": parameter 1 of shape [2]") &&
                                  ContainsSubstring("made by 'mul'") &&
                                  ContainsSubstring("detach()"));
  });
  for (const std::vector<Var>& nothing : {std::vector<Var>{}, {frozen}, {frozen, frozen}})
    each_optimiser(nothing, [](auto make, const std::string& name) {
      CHECK_THROWS_AS(make(), StateError);
      CHECK_THROWS_WITH(make(), ContainsSubstring(name + ": none of the"));
    });
  nn::Parameter p{ones({2})};
  p = p * 2;
  CHECK_THROWS_AS(optim::Sgd({p}), StateError);

  optim::Sgd sgd({frozen, leaf}, {.rate = 1});
  set_gradient(leaf, tensor({3, 4}));
  sgd.step();
  CHECK(exact_difference(frozen.value(), ones({3})) == "");
  CHECK(exact_difference(leaf.value(), tensor({-2, -3})) == "");
}

TEST_CASE("an expanded leaf is refused when an optimiser is made, by its name") {
  const Var wide(ones({1}).expand({3}), true), frozen(ones({1}).expand({3}));
  const Var leaf(ones({2}), true);
  CHECK_THROWS_WITH(optim::Adam({leaf, wide}), ContainsSubstring("Adam: parameter 1 of shape [3]"));
  CHECK_THROWS_WITH(optim::Sgd({wide}), ContainsSubstring("Sgd: parameter 0 of shape [3]"));
  CHECK_NOTHROW(optim::Sgd({leaf, frozen}));
}

TEST_CASE("a copy of an optimiser has running means of its own, and gives them back") {
  const auto trial = [](auto optimizer, const Var& w) {
    const auto step = [&] {
      set_gradient(w, tensor({3, -4}));
      optimizer.step();
    };
    step();
    const auto saved = optimizer;
    const Tensor before = w.value().clone();
    step();
    const Tensor after = w.value().clone();
    for (int i = 0; i < 5; ++i) step();
    optimizer = saved;
    Tensor(w.value()).copy_from(before);
    step();
    CHECK(exact_difference(w.value(), after) == "");
  };
  const Var w(ones({2}), true);
  trial(optim::Adam({w}), w);
  trial(optim::Sgd({w}, {.momentum = 0.9}), w);
}

TEST_CASE("options outside their range are errors, when an optimiser is made and at each step") {
  const Var w(ones({2}), true);
  const auto refused = [&](const auto& name, auto change) {
    INFO(name);
    using Options = std::remove_cvref_t<decltype(change(inf))>;
    using Optimizer =
        std::conditional_t<std::same_as<Options, optim::SgdOptions>, optim::Sgd, optim::Adam>;
    const bool below_one = std::string_view(name).starts_with("beta");
    for (const double bad : {-1e-9, -1.0, -inf, inf, not_a_number, below_one ? 1.0 : -2.0}) {
      INFO(bad);
      CHECK_THROWS_AS(Optimizer({w}, change(bad)), ShapeError);
      CHECK_THROWS_WITH(Optimizer({w}, change(bad)), ContainsSubstring(name));
      Optimizer optimizer({w});
      optimizer.options = change(bad);
      set_gradient(w, ones({2}));
      CHECK_THROWS_WITH(optimizer.step(), ContainsSubstring(name));
    }
    for (const double good : {0.0, 0.5}) CHECK_NOTHROW(Optimizer({w}, change(good)));
  };
  refused("rate", [](double x) { return optim::SgdOptions{.rate = x}; });
  refused("momentum", [](double x) { return optim::SgdOptions{.momentum = x}; });
  refused("weight_decay", [](double x) { return optim::SgdOptions{.weight_decay = x}; });
  refused("rate", [](double x) { return optim::AdamOptions{.rate = x}; });
  refused("beta1", [](double x) { return optim::AdamOptions{.beta1 = x}; });
  refused("beta2", [](double x) { return optim::AdamOptions{.beta2 = x}; });
  refused("eps", [](double x) { return optim::AdamOptions{.eps = x}; });
  refused("weight_decay", [](double x) { return optim::AdamOptions{.weight_decay = x}; });
  CHECK_THROWS_WITH(optim::Sgd({w}, {.nesterov = true}), ContainsSubstring("momentum"));
  CHECK(exact_difference(w.value(), ones({2})) == "");
}

TEST_CASE("clipping to a negative norm, or to none, is an error and changes nothing") {
  const Var w(ones({2}), true);
  set_gradient(w, tensor({3, 4}));
  for (const double bad : {-1.0, -1e-300, -inf, not_a_number})
    CHECK_THROWS_WITH(optim::clip_grad_norm({w}, bad), ContainsSubstring("max_norm"));
  CHECK(near(optim::clip_grad_norm({w}, inf), 5));
  CHECK(exact_difference(w.grad(), tensor({3, 4})) == "");
}

TEST_CASE("options may change between steps") {
  const Var w(zeros({1}), true);
  optim::Sgd sgd({w}, {.rate = 1});
  set_gradient(w, ones({1}));
  sgd.step();
  sgd.options.rate = 0.25;
  sgd.step();
  CHECK(number(w.value()) == -1.25);
}

TEST_CASE("a leaf that is a view is stepped in place") {
  for (const bool use_adam : {false, true}) {
    const Tensor memory = some({4, 6});
    const Tensor before = memory.clone();
    const Var view(memory.mT().slice(0, 1, 6, 2), true);           // [3, 4], strided
    const Var dense(before.mT().slice(0, 1, 6, 2).clone(), true);  // the same numbers, contiguous
    const auto steps = [](const auto& w, auto optimizer) {
      for (int step = 0; step < 3; ++step) {
        set_gradient(w, some({3, 4}, static_cast<std::uint64_t>(step)));
        optimizer.step();
      }
    };
    for (const Var& w : {view, dense}) {
      if (use_adam)
        steps(w, optim::Adam({w}, {.rate = 0.1}));
      else
        steps(w, optim::Sgd({w}, {.rate = 0.1, .momentum = 0.9}));
    }
    CHECK(exact_difference(view.value(), dense.value()) == "");
    CHECK(exact_difference(memory.slice(1, 1, 6, 2), dense.value().mT()) ==
          "");  // through the view
    CHECK(exact_difference(memory.slice(1, 0, 6, 2), before.slice(1, 0, 6, 2)) ==
          "");  // nothing beside it
  }
}

TEST_CASE("a gradient that is a view is read in its own order") {
  const Var w(zeros({2, 3}), true);
  (w.mT() * some({3, 2})).backward(ones({3, 2}));
  optim::Sgd({w}, {.rate = 1}).step();
  CHECK(exact_difference(w.value(), -some({3, 2}).mT()) == "");
}

TEST_CASE("an expanded leaf cannot be stepped") {
  const Var w(ones({1}).expand({3}), true);
  set_gradient(w, ones({3}));
  CHECK_THROWS_AS(optim::Sgd({w}, {.rate = 1}).step(), StateError);
  CHECK_THROWS_AS(optim::Adam({w}).step(), StateError);
}

TEST_CASE("a step between forward and backward is noticed, dense or strided") {
  for (const Tensor& start : {some({3, 4}), some({4, 3}).mT()}) {
    const Var w(start, true);
    optim::Sgd sgd({w}, {.rate = 1});
    optim::Adam adam({w});
    set_gradient(w, ones({3, 4}));
    const Var first = sum(w * w);
    sgd.step();
    CHECK_THROWS_AS(first.backward(), StateError);
    const Var second = sum(w * w);
    adam.step();
    CHECK_THROWS_WITH(second.backward(), ContainsSubstring("written in place"));
    CHECK_NOTHROW(sum(w * w).backward());
  }
}

TEST_CASE("an optimiser names its state, and no parameter") {
  const Var a(ones({2}), true), b(ones({3}), true);
  optim::Sgd sgd({a, b}, {.rate = 1});
  optim::Adam adam({a, b});
  const auto names = [](const auto& module) {
    std::set<std::string> result;
    nn::walk("", module, [&](const std::string& name, auto&) { result.insert(name); });
    return result;
  };
  CHECK(names(adam) == std::set<std::string>{"", "mean.0", "mean.1", "square.0", "square.1",
                                             "steps.0", "steps.1", "rate"});
  CHECK(names(sgd) == std::set<std::string>{"", "velocity.0", "velocity.1", "rate"});
  CHECK(nn::parameters(adam).empty());
}

// ---- clip_grad_norm ----

TEST_CASE("clip_grad_norm returns the length of all gradients together, and shortens it") {
  const Var a(zeros({2}), true), b(zeros({1, 2}), true), none(zeros({5}), true);
  set_gradient(a, tensor({3, 0}));
  set_gradient(b, tensor({{0, -4}}));
  CHECK(near(optim::clip_grad_norm({a, none, b}, 1), 5));
  CHECK(difference(a.grad(), tensor({0.6, 0}), 2e-6) == "");
  CHECK(difference(b.grad(), tensor({{0, -0.8}}), 2e-6) == "");
  CHECK(!none.has_grad());
  CHECK(near(optim::clip_grad_norm({a, b}, 10), 1, 1e-5));
}

TEST_CASE("gradients that are short enough keep their bits") {
  const Var a(zeros({2}), true);
  set_gradient(a, tensor({3, 4}));
  CHECK(near(optim::clip_grad_norm({a}, 5.1), 5));
  CHECK(exact_difference(a.grad(), tensor({3, 4})) == "");
  CHECK(near(optim::clip_grad_norm({a}, inf), 5));
  CHECK(exact_difference(a.grad(), tensor({3, 4})) == "");
  CHECK(optim::clip_grad_norm({}, 1) == 0);
}

TEST_CASE("a NaN in one gradient is seen in the norm that is returned") {
  const Var a(zeros({2}), true), b(zeros({1}), true);
  set_gradient(a, tensor({3, 4}));
  set_gradient(b, Tensor(Shape{1}, {Real(not_a_number)}));
  CHECK(std::isnan(optim::clip_grad_norm({a, b}, 1)));
}

TEST_CASE("gradients of 1e25 are clipped, not flushed to 0") {
  const Var a(zeros({2}), true);
  set_gradient(a, tensor({3e25, 4e25}));
  CHECK(near(optim::clip_grad_norm({a}, 1), 5e25));
  CHECK(difference(a.grad(), tensor({0.6, 0.8}), 1e-5) == "");
}

TEST_CASE("clipping writes into the gradient itself") {
  const Var a(zeros({2}), true);
  set_gradient(a, tensor({30, 40}));
  const Tensor gradient = a.grad();
  optim::clip_grad_norm({a}, 5);
  CHECK(difference(gradient, tensor({3, 4}), 1e-5) == "");
}

// ---- schedules ----

TEST_CASE("every schedule rises in a straight line to its rate at the end of the warm-up") {
  const optim::ScheduleOptions o{.rate = 0.8, .warmup = 4, .total = 20};
  for (const auto schedule : {optim::constant, optim::warmup_cosine, optim::warmup_inverse_sqrt})
    for (Index step = 1; step <= 4; ++step)
      CHECK(near(schedule(step, o), 0.2 * static_cast<double>(step)));
}

TEST_CASE(
    "after the warm-up: constant stays, the cosine ends at 0, the root halves at four times") {
  const optim::ScheduleOptions o{.rate = 0.8, .warmup = 4, .total = 20};
  for (const Index step : {5, 20, 1000}) CHECK(optim::constant(step, o) == 0.8);
  CHECK(near(optim::warmup_cosine(12, o), 0.4));
  CHECK(near(optim::warmup_cosine(8, o), 0.8 * (1 + std::sqrt(0.5)) / 2));
  for (const Index step : {20, 21, 1000}) CHECK(std::abs(optim::warmup_cosine(step, o)) < 1e-15);
  CHECK(near(optim::warmup_inverse_sqrt(16, o), 0.4));
  CHECK(near(optim::warmup_inverse_sqrt(400, o), 0.08));
  for (Index step = 5; step <= 20; ++step) {
    CHECK(optim::warmup_cosine(step, o) < optim::warmup_cosine(step - 1, o));
    CHECK(optim::warmup_inverse_sqrt(step, o) < optim::warmup_inverse_sqrt(step - 1, o));
  }
}

TEST_CASE("without a warm-up the first step has nearly the whole rate") {
  const optim::ScheduleOptions o{.rate = 0.8, .total = 10};
  CHECK(optim::constant(1, o) == 0.8);
  CHECK(optim::warmup_inverse_sqrt(1, o) == 0.8);
  CHECK(near(optim::warmup_inverse_sqrt(4, o), 0.4));
  CHECK(near(optim::warmup_cosine(1, o), 0.4 * (1 + std::cos(0.1 * std::acos(-1)))));
  CHECK(std::abs(optim::warmup_cosine(10, o)) < 1e-15);
}

TEST_CASE("schedule options that contradict each other, or lie outside their range, are errors") {
  for (const auto schedule : {optim::constant, optim::warmup_cosine, optim::warmup_inverse_sqrt})
    for (const Index step : {1, 5, 30}) {
      const auto said = [&](optim::ScheduleOptions o) {
        return message_of<ShapeError>([&] { schedule(step, o); });
      };
      const std::string longer = said({.rate = 0.8, .warmup = 20, .total = 10});
      CHECK_THAT(longer, ContainsSubstring("warmup") && ContainsSubstring("total") &&
                             ContainsSubstring("20 and 10"));
      for (const double bad : {-1e-9, -inf, inf, not_a_number})
        CHECK_THAT(said({.rate = bad, .total = 10}), ContainsSubstring("rate"));
      CHECK_THAT(said({.warmup = -1, .total = 10}), ContainsSubstring("warmup"));
      CHECK_THAT(said({.total = -1}), ContainsSubstring("total"));
    }
}

TEST_CASE("a warm-up as long as the training ends at the rate, and then the cosine is 0") {
  const optim::ScheduleOptions o{.rate = 0.8, .warmup = 10, .total = 10};
  CHECK(near(optim::warmup_cosine(9, o), 0.72));
  CHECK(near(optim::warmup_cosine(10, o), 0.8));
  for (const Index step : {11, 12, 1000}) CHECK(optim::warmup_cosine(step, o) == 0);
}

TEST_CASE("steps are counted from 1, and the cosine must know its end") {
  for (const auto schedule : {optim::constant, optim::warmup_cosine, optim::warmup_inverse_sqrt})
    for (const Index step : {0, -1})
      for (const Index warmup : {0, 4})
        CHECK_THROWS_AS(schedule(step, {.rate = 1, .warmup = warmup, .total = 10}), ShapeError);
  CHECK_THROWS_AS(optim::warmup_cosine(1, {.rate = 1}), ShapeError);
  CHECK_THROWS_WITH(optim::warmup_cosine(1, {.rate = 1}), ContainsSubstring(".total"));
}

}  // namespace optim_test
