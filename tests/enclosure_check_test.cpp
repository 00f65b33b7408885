// # Tests of gradcheck in the certified libraries
//
// There a gradient is refuted or enclosed by intervals, without a tolerance. A right gradient must
// never be refuted, at no awkward place; a wrong one must be, if it is wrong by more than rounding.
// The file is empty for the other Reals.
#ifdef GLASS_REAL_CERTIFIED

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tests/catch.h"

namespace enclosure_check_test {

using namespace glass;
using Catch::Matchers::ContainsSubstring;

namespace {

using Variables = std::vector<std::pair<std::string, Var>>;

Var leaf(Tensor value) { return {std::move(value), true}; }
Var random_leaf(Shape shape, Rng& rng) { return leaf(normal(shape, 0, 1, rng)); }

// A user's op of one operand with any VJP, right or wrong.
Var op(const Var& x, const Tensor& y, std::function<Tensor(const Tensor&)> vjp) {
  return record("by hand", y, {{x, std::move(vjp)}});
}

// x, with a gradient that is `factor` times as large as it should be.
Var times(const Var& x, double factor) {
  return op(x, x.value(), [=](const Tensor& g) { return factor * g; });
}

// x, with a gradient that is wrong by `amount` in one place.
Var wrong_at(const Var& x, Index place, double amount) {
  return op(x, x.value(), [=](const Tensor& g) {
    Tensor h = g.clone();
    h.data()[place] += static_cast<Real>(amount);
    return h;
  });
}

GradcheckReport expect(const std::string& verdict, const std::function<Var()>& f,
                       const Variables& variables, const std::string& text = "",
                       GradcheckOptions options = {}) {
  GradcheckReport report = gradcheck(f, variables, options);
  INFO(report.text);
  CHECK(report.ok == (verdict == "ENCLOSED"));
  CHECK_THAT(report.text, ContainsSubstring("gradcheck " + verdict) && ContainsSubstring(text));
  CHECK(std::isfinite(report.worst_error) == report.ok);
  return report;
}

using Function = std::function<Var(const Var&)>;
using Functions = std::vector<std::pair<std::string, Function>>;

const Functions& smooth_functions() {
  static const Functions all = {
      {"tanh", [](const Var& x) { return tanh(x); }},
      {"exp", [](const Var& x) { return exp(x / 3); }},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }},
      {"gelu", [](const Var& x) { return gelu(x); }},
      {"softplus", [](const Var& x) { return softplus(x); }},
      {"square", [](const Var& x) { return x * x; }},
      {"reciprocal", [](const Var& x) { return 1 / (5 + x); }},
      {"root", [](const Var& x) { return sqrt(7 + x); }},
      {"log", [](const Var& x) { return log(7 + x); }},
      {"softmax", [](const Var& x) { return softmax(x); }},
      {"log_softmax", [](const Var& x) { return log_softmax(x); }},
      {"logsumexp", [](const Var& x) { return logsumexp(x); }},
      {"var", [](const Var& x) { return var(x); }},
      {"cumsum", [](const Var& x) { return cumsum(x, -1); }},
      {"product", [](const Var& x) { return matmul(x, x.mT()); }},
      {"mean of a sum", [](const Var& x) { return mean(x) * sum(x * x); }},
  };
  return all;
}

}  // namespace

TEST_CASE("a right gradient is enclosed, and the proved error is a few roundings") {
  Rng rng(1);
  for (const auto& [name, f] : smooth_functions()) {
    INFO(name);
    const Var x = random_leaf({2, 3}, rng);
    const auto report = expect(
        "ENCLOSED", [&, &f = f] { return f(x); }, {{"x", x}}, "elements 6");
    CHECK(report.worst_error < 1e-13);
    // The sum of a softmax is 1: a gradient of 0, of which nothing but roundings is known.
    expect(name == "softmax" ? "UNDECIDED" : "ENCLOSED", [&, &f = f] { return sum(f(x)); }, {});
  }
}

