// # Functions of one number, comparisons, and functions that a user brings along
//
// sin, cos, log1p, softplus and clamp at the edges of their domains, masks by `< <= > >=`, and map.
// Layouts and gradients of all of them are in the table of ops (op_rows_test.cpp).
#include <optional>
#include <utility>

#include "nn/module.h"
#include "tests/op_table.h"

namespace functions_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

double number(const Tensor& x) { return static_cast<double>(x.item()); }

// The slope of f at one point, by the sweep.
double slope_at(const std::function<Var(const Var&)>& f, double point) {
  const Var x(Tensor(point), true);
  f(x).backward();
  return number(x.grad());
}

// In units of the last place of a Real: how far y is from the exact value.
double ulps(double y, double exact) {
  const double one = is_float ? 0x1p-23 : 0x1p-52;
  return std::abs(y - exact) / (one * std::abs(exact));
}

}  // namespace

// ---- sin, cos, log1p ----

TEST_CASE("sin, cos and log1p have their limits and keep their digits") {
  for (const double x : {-30.0, -1.5, 0.25, 1e-6, 1e3}) {
    const auto real = static_cast<double>(static_cast<Real>(x));
    CHECK(ulps(number(sin(Tensor(x))), std::sin(real)) <= 1);
    CHECK(ulps(number(cos(Tensor(x))), std::cos(real)) <= 1);
    if (x > -1) CHECK(ulps(number(log1p(Tensor(x))), std::log1p(real)) <= 2);
  }
  CHECK(number(log1p(Tensor(1e-30))) == Approx(1e-30));  // 1 + 1e-30 is 1
  CHECK(number(log1p(Tensor(-1))) == -inf);
  CHECK(number(log1p(Tensor(inf))) == inf);
  for (const double outside : {inf, -inf, not_a_number}) {
    CHECK(std::isnan(number(sin(Tensor(outside)))));
    CHECK(std::isnan(number(cos(Tensor(outside)))));
  }
  CHECK(std::isnan(number(log1p(Tensor(-2)))));
}

// ---- softplus ----

TEST_CASE("softplus is exact from one end of the numbers to the other") {
  double worst = 0;
  for (double x = -700; x <= 700; x += 0.37) {
    const auto real = static_cast<double>(static_cast<Real>(x));
    const double exact = real > 0 ? real + std::log1p(std::exp(-real)) : std::log1p(std::exp(real));
    // Below this a float has fewer digits, or none.
    if (is_float && exact < 1e-37) continue;
    worst = std::max(worst, ulps(number(softplus(Tensor(real))), exact));
  }
  CHECK(worst <= 4);
  CHECK(number(softplus(Tensor(0))) == Approx(std::log(2)));
  CHECK(number(softplus(Tensor(1e4))) == 1e4);
  CHECK(exact_difference(softplus(Tensor(-1e4)), Tensor(0)) == "");
  CHECK(number(softplus(Tensor(inf))) == inf);
  CHECK(number(softplus(Tensor(-inf))) == 0);
  CHECK(std::isnan(number(softplus(Tensor(not_a_number)))));
}

TEST_CASE("the slope of softplus is the sigmoid, at 0 exactly one half") {
  const auto f = [](const Var& x) { return softplus(x); };
  // The middle of an interval may be a step off.
  const auto is = [&](double x, double slope) {
    return std::abs(slope_at(f, x) - slope) <= (is_certified ? 1e-15 : 0);
  };
  CHECK(is(0, 0.5));
  CHECK(is(1e4, 1));
  CHECK(is(-1e4, 0));
  CHECK(slope_at(f, inf) == 1);
  CHECK(slope_at(f, -inf) == 0);
  CHECK(std::isnan(slope_at(f, not_a_number)));
}

// softplus is smooth, though it is computed from functions with a kink at 0. In the dual build the
// parts take the side that d points to, and must add up to the same slope on both sides. A
// composition of ops must pass, too.
TEST_CASE("softplus has no kink at 0, nor has its composition", "[gradcheck]") {
  if constexpr (!is_float) {
    const Var x(tensor({0, -0.0, 1, -1}), true);
    for (const std::function<Var()>& f : std::vector<std::function<Var()>>{
             [&] { return softplus(x); }, [&] { return maximum(x, 0) + log1p(exp(-abs(x))); }}) {
      const GradcheckReport report = gradcheck(f, {{"x", x}});
      INFO(report.text);
      CHECK(report.ok);
      CHECK_THAT(report.text, ContainsSubstring("kinks 0"));
    }
  }
}

// ---- clamp ----

TEST_CASE("clamp keeps what is within its bounds, and NaN") {
  const Tensor x = tensor({-inf, -2, -1, 0.5, 2, 3, inf});
  CHECK(exact_difference(clamp(x, -1, 2), tensor({-1, -1, -1, 0.5, 2, 2, 2})) == "");
  CHECK(exact_difference(clamp(x, -inf, 2), tensor({-inf, -2, -1, 0.5, 2, 2, 2})) == "");
  CHECK(exact_difference(clamp(x, -1, inf), tensor({-1, -1, -1, 0.5, 2, 3, inf})) == "");
  CHECK(exact_difference(clamp(x, 1, 1), ones({7})) == "");
  CHECK(exact_difference(clamp(x, inf, inf), full({7}, Real(inf))) == "");
  CHECK(std::isnan(number(clamp(Tensor(not_a_number), -1, 1))));
}

