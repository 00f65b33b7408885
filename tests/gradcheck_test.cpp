// # Tests of gradcheck itself
//
// gradcheck must accept every right gradient and reject every wrong one, so most ops here are made
// by hand, with a VJP that is wrong on purpose. Functions are small and of many kinds.
#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "tests/catch.h"

namespace gradcheck_test {

using namespace glass;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr bool is_float = std::is_same_v<Real, float>;
constexpr bool is_double = std::is_same_v<Real, double>;
#ifdef GLASS_REAL_CERTIFIED
constexpr bool is_certified = true;
#else
constexpr bool is_certified = false;
#endif
constexpr bool is_dual = !is_float && !is_double && !is_certified;

double number(Real x) { return static_cast<double>(x); }

Var leaf(Tensor value) { return {std::move(value), true}; }
[[maybe_unused]] Var random_leaf(Shape shape, double size, Rng& rng) {
  return leaf(normal(shape, 0, size, rng));
}

// A user's op of one operand with any VJP, right or wrong.
Var op(const Var& x, const Tensor& y, std::function<Tensor(const Tensor&)> vjp) {
  return record("by hand", y, {{x, std::move(vjp)}});
}

// x, with a gradient that is wrong by `amount` of its largest entry in one place.
Var wrong_at(const Var& x, Index place, double amount) {
  return op(x, x.value(), [=](const Tensor& g) {
    Tensor h = g.clone();
    double largest = 0;
    for (const Real& v : g.to_vector()) largest = std::max(largest, std::abs(number(v)));
    h.data()[place] += static_cast<Real>(amount * largest);
    return h;
  });
}

// sin(kx) as one op.
Var sine(const Var& x, double k) {
  Tensor y = x.value().clone(), slope = x.value().clone();
  using std::cos, std::sin;
  for (Index i = 0; i < y.numel(); ++i) {
    slope.data()[i] = static_cast<Real>(k) * cos(static_cast<Real>(k) * y.data()[i]);
    y.data()[i] = sin(static_cast<Real>(k) * y.data()[i]);
  }
  return op(x, y, [slope](const Tensor& g) { return g * slope; });
}

[[maybe_unused]] void accepts(const std::function<Var()>& f,
                              std::vector<std::pair<std::string, Var>> variables) {
  const GradcheckReport report = gradcheck(f, std::move(variables));
  INFO(report.text);
  CHECK(report.ok);
  CHECK(report.worst_error <= 1e-6);
}

// The certified build has other words for its verdicts.
[[maybe_unused]] std::string in_this_build(std::string text) {
  const std::pair<std::string, std::string> words[] = {
      {"FAILED", "REFUTED"},
      {"gradcheck inconclusive", "UNDECIDED"},
      {"inconclusive", "undecided"},
      {"comparisons fail", "comparisons are refuted"},
      {", numeric", ", forward"}};
  if (is_certified)
    for (const auto& [word, other] : words)
      if (const auto at = text.find(word); at != std::string::npos)
        text.replace(at, word.size(), other);
  return text;
}

[[maybe_unused]] void rejects(const std::function<Var()>& f,
                              std::vector<std::pair<std::string, Var>> variables,
                              const std::string& text = "FAILED") {
  const GradcheckReport report = gradcheck(f, std::move(variables));
  INFO(report.text);
  CHECK(!report.ok);
  CHECK_THAT(report.text, ContainsSubstring(in_this_build(text)));
}

}  // namespace

TEST_CASE("gradcheck in the f32 build says which library to link") {
  if constexpr (is_float) {
    const Var x = leaf(tensor({1, 2}));
    CHECK_THROWS_WITH(gradcheck([&] { return sum(x); }, {{"x", x}}),
                      ContainsSubstring("glassgrad::f64") && ContainsSubstring("glassgrad::dual"));
    CHECK_THROWS_AS(gradcheck([&] { return sum(x); }, {{"x", x}}), StateError);
  }
}

TEST_CASE("a right gradient is accepted at every scale, a wrong one at none") {
  if constexpr (!is_float) {
    Rng rng(1);
    for (const double a : {1e-8, 1.0, 1e8}) {
      for (const double b : {1e-8, 1.0, 1e8}) {
        // The exact witness counts errors below 1e-12 as rounding, whatever the scale.
        const bool visible = is_double || b / a > 1e-5;
        const Var x = random_leaf({2, 3}, a, rng);
        accepts([&] { return b * tanh(x / a); }, {{"x", x}});
        accepts([&] { return b * sum(exp(x / a)); }, {{"x", x}});
        accepts([&] { return b * softmax(x / a); }, {{"x", x}});
        const auto scaled = [&](double factor) {
          return [&x, a, b, factor] {
            const Tensor y = tanh(x.value() / a);
            return op(x, b * y,
                      [=](const Tensor& g) { return g * (1 - y * y) * (factor * b / a); });
          };
        };
        accepts(scaled(1), {{"x", x}});
        if (!visible) continue;
        rejects(scaled(1.00001), {{"x", x}}, "every entry is 1.00001 times");
        rejects(scaled(-1), {{"x", x}}, "wrong sign");
        rejects(scaled(0), {{"x", x}}, "the gradient is zero");
        rejects(scaled(2), {{"x", x}}, "every entry is 2 times");
      }
    }
  }
}

TEST_CASE("zero gradients that are nothing but rounding pass, in dual numbers too") {
  if constexpr (!is_float) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Rng rng(seed);
      const Var w(uniform({3, 4}, -1, 1, rng), true), b(full({1}, Real(0.3)), true);
      const GradcheckReport report =
          gradcheck([&] { return sum(softmax(w + b)); }, {{"w", w}, {"b", b}});
      INFO(report.text);
      // Intervals around 0 have no scale, if there is no other gradient.
      if (is_certified)
        CHECK_THAT(report.text, ContainsSubstring("no scale"));
      else
        CHECK(report.ok);
    }
  }
}

