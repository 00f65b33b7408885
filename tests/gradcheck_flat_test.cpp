// # Tests of gradcheck where f is flat
//
// Where every gradient is exactly 0, the numeric gradient is nothing but rounding, and there is no
// large gradient beside it to compare it with. A right gradient of 0 must be accepted there, and a
// wrong gradient must be rejected, however small it is.
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/op_table.h"

namespace gradcheck_flat_test {

using namespace glass;
using Catch::Matchers::ContainsSubstring;
using oracle::is_double, oracle::is_float;

namespace {

using Function = std::function<Var(const Var&)>;
using Functions = std::vector<std::pair<std::string, Function>>;

// Smooth functions of one number. Their values have digits that a double must round.
[[maybe_unused]] const Functions& inner_functions() {
  static const Functions all = {
      {"x", [](const Var& x) { return x + 0.0; }},
      {"x / 3", [](const Var& x) { return x / 3; }},
      {"gelu", [](const Var& x) { return gelu(x); }},
      {"tanh", [](const Var& x) { return tanh(x); }},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }},
      {"exp", [](const Var& x) { return exp(x); }},
      {"softplus", [](const Var& x) { return softplus(x); }},
      {"square", [](const Var& x) { return x * x; }},
      {"sin", [](const Var& x) { return sin(3 * x); }},
  };
  return all;
}

Var norm(const Var& y) { return layer_norm(y, Var(ones({y.size(-1)})), Var(zeros({y.size(-1)}))); }

// Functions of y with a gradient of 0 at each y of equal numbers.
[[maybe_unused]] const Functions& flat_at_equal_numbers() {
  static const Functions all = {
      {"var", [](const Var& y) { return var(y); }},
      {"biased var", [](const Var& y) { return var(y, {}, false, {.biased = true}); }},
      {"1e-12 var", [](const Var& y) { return 1e-12 * var(y); }},
      {"1e12 var", [](const Var& y) { return 1e12 * var(y); }},
      {"(y - mean)^2", [](const Var& y) { return (y - mean(y)) * (y - mean(y)); }},
      {"(y - mean)^3", [](const Var& y) { return (y - mean(y)) * (y - mean(y)) * (y - mean(y)); }},
      {"1 - cos(y - mean)", [](const Var& y) { return 1 - cos(y - mean(y)); }},
  };
  return all;
}

// Functions of y with a gradient of 0 everywhere.
[[maybe_unused]] const Functions& flat_everywhere() {
  static const Functions all = {
      {"y - y", [](const Var& y) { return y - y; }},
      {"y / y", [](const Var& y) { return y / y; }},
      {"0 y", [](const Var& y) { return 0 * y; }},
      {"y (y - y)", [](const Var& y) { return y * (y - y); }},
      {"softmax summed", [](const Var& y) { return sum(softmax(y)); }},
      {"1e3 softmax summed", [](const Var& y) { return 1e3 * sum(softmax(y)); }},
      {"layer_norm summed", [](const Var& y) { return sum(norm(y + arange(y.numel()))); }},
      {"the mean of y - mean", [](const Var& y) { return mean(y - mean(y)); }},
      {"log of softmax summed", [](const Var& y) { return log(sum(softmax(y))); }},
      {"ln exp - 1", [](const Var& y) { return log(exp(y / 100)) - y / 100; }},
      {"std of y - y", [](const Var& y) { return glass::std(y - y + arange(y.numel())); }},
  };
  return all;
}

// Functions of one number with a gradient of 0 at 0, and next to none beside it.
[[maybe_unused]] const Functions& even_functions() {
  static const Functions all = {
      {"cos", [](const Var& x) { return cos(x); }},
      {"ln cos", [](const Var& x) { return log(cos(x)); }},
      {"cos - 1", [](const Var& x) { return cos(x) - 1; }},
      {"1e-9 ln cos", [](const Var& x) { return 1e-9 * log(cos(x)); }},
      {"sqrt(1 + x^2) - 1", [](const Var& x) { return sqrt(1 + x * x) - 1; }},
      {"ln(1 + x^2)", [](const Var& x) { return log(1 + x * x); }},
      {"exp(x^2) - 1", [](const Var& x) { return exp(x * x) - 1; }},
      {"tanh(cos - 1)", [](const Var& x) { return tanh(cos(x) - 1); }},
  };
  return all;
}