TEST_CASE("the gradient of clamp passes where lo <= x <= hi") {
  const Var x(tensor({-3, -1, 0, 2, 3, not_a_number}), true);
  sum(clamp(x, -1, 2) * tensor({1, 2, 3, 4, 5, 6})).backward();
  CHECK(exact_difference(x.grad(), tensor({0, 2, 3, 4, 0, 0})) == "");
}

TEST_CASE("at its bounds clamp has a kink, which the check of gradients accepts", "[gradcheck]") {
  if constexpr (!is_float) {
    const Var x(tensor({-1, 2, 0.5, -4, 3}), true);
    const GradcheckReport report = gradcheck([&] { return clamp(x, -1, 2); }, {{"x", x}});
    INFO(report.text);
    CHECK(report.ok);
    CHECK_THAT(report.text, ContainsSubstring("kinks 2"));
  }
}

TEST_CASE("bounds in the wrong order, or NaN, are an error that shows them") {
  const Tensor x = arange(3);
  CHECK_THROWS_AS(clamp(x, 2, 1), ShapeError);
  CHECK_THROWS_WITH(clamp(Var(x), 2, 1), "clamp: expected bounds lo <= hi; got 2 and 1");
  CHECK_THROWS_WITH(clamp(x, not_a_number, 1), ContainsSubstring("nan"));
  CHECK_THROWS_AS(clamp(x, 0, not_a_number), ShapeError);
}

// ---- comparisons ----

TEST_CASE("comparisons give 1 and 0, and with a NaN none of them holds") {
  const Tensor a = tensor({1, 2, 3, -inf, not_a_number, 1, not_a_number});
  const Tensor b = tensor({2, 2, 2, -inf, 1, not_a_number, not_a_number});
  CHECK(exact_difference(a < b, tensor({1, 0, 0, 0, 0, 0, 0})) == "");
  CHECK(exact_difference(a <= b, tensor({1, 1, 0, 1, 0, 0, 0})) == "");
  CHECK(exact_difference(a > b, tensor({0, 0, 1, 0, 0, 0, 0})) == "");
  CHECK(exact_difference(a >= b, tensor({0, 1, 1, 1, 0, 0, 0})) == "");
  CHECK(exact_difference(equal(a, b), tensor({0, 1, 0, 1, 0, 0, 0})) == "");
}

TEST_CASE("the operators of comparison are the functions, on Tensors and on Vars") {
  const Tensor a = tensor({{1}, {2}}), b = tensor({1, 2, 3});
  const auto all_forms = [&](const auto& x, const auto& y) {
    CHECK(exact_difference(x < y, less(a, b)) == "");
    CHECK(exact_difference(x <= y, less_equal(a, b)) == "");
    CHECK(exact_difference(x > y, greater(a, b)) == "");
    CHECK(exact_difference(x >= y, greater_equal(a, b)) == "");
    CHECK(exact_difference(less(x, y), tensor({{0, 1, 1}, {0, 0, 1}})) == "");
    CHECK(exact_difference(less_equal(x, y), tensor({{1, 1, 1}, {0, 1, 1}})) == "");
    CHECK(exact_difference(greater(x, y), tensor({{0, 0, 0}, {1, 0, 0}})) == "");
    CHECK(exact_difference(greater_equal(x, y), tensor({{1, 0, 0}, {1, 1, 0}})) == "");
    CHECK(exact_difference(equal(x, y), tensor({{1, 0, 0}, {0, 1, 0}})) == "");
  };
  all_forms(a, b);
  all_forms(Var(a, true), b);
  all_forms(a, Var(b, true));
  all_forms(Var(a, true), Var(b));
  all_forms(nn::Parameter(a), b);
  all_forms(a, nn::Parameter(b));
}

TEST_CASE("a number of any type stands on either side of a comparison") {
  const auto all_forms = [](const auto& x, auto two) {
    CHECK(exact_difference(x < two, tensor({1, 0, 0})) == "");
    CHECK(exact_difference(x <= two, tensor({1, 1, 0})) == "");
    CHECK(exact_difference(x > two, tensor({0, 0, 1})) == "");
    CHECK(exact_difference(x >= two, tensor({0, 1, 1})) == "");
    CHECK(exact_difference(two < x, tensor({0, 0, 1})) == "");
    CHECK(exact_difference(two <= x, tensor({0, 1, 1})) == "");
    CHECK(exact_difference(two > x, tensor({1, 0, 0})) == "");
    CHECK(exact_difference(two >= x, tensor({1, 1, 0})) == "");
    CHECK(exact_difference(equal(x, two), equal(two, x)) == "");
    CHECK(exact_difference(less_equal(x, two), greater_equal(two, x)) == "");
  };
  const auto all_numbers = [&](const auto& x) {
    all_forms(x, 2);
    all_forms(x, Index{2});
    all_forms(x, std::size_t{2});
    all_forms(x, 2.0f);
    all_forms(x, 2.0);
    all_forms(x, Real(2));
  };
  all_numbers(tensor({1, 2, 3}));
  all_numbers(Var(tensor({1, 2, 3}), true));
}