TEST_CASE("a tolerance that is no positive number is an error") {
  if constexpr (!is_float) {
    const Var x(tensor({1, 2}), true);
    for (const double bad : {0.0, -1e-6, HUGE_VAL, std::nan("")})
      CHECK_THROWS_AS(gradcheck([&] { return sum(x * x); }, {{"x", x}}, {.rtol = bad}), ShapeError);
  }
}

TEST_CASE("the zero gradient of a tiny function is rejected") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1, -2, 3}));
    accepts([&] { return 1e-6 * x; }, {{"x", x}});
    rejects([&] { return op(x, 1e-6 * x.value(), [](const Tensor& g) { return g * 0; }); },
            {{"x", x}}, "x [0]: analytic");
  }
}

TEST_CASE("a missing broadcast sum is rejected") {
  if constexpr (!is_float) {
    Rng rng(2);
    const Var x = random_leaf({4, 3}, 1, rng), bias = random_leaf({3}, 1, rng);
    accepts([&] { return tanh(x + bias); }, {{"x", x}, {"bias", bias}});
    rejects(
        [&] {
          return tanh(record("add", x.value() + bias.value(),
                             {{x, [](const Tensor& g) { return g; }},
                              {bias, [](const Tensor& g) { return g.select(0, 0); }}}));
        },
        {{"x", x}, {"bias", bias}}, "bias [3]: ");
  }
}

TEST_CASE("a softmax VJP with only the diagonal is rejected") {
  if constexpr (!is_float) {
    Rng rng(3);
    const Var x = random_leaf({2, 4}, 1, rng);
    rejects(
        [&] {
          const Tensor z = softmax(x.value());
          return op(x, z, [z](const Tensor& g) { return g * z * (1 - z); });
        },
        {{"x", x}});
  }
}

TEST_CASE("a gradient that overwrites instead of adding is rejected") {
  if constexpr (!is_float) {
    Rng rng(4);
    const Var x = random_leaf({3}, 1, rng);
    accepts([&] { return x * x + x; }, {{"x", x}});
    // Two uses, of which only the last one's gradient is kept.
    rejects([&] { return op(x, x.value() + x.value(), [](const Tensor& g) { return g; }); },
            {{"x", x}}, "every entry is 0.5 times");
    rejects([&] { return x * x + x.detach(); }, {{"x", x}});
  }
}

TEST_CASE("a captured parameter that nobody listed is checked") {
  if constexpr (!is_float) {
    Rng rng(5);
    const Var x = random_leaf({2, 3}, 1, rng), w = random_leaf({3, 2}, 1, rng);
    const auto product = [&](double factor) {
      return [&, factor] {
        return record(
            "matmul", matmul(x.value(), w.value()),
            {{x, [=, w = w.value()](const Tensor& g) { return matmul(g, w.mT()); }},
             {w, [=, x = x.value()](const Tensor& g) { return factor * matmul(x.mT(), g); }}});
      };
    };
    accepts(product(1), {{"x", x}});
    rejects(product(0), {{"x", x}}, "unnamed leaf 1 [3, 2]");
    rejects(product(0), {}, "unnamed leaf 2 [3, 2]");
  }
}

TEST_CASE("a transposed matmul gradient is rejected, though its shape fits") {
  if constexpr (!is_float) {
    Rng rng(6);
    const Var x = random_leaf({3, 3}, 1, rng), w = random_leaf({3, 3}, 1, rng);
    rejects(
        [&] {
          return record("matmul", matmul(x.value(), w.value()),
                        {{x, [w = w.value()](const Tensor& g) { return matmul(g, w.mT()); }},
                         {w, [x = x.value()](const Tensor& g) { return matmul(g.mT(), x); }}});
        },
        {{"x", x}, {"w", w}}, "it is transposed");
  }
}

TEST_CASE("an op that ignores its upstream gradient is rejected, though the output be a scalar") {
  if constexpr (!is_float) {
    Rng rng(15);
    const Var x = random_leaf({2, 3}, 1, rng), y = random_leaf({3}, 1, rng);
    const auto loss = [&](bool ignoring) {
      return record("loss", sum(x.value() * x.value()),
                    {{x, [ignoring, x = x.value()](const Tensor& g) {
                        return ignoring ? 2 * x : g * 2 * x;
                      }}});
    };
    accepts([&] { return loss(false); }, {{"x", x}});
    rejects([&] { return loss(true); }, {{"x", x}}, "every entry is -0.5 times");
    rejects([&] { return loss(true) * sum(y); }, {{"x", x}, {"y", y}});
    // Not even of the right sign, or not linear.
    rejects(
        [&] {
          return op(x, sum(x.value()), [](const Tensor& g) { return abs(g).expand({2, 3}); });
        },
        {{"x", x}});
  }
}

TEST_CASE("a gradient of NaN or infinity is rejected") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1, 2}));
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      rejects([&] { return op(x, x.value() * 2, [=](const Tensor& g) { return g * bad; }); },
              {{"x", x}}, "not a finite number");
    }
    rejects([&] { return log(x - 1); }, {{"x", x}}, "not finite");
  }
}

TEST_CASE("a part of f that was computed before the call is rejected") {
  if constexpr (is_double) {
    const Var x = leaf(tensor({1, 2}));
    const Var y = exp(x);
    rejects([&] { return y * y; }, {{"x", x}}, "before the call");
  }
}

