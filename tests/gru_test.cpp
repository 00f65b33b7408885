#include "nn/gru.h"

#include "autograd/gradcheck.h"
#include "nn/rms_norm.h"
#include "optim/adam.h"
#include "tests/op_table.h"

namespace gru_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensor some(const Shape& shape, std::uint64_t seed = 5) {
  Rng rng(seed);
  return uniform(shape, -1, 1, rng);
}

double value(const Tensor& x, auto... index) { return static_cast<double>(x(index...)); }
double squashed(double x) { return 1 / (1 + std::exp(-x)); }

// One element of W x + b, of gate `gate` (r, z, n), element by element.
double gate_of(const nn::Parameter& weight, const nn::Parameter& bias, const Tensor& x, Index b,
               Index gate, Index i) {
  const Index row = gate * (weight.size(0) / 3) + i;
  double y = value(bias.value(), row);
  for (Index j = 0; j < weight.size(1); ++j) y += value(weight.value(), row, j) * value(x, b, j);
  return y;
}

// The next state by the formula, element by element.
Tensor next_by_hand(const nn::GRU& gru, const Tensor& x, const Tensor& h) {
  Tensor result = empty(h.shape());
  for (Index b = 0; b < h.size(0); ++b)
    for (Index i = 0; i < h.size(1); ++i) {
      const auto in = [&](Index gate) {
        return gate_of(gru.weight_ih_l0, gru.bias_ih_l0, x, b, gate, i);
      };
      const auto hidden = [&](Index gate) {
        return gate_of(gru.weight_hh_l0, gru.bias_hh_l0, h, b, gate, i);
      };
      const double r = squashed(in(0) + hidden(0)), z = squashed(in(1) + hidden(1));
      const double n = std::tanh(in(2) + r * hidden(2));
      result(b, i) = static_cast<Real>((1 - z) * n + z * value(h, b, i));
    }
  return result;
}

}  // namespace

// ---- GRU ----

TEST_CASE("a step of a GRU is its formula, element by element") {
  Rng rng(1);
  const nn::GRU gru(3, 4, rng);
  CHECK(gru.weight_ih_l0.shape() == Shape{12, 3});
  CHECK(gru.weight_hh_l0.shape() == Shape{12, 4});
  CHECK(gru.bias_ih_l0.shape() == Shape{12});
  CHECK(gru.bias_hh_l0.shape() == Shape{12});
  const Tensor x = some({2, 3}), h = some({2, 4}, 6);
  CHECK(difference(gru.step(x, h).value(), next_by_hand(gru, x, h)) == "");
}

TEST_CASE("a GRU over a sequence is its steps, one after the other") {
  Rng rng(1);
  const nn::GRU gru(3, 4, rng);
  for (const Index T : {1, 2, 3, 7, 8}) {
    const Tensor x = some({2, T, 3}), initial = some({2, 4}, 6);
    for (const bool given : {false, true}) {
      const Var y = given ? gru(x, initial) : gru(x);
      CHECK(y.shape() == Shape{2, T, 4});
      Tensor h = given ? initial : zeros({2, 4});
      for (Index t = 0; t < T; ++t) {
        h = next_by_hand(gru, x.select(1, t), h);
        INFO("length " << T << ", step " << t);
        CHECK(difference(y.value().select(1, t), h) == "");
      }
    }
  }
}

TEST_CASE("a sequence in two parts, with the state handed on, is the whole sequence") {
  Rng rng(1);
  const nn::GRU gru(3, 4, rng);
  const Tensor x = some({2, 5, 3});
  const Var whole = gru(x), first = gru(x.slice(1, 0, 2));
  const Var second = gru(x.slice(1, 2, 5), first.select(1, -1));
  CHECK(difference(cat({first, second}, 1).value(), whole.value()) == "");
}

TEST_CASE("a GRU over no position, or over no sequence, gives none") {
  Rng rng(1);
  const nn::GRU gru(3, 4, rng);
  CHECK(gru(zeros({2, 0, 3})).shape() == Shape{2, 0, 4});
  CHECK(gru(zeros({2, 0, 3}), some({2, 4})).shape() == Shape{2, 0, 4});
  CHECK(gru(zeros({0, 5, 3})).shape() == Shape{0, 5, 4});
  CHECK(gru(zeros({0, 5, 3}), zeros({0, 4})).shape() == Shape{0, 5, 4});
  CHECK(gru.step(zeros({0, 3}), zeros({0, 4})).shape() == Shape{0, 4});
  for (const Shape& shape : {Shape{2, 0, 3}, Shape{0, 5, 3}}) {
    sum(gru(zeros(shape))).backward();
    CHECK(exact_difference(gru.weight_ih_l0.grad(), zeros({12, 3})) == "");
  }
}