TEST_CASE("shapes that do not broadcast are an error that names the comparison") {
  const Tensor a = zeros({2, 3}), b = zeros({4});
  CHECK_THROWS_WITH(a <= b, ContainsSubstring("less_equal: ") && ContainsSubstring("[2, 3]"));
  CHECK_THROWS_WITH(Var(a) >= b, ContainsSubstring("greater_equal: ") && ContainsSubstring("[4]"));
}

TEST_CASE("a comparison of Vars is a mask for where") {
  const Var v(tensor({-2, 0, 3}), true);
  const Var y = where(v < 0, 0.1 * v, v);
  sum(y).backward();
  CHECK(difference(y.value(), tensor({-0.2, 0, 3})) == "");
  CHECK(difference(v.grad(), tensor({0.1, 1, 1})) == "");
}

// The operators must not make a Tensor look like a number that can be put in order: a pair or an
// optional of Tensors would compare, with a result that is no bool.
template <class T>
concept Ordered = requires(const T& a, const T& b) {
  { a < b } -> std::convertible_to<bool>;
};
template <class T>
concept HasEqual = requires(const T& a, const T& b) {
  a == b;
};

TEST_CASE("no order among Tensors appears in pairs and optionals, and there is no ==") {
  CHECK(!Ordered<Tensor>);
  CHECK(!Ordered<Var>);
  CHECK(!Ordered<std::pair<Tensor, int>>);
  CHECK(!Ordered<std::optional<Var>>);
  CHECK(!HasEqual<Tensor>);
  CHECK(!HasEqual<Var>);
  CHECK(!std::three_way_comparable<Tensor>);
  const std::optional<Tensor> none;
  const Tensor* const nothing = nullptr;
  CHECK(none == std::nullopt);
  CHECK(nothing == nullptr);
  CHECK(Real(1) < Real(2));
  CHECK(Real(1) <= 2);
}

// ---- map ----

TEST_CASE("map calls any function of a number, element by element in row-major order") {
  const Tensor x = arange(6).reshape({2, 3}).mT();  // not contiguous
  std::vector<double> seen;
  const Tensor y = map(x, [&](Real v) {
    seen.push_back(static_cast<double>(v));
    return v * v;
  });
  CHECK(seen == std::vector<double>{0, 3, 1, 4, 2, 5});
  CHECK(exact_difference(y, x * x) == "");

  int calls = 0;  // a state
  auto count = [&calls](Real) { return ++calls; };
  CHECK(exact_difference(map(zeros({2, 2}), count), tensor({{1, 2}, {3, 4}})) == "");
  CHECK(map(zeros({0, 3}), count).shape() == Shape{0, 3});
  CHECK(calls == 4);
  CHECK(number(map(Tensor(2), [](Real v) { return v > Real(1); })) == 1);
}

TEST_CASE("the function of map may compute in double") {
  const Tensor x = tensor({0.5, 8});
  const auto root = [](Real v) { return std::cbrt(static_cast<double>(v)); };
  CHECK(difference(map(x, root), tensor({std::cbrt(0.5), 2})) == "");
  CHECK(difference(map(tensor({-1, 2}), [](Real v) { return v < Real(0) ? 0.1 * v : v; }),
                   tensor({-0.1, 2})) == "");
}

TEST_CASE("map of a Var takes the function and its slope") {
  const Var x(tensor({-1, 2}), true);
  const Var y = map(
      x, [](Real v) { return v * v * v; }, [](Real v) { return 3 * v * v; });
  (y * tensor({1, 10})).backward(ones({2}));
  CHECK(exact_difference(y.value(), tensor({-1, 8})) == "");
  CHECK(exact_difference(x.grad(), tensor({3, 120})) == "");
  const auto same = [](Real v) { return v; };
  CHECK(!map(Var(ones({2})), same, same).requires_grad());
}

TEST_CASE("the check of gradients finds a wrong slope of map", "[gradcheck]") {
  if constexpr (!is_float) {
    const Var x(tensor({-1, 0.5, 2}), true);
    const auto cube = [](Real v) { return v * v * v; };
    const auto check_slope = [&](double factor) {
      const auto slope = [factor](Real v) { return factor * v * v; };
      return gradcheck([&] { return map(x, cube, slope); }, {{"x", x}});
    };
    const GradcheckReport right = check_slope(3);
    INFO(right.text);
    CHECK(right.ok);
    CHECK(!check_slope(3.0001).ok);
    CHECK(!check_slope(-3).ok);
  }
}

TEST_CASE("a write into the operand of map before backward() is a StateError") {
  Tensor value = arange(3);
  const Var x(value, true);
  const auto same = [](Real v) { return v; };
  const Var y = sum(map(x, same, same));
  value.fill(1);
  CHECK_THROWS_WITH(y.backward(), ContainsSubstring("map"));
}

}  // namespace functions_test
