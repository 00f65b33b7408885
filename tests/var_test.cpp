#include "autograd/var.h"

#include <sstream>
#include <thread>
#include <type_traits>

#include "nn/module.h"
#include "tests/op_table.h"

namespace var_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

double number(const Tensor& x) { return static_cast<double>(x.item()); }

Var leaf(const Tensor& value) { return Var(value, true); }

}  // namespace

static_assert(std::is_convertible_v<Tensor, Var> && std::is_convertible_v<int, Var>);
static_assert(std::is_convertible_v<Real, Var> && !std::is_convertible_v<Var, Tensor>);
static_assert(!std::is_convertible_v<bool, Var>);

// ---- the handle ----

// Does a call compile with an axis of this type? In double numbers a hinge loss, max(1 - s, 0.0),
// is easily written where maximum(1 - s, 0.0) is meant.
template <class X, class Number>
constexpr bool takes_axis(auto call) {
  return requires(X x, Number axis) { call(x, axis); };
}

TEST_CASE("an axis is an integer: numbers with a fraction do not compile") {
  const auto all_of = []<class X>(X) {
    const auto each = [](auto... call) {
      static_assert((takes_axis<X, int>(call) && ...));
      static_assert((takes_axis<X, std::size_t>(call) && ...));
      static_assert((!takes_axis<X, double>(call) && ...));
      static_assert((!takes_axis<X, float>(call) && ...));
    };
    each([](auto x, auto axis) -> decltype(max(x, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(softmax(x, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(log_softmax(x, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(sum(x, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(mean(x, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(cat({x, x}, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(stack({x, x}, axis)) { return {}; },
         [](auto x, auto axis) -> decltype(x.squeeze(axis)) { return {}; },
         [](auto x, auto axis) -> decltype(x.unsqueeze(axis)) { return {}; },
         [](auto x, auto axis) -> decltype(x.transpose(axis, 0)) { return {}; },
         [](auto x, auto axis) -> decltype(x.slice(axis, 0, 1)) { return {}; },
         [](auto x, auto axis) -> decltype(x.select(axis, 0)) { return {}; },
         [](auto x, auto axis) -> decltype(Tensor(x.size(axis))) { return {}; });
  };
  all_of(Tensor());
  all_of(Var());
  CHECK(max(tensor({{1, 2}, {3, 0}}), 1).to_vector() == std::vector<Real>{2, 3});
}

TEST_CASE("a Var is a constant unless it is asked to require a gradient") {
  CHECK(!Var().requires_grad());
  CHECK(!Var(3).requires_grad());
  CHECK(!Var(ones({2})).requires_grad());
  CHECK(!Var(ones({2}), false).requires_grad());
  CHECK(Var(ones({2}), true).requires_grad());
  CHECK(Var().item() == Real(0));
}

TEST_CASE("a Var has the shape and the numbers of its value") {
  const Var x(arange(6).reshape({2, 3}), true);
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.rank() == 2);
  CHECK(x.size(-1) == 3);
  CHECK(x.numel() == 6);
  CHECK(x.value()(1, 2) == Real(5));
  CHECK(Var(4).item() == Real(4));
  CHECK_THROWS_WITH(x.item(), ContainsSubstring("[2, 3]"));
}

TEST_CASE("copies of a Var are the same Var") {
  const Var x = leaf(1);
  const Var y = x;
  (y * 3).backward();
  CHECK(number(x.grad()) == 3);
}

TEST_CASE("value and grad of a temporary may be kept") {
  const Tensor& value = (leaf(2) * 3).value();
  CHECK(number(value) == 6);
  const auto make = [] {
    const Var x = leaf(2);
    (x * 5).backward();
    return x;
  };
  const Tensor& grad = make().grad();
  CHECK(number(grad) == 5);
}

TEST_CASE("a Var prints as its value, and so does a Parameter") {
  const Var x(tensor({1, 2}), true);
  const nn::Parameter weight(tensor({{1, 2}}));
  std::ostringstream out;
  out << x << " " << weight;
  CHECK(out.str() == "[1, 2] [[1, 2]]");
  CHECK(fmt::format("{} {:.1f}", weight, weight) == "[[1, 2]] [[1.0, 2.0]]");
  CHECK(fmt::format("{}", x) == "[1, 2]");
  CHECK(fmt::format("{:.1f}", x * 2) == "[2.0, 4.0]");
}

// ---- numbers, Tensors and Vars in one expression ----

TEST_CASE("a number or a Tensor stands on either side of every operator") {
  const Var x = leaf(tensor({2, 4}));
  const auto all_forms = [&](auto other) {
    for (const Var& y : {x + other, other + x, x - other, other - x, x * other, other * x,
                         x / other, other / x, maximum(x, other), minimum(other, x),
                         where(tensor({0, 1}), x, other), where(tensor({0, 1}), other, x)}) {
      CHECK(y.requires_grad());
      CHECK(y.shape() == Shape{2});
    }
  };
  all_forms(2);
  all_forms(Index{2});
  all_forms(2.0f);
  all_forms(2.0);
  all_forms(Real(2));
  all_forms(tensor({2, 2}));
  all_forms(Var(2));
  CHECK(exact_difference((2 - x).value(), tensor({0, -2})) == "");
  CHECK(exact_difference((tensor({2, 8}) / x).value(), tensor({1, 2})) == "");
}

TEST_CASE("+= and its kin rebind a Var and change no number in place") {
  Var x = leaf(tensor({1, 2}));
  const Var first = x;
  x += 1;
  x *= first;
  x -= tensor({1, 1});
  x /= 2.0;
  CHECK(exact_difference(x.value(), tensor({0.5, 2.5})) == "");
  CHECK(exact_difference(first.value(), tensor({1, 2})) == "");
  sum(x).backward();
  CHECK(exact_difference(first.grad(), tensor({1.5, 2.5})) == "");  // (x² + x − 1)/2
}

TEST_CASE("cat and stack take Tensors, Vars, a mixture, vectors and spans") {
  const Tensor t = ones({2});
  const Var v = leaf(zeros({2}));
  const std::vector<Var> list{v, v};
  const std::vector<Tensor> tensors{t, t};
  static_assert(std::same_as<decltype(cat({t, t}, 0)), Tensor>);
  static_assert(std::same_as<decltype(cat({t, v}, 0)), Var>);
  static_assert(std::same_as<decltype(cat({v, t}, 0)), Var>);
  static_assert(std::same_as<decltype(cat({v, v}, 0)), Var>);
  static_assert(std::same_as<decltype(cat(list, 0)), Var>);
  static_assert(std::same_as<decltype(cat(tensors, 0)), Tensor>);
  static_assert(std::same_as<decltype(cat(std::span(list), 0)), Var>);
  static_assert(std::same_as<decltype(stack({t, v}, 0)), Var>);
  static_assert(std::same_as<decltype(stack(list, 0)), Var>);
  static_assert(std::same_as<decltype(stack({t, t}, 0)), Tensor>);
  CHECK(cat({t, v}, 0).shape() == Shape{4});
  CHECK(cat(std::span(list), 0).shape() == Shape{4});
  CHECK(stack({v, v, t}, 1).shape() == Shape{2, 3});
  CHECK_THROWS_AS(cat(std::vector<Var>{}, 0), ShapeError);
  CHECK_THROWS_AS(stack(std::vector<Var>{}, 0), ShapeError);
}

TEST_CASE("functions on Tensors give Tensors, and Vars where one operand is a Var") {
  const Tensor t = ones({2, 2});
  const Var v(t);
  static_assert(std::same_as<decltype(t * t), Tensor> && std::same_as<decltype(2 * t), Tensor>);
  static_assert(std::same_as<decltype(t * v), Var> && std::same_as<decltype(v - t), Var>);
  static_assert(std::same_as<decltype(maximum(t, 0)), Tensor>);
  static_assert(std::same_as<decltype(maximum(v, 0)), Var>);
  static_assert(std::same_as<decltype(where(t, 1, 0)), Tensor>);
  static_assert(std::same_as<decltype(where(t, t, 0)), Tensor>);
  static_assert(std::same_as<decltype(where(t, 0, v)), Var>);
  static_assert(std::same_as<decltype(where(t, t, v)), Var>);
  static_assert(std::same_as<decltype(matmul(t, v)), Var>);
  static_assert(std::same_as<decltype(matmul(t, t)), Tensor>);
  static_assert(std::same_as<decltype(sum(v, {0, 1}, true)), Var>);
  static_assert(std::same_as<decltype(layer_norm(t, v, t)), Var>);
  static_assert(std::same_as<decltype(softmax(t)), Tensor>);
  CHECK(sum(v, std::vector<Index>{0}).shape() == Shape{2});
  CHECK(sum(v, 1).shape() == Shape{2});
  CHECK(mean(v, {-1}, true).shape() == Shape{2, 1});
}

// ---- what is recorded ----

TEST_CASE("constants record nothing and hold no memory") {
  const Tensor x = uniform({100}, 0, 1, *std::make_unique<Rng>(1));
  const Index before = live_bytes();
  Var y = x;
  for (int i = 0; i < 100; ++i) y = exp(y * 0.5) - where(x, y, 0);
  CHECK(!y.requires_grad());
  CHECK(y.node()->is_leaf());
  CHECK(live_bytes() - before == 100 * Index{sizeof(Real)});
}

TEST_CASE("under NoGrad leaves record nothing and hold no memory either") {
  const Var x = leaf(ones({100}));
  const Index before = live_bytes();
  Var y = x;
  {
    const NoGrad guard;
    for (int i = 0; i < 100; ++i) y = tanh(cat({y, x}, 0).slice(0, 0, 100)) + y;
    CHECK(NoGrad::active());
  }
  CHECK(!y.requires_grad());
  CHECK(live_bytes() - before == 100 * Index{sizeof(Real)});
  CHECK_THROWS_AS(sum(y).backward(), StateError);
  CHECK((x * 2).requires_grad());
}

TEST_CASE("NoGrad guards nest, and hold for their own thread only") {
  const Var x = leaf(1);
  const NoGrad outer;
  {
    const NoGrad inner;
    CHECK(!(x * 2).requires_grad());
  }
  CHECK(!(x * 2).requires_grad());
  bool recorded = false;
  std::thread([&] { recorded = (x * 2).requires_grad(); }).join();
  CHECK(recorded);
}

TEST_CASE("a graph gives its memory back when the last handle to it goes") {
  const Var x = leaf(ones({100}));
  const Index before = live_bytes();
  {
    Var y = x;
    for (int i = 0; i < 10; ++i) y = exp(y) * y;
    CHECK(live_bytes() - before >= 2000 * Index{sizeof(Real)});
  }
  CHECK(live_bytes() == before);
}

TEST_CASE("backward frees what the graph saved, and keeps the gradient") {
  const Var x = leaf(ones({100}));
  const Index before = live_bytes();
  Var y = x;
  for (int i = 0; i < 10; ++i) y = exp(y * 0.1);
  const Var loss = sum(y);
  y = Var();
  loss.backward();
  CHECK(live_bytes() - before == (100 + 2) * Index{sizeof(Real)});  // the gradient, loss and y
}

TEST_CASE("detach gives the same numbers as a constant") {
  const Var x = leaf(tensor({1, 2}));
  const Var y = (x * 2).detach();
  CHECK(!y.requires_grad());
  CHECK(y.value().storage().same_as(y.detach().value().storage()));
  sum(x * y).backward();
  CHECK(exact_difference(x.grad(), tensor({2, 4})) == "");
}

// ---- gradients of leaves ----

TEST_CASE("a gradient that is not there is an error that says what to do") {
  const Var x = leaf(1);
  CHECK(!x.has_grad());
  CHECK_THROWS_AS(x.grad(), StateError);
  CHECK_THROWS_WITH(x.grad(), ContainsSubstring("backward()"));
  const Var y = x * 2;
  CHECK_THROWS_AS(y.grad(), StateError);
  CHECK_THROWS_WITH(y.grad(), ContainsSubstring("'mul'"));
  CHECK_THROWS_AS(y.zero_grad(), StateError);
  y.backward();
  CHECK_THROWS_AS(y.grad(), StateError);
  CHECK(!y.has_grad());
  CHECK_THROWS_AS(Var(1).grad(), StateError);
  x.zero_grad();
  CHECK(!x.has_grad());
  x.zero_grad();
}

// ---- users' own ops ----

TEST_CASE("a user's op with one VJP a parent joins the graph") {
  const Var a = leaf(tensor({1, 2})), b = leaf(tensor({3, 4}));
  const auto product = [](const Var& x, const Var& y) {
    return record("my product", x.value() * y.value(),
                  {{x, [y = y.value()](const Tensor& g) { return g * y; }},
                   {y, [x = x.value()](const Tensor& g) { return g * x; }}});
  };
  sum(product(product(a, b), a)).backward();
  CHECK(exact_difference(a.grad(), 2 * a.value() * b.value()) == "");
  CHECK(exact_difference(b.grad(), a.value() * a.value()) == "");
}

TEST_CASE("a user's op with one VJP for all parents joins the graph") {
  const Var a = leaf(tensor({1, 2})), b = leaf(3), c(5);
  int calls = 0;
  const Var y = record("my sum", a.value() + b.value() + c.value(), std::vector<Var>{a, b, c},
                       [&calls](const Tensor& g) {
                         ++calls;
                         return std::vector<Tensor>{g, g, g};
                       });
  y.backward(tensor({1, 10}));
  CHECK(calls == 1);
  CHECK(exact_difference(a.grad(), tensor({1, 10})) == "");
  CHECK(exact_difference(b.grad(), Tensor(11)) == "");  // summed back over what was broadcast
  CHECK(!c.has_grad());
}

TEST_CASE("the VJP of a parent that needs no gradient is never called") {
  const Var a = leaf(2), b(3);
  int calls = 0;
  const Var y = record("mine", a.value() * b.value(),
                       {{a, [](const Tensor& g) { return g * 3; }},
                        {b, [&calls](const Tensor& g) { return ++calls, g * 2; }}});
  y.backward();
  CHECK(calls == 0);
  CHECK(number(a.grad()) == 3);
  CHECK(!record("mine", Tensor(1), {{b, [](const Tensor& g) { return g; }}}).requires_grad());
}

TEST_CASE("a user's op keeps its own copy of its name") {
  const Var x = leaf(1);
  std::string name = "a name in memory that is soon written over";
  const Var y = record(name, x.value(), {{x, [](const Tensor&) {
                                            return zeros({7}).reshape({7, 1});
                                          }}});
  name.assign(name.size(), '?');
  CHECK_THROWS_WITH(
      (void)record(name, zeros({2}), {{y, [](const Tensor& g) { return g; }}}).backward(),
      ContainsSubstring("[2]"));
  const Var z = leaf(ones({3}));
  const Var wrong = record(std::string("half ") + "right", sum(z.value()),
                           {{z, [](const Tensor&) { return zeros({2}); }}});
  CHECK_THROWS_WITH(wrong.backward(), ContainsSubstring("half right"));
}

TEST_CASE("a VJP that gives the wrong shape or number of gradients is an error that names the op") {
  const Var x = leaf(zeros({2, 3}));
  for (const Shape& wrong : {Shape{3, 2}, Shape{3}, Shape{}, Shape{2, 2}, Shape{4, 3, 2}}) {
    const Var y =
        record("wrong", sum(x.value()), {{x, [=](const Tensor&) { return zeros(wrong); }}});
    CHECK_THROWS_AS(y.backward({.retain_graph = true}), ShapeError);
    CHECK_THROWS_WITH(y.backward(), ContainsSubstring("'wrong'") && ContainsSubstring("[2, 3]") &&
                                        ContainsSubstring(fmt::format("{}", wrong)));
  }
  const Var few = record("few", sum(x.value()), std::vector<Var>{x, x}, [](const Tensor&) {
    return std::vector<Tensor>{zeros({2, 3})};
  });
  CHECK_THROWS_WITH(few.backward(), ContainsSubstring("'few'"));
  CHECK(!x.has_grad());
}

TEST_CASE("a name may be any text, and a user's op may have no parents") {
  CHECK(!record("alone", Tensor(3), std::vector<Parent>{}).requires_grad());
}

// ---- the NaN watch ----

namespace {
struct NanWatch {
  explicit NanWatch(std::vector<std::pair<std::string, Var>> names = {}) {
    set_nan_check(true, std::move(names));
  }
  ~NanWatch() { set_nan_check(false); }
};
}  // namespace

TEST_CASE("the NaN watch names the op that makes the first NaN, and nobody else") {
  const NanWatch watch;
  const Var x = leaf(tensor({-1, 1})), bad = leaf(tensor({not_a_number, 0}));
  CHECK_THROWS_WITH(log(x), ContainsSubstring("log: ") &&
                                ContainsSubstring("1 NaN among the 2 elements of shape [2]") &&
                                ContainsSubstring("the first at element 0"));
  CHECK_THROWS_AS(layer_norm(x * inf, x, x), StateError);
  CHECK_NOTHROW(log(x + 2));
  CHECK_NOTHROW(x * bad);
  CHECK_NOTHROW(cat({x, bad}, 0));
  CHECK_NOTHROW(cat({bad, x}, 0));
  CHECK_THROWS_WITH(record("mine", bad.value(), {{x, [](const Tensor& g) { return g; }}}),
                    ContainsSubstring("mine"));
  CHECK_NOTHROW(record("mine", bad.value(), std::vector<Var>{x, bad}, nullptr));
}

TEST_CASE("the NaN watch names the nearest parameters upstream, by the names that it was given") {
  const Var near = leaf(tensor({1, 2})), far = leaf(ones({3, 2})), other = leaf(ones({2}));
  const auto make = [&] { return log(near * sum(far, 0) - 4); };
  {
    const NanWatch watch({{"decoder.near", near}, {"encoder.far", far}, {"other", other}});
    CHECK_THROWS_WITH(make(), ContainsSubstring("log") && ContainsSubstring("of [2]") &&
                                  ContainsSubstring("nearest parameters upstream: decoder.near "
                                                    "[2], encoder.far [3, 2]") &&
                                  !ContainsSubstring("other"));
    const NoGrad nothing_recorded;
    CHECK_THROWS_WITH(make(), ContainsSubstring("no parameter upstream"));
  }
  {
    const NanWatch watch;
    CHECK_THROWS_WITH(make(), ContainsSubstring("upstream: an unnamed leaf [2]"));
    CHECK_THROWS_WITH(log(Var(-1)), ContainsSubstring("no parameter upstream"));
  }
  CHECK_NOTHROW(make());
}

TEST_CASE("the NaN watch names the VJP that makes the first NaN, and leaves gradients alone") {
  const Var x = leaf(tensor({0, 1})), y = leaf(tensor({1, 1}));
  const NanWatch watch({{"x", x}, {"y", y}});
  // √ has an infinite slope at 0, and 0 · ∞ is no number.
  const auto root = [&] { return sum(sqrt(x * y) * tensor({0, 1})); };
  CHECK_THROWS_WITH(root().backward(),
                    ContainsSubstring("the VJP of 'sqrt'") && ContainsSubstring("x [2], y [2]"));
  CHECK(!x.has_grad());
  // ∞ − ∞, where two gradients of one value meet.
  const Var z = x + 1;
  const Var both = sum(record("up", z.value(), {{z, [](const Tensor& g) { return g * inf; }}}) +
                       record("down", z.value(), {{z, [](const Tensor& g) { return g * -inf; }}}));
  CHECK_THROWS_WITH(both.backward(), ContainsSubstring("the VJP of") && ContainsSubstring("x [2]"));
  // A NaN that the VJP did not make: it was in the seed, or in a value.
  CHECK_NOTHROW((x * 2).backward(tensor({not_a_number, 1})));
  CHECK_NOTHROW(sum(x * Var(tensor({not_a_number, 1}))).backward());
}

}  // namespace var_test