TEST_CASE("every op with a kink has the slope of the side that its operand points to") {
  if constexpr (is_dual) {
    struct Kink {
      std::string op;
      std::function<Tensor(const Tensor&)> f;
      double right, left;
    };
    const Tensor zero = zeros({1});
    const std::vector<Kink> kinks = {
        {"relu", [](const Tensor& x) { return relu(x); }, 1, 0},
        {"abs", [](const Tensor& x) { return abs(x); }, 1, -1},
        {"maximum", [&](const Tensor& x) { return maximum(x, zero); }, 1, 0},
        {"maximum, the other way round", [&](const Tensor& x) { return maximum(zero, x); }, 1, 0},
        {"maximum of one number", [](const Tensor& x) { return maximum(x, x); }, 1, 1},
        {"minimum", [&](const Tensor& x) { return minimum(x, zero); }, 0, 1},
        {"max, of the last",
         [](const Tensor& x) {
           return max(cat({zeros({1}), x}, 0), 0);
         },
         1, 0},
        {"max, of the first",
         [](const Tensor& x) {
           return max(cat({x, zeros({1})}, 0), 0);
         },
         1, 0},
        {"where", [](const Tensor& x) { return where(greater(x, 0), 3 * x, -x); }, 3, -1},
        {"where not equal", [](const Tensor& x) { return where(equal(x, 0), x * 0, 2 * x); }, 2, 2},
        {"where less", [](const Tensor& x) { return where(less(x, 0), 5 * x, x); }, 1, 5},
        {"smooth", [](const Tensor& x) { return relu(x) + log(1 + exp(-abs(x))); }, 0.5, 0.5},
        {"softmax",
         [](const Tensor& x) {
           return softmax(cat({x, zeros({1})}, 0));
         },
         0.25, 0.25},
        {"sigmoid", [](const Tensor& x) { return sigmoid(x); }, 0.25, 0.25},
    };
    for (const Kink& kink : kinks) {
      INFO(kink.op);
      for (const double direction : {1.0, -1.0, 2.0, -0.5}) {
        Tensor x = zeros({1});
        reinterpret_cast<double*>(x.data())[1] = direction;  // the ε, also where Real has none
        const auto y = kink.f(x).to_vector();
        const double slope = direction > 0 ? kink.right : kink.left;
        CHECK(reinterpret_cast<const double*>(y.data())[1] == Approx(direction * slope));
      }
    }
  }
}

TEST_CASE("kinks are accepted, and counted") {
  if constexpr (!is_float) {
    for (const double v : {0.0, 1e-7, -1e-7, 1e-5, 1e-9, -1e-12}) {
      const Var x = leaf(tensor({v, 1, -0.5}));
      accepts([&] { return relu(x); }, {{"x", x}});
      accepts([&] { return sum(relu(x) * exp(x)); }, {{"x", x}});
      accepts([&] { return sum(abs(x) * (1 + x)); }, {{"x", x}});
      accepts([&] { return maximum(x, 0.0); }, {{"x", x}});
    }
    const Var x = leaf(zeros({4})), y = leaf(tensor({0, 1, 0, -1}));
    accepts([&] { return relu(x); }, {{"x", x}});
    accepts([&] { return maximum(x, y); }, {{"x", x}, {"y", y}});
    accepts([&] { return maximum(y, y); }, {{"y", y}});
    accepts([&] { return max(y.reshape({2, 2}), -1); }, {{"y", y}});
    CHECK_THAT(gradcheck([&] { return abs(y); }, {{"y", y}}).text, ContainsSubstring("kinks 2"));
    CHECK_THAT(gradcheck([&] { return max(x, 0); }, {{"x", x}}).text, ContainsSubstring("kinks 4"));
    accepts([&] { return max(x, 0); }, {{"x", x}});
    accepts([&] { return relu(x + y) * exp(y); }, {{"x", x}, {"y", y}});
    accepts([&] { return relu(x) * relu(x); }, {{"x", x}});
    // A step just below the kink sees a smooth function: no kink at all.
    const Var near = leaf(tensor({1e-7, 1}));
    CHECK_THAT(gradcheck([&] { return relu(near); }, {{"near", near}}).text,
               ContainsSubstring("kinks 0"));
  }
}

TEST_CASE("a wrong gradient cannot hide behind a kink") {
  if constexpr (!is_float) {
    for (const double v : {0.0, 1e-7, -1e-7}) {
      const Var x = leaf(tensor({v, 1}));
      const auto leaky = [&x](double above, double below) {
        return [&x, above, below] {
          return op(x, relu(x.value()), [=, x = x.value()](const Tensor& g) {
            return where(greater(x, 0), above * g, below * g);
          });
        };
      };
      accepts(leaky(1, 0), {{"x", x}});
      rejects(leaky(1.00001, 0), {{"x", x}});
      rejects(leaky(0.5, 0), {{"x", x}});
      // Between both slopes at the kink, and wrong to the left of it: differences look there, too.
      if (v <= 0) rejects(leaky(1, 0.3), {{"x", x}});
    }
    const Var x = leaf(zeros({1}));
    rejects([&] { return op(x, relu(x.value()), [](const Tensor& g) { return 1.1 * g; }); },
            {{"x", x}});
  }
}

TEST_CASE("dropout replays, wherever its stream lives") {
  if constexpr (!is_float) {
    Rng numbers(7);
    const Var x = random_leaf({3, 4}, 1, numbers);
    Rng outside(8);
    const auto state = outside.state();
    accepts([&] { return tanh(dropout(x, 0.5, outside)); }, {{"x", x}});
    CHECK(outside.state() == state);
    accepts(
        [&] {
          Rng inside(9);
          return dropout(dropout(x, 0.3, inside), 0.3, inside);
        },
        {{"x", x}});
    accepts([&x, own = Rng(10)]() mutable { return exp(dropout(x, 0.5, own)); }, {{"x", x}});
  }
}

TEST_CASE("a function that is not deterministic is refused") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1, 2}));
    int calls = 0;
    rejects([&] { return x * (++calls % 2); }, {{"x", x}}, "not deterministic");
  }
}