[[maybe_unused]] GradcheckReport check_of(const Function& f, const Tensor& at) {
  const Var x(at.clone(), true);
  return gradcheck([&] { return f(x); }, {{"x", x}});
}

// A right gradient. Enclosures may be too wide to prove it, where f has a large factor, and where
// all gradients may be 0 there is no scale to call them narrow.
[[maybe_unused]] void expect_right(const GradcheckReport& report) {
  INFO(report.text);
#ifdef GLASS_REAL_CERTIFIED
  CHECK_THAT(report.text, !ContainsSubstring("REFUTED"));
#else
  CHECK(report.ok);
#endif
}

// A gradient that may be in doubt.
[[maybe_unused]] void expect_not_wrong(const GradcheckReport& report) {
  CHECK_THAT(report.text, !ContainsSubstring("FAILED") && !ContainsSubstring("REFUTED"));
}

// At tensors of equal numbers: of one number, and of three.
[[maybe_unused]] void expect_not_called_wrong(const Functions& functions,
                                              const std::vector<double>& numbers) {
  for (const auto& [name, f] : functions)
    for (const double number : numbers)
      for (const Shape& shape : {Shape(), Shape{3}}) {
        INFO(name << " at " << number << ", rank " << shape.rank());
        expect_not_wrong(check_of(f, full(shape, static_cast<Real>(number))));
      }
}

// x, with a gradient that is `factor` times as large as it should be.
[[maybe_unused]] Var times(const Var& x, double factor) {
  return record("by hand", x.value(), {{x, [=](const Tensor& g) { return factor * g; }}});
}

const std::vector<double> places = {1.7, 0.3, -0.9, 3.1, 0.01, 5.4};

}  // namespace

TEST_CASE("a right gradient of 0 at a flat minimum is accepted") {
  if constexpr (!is_float) {
    for (const auto& [outer_name, outer] : flat_at_equal_numbers())
      for (const auto& [inner_name, inner] : inner_functions())
        for (const Index n : {2, 3, 5})
          for (const double place : places) {
            const auto report =
                check_of([&, &f = outer, &g = inner](const Var& x) { return f(g(x)); },
                         full({n}, static_cast<Real>(place)));
            INFO(outer_name << " of " << inner_name << " at " << n << " times " << place);
            expect_right(report);
          }
  }
}

// The slopes beside such a minimum may be as small as rounding: then the check is inconclusive.
TEST_CASE("a right gradient of 0 at a flat minimum is not called wrong where f is saturated") {
  if constexpr (!is_float) {
    const Var x(matmul(ones({4, 1}), tensor({{-13.418, -11.322, 8.14}})), true);
    expect_right(
        gradcheck([&] { return var(sigmoid(tanh(x)), 0, false, {.biased = true}); }, {{"x", x}}));
    for (const double place : {3.0, 5.0, 7.0, 8.14, 9.0})
      expect_not_wrong(check_of([](const Var& y) { return var(sigmoid(tanh(y))); },
                                full({4}, static_cast<Real>(place))));
  }
}

// At x = 1e-30 steps as small as x do not move log(exp(x)) at all, since exp(x) rounds to 1.
TEST_CASE("a slope that rounds away at the scale of a tiny x is not called wrong") {
  const Functions rounded = {
      {"ln exp", [](const Var& x) { return log(exp(x)); }},
      {"1 + x - 1", [](const Var& x) { return 1 + x - 1; }},
      {"sqrt", [](const Var& x) { return sqrt(x + 1); }},
      {"ln sigmoid", [](const Var& x) { return log(sigmoid(x)); }},
      {"x + ln exp", [](const Var& x) { return x + log(exp(x)); }},
  };
  if constexpr (!is_float) {
    for (const auto& [name, f] : rounded)
      for (const double place : {1e-17, -8.9e-31, 1e-60, 1e-200})
        for (const Shape& shape : {Shape(), Shape{3}}) {
          INFO(name << " at " << place << ", rank " << shape.rank());
          expect_not_wrong(check_of(f, full(shape, static_cast<Real>(place))));
          const Function wrong = [&, &g = f](const Var& x) { return g(times(x, 2)); };
          CHECK_FALSE(check_of(wrong, full(shape, static_cast<Real>(place))).ok);
        }
  }
}

