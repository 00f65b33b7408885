// # The library with intervals: every op and layer encloses
//
// Of the library glassgrad::certified only. Of each op in the table of ops (op_rows.h) and of each
// layer, at points: the values and gradients are enclosed narrowly, and the forward derivative and
// the reverse sweep agree. Where the exact value is known from another formula in long double, the
// enclosure holds it. gradcheck judges single gradients (enclosure_check_test.cpp); it does not
// look at values, widths, options and comparisons, which are here.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "nn/decode.h"
#include "nn/embedding.h"
#include "nn/gru.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/positions.h"
#include "nn/rms_norm.h"
#include "nn/transformer.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "tests/op_rows.h"
#include "tests/threads.h"

namespace certified_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;
using Leaves = std::vector<std::pair<std::string, Var>>;

namespace {

// ---- enclosures ----

Real interval(double lo, double hi) { return Real(Interval(lo, hi)); }

// "" if all widths are at most `share` of the largest number of x, or of 1.
std::string too_wide(const Tensor& x, double share = 1e-9) {
  double size = 1;
  for (const Real& v : x.to_vector()) size = std::max(size, std::abs(static_cast<double>(v)));
  for (const Real& v : x.to_vector())
    if (!(v.v.width() <= share * size)) return fmt::format("{} is too wide", v.v);
  return "";
}

// Does the interval hold a number that long double arithmetic has rounded a few times?
bool holds(const Interval& x, long double exact) {
  const long double slack = 1e-17L * std::abs(exact);
  return x.below() <= exact + slack && exact - slack <= x.above();
}

// "" if all intervals of x hold the numbers exact(i), and are narrow.
template <class F>
std::string misses(const Tensor& x, F exact) {
  const std::vector<Real> numbers = x.to_vector();
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!holds(numbers[i].v, exact(i)))
      return fmt::format("element {}: {} does not hold {:.20g}", i, numbers[i].v,
                         static_cast<double>(exact(i)));
  return too_wide(x);
}

long double number(const Tensor& x, std::size_t i) {
  return static_cast<double>(x.to_vector()[i].v);
}

// ---- two witnesses of one derivative ----

// Numbers whose products with points are short, of both signs and different sizes.
Tensor directions(const Shape& shape, Rng& rng) {
  return map(uniform(shape, -8, 8, rng), [](Real x) {
    const double whole = std::round(static_cast<double>(x));
    return (whole == 0 ? 1 : whole) / 8;
  });
}

// Σ a ⊙ b of the values of a and b.
Interval dot(const Tensor& a, const Tensor& b) {
  const std::vector<Real> x = a.to_vector(), y = b.to_vector();
  Interval total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) total += x[i].v * y[i].v;
  return total;
}

// The derivatives of x as a tensor of values.
Tensor slopes(const Tensor& x) {
  return map(x, [](Real v) { return Real(v.d); });
}

// "" if values, gradients and derivatives of f are narrow, and Σ g ⊙ u for the gradients g of the
// sweep meets the forward derivative along the directions u.
std::string disagreement(const std::function<Var()>& f, const Leaves& leaves, double share = 1e-9) {
  Rng rng(11);
  std::vector<Tensor> along;
  for (const auto& [name, leaf] : leaves) {
    along.push_back(directions(leaf.shape(), rng));
    Tensor value = leaf.value();
    for (Index i = 0; i < value.numel(); ++i) value.data()[i].d = along.back().data()[i].v;
    leaf.zero_grad();
  }
  const Var y = f();
  const Tensor seed = directions(y.shape(), rng);
  y.backward(seed);

  const Interval forward = dot(slopes(y.value()), seed);
  Interval backward = 0;
  std::string wrong = too_wide(y.value(), share) + too_wide(slopes(y.value()), share);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Var& leaf = leaves[i].second;
    if (!leaf.has_grad()) continue;
    backward += dot(leaf.grad(), along[i]);
    wrong += too_wide(leaf.grad(), share);
  }
  if (disjoint(forward, backward))
    wrong += fmt::format("forward {} and backward {} do not meet", forward, backward);
  return wrong + too_wide(Tensor(Real(forward)), share) + too_wide(Tensor(Real(backward)), share);
}