TEST_CASE("wrong by 1e-13 of itself is refuted, without a tolerance") {
  Rng rng(2);
  for (const auto& [name, f] : smooth_functions()) {
    INFO(name);
    const Var x = random_leaf({2, 3}, rng);
    for (const double factor : {1 + 1e-13, 1 - 1e-13, 1.00001, 2.0, 0.0, -1.0})
      expect(
          "REFUTED", [&, &f = f] { return f(times(x, factor)); }, {{"x", x}}, "x [");
    // In one element only. The others are right.
    for (const Index place : {0, 3, 5}) {
      const auto report = expect(
          "REFUTED", [&, &f = f] { return f(wrong_at(x, place, 1e-10)); }, {{"x", x}},
          "1 of 6 comparisons are refuted");
      CHECK_THAT(report.text,
                 ContainsSubstring(fmt::format("x [{}, {}]: analytic", place / 3, place % 3)) &&
                     ContainsSubstring("forward"));
    }
  }
}

TEST_CASE("a refuted entry is told with both of its intervals, exact ones as numbers") {
  const Var w = leaf(tensor({{1, 2}, {3, 4}, {5, 6}}));
  const auto report = expect(
      "REFUTED", [&] { return sum(2 * wrong_at(w, 5, 0.5)); }, {{"w", w}},
      "  w [2, 1]: analytic 2.5, forward 2, relative distance 0.2\n");
  CHECK(report.worst_error == std::numeric_limits<double>::infinity());
  expect(
      "REFUTED", [&] { return times(w, 2) / 3; }, {{"w", w}}, "every entry is 2 times");
  expect(
      "REFUTED", [&] { return times(w, -1); }, {{"w", w}}, "every entry has the wrong sign");
  expect(
      "REFUTED", [&] { return w.detach() * times(w, 0); }, {{"w", w}}, "the gradient is zero");
}

TEST_CASE("a VJP that ignores its cotangent is refuted by the second seed") {
  const Var x = leaf(tensor({1, 2, 3}));
  expect(
      "REFUTED",
      [&] {
        return record("loss", sum(x.value() * x.value()),
                      {{x, [x = x.value()](const Tensor&) { return 2 * x; }}});
      },
      {{"x", x}}, "every entry is -0.5 times");
  expect("REFUTED",
         [&] { return op(x, sum(x.value()), [](const Tensor& g) { return abs(g).expand({3}); }); },
         {{"x", x}});
}

TEST_CASE("a leaf that f does not reach is refuted, and an unnamed leaf is checked") {
  Rng rng(3);
  const Var x = random_leaf({2, 3}, rng), w = random_leaf({3, 2}, rng);
  const auto product = [&](double factor) {
    return [&, factor] { return matmul(x, times(w, factor)); };
  };
  expect("ENCLOSED", product(1), {{"x", x}}, "unnamed leaf 1");
  expect("REFUTED", product(1 + 1e-12), {{"x", x}}, "unnamed leaf 1 [3, 2]");
  expect(
      "REFUTED", [&] { return tanh(x); }, {{"x", x}, {"w", w}}, "w [3, 2]: f does not reach it");
  // A gradient of zero is right.
  expect("ENCLOSED", [&] { return tanh(x) + 0 * sum(w); }, {{"x", x}, {"w", w}});
}

TEST_CASE("a part of f that was computed before the call is refuted") {
  const Var x = leaf(tensor({1, 2}));
  const Var y = exp(x);
  expect(
      "REFUTED", [&] { return y * y; }, {{"x", x}}, "before the call");
}

TEST_CASE("a function that is not deterministic is refuted") {
  const Var x = leaf(tensor({1, 2}));
  int calls = 0;
  expect(
      "REFUTED", [&] { return x * (++calls % 2); }, {{"x", x}}, "not deterministic");
}

// ---- awkward places ----

