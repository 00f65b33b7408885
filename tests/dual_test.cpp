// Dual numbers are tested in every build: gradcheck relies on them, and they do not depend on Real.
#include "tensor/dual.h"

#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "tensor/tensor.h"
#include "tests/catch.h"

using glass::Dual;

namespace {

struct Row {
  std::string name;
  std::function<Dual(Dual)> f;
  std::vector<double> points;
};

// One row per function and operator.
const std::vector<Row>& functions() {
  static const std::vector<Row> rows = {
      {"exp", [](Dual x) { return exp(x); }, {-3, 0, 2}},
      {"log", [](Dual x) { return log(x); }, {0.1, 1, 7}},
      {"sqrt", [](Dual x) { return sqrt(x); }, {0.2, 1, 9}},
      {"sin", [](Dual x) { return sin(x); }, {-1, 0, 4}},
      {"cos", [](Dual x) { return cos(x); }, {-1, 0, 4}},
      {"tanh", [](Dual x) { return tanh(x); }, {-3, 0, 0.7}},
      {"erf", [](Dual x) { return erf(x); }, {-1.5, 0, 0.4}},
      {"erfc", [](Dual x) { return erfc(x); }, {-1.5, 0, 0.4}},
      {"abs", [](Dual x) { return abs(x); }, {-2, 3}},
      {"x³", [](Dual x) { return pow(x, 3); }, {-2, 0, 1.5}},
      {"x^-0.5", [](Dual x) { return pow(x, -0.5); }, {0.5, 2}},
      {"2ˣ", [](Dual x) { return pow(2, x); }, {-1, 0, 3}},
      {"xˣ", [](Dual x) { return pow(x, x); }, {0.5, 2}},
      {"+", [](Dual x) { return x + 3 + x; }, {-1, 2}},
      {"-", [](Dual x) { return 1 - x - 2 * x; }, {-1, 2}},
      {"*", [](Dual x) { return x * 2.5 * x; }, {-1, 2}},
      {"/", [](Dual x) { return x / (x * x + 1) + 2 / x; }, {-1, 2}},
      {"neg", [](Dual x) { return -x + +x * 2; }, {-1, 2}},
      {"+= -= *= /=",
       [](Dual x) {
         Dual y = 3;
         y += x;
         y *= x;
         y -= 2 * x;
         y /= x + 4;
         return y;
       },
       {-1, 2}},
  };
  return rows;
}

}  // namespace

static_assert(!std::is_convertible_v<Dual, double> && std::is_constructible_v<double, Dual>);
static_assert(std::is_convertible_v<int, Dual> && std::is_convertible_v<float, Dual>);
static_assert(std::is_trivially_copyable_v<Dual> && sizeof(Dual) == 16);
static_assert(std::numeric_limits<Dual>::has_infinity);

TEST_CASE("every function of a dual number carries the slope of its values") {
  for (const Row& row : functions())
    for (const double x : row.points) {
      INFO(row.name << " at " << x);
      const double h = 1e-5;
      const double slope = (row.f(x + h).v - row.f(x - h).v) / (2 * h);
      CHECK(std::abs(row.f(Dual(x, 1)).d - slope) < 1e-7 * (1 + std::abs(slope)));
      CHECK(row.f(Dual(x, -2)).d == -2 * row.f(Dual(x, 1)).d);
      CHECK(row.f(Dual(x, 1)).v == row.f(x).v);
      CHECK(row.f(x).d == 0);
    }
}

TEST_CASE("at a kink the slope of abs is that of the side which the number points to") {
  CHECK(abs(Dual(0, 2)).d == 2);
  CHECK(abs(Dual(0, -2)).d == 2);
  CHECK(abs(Dual(-0.0, -2)).d == 2);
  CHECK(abs(Dual(0)).d == 0);
  CHECK(abs(Dual(-3, 2)).d == -2);
}

TEST_CASE("a derivative of 0 stays 0, even through an infinite slope") {
  CHECK(sqrt(Dual(0)).d == 0);
  CHECK(log(Dual(0)).d == 0);
  CHECK(pow(Dual(0), Dual(0.5)).d == 0);
  CHECK(pow(Dual(0, 1), 0).d == 0);
  CHECK(pow(Dual(0, 1), 1).d == 1);
  CHECK(pow(Dual(0, 1), 2).d == 0);
  CHECK(pow(Dual(-2, 1), 3).d == 12);
  CHECK(sqrt(Dual(0, 1)).d == std::numeric_limits<double>::infinity());
}

TEST_CASE("dual numbers compare by their value, and of equal values by their derivative") {
  CHECK(Dual(1, 5) < Dual(2, 0));
  CHECK(Dual(3) >= 3);
  CHECK(2 > Dual(1));
  // 0 + ε > 0 > 0 − ε.
  CHECK(Dual(1, 5) > Dual(1, -5));
  CHECK(Dual(1, 5) != Dual(1, -5));
  CHECK(Dual(1, 5) == Dual(1, 5));
  CHECK(Dual(0, 1) > 0);
  CHECK(Dual(0, -1) < 0);
  CHECK(Dual(-0.0) == Dual(0.0));
  // Adding ε to an infinity does not change it.
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(Dual(-infinity, 1) == Dual(-infinity, -1));
  CHECK(Dual(infinity, -1) == infinity);
  const Dual nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(!(nan == nan));
  CHECK(!(nan < 1));
  CHECK(!(nan >= 1));
  CHECK(isnan(nan));
  CHECK(isnan(Dual(0, nan.v)));
  CHECK(isfinite(Dual(1, 2)));
  CHECK(!isfinite(Dual(1, infinity)));
}

TEST_CASE("a dual number prints as value+derivative·ε") {
  CHECK(fmt::format("{}", Dual(1.5)) == "1.5");
  CHECK(fmt::format("{}", Dual(1.5, 2)) == "1.5+2ε");
  CHECK(fmt::format("{}", Dual(1.5, -2)) == "1.5-2ε");
  CHECK(fmt::format("{:.2f}", Dual(1.5, 0.125)) == "1.50+0.12ε");
}

TEST_CASE("a tensor of dual numbers prints in columns") {
  if constexpr (std::same_as<glass::Real, Dual>) {
    glass::Tensor x = glass::zeros({2, 1});
    x(0, 0) = glass::Real(1);
    x.data()[1] = glass::Real(2) / 4;
    x.data()[1] *= glass::Real(1);
    reinterpret_cast<double*>(x.data())[3] = 3;  // the derivative of the second
    CHECK(fmt::format("{}", x) == "[[     1],\n [0.5+3ε]]");
  }
}