Leaves parameters_of(const auto& layer) {
  Leaves leaves;
  for (const auto& [name, parameter] : nn::named_parameters(layer))
    leaves.emplace_back(name, parameter);
  return leaves;
}

}  // namespace

// ---- every op, every layer ----

TEST_CASE("every op of the table encloses its values and its gradients") {
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      Rng rng(5);
      const Inputs x = operands(row, shapes, rng);
      Leaves leaves;
      for (std::size_t i = 0; i < x.size(); ++i)
        if (!is_mask(row, i)) leaves.emplace_back(fmt::format("operand {}", i), x[i]);
      const bool empty = std::ranges::any_of(shapes, [](const Shape& s) { return s.numel() == 0; });
      if (empty && needs_numbers(row)) continue;  // the mean of nothing is NaN
      INFO(row.name << " of " << fmt::format("{}", fmt::join(shapes, ", ")));
      CHECK(disagreement([&] { return row.op(x); }, leaves) == "");
    }
}

TEST_CASE("every layer encloses its values and its gradients") {
  Rng rng(3);
  const Var x(uniform({2, 3, 4}, -1, 1, rng), true), memory(uniform({2, 5, 4}, -1, 1, rng), true);
  const auto check = [](const char* name, const auto& layer, Leaves leaves,
                        const std::function<Var()>& f) {
    for (auto& leaf : parameters_of(layer)) leaves.push_back(leaf);
    INFO(name);
    CHECK(disagreement(f, leaves) == "");
  };
  const nn::Linear linear(4, 3, rng);
  check("Linear", linear, {{"x", x}}, [&] { return linear(x); });
  const nn::LayerNorm layer_norm(4);
  check("LayerNorm", layer_norm, {{"x", x}}, [&] { return layer_norm(x); });
  const nn::RMSNorm rms_norm(4);
  check("RMSNorm", rms_norm, {{"x", x}}, [&] { return rms_norm(x); });
  const nn::GRU gru(4, 3, rng);
  check("GRU", gru, {{"x", x}}, [&] { return gru(x); });
  const nn::Embedding embedding(6, 4, rng);
  check("Embedding", embedding, {}, [&] { return embedding({2, 2, {1, 5, 1, 0}}); });
  const nn::CrossAttention attention(4, 2, rng, {.dropout = 0});
  check("CrossAttention", attention, {{"x", x}, {"memory", memory}},
        [&] { return attention(x, memory, memory, causal_mask(3, 5)); });
  check("CrossAttention, step by step", attention, {{"x", x}, {"memory", memory}}, [&] {
    Tensor weights;
    return attention(x, memory, memory, {}, &weights);
  });
  const nn::FeedForward feed_forward(4, 6, 0, rng);
  check("FeedForward", feed_forward, {{"x", x}}, [&] { return feed_forward(x); });
}

// A whole model multiplies widths from layer to layer, so it is tiny here. certified_wide encloses
// larger ones.
TEST_CASE("a tiny EncoderDecoder encloses its loss and its gradients") {
  Rng rng(4);
  const nn::EncoderDecoder model(rng, {.source_vocab = 6,
                                       .target_vocab = 5,
                                       .dim = 4,
                                       .heads = 2,
                                       .layers = 1,
                                       .hidden = 6,
                                       .dropout = 0,
                                       .tied = true});
  const Tokens source{2, 3, {1, 2, 3, 4, 5, 0}}, target{2, 2, {1, 2, 3, 4}};
  const std::vector<int> labels = {2, 3, 4, 1};
  const auto loss = [&] {
    return cross_entropy(model(source, target).reshape({4, 5}), labels, {.label_smoothing = 0.1});
  };
  CHECK(disagreement(loss, parameters_of(model), 1e-6) == "");
}