// The gradient of (x − x) + x² is 1 − 1 + 2x: rounding loses 2x beside 1.
TEST_CASE("a small gradient that rounds away beside larger ones is not called wrong") {
  if constexpr (!is_float) {
    const Functions cancelling = {
        {"(x - x) + x^2", [](const Var& x) { return (x - x) + x * x; }},
        {"x^2 + (x - x)", [](const Var& x) { return x * x + (x - x); }},
        {"3x - x + x^2 - 2x", [](const Var& x) { return 3 * x - x + x * x - 2 * x; }},
        {"(x - x) + sin(x^2)", [](const Var& x) { return (x - x) + sin(x * x); }},
    };
    expect_not_called_wrong(cancelling, {1e-17, -1.872e-31, 1e-60});
  }
}

// At x = 1e-30 the slope of ln cos x is -1e-30. Differences see none, however far they step to both
// sides: cos rounds x away beside the step, and the values are equal.
TEST_CASE("a slope that rounds away beside a flat place is not called wrong") {
  if constexpr (!is_float) {
    expect_not_called_wrong(even_functions(), {1e-17, -1.838e-30, 1e-60, 1e-200});
  }
}

// ln cos x^3 is -x^6 / 2: its slope rounds away at a place of an ordinary size, and steps that are
// large enough to move f lead to where f is steeper.
TEST_CASE("a slope that rounds away in a flat valley is not called wrong") {
  if constexpr (!is_float) {
    for (const auto& [name, even] : even_functions())
      for (const int power : {2, 3, 5})
        for (int tenths = 1; tenths <= 50; ++tenths) {
          const double place = -std::pow(10, -tenths / 10.);
          const Function valley = [&, &f = even](const Var& x) {
            Var y = x;
            for (int i = 1; i < power; ++i) y = y * x;
            return f(y);
          };
          INFO(name << " of x^" << power << " at " << place);
          expect_not_wrong(check_of(valley, tensor(place)));
        }
  }
}

// Two keys that are nearly the same have weights of 0.5, however the query moves. The parts of v
// cancel, so that the result is as small as the slope.
TEST_CASE("the slope of a query that hardly tells its keys apart is not called wrong") {
  if constexpr (!is_float) {
    for (const double apart : {1e-12, 1e-15, 1e-17, 1e-20, 1.3139e-30, 1e-60, 1e-200})
      for (const double size : {1., -1e-3, 1e3}) {
        const Var q(full({1, 1, 1, 1}, 1), true);
        const Var k(reshape(tensor({apart, 0}), Shape{1, 1, 2, 1}), true);
        const Var v(reshape(tensor({size, -size}), Shape{1, 1, 2, 1}), true);
        INFO(fmt::format("keys {} apart, values of {}", apart, size));
        expect_not_wrong(
            gradcheck([&] { return attention(q, k, v); }, {{"q", q}, {"k", k}, {"v", v}}));
      }
  }
}

// A sweep adds `slope` to the gradient of such a function.
TEST_CASE("a wrong slope that would show in a flat valley is not accepted") {
  if constexpr (is_double) {
    for (const auto& [name, even] : even_functions())
      for (const double slope : {1., 1e-3, 1e-6, -1e-9})
        for (const double place : {1e-30, 1e-5, -9.852e-4}) {
          const auto wrong = [&, &f = even](const Var& x) {
            return f(x * x * x) +
                   record("by hand", zeros({}), {{x, [&](const Tensor& g) { return slope * g; }}});
          };
          INFO(name << " at " << place << ", slope " << slope);
          CHECK_FALSE(check_of(wrong, tensor(place)).ok);
        }
  }
}

// ln p of a class that is nearly sure: exp(-34) is 7 ulps of the 1 that it is added to, and as x
// moves, the sum moves in stairs.
TEST_CASE("the gradient of a class that is nearly sure is not called wrong") {
  const Functions sure = {
      {"cross_entropy", [](const Var& x) { return cross_entropy(x, std::vector<int>{1}); }},
      {"log_softmax", [](const Var& x) { return log_softmax(x).slice(0, 1, 2); }},
      {"log of softmax", [](const Var& x) { return log(softmax(x)).slice(0, 1, 2); }},
      {"log of exp / sum", [](const Var& x) { return log((exp(x) / sum(exp(x))).slice(0, 1, 2)); }},
  };
  if constexpr (!is_float) {
    for (const auto& [name, f] : sure)
      for (const Index classes : {2, 3, 5})
        for (double lead = 24; lead < 42; lead += 0.37)
          for (const double step : {0.0, 0.17}) {
            Tensor at = 1 + step * arange(classes);
            at.data()[1] = static_cast<Real>(lead);
            INFO(name << " of " << classes << " classes, " << lead << ", step " << step);
            expect_not_wrong(check_of(f, at));
            const Function wrong = [&, &g = f](const Var& x) { return g(times(x, 2)); };
            // Rounding hides a gradient of a few ulps, beside a loss that is steep elsewhere.
            if (lead < 33) CHECK_FALSE(check_of(wrong, at).ok);
          }
  }
}

