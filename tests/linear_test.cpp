// The small layers: Linear, Embedding, Dropout, LayerNorm, FeedForward, and the positions.
#include "nn/linear.h"

#include "autograd/gradcheck.h"
#include "nn/embedding.h"
#include "nn/feed_forward.h"
#include "nn/layer_norm.h"
#include "nn/positions.h"
#include "tests/op_table.h"

namespace linear_test {

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

double largest(const Tensor& x) {
  double result = 0;
  for (const Real v : x.to_vector()) result = std::max(result, std::abs(static_cast<double>(v)));
  return result;
}

// Gradients of a layer's parameters and of its input, judged where the build can.
void check_gradients(const auto& layer, const Tensor& input) {
  if constexpr (!is_float) {
    const Var x(input, true);
    auto variables = nn::named_parameters(layer);
    variables.emplace_back("x", x);
    const GradcheckReport report = gradcheck([&] { return layer(x); }, variables);
    INFO(report.text);
    CHECK(report.ok);
  }
}

}  // namespace

// ---- Linear ----

TEST_CASE("Linear is x Wᵀ + b on the last axis, whatever lies before it") {
  Rng rng(1);
  const nn::Linear layer(3, 4, rng);
  CHECK(layer.weight.shape() == Shape{4, 3});
  CHECK(layer.bias.shape() == Shape{4});
  for (const Shape& shape :
       {Shape{3}, Shape{2, 3}, Shape{2, 5, 3}, Shape{2, 1, 5, 3}, Shape{0, 3}}) {
    const Tensor x = some(shape);
    const auto expected = [&](const Position& p) {
      Real y = layer.bias.value()(p.back());
      for (Index i = 0; i < 3; ++i) {
        Position from = p;
        from.back() = i;
        y += at(x, from) * layer.weight.value()(p.back(), i);
      }
      return y;
    };
    CHECK(difference(layer(x).value(), shape.with(-1, 4), expected) == "");
  }
}

TEST_CASE("Linear without bias adds none, and names none") {
  Rng rng(1);
  const nn::Linear layer(3, 4, rng, {.bias = false});
  CHECK(nn::count_parameters(layer) == 12);
  CHECK(exact_difference(layer(zeros({2, 3})).value(), zeros({2, 4})) == "");
  CHECK(!layer.bias.requires_grad());
}

TEST_CASE("Linear says which last axis it needs") {
  Rng rng(1);
  const nn::Linear layer(3, 4, rng);
  CHECK_THROWS_AS(layer(zeros({3, 4})), ShapeError);
  CHECK_THROWS_WITH(layer(zeros({3, 4})), ContainsSubstring("[3, 4]") && ContainsSubstring("3;"));
  CHECK_THROWS_AS(layer(Tensor(1)), ShapeError);
}

TEST_CASE("Linear starts uniform within one over the root of its inputs, weight and bias") {
  Rng rng(1);
  const nn::Linear layer(100, 400, rng);
  for (const Var& p : {Var(layer.weight), Var(layer.bias)}) {
    CHECK(largest(p.value()) <= 0.1);
    CHECK(largest(p.value()) > 0.099);
    CHECK(std::abs(static_cast<double>(mean(p.value()).item())) < 0.01);
    CHECK(near(static_cast<double>(mean(p.value() * p.value()).item()), 0.01 / 3, 0.15));
  }
}

TEST_CASE("layers of one seed are the same, and the next from the same stream differ") {
  Rng a(1), b(1);
  const nn::Linear first(3, 4, a), second(3, 4, b), third(3, 4, b);
  CHECK(exact_difference(first.weight.value(), second.weight.value()) == "");
  CHECK(exact_difference(first.bias.value(), second.bias.value()) == "");
  CHECK(exact_difference(first.weight.value(), third.weight.value()) != "");
}

TEST_CASE("the gradients of Linear are right, for a transposed input too", "[gradcheck]") {
  Rng rng(1);
  check_gradients(nn::Linear(3, 4, rng), some({2, 5, 3}));
  check_gradients(nn::Linear(3, 4, rng), some({3, 5}).mT());
  check_gradients(nn::Linear(1, 1, rng, {.bias = false}), some({1}));
}

// ---- Embedding ----

TEST_CASE("Embedding gives a row of its table for every token") {
  Rng rng(1);
  const nn::Embedding layer(5, 3, rng);
  const Tokens tokens{2, 2, {4, 0, 4, 1}};
  CHECK(layer.weight.shape() == Shape{5, 3});
  CHECK(difference(
            layer(tokens).value(), Shape{2, 2, 3},
            [&](const Position& p) {
              return layer.weight.value()(tokens.ids[static_cast<std::size_t>(p[0] * 2 + p[1])],
                                          p[2]);
            },
            0) == "");
  CHECK(layer({0, 4, {}}).shape() == Shape{0, 4, 3});
}