// ---- exact values ----

TEST_CASE("functions of one number hold the exact value, on both sides of 0") {
  const Tensor x = tensor({-30, -5.1, -1, -0.3, -1e-9, 0, 1e-9, 0.2, 1, 4.7, 20});
  const auto at = [&](std::size_t i) { return number(x, i); };
  const auto phi = [](long double v) { return std::erfc(-v * std::sqrt(0.5L)) / 2; };
  const auto density = [](long double v) {
    return std::exp(-v * v / 2) / std::sqrt(2 * 3.14159265358979323846264338328L);
  };
  CHECK(misses(exp(x), [&](std::size_t i) { return std::exp(at(i)); }) == "");
  CHECK(misses(tanh(x), [&](std::size_t i) { return std::tanh(at(i)); }) == "");
  CHECK(misses(sigmoid(x), [&](std::size_t i) { return 1 / (1 + std::exp(-at(i))); }) == "");
  CHECK(misses(softplus(x), [&](std::size_t i) {
          return std::max(at(i), 0.0L) + std::log1p(std::exp(-std::abs(at(i))));
        }) == "");
  CHECK(misses(gelu(x), [&](std::size_t i) { return at(i) * phi(at(i)); }) == "");
  Tensor slope;
  (void)gelu(x, slope);
  CHECK(misses(slope, [&](std::size_t i) { return phi(at(i)) + at(i) * density(at(i)); }) == "");
}

TEST_CASE("rows hold the exact value") {
  const Tensor x = tensor({{0.3, -1.2, 2.5}, {4, 4.1, -3}}), one = ones({3}), none = zeros({3});
  const auto at = [&](std::size_t i) { return number(x, i); };
  const auto sum_of = [&](std::size_t i, auto f) {
    const std::size_t row = i / 3 * 3;
    return f(at(row)) + f(at(row + 1)) + f(at(row + 2));
  };
  const auto exp_of = [](long double v) { return std::exp(v); };
  CHECK(misses(softmax(x), [&](std::size_t i) { return std::exp(at(i)) / sum_of(i, exp_of); }) ==
        "");
  CHECK(misses(log_softmax(x),
               [&](std::size_t i) { return at(i) - std::log(sum_of(i, exp_of)); }) == "");
  CHECK(misses(logsumexp(x, 1), [&](std::size_t i) { return std::log(sum_of(3 * i, exp_of)); }) ==
        "");
  CHECK(misses(layer_norm(x, one, none, 0.1), [&](std::size_t i) {
          const long double mean = sum_of(i, [](long double v) { return v; }) / 3;
          const long double var = sum_of(i, [=](long double v) { return (v - mean) * (v - mean); });
          return (at(i) - mean) / std::sqrt(var / 3 + 0.1);
        }) == "");
}

TEST_CASE("the scale of attention is 1/√D, and no double") {
  // One query of ones and two keys, of ones and of zeros: the scores are √D and 0.
  const Tensor q = ones({1, 1, 1, 5}), k = cat({ones({1, 1, 1, 5}), zeros({1, 1, 1, 5})}, 2);
  const Tensor v = tensor({1, 0}).reshape({1, 1, 2, 1});
  const long double weight = 1 / (1 + std::exp(-std::sqrt(5.0L)));
  const Tensor y = attention(q, k, v);
  CHECK(misses(y, [&](std::size_t) { return weight; }) == "");
}

TEST_CASE("constants that are made of options are enclosed") {
  Rng rng(2);
  const double p = 0.1;
  const Real kept = max(dropout(ones({64}), p, rng)).item();
  CHECK(holds(kept.v, 1 / (1 - static_cast<long double>(p))));
  CHECK(kept.v.width() > 0);
  const Tensor table = nn::sinusoidal_positions(7, 6);
  CHECK(misses(table, [](std::size_t i) {
          const auto t = static_cast<long double>(i / 6),
                     even = static_cast<long double>(i % 6 / 2 * 2);
          const long double angle = t / std::pow(10000.0L, even / 6);
          return i % 2 == 0 ? std::sin(angle) : std::cos(angle);
        }) == "");
}