TEST_CASE("right gradients at kinks and ties are enclosed") {
  const Functions functions = {
      {"relu", [](const Var& x) { return relu(x); }},
      {"abs", [](const Var& x) { return abs(x); }},
      {"maximum with a number", [](const Var& x) { return maximum(x, 0.0); }},
      {"minimum with a number", [](const Var& x) { return minimum(0.0, x); }},
      {"maximum of itself", [](const Var& x) { return maximum(x, x); }},
      {"maximum with a multiple", [](const Var& x) { return maximum(x, 3 * x); }},
      {"relu squared", [](const Var& x) { return relu(x) * relu(x); }},
      {"relu and exp", [](const Var& x) { return relu(x) * exp(x); }},
      {"abs and a line", [](const Var& x) { return abs(x) * (1 + x); }},
      {"max", [](const Var& x) { return max(x, 0); }},
      {"min", [](const Var& x) { return min(x, 0); }},
      {"amax", [](const Var& x) { return amax(x); }},
      {"max of all", [](const Var& x) { return max(x); }},
      {"where", [](const Var& x) { return where(greater(x.value(), 0), 3 * x, -x); }},
      {"clamp", [](const Var& x) { return clamp(x, 0, 1); }},
      {"maximum and minimum", [](const Var& x) { return maximum(x, 0.0) + minimum(x, 0.0); }},
      {"maximum and abs", [](const Var& x) { return maximum(x, 0.0) - abs(x); }},
      {"abs squared", [](const Var& x) { return abs(x) * abs(x); }},
  };
  for (const auto& [name, f] : functions)
    for (const Tensor& at :
         {zeros({1}), zeros({4}), tensor({0, 1, -0.5, 0}), tensor({1, 1, 2, 0})}) {
      const Var x = leaf(at.clone());
      INFO(name << " at " << fmt::format("{}", at));
      expect("ENCLOSED", [&, &f = f] { return f(x); }, {{"x", x}});
    }
  const Var x = leaf(zeros({4})), y = leaf(tensor({0, 1, 0, -1}));
  expect(
      "ENCLOSED", [&] { return maximum(x, y); }, {{"x", x}, {"y", y}}, "kinks 4");
  expect("ENCLOSED", [&] { return relu(x + y) * exp(y); }, {{"x", x}, {"y", y}});
  expect("ENCLOSED", [&] { return max(stack({x, y}, 0), 0); }, {{"x", x}, {"y", y}});
}

TEST_CASE("where ops choose slopes that do not make the slope of f, nothing is refuted") {
  struct Smooth {
    std::string name, op;
    double at;
    Function f;
  };
  const std::vector<Smooth> functions = {
      {"relu(u) - relu(-u)", "relu", 0, [](const Var& u) { return relu(u) - relu(-u); }},
      {"shifted", "relu", 1.5, [](const Var& u) { return relu(u - 1.5) - relu(1.5 - u); }},
      {"softplus by hand", "abs", 0,
       [](const Var& u) {
         const Var bend = abs(u);
         return relu(u) + log(1 + exp(-bend));
       }},
      {"relu and minimum", "minimum", 0,
       [](const Var& u) {
         const Var low = minimum(u, 0.0);
         return relu(u) + low;
       }},
      {"a kink that stays", "relu", 0, [](const Var& u) { return 3 * relu(u) - 2 * relu(-u); }},
  };
  for (const Smooth& row : functions) {
    INFO(row.name);
    const Var one = leaf(full({1}, row.at)), some = leaf(tensor({row.at, row.at + 1, row.at}));
    expect(
        "UNDECIDED", [&] { return sum(row.f(one)); }, {{"u", one}},
        "'" + row.op + "' has a kink here");
    expect(
        "UNDECIDED", [&] { return row.f(some); }, {{"u", some}}, "Move the element off the tie");
    const Var off = leaf(tensor({row.at + 1e-7, row.at + 1, row.at - 0.5}));
    expect("ENCLOSED", [&] { return row.f(off); }, {{"u", off}});
    // A wrong gradient cannot hide there.
    for (const double factor : {1 + 1e-12, 0.0, -1.0})
      expect(
          "REFUTED", [&] { return row.f(times(some, factor)); }, {{"u", some}}, "u [0] moved");
  }
}