TEST_CASE("a true gradient of zero is accepted") {
  if constexpr (!is_float) {
    Rng rng(11);
    const Var x = random_leaf({3, 4}, 1, rng), shift = random_leaf({3, 1}, 1, rng);
    accepts([&] { return softmax(x + shift); }, {{"x", x}, {"shift", shift}});
    if (is_certified)
      rejects([&] { return sum(softmax(x)); }, {{"x", x}}, "no scale");
    else
      accepts([&] { return sum(softmax(x)); }, {{"x", x}});
    const Var q = random_leaf({1, 2, 3, 4}, 1, rng), k = random_leaf({1, 2, 5, 4}, 1, rng),
              v = random_leaf({1, 2, 5, 4}, 1, rng), bias = leaf(zeros({4}));
    accepts([&] { return attention(q, k + bias, v); },
            {{"q", q}, {"k", k}, {"v", v}, {"bias", bias}});
    // f reaches the variable, but multiplies it by zero.
    accepts([&] { return tanh(x) + 0 * shift; }, {{"x", x}, {"shift", shift}});
  }
}

TEST_CASE("elements of one variable may differ by ten orders of magnitude") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1e-8, 1, 3e-4, 100}));
    accepts([&] { return log(x); }, {{"x", x}});
    accepts([&] { return sum(log(x)); }, {{"x", x}});
    accepts([&] { return sum(sqrt(x)); }, {{"x", x}});
    if constexpr (is_double) {
      accepts([&] { return sum(1 / x); }, {{"x", x}});
      accepts([&] { return 1 / (x * x); }, {{"x", x}});
    }
    for (Index i = 0; i < 4; ++i) {
      const double part = 1.01e-8 * (i == 0 ? 1 : 1e8);  // tolerances are of the largest gradient
      if (i == 0) rejects([&] { return sum(log(wrong_at(x, i, 1000 * part))); }, {{"x", x}});
      rejects([&] { return sum(wrong_at(x, i, 1e-5) * 3); }, {{"x", x}});
    }
  }
}

TEST_CASE("fast functions are accepted") {
  if constexpr (!is_float) {
    Rng rng(12);
    const Var x = random_leaf({2, 3}, 1, rng);
    for (const double k : {1e2, 1e4}) {
      accepts([&] { return sine(x, k); }, {{"x", x}});
      accepts([&] { return sum(sine(x, k) * x); }, {{"x", x}});
      rejects([&] { return sine(wrong_at(x, 4, 1e-5), k); }, {{"x", x}});
    }
    accepts([&] { return sum(exp(30 * x)); }, {{"x", x}});
  }
}

TEST_CASE(
    "where rounding hides a little of a gradient the report says so, where much it is no pass") {
  if constexpr (is_double) {
    const Var x = leaf(tensor({1, 2}));
    const GradcheckReport little = gradcheck([&] { return 1e3 + 1e-6 * sum(x); }, {{"x", x}});
    INFO(little.text);
    CHECK(little.ok);
    CHECK_THAT(little.text, ContainsSubstring("x: rounding hides errors up to"));
    const GradcheckReport much = gradcheck([&] { return 1e8 + 1e-6 * sum(x); }, {{"x", x}});
    INFO(much.text);
    CHECK(!much.ok);
    CHECK_THAT(much.text, ContainsSubstring("gradcheck inconclusive") &&
                              ContainsSubstring("x [2]: inconclusive: rounding hides") &&
                              ContainsSubstring("Take large constants off"));
  }
}

TEST_CASE("values and gradients come back, also when f throws") {
  if constexpr (!is_float) {
    Rng rng(13);
    const Var x = random_leaf({3, 2}, 1, rng), w = random_leaf({2, 2}, 1, rng);
    sum(matmul(x, w)).backward();
    const auto numbers = [](const Tensor& t) {
      std::vector<double> all;
      for (const Real& v : t.to_vector()) all.push_back(number(v));
      return all;
    };
    const auto before = numbers(x.value()), gradient = numbers(x.grad()), other = numbers(w.grad());
    const Real* const place = std::as_const(x.value()).data();
    const Var pending = sum(x * x);

    for (const int failing : {1, 2, 3, 20, 1000000}) {
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
      CHECK(numbers(x.value()) == before);
      CHECK(numbers(x.grad()) == gradient);
      CHECK(numbers(w.grad()) == other);
      CHECK(std::as_const(x.value()).data() == place);
    }
    // No version was bumped: a graph recorded before can still be swept.
    x.zero_grad();
    pending.backward();
    CHECK(number(x.grad()(0, 0)) == Approx(2 * number(x.value()(0, 0))));
  }
}

TEST_CASE("views as leaves are perturbed element by element") {
  if constexpr (!is_float) {
    Rng rng(14);
    const Tensor base = normal({4, 3}, 0, 1, rng);
    const Var wide = leaf(normal({1, 3}, 0, 1, rng).expand({2, 3}));
    accepts([&] { return tanh(wide) * wide; }, {{"wide", wide}});
    CHECK(wide.value().stride(0) == 0);
    const Var turned = leaf(base.mT()), stepped = leaf(base.slice(0, 0, 4, 2));
    accepts([&] { return tanh(matmul(stepped, turned)); },
            {{"turned", turned}, {"stepped", stepped}});
  }
}

TEST_CASE("empty variables and outputs are accepted") {
  if constexpr (!is_float) {
    const Var x = leaf(zeros({0, 3}));
    accepts([&] { return exp(x); }, {{"x", x}});
    accepts([&] { return sum(x); }, {{"x", x}});
  }
}

TEST_CASE("what cannot be checked is an error that teaches") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1, 2})), constant(tensor({1, 2}));
    CHECK_THROWS_AS(gradcheck([&] { return exp(constant); }, {{"x", x}}), StateError);
    CHECK_THROWS_AS(gradcheck([&] { return x.detach(); }, {{"x", x}}), StateError);
    CHECK_THROWS_WITH(gradcheck([&] { return exp(x); }, {{"c", constant}}),
                      ContainsSubstring("'c' must be a leaf"));
    const Var y = exp(x);
    CHECK_THROWS_WITH(gradcheck([&] { return exp(y); }, {{"y", y}}),
                      ContainsSubstring("it is a 'exp'"));
    CHECK_THROWS_AS(gradcheck([&] { return exp(Var(ones({2}), true)); }, {}), StateError);
  }
}