TEST_CASE("a row of the table gathers the gradients of all its tokens") {
  Rng rng(1);
  const nn::Embedding layer(5, 3, rng);
  sum(layer({2, 2, {4, 0, 4, 1}})).backward();
  CHECK(exact_difference(layer.weight.grad(),
                         tensor({{1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {2, 2, 2}})) == "");
}

TEST_CASE("Embedding names a token outside its table") {
  Rng rng(1);
  const nn::Embedding layer(5, 3, rng);
  CHECK_THROWS_AS(layer({1, 2, {0, 5}}), ShapeError);
  CHECK_THROWS_AS(layer({1, 2, {0, -1}}), ShapeError);
  CHECK_THROWS_WITH(layer({1, 2, {0, 17}}), ContainsSubstring("17"));
  CHECK_THROWS_AS(layer({2, 2, {0, 1}}), ShapeError);
}

TEST_CASE("Embedding starts with mean 0 and variance 1") {
  Rng rng(1);
  const Tensor table = nn::Embedding(200, 100, rng).weight.value();
  CHECK(std::abs(static_cast<double>(mean(table).item())) < 0.03);
  CHECK(near(static_cast<double>(mean(table * table).item()), 1, 0.05));
}

// ---- Dropout ----

TEST_CASE("Dropout zeroes a share p and scales the rest by 1/(1 − p)") {
  Rng rng(1);
  const nn::Dropout layer(0.25, rng);
  const Tensor y = layer(ones({100, 100})).value();
  CHECK(y.shape() == Shape{100, 100});
  Index zeroed = 0;
  for (const Real v : y.to_vector()) {
    const bool dropped = v == Real(0);
    CHECK((dropped || std::abs(static_cast<double>(v) - 4.0 / 3) < 1e-6));
    zeroed += dropped;
  }
  CHECK(std::abs(static_cast<double>(zeroed) / 1e4 - 0.25) < 0.02);
}

TEST_CASE("Dropout draws anew at every call, and the same again from the same seed") {
  Rng a(1), b(1);
  const nn::Dropout first(0.5, a), second(0.5, b);
  const Tensor x = ones({50});
  const Tensor y = first(x).value(), z = first(x).value();
  CHECK(exact_difference(y, z) != "");
  CHECK(exact_difference(second(x).value(), y) == "");
  CHECK(exact_difference(second(x).value(), z) == "");
}

TEST_CASE("Dropout in eval mode, or with p = 0, gives its input itself and draws nothing") {
  Rng rng(1);
  nn::Dropout layer(0.5, rng);
  const Var x(some({20}), true);
  const auto before = layer.stream.state();
  layer.training = false;
  CHECK(layer(x).value().storage().same_as(x.value().storage()));
  CHECK(layer.rate() == 0);
  CHECK(layer.stream.state() == before);
  const nn::Dropout none(0, rng);
  CHECK(none(x).value().storage().same_as(x.value().storage()));
}

TEST_CASE("Dropout accepts only 0 ≤ p < 1") {
  Rng rng(1);
  for (const double p : {-0.1, 1.0, 1.5, not_a_number}) {
    CHECK_THROWS_AS(nn::Dropout(p, rng), ShapeError);
    CHECK_THROWS_WITH(nn::Dropout(p, rng), ContainsSubstring(fmt::format("{}", p)));
  }
}

TEST_CASE("Dropout keeps no reference to the stream it was made from") {
  auto rng = std::make_unique<Rng>(1);
  const nn::Dropout layer(0.5, *rng);
  const auto state = rng->state();
  (void)layer(ones({10}));
  CHECK(rng->state() == state);
  rng.reset();
  CHECK(layer(ones({10})).shape() == Shape{10});
}

TEST_CASE("the gradient of Dropout is the mask that the forward pass drew") {
  Rng rng(1);
  const nn::Dropout layer(0.5, rng);
  const Var x(ones({100}), true);
  const Var y = layer(x);
  sum(y).backward();
  CHECK(exact_difference(x.grad(), y.value()) == "");
}

TEST_CASE("the gradients of Dropout are right", "[gradcheck]") {
  Rng rng(1);
  check_gradients(nn::Dropout(0.5, rng), some({4, 5}));
}

// ---- LayerNorm ----

TEST_CASE("LayerNorm gives every position mean 0 and variance 1, with eps inside the root") {
  const nn::LayerNorm layer(8);
  CHECK(exact_difference(layer.weight.value(), ones({8})) == "");
  CHECK(exact_difference(layer.bias.value(), zeros({8})) == "");
  const Tensor x = 3 * some({2, 5, 8}) + 7;
  const Tensor y = layer(x).value();
  CHECK(y.shape() == Shape{2, 5, 8});
  CHECK(difference(mean(y, -1), zeros({2, 5}), 1e-6) == "");
  CHECK(difference(mean(y * y, -1), ones({2, 5}), 1e-4) == "");

  const nn::LayerNorm wide(2, 3.0);  // variance 1 and eps 3: halved
  CHECK(difference(wide(tensor({4, 6})).value(), tensor({-0.5, 0.5})) == "");
}

TEST_CASE("LayerNorm refuses an eps that is no number of at least 0 when it is made") {
  for (const double bad : {-1e-5, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    CHECK_THROWS_WITH(nn::LayerNorm(2, bad),
                      ContainsSubstring("layer_norm: eps must be a finite number of at least 0"));
  CHECK_NOTHROW(nn::LayerNorm(2, 0));
}

TEST_CASE("LayerNorm scales and shifts by what it learned") {
  nn::LayerNorm layer(2, 3.0);
  Tensor(layer.weight.value()).copy_from(tensor({2, 4}));
  Tensor(layer.bias.value()).copy_from(tensor({10, 20}));
  CHECK(difference(layer(tensor({4, 6})).value(), tensor({9, 22})) == "");
  CHECK_THROWS_AS(layer(zeros({3})), ShapeError);
}

TEST_CASE("the gradients of LayerNorm are right", "[gradcheck]") {
  nn::LayerNorm layer(5);
  Tensor(layer.weight.value()).copy_from(some({5}, 1));
  Tensor(layer.bias.value()).copy_from(some({5}, 2));
  check_gradients(layer, some({2, 3, 5}));
}

// ---- FeedForward ----

TEST_CASE("FeedForward is two linear maps with a relu between, each position alone") {
  Rng rng(1);
  const nn::FeedForward layer(4, 16, 0.0, rng);
  const Tensor x = some({2, 3, 4});
  const Tensor y = layer(x).value();
  CHECK(y.shape() == Shape{2, 3, 4});
  CHECK(difference(y, layer.down(relu(layer.up(x))).value()) == "");
  CHECK(difference(layer(x.slice(1, 1, 2)).value(), y.slice(1, 1, 2)) == "");
  CHECK(nn::count_parameters(layer) == 4 * 16 + 16 + 16 * 4 + 4);
}

TEST_CASE("FeedForward drops out of the hidden numbers, in training only", "[gradcheck]") {
  Rng rng(1);
  nn::FeedForward layer(4, 64, 0.5, rng);
  const Tensor x = some({2, 3, 4});
  CHECK(exact_difference(layer(x).value(), layer(x).value()) != "");
  nn::set_training(layer, false);
  CHECK(exact_difference(layer(x).value(), layer(x).value()) == "");
  nn::set_training(layer, true);
  check_gradients(layer, x);
}

// ---- positions ----

TEST_CASE("positions are sines and cosines of ever longer waves") {
  const Tensor table = nn::sinusoidal_positions(50, 6);
  CHECK(difference(table, Shape{50, 6}, [](const Position& p) {
          const double angle = static_cast<double>(p[0]) *
                               std::pow(10000.0, -static_cast<double>(p[1] - p[1] % 2) / 6);
          return p[1] % 2 ? std::cos(angle) : std::sin(angle);
        }) == "");
}

TEST_CASE("a shift by k positions turns every pair of columns by the same angle") {
  const Tensor table = nn::sinusoidal_positions(40, 8);
  const Index k = 7;
  for (Index pair = 0; pair < 8; pair += 2) {
    const Real s = table(k, pair), c = table(k, pair + 1);
    for (Index t = 0; t + k < 40; ++t) {
      const Real turned = table(t, pair) * c + table(t, pair + 1) * s;
      CHECK(std::abs(static_cast<double>(turned - table(t + k, pair))) < 1e-5);
    }
  }
}

TEST_CASE("positions of an odd width, of width 1 and of no length have their shapes") {
  CHECK(nn::sinusoidal_positions(4, 5).shape() == Shape{4, 5});
  CHECK(nn::sinusoidal_positions(4, 1).shape() == Shape{4, 1});
  CHECK(nn::sinusoidal_positions(0, 4).shape() == Shape{0, 4});
}

}  // namespace linear_test