TEST_CASE("a step of Adam encloses the formula, with the options as given") {
  const Var w(Tensor(0.5), true);
  optim::Adam adam({w}, {.rate = 0.1});
  (w * w * w).backward();
  adam.step();
  const long double g = 0.75L, b1 = adam.options.beta1, b2 = adam.options.beta2;
  const long double m = (1 - b1) * g / (1 - b1), v = (1 - b2) * g * g / (1 - b2);
  const long double eps = adam.options.eps;
  CHECK(misses(w.value(), [&](std::size_t) {
          return 0.5L - static_cast<long double>(0.1) * m / (std::sqrt(v) + eps);
        }) == "");
}

TEST_CASE("gradients are clipped by an enclosed factor, and not if it is undecided") {
  const Var w(tensor({1, 1, 1}), true);
  sum(w).backward();
  CHECK(std::abs(optim::clip_grad_norm({w}, 1) - std::sqrt(3.0)) < 1e-12);
  CHECK(misses(w.grad(), [](std::size_t) {
          return 1 / (std::sqrt(3.0L) + static_cast<long double>(1e-6));
        }) == "");
  Tensor g = w.grad();
  g.fill(interval(0.5, 0.7));
  CHECK_THROWS_WITH(optim::clip_grad_norm({w}, 1), ContainsSubstring("clip_grad_norm: "));
}

TEST_CASE("a number without a derivative has none, however it is made") {
  CHECK(is_zero(slopes(ones({3}))(0).v));
  CHECK(is_zero(slopes(full({2, 2}, Real(7)))(1, 1).v));
  CHECK(is_zero(Tensor(1).item().d));
}

// ---- intervals on both sides of a branch ----

TEST_CASE("smooth functions of an interval around 0 need no decision") {
  for (const auto& [lo, hi] :
       {std::pair(-1e-3, 2e-3), std::pair(-2e-3, 1e-3), std::pair(-1.0, 1.0)}) {
    const Real x(Interval(lo, hi), 1);
    for (const double at : {lo, lo / 2, 0.0, hi / 3, hi}) {
      const Real point(Interval(at), 1);
      const Tensor target(0.25);
      for (const auto& f : std::vector<std::function<Tensor(const Tensor&)>>{
               [](const Tensor& t) { return sigmoid(t); },
               [](const Tensor& t) { return softplus(t); }, [](const Tensor& t) { return gelu(t); },
               [](const Tensor& t) { return tanh(t); },
               [&](const Tensor& t) { return binary_cross_entropy(t, target); },
               [&](const Tensor& t) { return binary_cross_entropy_slope(t, target); }}) {
        const Real all = f(Tensor(x)).item(), one = f(Tensor(point)).item();
        CHECK(all.v.below() <= one.v.above());
        CHECK(one.v.below() <= all.v.above());
        CHECK(all.d.holds(static_cast<double>(one.d)));
        CHECK(all.v.width() < 4 * (hi - lo));
      }
    }
  }
}

TEST_CASE("a softmax of intervals that overlap is shifted by a point") {
  const Tensor wide({3}, std::vector<Real>{interval(1, 2), interval(1.5, 1.75), interval(-1, 3)});
  const Tensor point = tensor({1.25, 1.6, 2});
  const auto inside = [](const Tensor& x, const Tensor& y) {
    for (Index i = 0; i < x.numel(); ++i)
      if (!x.data()[i].v.holds(static_cast<double>(y.data()[i].v))) return false;
    return true;
  };
  CHECK(inside(softmax(wide), softmax(point)));
  CHECK(inside(log_softmax(wide), log_softmax(point)));
  CHECK(inside(logsumexp(wide), logsumexp(point)));
  const std::vector<int> target = {1};
  CHECK(inside(cross_entropy(Var(wide.unsqueeze(0)), target).value(),
               cross_entropy(Var(point.unsqueeze(0)), target).value()));
  const Tensor q = ones({1, 1, 1, 1}), k = wide.reshape({1, 1, 3, 1});
  CHECK(inside(attention(q, k, k),
               attention(q, point.reshape({1, 1, 3, 1}), point.reshape({1, 1, 3, 1}))));
}