TEST_CASE("a report names variable, index, both numbers and the relative error") {
  if constexpr (!is_float) {
    const Var w = leaf(tensor({{1, 2}, {3, 4}, {5, 6}}));
    const GradcheckReport report =
        gradcheck([&] { return sum(2 * wrong_at(w, 5, 0.5)); }, {{"w", w}});
    INFO(report.text);
    CHECK(!report);
    if constexpr (!is_certified) CHECK(report.worst_error == Approx(0.5));
    CHECK_THAT(report.text,
               ContainsSubstring(in_this_build("w [2, 1]: analytic 3, numeric 2")) &&
                   ContainsSubstring(is_certified ? "distance 0.33" : "relative error 0.33"));
  }
}

// ---- jumps ----

namespace {

// A user's op that computes a double from a double, one element after the other; its slope is 0.
Var step_op(const Var& x, double (*f)(double)) {
  Tensor y = x.value().clone();
  for (Index i = 0; i < y.numel(); ++i) y.data()[i] = static_cast<Real>(f(number(y.data()[i])));
  return op(x, y, [](const Tensor& g) { return g * 0; });
}

// x, with a gradient that is `factor` times as large as it should be.
Var times(const Var& x, double factor) {
  return op(x, x.value(), [=](const Tensor& g) { return factor * g; });
}

struct Jump {
  std::string name;
  double where;                      // an element at which it jumps
  std::function<Var(const Var&)> f;  // element-wise, constant to both sides of the jump
};

[[maybe_unused]] const std::vector<Jump>& jumps() {
  const auto by = [](auto compare) {
    return [compare](const Var& b) {
      return op(b, compare(b.value()), [](const Tensor& g) { return g * 0; });
    };
  };
  static const std::vector<Jump> all = {
      {"greater", 0, by([](const Tensor& b) { return greater(b, 0); })},
      {"less", 0, by([](const Tensor& b) { return less(b, 0); })},
      {"equal", 0, by([](const Tensor& b) { return equal(b, 0); })},
      {"greater than 3", 3, by([](const Tensor& b) { return greater(b, 3); })},
      {"equal to -0.7", -0.7, by([](const Tensor& b) { return equal(b, -0.7); })},
      {"where", 0, [](const Var& b) { return where(greater(b.value(), 0), 2 + 0 * b, 5.0); }},
      {"where of a square", 0,
       [](const Var& b) { return where(greater(b.value() * b.value(), 0), 2 + 0 * b, 5.0); }},
      {"argmax", 0, by([](const Tensor& b) {
         // 1 where an element is larger than a zero that stands first
         const Tensor pairs = stack({zeros(b.shape()), b}, 1);
         std::vector<Real> places;
         for (const int place : argmax(pairs, 1)) places.emplace_back(place);
         return Tensor(b.shape(), places);
       })},
      {"floor", 3, [](const Var& b) { return step_op(b, [](double v) { return std::floor(v); }); }},
      {"ceil", -2, [](const Var& b) { return step_op(b, [](double v) { return std::ceil(v); }); }},
      {"round", 0.5,
       [](const Var& b) { return step_op(b, [](double v) { return std::round(v); }); }},
      {"round, far out", 1000.5,
       [](const Var& b) { return step_op(b, [](double v) { return std::round(v); }); }},
      {"sign", 0,
       [](const Var& b) {
         return step_op(b, [](double v) { return double(v > 0) - double(v < 0); });
       }},
      {"a jump of a thousandth", 0,
       [](const Var& b) { return 1e-3 * step_op(b, [](double v) { return double(v > 0); }); }},
      {"a jump of a million", 0,
       [](const Var& b) { return 1e6 * step_op(b, [](double v) { return double(v >= 0); }); }},
      {"a jump and a slope", 0,
       [](const Var& b) { return b + step_op(b, [](double v) { return double(v > 0); }); }},
  };
  return all;
}

}  // namespace

TEST_CASE("at a jump nothing was shown: the check is inconclusive and says where") {
  if constexpr (!is_float) {
    for (const Jump& jump : jumps()) {
      INFO(jump.name);
      const Var b = leaf(tensor({1.3, jump.where, -4.2, 0.3})), w = leaf(tensor({2, 3, -1, 0.5}));
      for (const auto& f : std::vector<std::function<Var()>>{
               [&] { return jump.f(b); },
               [&] { return sum(jump.f(b)); },
               [&] { return w * (1 + jump.f(b)); },
               [&] { return sum(tanh(w) * (1 + jump.f(b))); },
           }) {
        const GradcheckReport report = gradcheck(f, {{"b", b}});
        INFO(report.text);
        CHECK(!report.ok);
        CHECK(report.worst_error == std::numeric_limits<double>::infinity());
        if (!is_certified) CHECK_THAT(report.text, ContainsSubstring("worst error inf"));
        CHECK_THAT(report.text,
                   ContainsSubstring(in_this_build("gradcheck inconclusive")) &&
                       ContainsSubstring(in_this_build("b [1]: inconclusive: f jumps ")) &&
                       ContainsSubstring("Move the element off"));
      }
    }
  }
}