TEST_CASE("a wrong gradient cannot hide behind a kink or a jump") {
  const Var x = leaf(tensor({0, 1}));
  const auto leaky = [&x](double above, double below) {
    return [&x, above, below] {
      return op(x, relu(x.value()), [=, x = x.value()](const Tensor& g) {
        return where(greater(x, 0), above * g, below * g);
      });
    };
  };
  expect("ENCLOSED", leaky(1, 0), {{"x", x}}, "kinks 1");
  expect("REFUTED", leaky(1 + 1e-15, 0), {{"x", x}});
  expect("REFUTED", leaky(1, 0.3), {{"x", x}}, "moved -");
  expect("REFUTED", leaky(0.5, 0), {{"x", x}});
  const auto step = [](const Var& b) {
    return op(b, greater(b.value(), 0), [](const Tensor& g) { return g * 0; });
  };
  expect(
      "UNDECIDED", [&] { return step(x) + 0 * x; }, {{"x", x}}, "x [0]: undecided: f jumps here");
  expect(
      "REFUTED", [&] { return step(x) + times(x, 2); }, {{"x", x}}, "x [0] moved");
  const Var w = leaf(tensor({2, 3}));
  expect(
      "REFUTED", [&] { return times(w, 2) * (1.5 + step(x)); }, {{"x", x}, {"w", w}}, "w [0]");
}

TEST_CASE("all slopes between the two at a kink are right") {
  for (const double share : {0.0, 0.3, 1.0, -0.1, 1.1, 1 + 1e-15}) {
    const Var x = leaf(tensor({0, 1, -0.5}));
    INFO("share " << share);
    const auto f = [&] {
      return op(x, abs(x.value()), [=, at = x.value()](const Tensor& g) {
        return g * where(equal(at, 0), -1 + 2 * share, where(less(at, 0), -1, 1));
      });
    };
    // Outside of them nothing is refuted: an op's choice at a tie could be the reason.
    expect(share < 0 || share > 1 ? "UNDECIDED" : "ENCLOSED", f, {{"x", x}});
  }
}

// ---- undecided ----

TEST_CASE("a comparison that intervals cannot decide is told, with the intervals") {
  const Var x = leaf(tensor({1, 2}));
  // 0.1 · 3 − 0.3 is an interval around 0.
  const auto near_zero = [&] { return (x / 10) * 3 - x.detach() * Var(3) / 10; };
  expect(
      "UNDECIDED", [&] { return where(near_zero().value() > 0, x, 2 * x); }, {{"x", x}},
      "Move the input");
  // A VJP meets it.
  expect(
      "UNDECIDED",
      [&] {
        return op(x, 2 * x.value(), [y = near_zero().value()](const Tensor& g) {
          return where(y > 0, 2 * g, 2 * g);
        });
      },
      {{"x", x}}, "the VJP of 'by hand'");
}

TEST_CASE("a gradient that is no number, or has no bound, is never enclosed") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Var x = leaf(tensor({1, 2})), zero = leaf(tensor({0, 1}));
  expect(
      "REFUTED", [&] { return op(x, 2 * x.value(), [=](const Tensor& g) { return nan * g; }); },
      {{"x", x}}, "not a finite number");
  expect(
      "REFUTED", [&] { return op(x, 2 * x.value(), [=](const Tensor& g) { return inf * g; }); },
      {{"x", x}}, "not a finite number");
  expect(
      "UNDECIDED",
      [&] {
        return op(x, 2 * x.value(),
                  [=](const Tensor& g) { return g * full({2}, Real(Interval(-inf, inf))); });
      },
      {{"x", x}}, "no bound");
  expect(
      "UNDECIDED", [&] { return sqrt(zero); }, {{"x", zero}}, "x [0]: undecided");
  expect(
      "UNDECIDED", [&] { return log(x - 1); }, {{"x", x}}, "not finite");
}

