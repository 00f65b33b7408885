// # Tests of gradcheck at awkward places
//
// One table for each kind of place: kinks that an op hides from forward mode, gradients that are
// nothing but rounding, ties of several elements, functions that differences cannot follow. A row
// is a function, its leaf, and what each build may say of it. A right gradient is never refuted in
// the certified build, nor does it fail in the others; a wrong gradient never passes.
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "nn/attention.h"
#include "tests/catch.h"
#include "tests/op_table.h"

namespace gradcheck_awkward_test {

using namespace glass;
using oracle::is_certified, oracle::is_double, oracle::is_dual, oracle::is_float;

namespace {

// A verdict that a row expects, or several: each letter is a verdict that is allowed.
//   p passed or ENCLOSED      i inconclusive or UNDECIDED      f FAILED or REFUTED
struct Row {
  std::string name;
  std::vector<double> at;
  std::function<Var(const Var&)> f;
  std::string f64, dual, certified;
  std::string text = "";  // in the certified build
};

Var op(const Var& x, const Tensor& y, std::function<Tensor(const Tensor&)> vjp) {
  return record("by hand", y, {{x, std::move(vjp)}});
}

// x, with a gradient that is `factor` times as large as it should be.
[[maybe_unused]] Var times(const Var& x, double factor) {
  return op(x, x.value(), [=](const Tensor& g) { return factor * g; });
}

[[maybe_unused]] double number(Real x) { return static_cast<double>(x); }

[[maybe_unused]] void check(const std::vector<Row>& rows) {
  if constexpr (is_float) return;
  for (const Row& row : rows) {
    const Tensor at({static_cast<Index>(row.at.size())},
                    std::vector<Real>(row.at.begin(), row.at.end()));
    const Var x(at, true);
    const GradcheckReport report = gradcheck([&] { return row.f(x); }, {{"x", x}});
    INFO(row.name << "\n" << report.text);
    const auto says = [&](const std::string& word) {
      return report.text.starts_with("gradcheck " + word);
    };
    const char verdict = says("passed") || says("ENCLOSED")          ? 'p'
                         : says("inconclusive") || says("UNDECIDED") ? 'i'
                                                                     : 'f';
    const std::string& allowed = is_certified ? row.certified : is_dual ? row.dual : row.f64;
    INFO("expected one of " << allowed);
    CHECK(allowed.find(verdict) != std::string::npos);
    CHECK(report.ok == (verdict == 'p'));
    if (is_certified) CHECK(report.text.find(row.text) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("clamp between two equal bounds is constant, also at the bound") {
  check({{"clamp(x, 0, 0)", {0, 1, -1}, [](const Var& x) { return clamp(x, 0, 0); }, "p", "p", "p"},
         {"clamp(x, 1, 1) + x",
          {0, 1, 2},
          [](const Var& x) { return clamp(x, 1, 1) + x; },
          "p",
          "p",
          "p"}});
}

// ---- what forward mode at x does not see ----

namespace {

// A mask that is true where z is not 0. It is made of z², so ε is lost: ε² = 0.
[[maybe_unused]] Tensor is_nonzero(const Var& z) { return greater((z * z).value(), 0); }

// An op of numbers with its slope, both as functions of a Real.
template <class F, class Slope>
std::function<Var(const Var&)> mapped(F f, Slope slope) {
  return [=](const Var& x) { return map(x, f, slope); };
}

// A user's rectifiers that compare plain doubles. At 0 both have the slope `at_zero`.
[[maybe_unused]] std::function<Var(const Var&)> rectifier(double below, double at_zero) {
  return mapped([=](Real v) { return number(v) > 0 ? v : below * v; },
                [=](Real v) -> Real {
                  return static_cast<Real>(number(v) > 0 ? 1.0 : number(v) < 0 ? below : at_zero);
                });
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
TEST_CASE("forward mode is believed only where it agrees with what happens beside x") {
  using std::cbrt, std::lgamma;
  const auto mapped_at_zero = [](double claim) {
    return mapped([](Real v) { return number(v) == 0 ? 3 * v : 2 * v; },
                  [=](Real v) -> Real { return static_cast<Real>(number(v) == 0 ? claim : 2.0); });
  };
  check({
      {"a wrong branch of a mask of z^2",
       {0},
       [](const Var& z) { return where(is_nonzero(z), 2 * z, 3 * z); },
       "f",
       "f",
       "i",
       "beside the element"},
      {"the same, and another element",
       {0, 1},
       [](const Var& z) { return where(is_nonzero(z), 2 * z, 3 * z); },
       "f",
       "f",
       "i",
       "beside the element"},
      {"nearly the right branch",
       {0},
       [](const Var& z) { return where(is_nonzero(z), 2 * z, 2.0001 * z); },
       "f",
       "f",
       "i",
       "beside the element"},
      {"the right branch",
       {0},
       [](const Var& z) { return where(is_nonzero(z), 2 * z, 2 * z); },
       "p",
       "p",
       "p"},
      {"a guard with the limit, and not its slope",
       {0},
       [](const Var& z) {
         const Tensor mask = is_nonzero(z);
         return where(mask, (1 - cos(z)) / where(mask, z, 1), 0);
       },
       "f",
       "f",
       "i",
       "beside the element"},
      {"a guard with a wrong slope",
       {0},
       [](const Var& z) {
         const Tensor mask = is_nonzero(z);
         return where(mask, sin(z) / where(mask, z, 1), 1 + z);
       },
       "f",
       "f",
       "i",
       "beside the element"},
      {"a guard with the right slope",
       {0},
       [](const Var& z) {
         const Tensor mask = is_nonzero(z);
         return where(mask, sin(z) / where(mask, z, 1), 1);
       },
       "p",
       "pif",
       "pi"},
      {"a wrong branch at exactly 0", {0}, mapped_at_zero(3), "f", "f", "i"},
      {"the same with the right claim", {0}, mapped_at_zero(2), "p", "p", "p"},
      {"leaky relu, slope to the right", {0, 1, -1}, rectifier(0.1, 1), "p", "p", "p"},
      {"leaky relu, slope to the left", {0, 1, -1}, rectifier(0.1, 0.1), "p", "p", "p"},
      {"relu, slope between", {0}, rectifier(0, 0.5), "p", "p", "p"},
      {"relu, slope beyond", {0}, rectifier(0, 1.1), "f", "f", "i", "beside the element"},
      {"relu, slope beyond", {0, 2}, rectifier(0, -0.1), "f", "f", "i", "beside the element"},
      {"relu behind exp",
       {0},
       [](const Var& x) { return exp(x) * rectifier(0, 1)(x); },
       "p",
       "p",
       "p"},
      {"cbrt of doubles",
       {1},
       mapped([](Real v) { return cbrt(number(v)); },
              [](Real v) { return 1 / (3 * cbrt(number(v)) * cbrt(number(v))); }),
       "p",
       "fi",
       "i",
       "static_cast<double>"},
      {"cbrt of doubles, among others",
       {1, 3, -2},
       [](const Var& x) {
         return 1e-4 * map(
                           x, [](Real v) { return cbrt(number(v)); },
                           [](Real v) { return 1 / (3 * cbrt(number(v)) * cbrt(number(v))); }) +
                tanh(x) + 1e4;
       },
       "p",
       "fi",
       "i",
       "static_cast<double>"},
      {"a wrong slope of it",
       {1},
       mapped([](Real v) { return cbrt(number(v)); }, [](Real) { return 1.0; }),
       "f",
       "fi",
       "i"},
      {"a cube of doubles at 0 and 2",
       {0, 2},
       mapped([](Real v) { return std::pow(number(v), 3); }, [](Real v) { return 3 * v * v; }),
       "p",
       "fi",
       "i",
       "static_cast<double>"},
      {"a tiny scale at 0", {0}, [](const Var& x) { return tanh(1e15 * x); }, "pif", "pif", "p"},
      {"x^1.5 at 0", {0, 1}, [](const Var& x) { return pow(x, 1.5); }, "pif", "p", "p"},
      {"near kinks",
       {1e-9, 1, -1, 1e-14, -1e-14, 1e-300},
       [](const Var& x) { return relu(x) + abs(x); },
       "p",
       "p",
       "p"},
  });
}

// ---- gradients that may be 0 ----

// NOLINTNEXTLINE(readability-function-size): a table
TEST_CASE("where no gradient is surely not 0, nothing is proved but exact zeros") {
  std::vector<Row> rows = {
      {"2x - 2x", {1, 2}, [](const Var& x) { return 2 * x - 2 * x; }, "p", "p", "p"},
      {"0 at x^2", {0}, [](const Var& x) { return x * x; }, "p", "p", "p"},
      {"0 at x^2, any factor", {0}, [](const Var& x) { return times(x, 5) * x; }, "p", "p", "p"},
      {"a saturated tanh is right", {20}, [](const Var& x) { return tanh(x); }, "p", "p", "pi"},
      {"tanh at 20 without gradient",
       {20},
       [](const Var& x) { return op(x, tanh(x.value()), [](const Tensor& g) { return 0 * g; }); },
       "p",
       "fip",
       "if",
       ""},
  };
  // The factor hides in f64, where tanh(20) is 1.
  for (const double factor : {0.0, 2.0, 5.0, 20.0, -1.0}) {
    rows.push_back({fmt::format("tanh at 20, {} times", factor),
                    {20},
                    [=](const Var& x) { return tanh(times(x, factor)); },
                    "pfi",
                    "pfi",
                    "i",
                    "no scale"});
    rows.push_back({fmt::format("gelu(u) - u at 9, {} times", factor),
                    {9},
                    [=](const Var& x) {
                      const Var u = times(x, factor);
                      return gelu(u) - u;
                    },
                    "pfi",
                    "pfi",
                    "i",
                    "no scale"});
  }
  check(rows);
}

// ---- subnormal numbers ----

TEST_CASE("a check of subnormal numbers ends, and says something sensible") {
  std::vector<Row> rows;
  for (const std::vector<double>& at : std::vector<std::vector<double>>{{5e-324},
                                                                        {1e-320},
                                                                        {1e-312},
                                                                        {1e-310, 5e-324},
                                                                        {1e-311, 1e-320},
                                                                        {0, 5e-324},
                                                                        {-3e-320, 1}})
    for (const double factor : {1.0, 0.0, -1.0, 1.01})
      for (const bool bent : {false, true}) {
        const auto f = [=](const Var& x) {
          const Var y = times(x, factor);
          return bent ? exp(y) + y : 2 * y;
        };
        // 1 + 1e-290 is 1: differences of a curved f see rounding only.
        const std::string verdict = factor == 1 ? "p" : "f",
                          values = bent ? verdict + "i" : verdict;
        rows.push_back(
            {fmt::format("{} times, at {}", factor, at[0]), at, f, values, verdict, verdict});
      }
  check(rows);
}

// ---- ties of several elements ----

namespace {

// The largest of all elements, whose VJP gives each tied element `share(number of ties)` of g, or
// everything to the first one.
[[maybe_unused]] Var pool(const Var& x, const std::function<double(double)>& share,
                          bool first = false) {
  const Tensor y = max(x.value());
  return op(x, y, [=, v = x.value()](const Tensor& g) {
    Tensor chosen = equal(v, y);
    double ties = 0;
    for (Index i = 0; i < chosen.numel(); ++i) {
      ties += number(chosen.data()[i]);
      if (first && ties > 1) chosen.data()[i] = Real(0);
    }
    return g * chosen * share(ties);
  });
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
TEST_CASE("gradients of tied elements must fit together") {
  const auto all = [](double) { return 1.0; };
  const auto none = [](double ties) { return ties > 1 ? 0.0 : 1.0; };
  const auto equally = [](double ties) { return 1 / ties; };
  std::vector<Row> rows;
  for (const std::vector<double>& at : std::vector<std::vector<double>>{
           {1, 1}, {0, 0}, {0, 0, 0}, {1, 1, 0.5}, {2, 0, 2, 2}, {-1e5, -1e5}, {1e-5, 1e-5}}) {
    const std::string name = fmt::format(" at {}", at[0]);
    rows.push_back(
        {"divided" + name, at, [=](const Var& x) { return pool(x, equally); }, "p", "p", "p"});
    rows.push_back({"the first wins" + name, at, [=](const Var& x) { return pool(x, all, true); },
                    "p", "p", "p"});
    rows.push_back({"all of it to all" + name, at, [=](const Var& x) { return pool(x, all); }, "f",
                    "f", "i", "together"});
    rows.push_back({"nothing" + name, at, [=](const Var& x) { return pool(x, none); }, "f", "f",
                    "i", "together"});
    rows.push_back({"all to all, among others" + name, at,
                    [=](const Var& x) { return exp(x / 1e5) * pool(x, all) + x / 2; }, "f", "f",
                    "i", "together"});
    rows.push_back({"kinks that belong to one element each" + name, at,
                    [=](const Var& x) { return relu(x - at[0]) + abs(x) - 3 * relu(at[0] - x); },
                    "pif", "pif", "pi"});
    rows.push_back({"relu and abs" + name, at,
                    [=](const Var& x) {
                      return relu(slice(x, 0, 0, 1) - at[0]) - abs(slice(x, 0, 1, 2) - at[0]);
                    },
                    "p", "p", "p"});
    rows.push_back({"the library's max" + name, at,
                    [](const Var& x) { return max(x) * exp(x / 1e5) + amax(x); }, "p", "p", "p"});
  }
  check(rows);
}

// ---- rounding ----

namespace {

[[maybe_unused]] Var normalized(const Var& x) {
  return layer_norm(x, Var(ones({x.size(-1)})), Var(zeros({x.size(-1)})));
}

// The loss of the first class, with x as its logits.
[[maybe_unused]] Var surprise(const Var& x) {
  return cross_entropy(reshape(x, Shape{1, x.numel()}), {0});
}

// Self-attention of three positions, of which one is all but ignored. The larger parts of the
// gradient cancel.
[[maybe_unused]] Var saturated(const Var& x) {
  Rng rng(1);
  nn::CrossAttention layer(1, 1, rng);
  for (nn::Linear* part : {&layer.v_proj, &layer.out_proj}) part->weight = Var(Tensor({1, 1}, {2}));
  for (nn::Linear* part : {&layer.q_proj, &layer.k_proj}) part->weight = reshape(x, {1, 1});
  for (nn::Linear* part : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj})
    part->bias = Var(ones({1}));
  const Var inputs(Tensor({1, 3, 1}, {1, 1, 0}));
  return layer(inputs, inputs, inputs);
}

// Attention of one query over three keys, which are the values, too. The query ignores all but one
// of them. With dO · O the kernel takes the sum of what it gives from what it gives to that one:
// nearly everything cancels, and the rounding of O is left.
[[maybe_unused]] Var sure(const Var& query, const Var& keys) {
  const Var k = reshape(keys, {1, 1, 3, 1});
  return attention(reshape(query, {1, 1, 1, 1}), k, k);
}

// x, with a gradient that grows faster than the one it is given, by a millionth.
[[maybe_unused]] Var not_linear(const Var& x) {
  return op(x, x.value(), [](const Tensor& g) { return g * (1 + 1e-6 * g * g); });
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): a table
TEST_CASE("a small gradient is judged by its own size, and rounding is no fault") {
  std::vector<Row> rows = {
      {"confident", {30, 0}, [](const Var& x) { return surprise(x); }, "pif", "pi", "pi"},
      {"tiny", {1}, [](const Var& x) { return 1e-13 * times(x, -1); }, "f", "f", "f"},
      {"tiny, 1e-9",
       {1},
       [](const Var& x) { return 1e-200 * tanh(times(x, 1 + 1e-9)); },
       "p",
       "fi",
       "f"},
      {"softplus", {-30, -31, -28}, [](const Var& x) { return mean(softplus(x)); }, "pi", "p", "p"},
      {"not linear in g", {1}, [](const Var& x) { return not_linear(x); }, "pf", "f", "f"},
      {"a tiny scale", {0}, [](const Var& x) { return tanh(1e14 * x); }, "pif", "pi", "p"},
      {"a tiny scale", {0}, [](const Var& x) { return sin(1e14 * x); }, "pif", "pi", "p"},
  };
  for (const double factor : {-1.0, 0.0, 2.0}) {
    rows.push_back({fmt::format("confident, {} times", factor),
                    {30, 0},
                    [=](const Var& x) { return surprise(times(x, factor)); },
                    "if",
                    "f",
                    "if"});
    rows.push_back({fmt::format("softplus, {} times", factor),
                    {-30, -31, -28},
                    [=](const Var& x) { return mean(softplus(times(x, factor))); },
                    "f",
                    "f",
                    "f"});
  }
  for (const double shift : {1e4, 1e5, 1e6, 1e8}) {
    rows.push_back({fmt::format("layer_norm of x + {}", shift),
                    {1, 2, 4},
                    [=](const Var& x) { return normalized(x + shift); },
                    "pi",
                    "pi",
                    "pi"});
    rows.push_back({fmt::format("layer_norm of x / 10 + {}", shift),
                    {1, 2, 4},
                    [=](const Var& x) { return normalized(x / 10 + shift); },
                    "pi",
                    "pi",
                    "pi"});
    rows.push_back({fmt::format("a wrong gradient of layer_norm of x + {}", shift),
                    {1, 2, 4},
                    [=](const Var& x) { return normalized(times(x, 1.001) + shift); },
                    "fi",
                    "f",
                    "fi"});
  }
  // The slope of sigmoid is computed as p · (1 − p), and powers of its result multiply the rounding.
  for (const double size : {10, 20, 25, 29, 33})
    for (const double factor : {1e-3, 1.0, 1e3}) {
      const auto f = [=](const Var& x) { return pow(pow(sigmoid(factor * x) + 0.75, 2), 3); };
      rows.push_back(
          {fmt::format("powers of sigmoid({})", size), {size / factor}, f, "pi", "pi", "pi"});
      rows.push_back({fmt::format("powers of sigmoid({}), 2 times", size),
                      {size / factor},
                      [=](const Var& x) { return f(times(x, 2)); },
                      "pif",
                      "f",
                      "fi"});
    }
  // Two uses of one number, whose errors may cancel.
  for (const double size : {16, 18, 20})
    rows.push_back({fmt::format("sums of sigmoid({})", size),
                    {size, 1},
                    [](const Var& x) {
                      return sigmoid(take(x, 0, {0, 1, 0, 0, 1}) + 0.7);
                    },
                    "pi",
                    "pi",
                    "pi"});
  for (const double size : {36, 37, 40, 50, 100, 700, 800})
    rows.push_back({fmt::format("confident by {}", size), {size, 0}, surprise, "pi", "pi", "pi"});
  // Beyond 1.1 the gradient is nothing but rounding, and so may happen to be half of what is right.
  // Differences of results of 11 do not see slopes of 1e-12.
  for (const double scale : {0.8, 0.9, 0.95, 1.0, 1.02, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3})
    for (const double factor : {1.0, 2.0}) {
      if (factor == 2 && scale > 1.1) continue;
      const std::vector<double> keys = {15 * scale, 13.524 * scale, -11.045 * scale};
      const std::string f64 = factor == 1 ? "pi" : "pfi", dual = factor == 1 ? "pi" : "f",
                        certified = factor == 1 ? "pi" : "fi";
      rows.push_back({fmt::format("a sure query, {}, {} times", scale, factor),
                      {-1.3},
                      [=](const Var& x) {
                        const Tensor list({3}, std::vector<Real>(keys.begin(), keys.end()));
                        return sure(times(x, factor), Var(list));
                      },
                      f64,
                      dual,
                      certified});
      rows.push_back({fmt::format("a sure query of its keys, {}, {} times", scale, factor),
                      {-1.3, keys[0], keys[1], keys[2]},
                      [=](const Var& x) {
                        const Var y = times(x, factor);
                        return sure(slice(y, 0, 0, 1), slice(y, 0, 1, 4));
                      },
                      f64,
                      dual,
                      certified});
    }
  for (const double size : {12, 15, 16, 17, 18, 19}) {
    rows.push_back({fmt::format("saturated by {}", size), {size}, saturated, "pi", "p", "pi"});
    rows.push_back({fmt::format("a wrong gradient, saturated by {}", size),
                    {size},
                    [](const Var& x) { return saturated(times(x, 1.01)); },
                    "fi",
                    "f",
                    "fi"});
  }
  check(rows);
}

// ---- what differences cannot follow ----

// NOLINTNEXTLINE(readability-function-size): a table
TEST_CASE("where differences see another scale than f has, they are inconclusive") {
  const auto logistic = [](const Var& x) {
    Var h = x;
    for (int i = 0; i < 38; ++i) h = 3.7 * h * (1 - h);
    return h;
  };
  std::vector<Row> rows = {
      {"(x + 1e15) - 1e15", {0.3}, [](const Var& x) { return (x + 1e15) - 1e15; }, "pi", "p", "p"},
      {"1/x", {1e-14, 1}, [](const Var& x) { return 1 / x; }, "pi", "p", "p"},
      {"tanh", {0, 1}, [](const Var& x) { return tanh(3e10 * x); }, "pi", "p", "p"},
      {"sin", {1}, [](const Var& x) { return sin(3e6 * x); }, "pi", "p", "p"},
      {"x^1.5", {0}, [](const Var& x) { return pow(x, 1.5); }, "pi", "p", "p"},
      {"x^2.5", {0, 2}, [](const Var& x) { return pow(x, 2.5); }, "pi", "p", "p"},
      {"exp of -729", {1}, [](const Var& x) { return exp(x - 730); }, "pi", "p", "pi"},
      {"38 logistic maps", {0.3}, logistic, "pi", "p", "pi"},
  };
  for (const double factor : {0.0, -1.0, 2.0}) {
    // Where f is this fast, dual takes the bend of the sweep's gradient for rounding. In f64, at
    // these steps f does not move, or looks flat: differences do not see that 0 is wrong.
    const std::string unseen = factor == 0 ? "fip" : "fi";
    rows.push_back({"wrong 1/x",
                    {1e-14, 1},
                    [=](const Var& x) { return 1 / times(x, factor); },
                    "f",
                    "f",
                    "f"});
    rows.push_back({"wrong (x + 1e15) - 1e15",
                    {0.3},
                    [=](const Var& x) { return (times(x, factor) + 1e15) - 1e15; },
                    unseen,
                    "f",
                    "f"});
    rows.push_back({"wrong sin",
                    {1},
                    [=](const Var& x) { return sin(3e6 * times(x, factor)); },
                    unseen,
                    "fi",
                    "f"});
    rows.push_back({"wrong x^1.5",
                    {1e-3, 2},
                    [=](const Var& x) { return pow(times(x, factor), 1.5); },
                    "f",
                    "f",
                    "f"});
  }
  check(rows);
}

}  // namespace gradcheck_awkward_test