// ---- kinks ----

TEST_CASE(
    "values at a kink need no decision, derivatives do, and the error names op and interval") {
  const Tensor x({1}, std::vector<Real>{interval(-0.5, 0.25)});
  const auto equals = [](const Tensor& y, double lo, double hi) {
    return y(0).v.below() == lo && y(0).v.above() == hi;
  };
  CHECK(equals(relu(x), 0, 0.25));
  CHECK(equals(abs(x), 0, 0.5));
  CHECK(equals(maximum(x, Tensor(0.1)), 0.1, 0.25));
  CHECK(equals(minimum(x, Tensor(0.1)), -0.5, 0.1));
  CHECK(equals(clamp(x, -0.25, 0.125), -0.25, 0.125));
  CHECK(equals(amax(cat({x, zeros({1})}, 0), 0, true), 0, 0.25));

  const Var leaf(x, true);
  const auto refuses = [](const char* name, const std::function<Var()>& f) {
    INFO(name);
    const std::string message = message_of<Undecided>([&] { sum(f()).backward(); });
    CHECK_THAT(message, ContainsSubstring(name) && ContainsSubstring("[-0.5, 0.25]"));
  };
  refuses("relu: ", [&] { return relu(leaf); });
  refuses("abs: ", [&] { return abs(leaf); });
  refuses("maximum: ", [&] { return maximum(leaf, Var(Tensor(0.1))); });
  refuses("minimum: ", [&] { return minimum(leaf, Var(Tensor(0.1))); });
  refuses("clamp: ", [&] { return clamp(leaf, -0.25, 1); });
  refuses("max: ", [&] { return max(cat({leaf, Var(zeros({1}))}, 0), 0); });
  refuses("greater: ", [&] { return where(greater(leaf.value(), 0), leaf, leaf); });

  // The forward derivative needs the decision at once.
  const Tensor moving({1}, std::vector<Real>{Real(Interval(-0.5, 0.25), 1)});
  CHECK_THROWS_WITH(relu(moving), ContainsSubstring("relu: ") && ContainsSubstring("[-0.5, 0.25]"));
  CHECK_THROWS_WITH(clamp(moving, 0, 1), ContainsSubstring("clamp: "));
  CHECK_THROWS_WITH(amax(cat({moving, zeros({1})}, 0)), ContainsSubstring("amax: "));
  CHECK_THROWS_WITH(maximum(moving, Tensor(0)), ContainsSubstring("maximum: "));
}

TEST_CASE("an interval that lies on one side of a kink is decided") {
  const Var x(Tensor({2}, std::vector<Real>{interval(0.1, 0.2), interval(-0.3, -0.1)}), true);
  sum(relu(x) + abs(x) + clamp(x, -0.05, 1)).backward();
  CHECK(exact_difference(x.grad(), tensor({3, -1})) == "");
  const Var y(Tensor({3}, std::vector<Real>{interval(1, 2), interval(3, 4), interval(0, 2.5)}),
              true);
  sum(amax(y) + max(y)).backward();
  CHECK(exact_difference(y.grad(), tensor({0, 2, 0})) == "");
}

TEST_CASE("the place of the largest interval is decided, or an error") {
  const Tensor apart({3}, std::vector<Real>{interval(1, 2), interval(3, 4), interval(0, 2.5)});
  CHECK(argmax(apart, 0) == std::vector<int>{1});
  const Tensor near({2}, std::vector<Real>{interval(1, 2), interval(1.5, 3)});
  CHECK_THROWS_WITH(argmax(near, 0),
                    ContainsSubstring("argmax: ") && ContainsSubstring("[1.5, 3]"));
  Rng rng(1);
  CHECK(categorical(tensor({0, 50}), rng) == std::vector<int>{1});
  CHECK_THROWS_WITH(
      categorical(Tensor({2}, std::vector<Real>{interval(-9, 9), interval(-9, 9)}), rng),
      ContainsSubstring("categorical: "));
}