TEST_CASE("rtol is a demand on the width") {
  const Var x = leaf(tensor({1, 2}));
  const auto wide = [&](double width) {
    return [&, width] { return x * Var(full({2}, Real(Interval(1 - width, 1 + width)))); };
  };
  expect("ENCLOSED", wide(1e-9), {{"x", x}});
  expect("UNDECIDED", wide(1e-5), {{"x", x}}, "not narrow enough");
  expect("ENCLOSED", wide(1e-5), {{"x", x}}, "widest 2e-05", {.rtol = 1e-3});
  expect("UNDECIDED", wide(1e-9), {{"x", x}}, "not narrow enough", {.rtol = 1e-12});
  // The VJP's enclosure may be too wide, too.
  expect(
      "UNDECIDED",
      [&] {
        return op(x, x.value(),
                  [](const Tensor& g) { return g * full({2}, Real(Interval(0.5, 2))); });
      },
      {{"x", x}}, "not narrow enough");
}

// ---- small gradients, and what is restored ----

TEST_CASE("gradients of exactly 0 are enclosed, and a tiny wrong one is refuted") {
  Rng rng(5);
  const Var x = random_leaf({3}, rng), flat = leaf(full({3}, 1.7));
  // These zeros are intervals. No scale tells whether those are narrow; beside x² one does.
  for (const auto& f : std::vector<std::function<Var()>>{[&] { return sum(softmax(x)); },
                                                         [&] { return var(gelu(flat)) + 0 * x; }})
    expect("UNDECIDED", f, {}, "no scale");
  const Var y = random_leaf({3}, rng);
  expect("ENCLOSED", [&] { return sum(softmax(x)) + y * y; }, {});
  expect("ENCLOSED", [&] { return x - x; }, {{"x", x}});
  expect("ENCLOSED", [&] { return 1e-100 * tanh(x); }, {{"x", x}});
  for (const double tiny : {1e-12, 1e-100, 1e-300})
    expect("REFUTED", [&] { return tiny * tanh(times(x, 1 + 1e-12)); }, {{"x", x}});
  expect("REFUTED",
         [&] { return op(x, x.value() * 0, [](const Tensor& g) { return 1e-300 * g; }); },
         {{"x", x}});
}

TEST_CASE("values and gradients come back from the enclosures, also when f throws") {
  Rng rng(13);
  const Var x = random_leaf({3, 2}, rng), w = random_leaf({2, 2}, rng);
  sum(matmul(x, w)).backward();
  const auto ends = [](const Tensor& t) {
    std::vector<double> all;
    for (const Real& v : t.to_vector()) {
      all.push_back(v.v.below());
      all.push_back(v.d.above());
    }
    return all;
  };
  const auto before = ends(x.value()), gradient = ends(x.grad()), other = ends(w.grad());
  for (const int failing : {1, 2, 3, 9, 1000000}) {
    int calls = 0;
    const auto f = [&] {
      if (++calls == failing) throw std::runtime_error("enough");
      return tanh(matmul(x, w));
    };
    bool ok = false;
    try {
      ok = gradcheck(f, {{"x", x}}).ok;
    } catch (const std::runtime_error&) {}
    CHECK(ok == (failing > 100000));
    CHECK(ends(x.value()) == before);
    CHECK(ends(x.grad()) == gradient);
    CHECK(ends(w.grad()) == other);
  }
}

TEST_CASE("random streams are replayed, and infinite elements have no slope") {
  Rng rng(6), outside(7);
  const Var x = random_leaf({3, 4}, rng);
  expect("ENCLOSED", [&] { return tanh(dropout(x, 0.5, outside)); }, {{"x", x}});
  const Var mask = leaf(tensor({0, -std::numeric_limits<double>::infinity(), 1}));
  expect("ENCLOSED", [&] { return softmax(mask); }, {{"mask", mask}});
}

}  // namespace enclosure_check_test

#endif