TEST_CASE("a wrong gradient cannot hide behind a jump, its own leaf's or another's") {
  if constexpr (!is_float) {
    for (const Jump& jump : jumps()) {
      INFO(jump.name);
      // b beside the jump, all at the jump, one at the jump
      const Var off = leaf(tensor({1.3, 0.2, -4.2, 0.3})),
                on = leaf(full({4}, static_cast<Real>(jump.where))),
                one = leaf(tensor({1.3, jump.where, -4.2, 0.3}));
      const Var w = leaf(tensor({2, 3, -1, 0.5}));
      accepts([&] { return sum(tanh(w) * (1 + jump.f(off))); }, {{"b", off}, {"w", w}});
      for (const Var& b : {on, one})
        for (const double factor : {-3.0, 0.0, 0.5, 1.00001, 2.0}) {
          INFO("factor " << factor);
          rejects([&] { return tanh(times(w, factor)) * (1.5 + jump.f(b)); }, {{"w", w}, {"b", b}},
                  "gradcheck FAILED");
        }
      // An element of the same leaf: the last one's slope is 1, and is said to be 2.
      for (const double factor : {-3.0, 0.0, 1.00001, 2.0})
        rejects(
            [&] {
              return cat({jump.f(slice(one, 0, 0, 3)), times(slice(one, 0, 3, 4), factor)}, 0);
            },
            {{"b", one}}, "b [3]: analytic");
    }
  }
}

TEST_CASE("a leaf that only a mask is made of is not reached, and the others are still judged") {
  if constexpr (!is_float) {
    Rng rng(20);
    const Var x = random_leaf({5, 3}, 1, rng), w = random_leaf({3, 5}, 1, rng);
    const Var b = leaf(zeros({5}));
    const auto f = [&](double factor) {
      return [&, factor] { return matmul(x, times(w, factor)) * Var(1 + greater(b.value(), 0)); };
    };
    rejects(f(-3), {{"w", w}, {"b", b}},
            "w [3, 5]: 15 of 15 comparisons fail. every entry is -3 times");
    rejects(f(1), {{"w", w}, {"b", b}}, "b [5]: f does not reach it");
    accepts(f(1), {{"w", w}});
    rejects(f(1.00001), {{"w", w}}, "every entry is 1.00001 times");
  }
}

// ---- rounding ----

TEST_CASE("a wrong gradient is found under a large constant too") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1, 2, -0.7}));
    for (const double constant :
         {0.0, 1e3, 1e6, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e18})
      for (const double factor :
           {1.0, 1.00001, 1.0001, 1.001, 1.003, 1.01, 1.5, 2.0, 0.5, 0.0, -1.0})
        for (const int how : {0, 1, 2, 3}) {
          if (how == 3 && is_dual) continue;  // the sweep itself rounds: its gradient is wrong
          if (how % 2 == 1 && constant > 1e14) continue;  // f does not move at all
          INFO(constant << " with " << factor << " times the gradient, case " << how);
          const GradcheckReport report = gradcheck(
              [&] {
                const Var y = times(x, factor);
                if (how == 0) return sum(y * y) + constant;
                if (how == 1) return (sum(y * y) + constant) - constant;
                if (how == 2) return y * y + constant;
                return (tanh(y) * constant + y * y) - tanh(y) * constant;
              },
              {{"x", x}});
          INFO(report.text);
          const auto says = [&](const std::string& word) {
            return report.text.find(in_this_build(word)) != std::string::npos;
          };
          const bool said = says("inconclusive") || says("rounding hides");
          const bool failed = says("FAILED");
          // An error of a thousandth never passes; a smaller one passes only where that is said.
          if (std::abs(factor - 1) > 2e-3) CHECK(!report.ok);
          if (factor == 1) CHECK(!failed);
          if (factor != 1 && !said) CHECK(failed);
          if (factor == 1 && (constant <= 1e6 || is_dual)) CHECK(report.ok);
          if (constant >= 1e14 && is_double) CHECK(!report.ok);
        }
  }
}

TEST_CASE("a small gradient under a large constant is no gradient of zero") {
  if constexpr (is_double) {
    // One element stands at a kink: the gradient jumps there, which is not the sweep's rounding.
    const Var x = leaf(tensor({0, 1, -0.5}));
    for (const double constant : {1e8, 1e9, 1e10})
      for (const double factor : {1.0, 1.01, 2.0}) {
        INFO(constant << ", " << factor);
        rejects([&] { return 1e-6 * sum(relu(times(x, factor))) + constant; }, {{"x", x}},
                "inconclusive");
        rejects([&] { return 1e-6 * sum(tanh(times(x, factor))) + constant; }, {{"x", x}},
                "inconclusive");
      }
  }
}

TEST_CASE("the rounding of one leaf excuses no other leaf") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({1, 2, -0.7})), loud = leaf(tensor({0.3, 0.9}));
    // The value is only rounding, which differs for every value of `loud`.
    const auto noise = [&] { return sum(3e13 * tanh(loud) / 3 - 1e13 * tanh(loud)); };
    const auto f = [&](double factor) {
      return [&, factor] {
        const Var y = times(x, factor);
        return sum(y * y) + noise();
      };
    };
    for (const double factor : {0.99, 1.0001, 2.0}) rejects(f(factor), {{"x", x}}, "x [3]: 3 of 3");
    if constexpr (is_double) rejects(f(1), {{"x", x}, {"loud", loud}}, "gradcheck inconclusive");
    if constexpr (is_double) rejects(f(1), {{"x", x}, {"loud", loud}}, "loud [2]: inconclusive");
  }
}

// ---- reports are true ----

TEST_CASE("a slope that is infinite is an infinite error") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({0, 1})), zero = leaf(zeros({3}));
    for (const auto& f :
         std::vector<std::function<Var()>>{[&] { return sum(sqrt(x)); }, [&] { return sqrt(zero); },
                                           [&] { return sum(pow(x, 0.5)); }}) {
      const GradcheckReport report = gradcheck(f, {});
      INFO(report.text);
      CHECK(!report.ok);
      CHECK(report.worst_error == std::numeric_limits<double>::infinity());
      if (!is_certified) CHECK_THAT(report.text, ContainsSubstring("worst error inf"));
      CHECK_THAT(report.text, !ContainsSubstring("error nan"));
    }
  }
}