TEST_CASE("a right gradient of 0 everywhere is accepted") {
  if constexpr (!is_float) {
    for (const auto& [outer_name, outer] : flat_everywhere())
      for (const auto& [inner_name, inner] : inner_functions())
        for (const Index n : {2, 3, 5})
          for (const double place : places) {
            const Tensor at = place + 0.7 * arange(n);
            const auto report =
                check_of([&, &f = outer, &g = inner](const Var& x) { return f(g(x)); }, at);
            INFO(outer_name << " of " << inner_name << " from " << place << ", size " << n);
            expect_right(report);
          }
  }
}

TEST_CASE("at (x - c)^2 the place c has a gradient of 0, and a place beside it has none") {
  if constexpr (!is_float) {
    for (const auto& [name, inner] : inner_functions())
      for (const double place : places) {
        const Tensor at = place + 0.11 * arange(3);
        const Tensor c = inner(Var(at)).value();
        const auto squared = [&, &g = inner](double factor) {
          return [&, factor](const Var& x) {
            const Var d = g(times(x, factor)) - c;
            return d * d;
          };
        };
        INFO(name << " at " << place);
        expect_right(check_of(squared(1), at));
        CHECK(check_of(squared(1), at + 1e-3).ok);
        // 2 (x − c) is 2e-3 there. At c itself 2 · 0 is right with any factor.
        if (place < 3) CHECK(!check_of(squared(1.0001), at + 1e-3).ok);
      }
  }
}

TEST_CASE("a wrong gradient at a flat place is rejected, however small it is") {
  if constexpr (is_double) {
    // The gradient of `tiny` x is `tiny`; the sweep claims `factor` times that. The flat function
    // adds nothing but rounding, of its own size.
    for (const auto& [outer_name, outer] : flat_at_equal_numbers())
      for (const double tiny : {1e-3, 1e-6, 1e-9, 1e-12})
        for (const double factor : {0.0, -1.0, 0.5, 1.01, 2.0}) {
          const double size = outer_name == "1e12 var" ? 1e12 : 1;
          if (tiny * std::abs(factor - 1) < 1e-10 * size) continue;  // rounding may hide it
          const auto f = [&, &flat = outer](const Var& x) {
            return flat(gelu(x)) + tiny * mean(times(x, factor));
          };
          const auto report = check_of(f, full({3}, Real(1.7)));
          INFO(outer_name << " and " << tiny << " times x, factor " << factor);
          INFO(report.text);
          CHECK(!report.ok);
        }
  }
}

TEST_CASE("a wrong gradient of a tiny function is rejected") {
  if constexpr (is_double) {
    for (const auto& [name, inner] : inner_functions())
      for (const double tiny : {1e-9, 1e-12, 1e-15, 1e-20, 1e-100})
        for (const double factor : {0.0, -1.0, 0.5, 1.00001, 2.0}) {
          const auto report =
              check_of([&, &g = inner](const Var& x) { return tiny * g(times(x, factor)); },
                       tensor({0.4, 0.8, -0.3}));
          INFO(tiny << " times " << name << ", factor " << factor);
          INFO(report.text);
          CHECK(!report.ok);
          CHECK_THAT(report.text, ContainsSubstring("FAILED"));
        }
    // A curve that is nearly flat: x² at a distance of 1e-12 from its minimum.
    for (const double factor : {0.0, -1.0, 0.5, 1.00001, 2.0}) {
      const auto report =
          check_of([&](const Var& x) { return times(x, factor) * times(x, factor); },
                   tensor({1e-12, -2e-12}));
      INFO("x squared, factor " << factor);
      INFO(report.text);
      CHECK(!report.ok);
    }
  }
}

}  // namespace gradcheck_flat_test