TEST_CASE("a search decides which token is the likeliest, or is an error") {
  Rng rng(6);
  nn::EncoderDecoder model(
      rng, {.source_vocab = 5, .target_vocab = 5, .dim = 4, .heads = 2, .layers = 1, .hidden = 4});
  const Tokens source{1, 2, {1, 2}};
  CHECK(nn::greedy_decode(model, source, {.max_length = 2}).size() == 1);
  // If all weights of the last layer are 0, all tokens are equally likely: which is the first?
  Tensor(model.output.weight.value()).fill(0);
  Tensor(model.output.bias.value()).fill(0);
  CHECK_THROWS_WITH(nn::greedy_decode(model, source, {.max_length = 2}),
                    ContainsSubstring("decode: both true and false"));
}

TEST_CASE("amax divides its gradient among points that are equal") {
  const Var x(tensor({2, 1, 2}), true);
  amax(x).backward();
  CHECK(exact_difference(x.grad(), tensor({0.5, 0, 0.5})) == "");
}

TEST_CASE("an undecided comparison in a worker thread names its op, too") {
  const Threads three(3);
  Tensor x = ones({60000});
  x(50000) = Real(Interval(-1, 1), 1);
  CHECK_THROWS_WITH(relu(x), ContainsSubstring("relu: ") && ContainsSubstring("[-1, 1]"));
  const Tensor decided = ones({60000});
  CHECK(exact_difference(relu(decided), decided) == "");
}

TEST_CASE("enclosures are the same for every number of threads") {
  Rng rng(8);
  const Tensor x = uniform({40, 300}, -2, 2, rng);
  const auto work = [&] { return layer_norm(gelu(x), ones({300}), zeros({300})); };
  const auto alone = [&] {
    const Threads one(1);
    return work();
  }();
  const Threads three(3);
  const std::vector<Real> a = alone.to_vector(), b = work().to_vector();
  CHECK(std::ranges::equal(
      a, b, [](const Real& p, const Real& q) { return p.v.lo == q.v.lo && p.v.hi == q.v.hi; }));
}

// ---- comparing and printing ----

TEST_CASE("tensors of intervals are close if every pair of their points is") {
  const Tensor x(interval(1, 1.1));
  CHECK(allclose(x, Tensor(1.05), 0, 0.06));
  CHECK_FALSE(allclose(x, Tensor(1.05), 0, 0.04));
  CHECK_FALSE(allclose(x, x, 0, 0.05));
  CHECK(allclose(x, x, 0, 0.11));
  CHECK_FALSE(allclose(Tensor(interval(-1, 1)), Tensor(interval(-1, 1)), 1.5, 0));  // 1 and 0
  CHECK_FALSE(allclose(Tensor(interval(not_a_number, not_a_number)), x, 1, 1));
}

TEST_CASE("an interval prints as its ends, alone and in a tensor") {
  CHECK(fmt::format("{}", tensor({1, 2})) == "[1, 2]");
  const Tensor x({2}, std::vector<Real>{interval(-0.5, 0.25), Real(3)});
  CHECK(fmt::format("{}", x) == "[[-0.5, 0.25],            3]");
  CHECK(fmt::format("{:.2f}", x) == "[[-0.50, 0.25],          3.00]");
  std::ostringstream out;
  out << x(0) << " " << Real(2);
  CHECK(out.str() == "[-0.5, 0.25] 2");
  CHECK(fmt::format("{}", Tensor(Real(1, Interval(0, 0.5)))) == "1+[0, 0.5]ε");
}

}  // namespace certified_test