TEST_CASE("a ratio is named where every entry has it, and with the digits that show it") {
  if constexpr (!is_float) {
    const Var x = leaf(tensor({{1, 2, -3}, {0.5, 4, 1}, {2, -2, 5}})), c(3 * x.value());
    for (Index place = 0; place < 9; ++place)
      for (const double amount : {1e-5, 1e-4, -1e-3, 0.1, 1.0, -2.0}) {
        const auto report = gradcheck([&] { return sum(wrong_at(x, place, amount) * c); }, {});
        INFO(report.text);
        CHECK(!report.ok);
        CHECK_THAT(report.text, !ContainsSubstring("every entry"));
      }
    // One entry alone is wrong, and for the others, which are far smaller, nobody can tell.
    const Var few(tensor({3, 1e-13, -1e-13, 1e-13}));
    const Var z = leaf(tensor({1, 2, -3, 0.5}));
    const auto one = gradcheck([&] { return sum(wrong_at(z, 0, 1e-4) * few); }, {{"z", z}});
    CHECK_THAT(one.text, ContainsSubstring("z [0]: ") && !ContainsSubstring("every entry"));
    struct Row {
      double factor;
      std::string text;
    };
    for (const auto& [factor, text] : std::vector<Row>{{1.00001, "1.00001"},
                                                       {0.99999, "0.99999"},
                                                       {1.0000034, "1.0000034"},
                                                       {1.0001, "1.0001"},
                                                       {-0.5, "-0.5"},
                                                       {-1.001, "-1.001"},
                                                       {3, "3"},
                                                       {1e6, "1e+06"}}) {
      const Var y = leaf(tensor({{1, 2, -3}, {0.5, 4, 1}}));
      rejects([&, factor = factor] { return tanh(times(y, factor) / 5); }, {{"y", y}},
              "every entry is " + text + " times the numeric one");
    }
  }
}

TEST_CASE("a named variable that f does not reach fails the check") {
  if constexpr (!is_float) {
    struct Model {
      Var weight;
      Var operator()(const Var& x) const { return tanh(x * weight); }
    };
    const Var x = leaf(tensor({1, 2}));
    Model model{leaf(tensor({0.5, 0.3}))};
    const Model copy{leaf(model.weight.value().clone())};
    accepts([&] { return model(x); }, {{"x", x}, {"weight", model.weight}});
    rejects([=] { return copy(x); }, {{"x", x}, {"weight", model.weight}},
            "weight [2]: f does not reach it");
    rejects([&] { return tanh(x); }, {{"x", x}, {"weight", model.weight}}, "weight [2]");
    rejects([&] { return x * model.weight.detach(); }, {{"x", x}, {"weight", model.weight}},
            "weight [2]");
    // A gradient of zero is not an error.
    accepts([&] { return tanh(x) + 0 * model.weight; }, {{"x", x}, {"weight", model.weight}});
    const Var empty = leaf(zeros({0}));
    accepts([&] { return sum(x) + sum(empty); }, {{"x", x}, {"empty", empty}});
  }
}

// ---- ties ----

TEST_CASE("a smooth function of two kinks has the slope that its values have") {
  if constexpr (!is_float) {
    // At a tie each op gives a slope of its own choice, and the sum of two choices is wrong here.
    struct Smooth {
      std::string name;
      double at;
      std::function<Var(const Var&)> f;
    };
    const std::vector<Smooth> functions = {
        {"softplus", 0, [](const Var& u) { return relu(u) + log(1 + exp(-abs(u))); }},
        {"softplus, moved", 1.5,
         [](const Var& u) { return relu(u - 1.5) + log(1 + exp(-abs(u - 1.5))); }},
        {"relu(u) - relu(-u)", 0, [](const Var& u) { return relu(u) - relu(-u); }},
        {"relu and maximum", 0, [](const Var& u) { return relu(u) - maximum(u, 0.0) + u * 0; }},
        {"relu and where", 0,
         [](const Var& u) { return relu(u) + where(less(u.value(), 0), u, 0 * u); }},
        {"relu and minimum", 0, [](const Var& u) { return relu(u) + minimum(u, 0.0); }},
    };
    for (const Smooth& row : functions) {
      INFO(row.name);
      const Var one = leaf(full({1}, static_cast<Real>(row.at))),
                some = leaf(tensor({row.at, row.at + 1, row.at}));
      rejects([&] { return sum(row.f(one)); }, {{"u", one}},
              is_certified ? "u [0]: undecided" : "u [0]: analytic");
      rejects([&] { return row.f(some); }, {{"u", some}}, "Move the element off the tie");
      const Var off = leaf(tensor({row.at + 1e-7, row.at + 1, row.at - 0.5}));
      accepts([&] { return row.f(off); }, {{"u", off}});
    }
    const Var u = leaf(zeros({1}));
    rejects(
        [&] { return sum(relu(u) + log(1 + exp(-abs(u)))); }, {{"u", u}},
        is_certified ? "the sweep says 0, and the slope is 0.5" : "u [0]: analytic 0, numeric 0.5");
    // Here the sum of both choices is right.
    accepts([&] { return maximum(u, 0.0) + minimum(u, 0.0); }, {{"u", u}});
    accepts([&] { return maximum(u, 0.0) - abs(u); }, {{"u", u}});
  }
}