TEST_CASE("a GRU says which shapes it needs") {
  Rng rng(1);
  const nn::GRU gru(3, 4, rng);
  CHECK_THROWS_AS(gru(zeros({2, 3})), ShapeError);
  CHECK_THROWS_WITH(gru(zeros({2, 5, 4})),
                    ContainsSubstring("[B, T, 3]") && ContainsSubstring("[2, 5, 4]"));
  CHECK_THROWS_WITH(gru(zeros({2, 5, 3}), zeros({1, 4})),
                    ContainsSubstring("the state must be [2, 4]; got [1, 4]"));
  CHECK_THROWS_AS(gru(zeros({2, 5, 3}), zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(gru(zeros({2, 0, 3}), zeros({1, 4})), ShapeError);
  CHECK_THROWS_AS(gru(zeros({2, 5, 3}), 0), ShapeError);
  CHECK_THROWS_WITH(gru.step(zeros({2, 5, 3}), zeros({2, 4})), ContainsSubstring("[B, 3]"));
  CHECK_THROWS_AS(gru.step(zeros({2, 3}), zeros({3, 4})), ShapeError);
}

TEST_CASE("a GRU starts uniform within one over the root of its width, as PyTorch's does") {
  Rng rng(1);
  const nn::GRU gru(40, 100, rng);
  for (const Var& p : nn::parameters(gru)) {
    double most = 0;
    for (const Real v : p.value().to_vector()) most = std::max(most, std::abs(double(v)));
    CHECK(most <= 0.1 * (1 + 1e-6));
    CHECK(most > 0.098);
  }
  CHECK(nn::count_parameters(gru) == 300 * 40 + 300 * 100 + 300 + 300);
}

TEST_CASE("the gradients of a GRU are right, for its state and its input too", "[gradcheck]") {
  Rng rng(1);
  const nn::GRU gru(3, 2, rng);
  const Var x(some({2, 5, 3}), true), h(some({2, 2}, 6), true);
  auto variables = nn::named_parameters(gru);
  variables.emplace_back("x", x);
  CHECK(wrong_gradient([&] { return gru(x); }, variables) == "");
  variables.emplace_back("h", h);
  CHECK(wrong_gradient([&] { return gru(x, h); }, variables) == "");
  const Var one = x.select(1, 0).detach();
  CHECK(wrong_gradient([&] { return gru.step(one, h); },
                       [&] {
                         auto step = nn::named_parameters(gru);
                         step.emplace_back("h", h);
                         return step;
                       }()) == "");
}

TEST_CASE("a GRU names all that its output depends on") {
  Rng rng(1);
  const nn::GRU gru(3, 2, rng);
  const Var loss = sum(gru(some({2, 5, 3})));
  nn::check_parameters(loss, gru);
  loss.backward();
  for (const Var& p : nn::parameters(gru)) CHECK(p.has_grad());
}

TEST_CASE("a GRU learns to remember the first of several inputs") {
  Rng rng(1);
  const nn::GRU gru(1, 8, rng);
  const nn::Parameter readout(some({8, 1}));
  std::vector<Var> parameters = nn::parameters(gru);
  parameters.push_back(readout);
  optim::Adam adam(parameters, {.rate = 0.02});
  double loss = 0;
  for (int step = 0; step < 200; ++step) {
    const Tensor x = uniform({16, 6, 1}, -1, 1, rng);
    const Var error = matmul(gru(x).select(1, -1), readout) - x.select(1, 0);  // [16, 1]
    const Var squares = mean(error * error);
    adam.zero_grad();
    squares.backward();
    adam.step();
    loss = static_cast<double>(squares.item());
  }
  CHECK(loss < 0.05);  // it begins near the variance of the inputs, 0.33
}

// ---- RMSNorm ----

TEST_CASE("RMSNorm divides by the root mean square, with eps inside the root") {
  const nn::RMSNorm norm(2, 3.0);
  CHECK(exact_difference(norm.weight.value(), ones({2})) == "");
  // A mean square of 13 and eps 3: divided by 4.
  CHECK(difference(norm(tensor({1, 5})).value(), tensor({0.25, 1.25})) == "");
  const nn::RMSNorm usual(4);
  CHECK(usual.eps == (is_float ? 0x1p-23 : 0x1p-52));
  const Tensor x = 3 * some({2, 5, 4}) + 7, y = usual(x).value();
  CHECK(y.shape() == Shape{2, 5, 4});
  CHECK(difference(mean(y * y, -1), ones({2, 5}), 1e-5) == "");
  CHECK(difference(usual(x * 1000).value(), y, 1e-5) == "");
  CHECK(exact_difference(usual(zeros({3, 4})).value(), zeros({3, 4})) == "");
  CHECK(usual(zeros({0, 4})).shape() == Shape{0, 4});
}

TEST_CASE("RMSNorm scales by what it learned, and says which last axis it needs") {
  const nn::RMSNorm norm(2, 3.0);
  Tensor(norm.weight.value()).copy_from(tensor({2, 4}));
  CHECK(difference(norm(tensor({1, 5})).value(), tensor({0.5, 5})) == "");
  CHECK_THROWS_WITH(norm(zeros({2, 3})), ContainsSubstring("must be 2; got [2, 3]"));
  CHECK_THROWS_AS(norm(zeros({2, 1})), ShapeError);
  CHECK_THROWS_AS(norm(1), ShapeError);
  for (const double bad : {-1e-5, not_a_number, inf})
    CHECK_THROWS_WITH(nn::RMSNorm(2, bad), ContainsSubstring("RMSNorm: eps"));
}

TEST_CASE("the gradients of RMSNorm are right", "[gradcheck]") {
  const nn::RMSNorm norm(5, 0.1);
  Tensor(norm.weight.value()).copy_from(some({5}, 1));
  const Var x(some({2, 3, 5}), true);
  CHECK(wrong_gradient([&] { return norm(x); }, {{"x", x}, {"weight", norm.weight}}) == "");
  nn::check_parameters(sum(norm(x.detach())), norm);
}

}  // namespace gru_test