TEST_CASE("any slope between the two at a kink is right, and none beyond them") {
  if constexpr (!is_float) {
    struct Kink {
      std::string name;
      std::function<Tensor(const Tensor&)> f;
      double left, right;
    };
    const std::vector<Kink> kinks = {
        {"relu", [](const Tensor& x) { return relu(x); }, 0, 1},
        {"abs", [](const Tensor& x) { return abs(x); }, -1, 1},
        {"maximum", [](const Tensor& x) { return maximum(x, -0.5 * x); }, -0.5, 1},
        {"minimum", [](const Tensor& x) { return minimum(x, 3 * x); }, 3, 1},
        {"where", [](const Tensor& x) { return where(less(x, 0), 2 * x, -x); }, 2, -1},
    };
    for (const Kink& kink : kinks)
      for (const double v : {0.0, 2.0})
        for (const double share : {0.0, 0.3, 1.0, -0.1, 1.1, 1.00001}) {
          const Var x = leaf(tensor({v, v + 1, v - 0.5}));
          INFO(kink.name << " at " << v << ", share " << share);
          const auto f = [&] {
            const Tensor at = x.value() - v;
            const double slope = kink.left + share * (kink.right - kink.left);
            return op(x, kink.f(at), [=](const Tensor& g) {
              return g * where(equal(at, 0), slope, where(less(at, 0), kink.left, kink.right));
            });
          };
          if (share < 0 || share > 1)
            rejects(f, {{"x", x}}, is_certified ? "x [0]: undecided" : "x [0]: analytic");
          else
            accepts(f, {{"x", x}});
          CHECK_THAT(gradcheck(f, {{"x", x}}).text, ContainsSubstring("kinks 1"));
        }
  }
}

TEST_CASE("kinks in several leaves at once hide no wrong gradient") {
  if constexpr (!is_float) {
    const Var a = leaf(tensor({0, 1, 0})), b = leaf(tensor({0, 0, -2})),
              c = leaf(tensor({0, 1, 0}));
    const auto f = [&](double factor) {
      return [&, factor] {
        return relu(times(a, factor)) * 2 + abs(b) * exp(a) + maximum(a, times(c, factor));
      };
    };
    accepts([&] { return relu(a) * 2 + abs(b) * exp(c); }, {{"a", a}, {"b", b}, {"c", c}});
    accepts([&] { return max(stack({a, b, c}, 0), 0) * exp(b); }, {{"a", a}, {"b", b}, {"c", c}});
    for (const double factor : {1.00001, 0.0, -1.0, 2.0})
      rejects(f(factor), {{"a", a}, {"b", b}, {"c", c}});
  }
}

TEST_CASE("an op that takes its branch by a plain double has its kinks noticed, too") {
  if constexpr (!is_float) {
    const auto rectified = [](const Var& x, double at_zero) {
      Tensor y = x.value().clone(), slope = zeros(x.shape());
      for (Index i = 0; i < y.numel(); ++i) {
        const double v = number(y.data()[i]);
        slope.data()[i] = static_cast<Real>(v > 0 ? 1 : v < 0 ? 0 : at_zero);
        if (v <= 0) y.data()[i] = static_cast<Real>(0);
      }
      return op(x, y, [slope](const Tensor& g) { return g * slope; });
    };
    const Var x = leaf(tensor({0, 1, -1}));
    for (const double right : {0.0, 0.4, 1.0})
      accepts([&] { return exp(x) * rectified(x, right); }, {{"x", x}});
    for (const double wrong : {-0.1, 1.1})
      rejects([&] { return exp(x) * rectified(x, wrong); }, {{"x", x}},
              is_certified ? "UNDECIDED" : "FAILED");
  }
}

// ---- a property: right is accepted, wrong by 1e-5 is rejected ----

namespace {

// A random smooth function of x [R, C] and w [C, C].
struct Composition {
  std::vector<Index> steps;
  double x_scale, f_scale;
  bool total;

  Var operator()(const Var& input, const Var& w) const {
    const Var x = input / x_scale;
    Var y = x;
    for (const Index step : steps) y = apply(step, x, y, w);
    return total ? f_scale * sum(y) : f_scale * y;
  }
  static Var apply(Index step, const Var& x, const Var& y, const Var& w) {
    switch (step) {
      case 0:
        return tanh(y);
      case 1:
        return sigmoid(1.3 * y);
      case 2:
        return gelu(y);
      case 3:
        return softmax(y) + 0.1 * y;
      case 4:
        return log_softmax(y) * x;
      case 5:
        return matmul(y, w);
      case 6:
        return y * x + y;
      case 7:
        return y / (1.5 + sigmoid(x));
      case 8:
        return sqrt(1 + y * y);
      case 9:
        return log(1 + exp(y));
      case 10:
        return exp(0.3 * y);
      default:
        return cat({slice(y, 1, 1, y.size(1)), slice(y, 1, 0, 1)}, 1) * x;
    }
  }
};

}  // namespace

TEST_CASE("random right functions are accepted, and wrong by 1e-5 in one entry rejected") {
  if constexpr (!is_float) {
    const double scales[] = {1e-8, 1e-3, 1, 1e3, 1e8};
    for (std::uint64_t trial = 0; trial < 300; ++trial) {
      Rng rng(1000 + trial);
      Composition f;
      for (Index depth = 1 + rng.below(5); depth > 0; --depth) f.steps.push_back(rng.below(12));
      // What the exact witness forgives is 1e-12, not relative: it is tried at one scale.
      f.x_scale = is_double ? scales[rng.below(5)] : 1;
      f.f_scale = is_double ? scales[rng.below(5)] : 1;
      f.total = rng.below(2) == 1;
      const Index rows = 1 + rng.below(2), columns = 2 + rng.below(2);
      const Var x = random_leaf({rows, columns}, f.x_scale, rng);
      const Var w = random_leaf({columns, columns}, 1, rng);
      const Index place = rng.below(rows * columns);
      const double amount = rng.below(2) == 1 ? 1e-5 : -1e-5;

      INFO("trial " << trial);
      std::vector<std::pair<std::string, Var>> variables = {{"x", x}};
      if (std::ranges::count(f.steps, 5) > 0) variables.emplace_back("w", w);
      accepts([&] { return f(x, w); }, variables);
      rejects([&] { return f(wrong_at(x, place, amount), w); }, variables, "x [");
    }
  }
}

}  // namespace gradcheck_test
