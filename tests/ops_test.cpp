#include "tensor/ops.h"

#include <limits>
#include <type_traits>

#include "tests/op_table.h"

namespace ops_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Unary {
  std::string name;
  std::function<Tensor(const Tensor&)> op;
  double (*definition)(double);
  double lo = -2, hi = 2;
};

// One row per op of one operand.
const std::vector<Unary>& unary_ops() {
  static const std::vector<Unary> ops = {
      {"exp", [](auto& x) { return exp(x); }, [](double x) { return std::exp(x); }},
      {"log", [](auto& x) { return log(x); }, [](double x) { return std::log(x); }, 0.1, 5},
      {"sqrt", [](auto& x) { return sqrt(x); }, [](double x) { return std::sqrt(x); }, 0, 5},
      {"log1p", [](auto& x) { return log1p(x); }, [](double x) { return std::log1p(x); }, -0.9, 5},
      {"sin", [](auto& x) { return sin(x); }, [](double x) { return std::sin(x); }, -9, 9},
      {"cos", [](auto& x) { return cos(x); }, [](double x) { return std::cos(x); }, -9, 9},
      {"tanh", [](auto& x) { return tanh(x); }, [](double x) { return std::tanh(x); }, -9, 9},
      {"sigmoid", [](auto& x) { return sigmoid(x); },
       [](double x) { return 1 / (1 + std::exp(-x)); }, -40, 40},
      {"relu", [](auto& x) { return relu(x); }, [](double x) { return x > 0 ? x : 0; }},
      {"gelu", [](auto& x) { return gelu(x); },
       [](double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; }, -9, 9},
      {"softplus", [](auto& x) { return softplus(x); },
       [](double x) { return std::log1p(std::exp(x)); }, -40, 40},
      {"clamp", [](auto& x) { return clamp(x, -0.5, 1); },
       [](double x) { return x < -0.5 ? -0.5
                             : x > 1  ? 1
                                      : x; }},
      {"map", [](auto& x) { return map(x, [](Real v) { return 2 * v; }); },
       [](double x) { return 2 * x; }},
      {"abs", [](auto& x) { return abs(x); }, [](double x) { return std::fabs(x); }},
      {"neg", [](auto& x) { return -x; }, [](double x) { return -x; }},
      {"pow 3", [](auto& x) { return pow(x, 3); }, [](double x) { return x * x * x; }},
      {"pow 2", [](auto& x) { return pow(x, 2); }, [](double x) { return x * x; }},
      {"pow -0.5", [](auto& x) { return pow(x, -0.5); }, [](double x) { return 1 / std::sqrt(x); },
       0.1, 4},
      {"from_torch_mask", [](auto& x) { return from_torch_mask(relu(x)); },
       [](double x) { return x > 0 ? 0.0 : 1.0; }},
  };
  return ops;
}

struct Binary {
  std::string name;
  std::function<Tensor(const Tensor&, const Tensor&)> op;
  double (*definition)(double, double);
};

// One row per op of two operands.
const std::vector<Binary>& binary_ops() {
  static const std::vector<Binary> ops = {
      {"+", [](auto& a, auto& b) { return a + b; }, [](double a, double b) { return a + b; }},
      {"-", [](auto& a, auto& b) { return a - b; }, [](double a, double b) { return a - b; }},
      {"*", [](auto& a, auto& b) { return a * b; }, [](double a, double b) { return a * b; }},
      {"/", [](auto& a, auto& b) { return a / b; }, [](double a, double b) { return a / b; }},
      {"maximum", [](auto& a, auto& b) { return maximum(a, b); },
       [](double a, double b) { return a > b ? a : b; }},
      {"minimum", [](auto& a, auto& b) { return minimum(a, b); },
       [](double a, double b) { return a < b ? a : b; }},
      {"equal", [](auto& a, auto& b) { return equal(a, b); },
       [](double a, double b) { return a == b ? 1.0 : 0.0; }},
      {"less", [](auto& a, auto& b) { return less(a, b); },
       [](double a, double b) { return a < b ? 1.0 : 0.0; }},
      {"less_equal", [](auto& a, auto& b) { return a <= b; },
       [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
      {"greater", [](auto& a, auto& b) { return greater(a, b); },
       [](double a, double b) { return a > b ? 1.0 : 0.0; }},
      {"greater_equal", [](auto& a, auto& b) { return a >= b; },
       [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
  };
  return ops;
}

double number(Real x) { return static_cast<double>(x); }

double only(const Tensor& x) { return number(x.item()); }

}  // namespace

// ---- element-wise ----

TEST_CASE("ops of one operand are their definitions, for every shape and layout") {
  Rng rng(11);
  for (const Unary& row : unary_ops())
    for (const Shape& shape : some_shapes())
      for (const auto& [layout, its_x] : layouts(shape, rng, row.lo, row.hi)) {
        const auto& x = its_x;  // Clang 14 captures no binding
        INFO(row.name << fmt::format(" of {} {}", layout, shape));
        CHECK(difference(row.op(x), shape,
                         [&](auto& p) { return row.definition(number(at(x, p))); }) == "");
      }
}

TEST_CASE("ops of two operands are their definitions, for every pair of layouts") {
  Rng rng(12);
  for (const Binary& row : binary_ops())
    for (const Shape& shape : {Shape{}, Shape{9}, Shape{3, 5}, Shape{2, 3, 4}, Shape{0, 3}})
      for (const auto& [left, its_a] : layouts(shape, rng))
        for (const auto& [right, its_b] : layouts(shape, rng)) {
          const auto& a = its_a;  // Clang 14 captures no binding
          const auto& b = its_b;
          INFO(row.name << fmt::format(" of {} and {} {}", left, right, shape));
          const auto expected = [&](auto& p) {
            return row.definition(number(at(a, p)), number(at(b, p)));
          };
          CHECK(difference(row.op(a, b), shape, expected) == "");
        }
}

TEST_CASE("operands broadcast from either side") {
  Rng rng(13);
  const std::vector<std::array<Shape, 3>> cases = {
      {Shape{}, Shape{2, 3}, Shape{2, 3}},           {Shape{3}, Shape{2, 3}, Shape{2, 3}},
      {Shape{2, 1}, Shape{2, 3}, Shape{2, 3}},       {Shape{2, 1}, Shape{1, 3}, Shape{2, 3}},
      {Shape{4, 1, 3}, Shape{2, 1}, Shape{4, 2, 3}}, {Shape{1}, Shape{0}, Shape{0}},
      {Shape{5, 1}, Shape{1, 0}, Shape{5, 0}},       {Shape{1, 1, 1}, Shape{7}, Shape{1, 1, 7}}};
  for (const Binary& row : binary_ops())
    for (const auto& [first, second, result] : cases)
      for (const bool swap : {false, true}) {
        const Tensor a = uniform(swap ? second : first, -2, 2, rng);
        const Tensor b = uniform(swap ? first : second, -2, 2, rng);
        INFO(row.name << fmt::format(" of {} and {}", a.shape(), b.shape()));
        const auto expected = [&](auto& p) {
          return row.definition(number(at(a, p)), number(at(b, p)));
        };
        CHECK(difference(row.op(a, b), result, expected) == "");
      }
}

TEST_CASE("operands that do not broadcast are an error that shows both shapes") {
  const Tensor a = zeros({2, 3}), b = zeros({4});
  for (const Binary& row : binary_ops()) {
    INFO(row.name);
    CHECK_THROWS_WITH(row.op(a, b), ContainsSubstring(row.name) && ContainsSubstring("[2, 3]") &&
                                        ContainsSubstring("[4]"));
    CHECK_THROWS_AS(row.op(a, b), ShapeError);
  }
  CHECK_THROWS_WITH(where(a, b, 0), ContainsSubstring("[2, 3]") && ContainsSubstring("[4]"));
}

TEST_CASE("a number stands on either side of every operator, whatever its type") {
  const Tensor x = tensor({2, 4});
  const int i = 2;
  const Index n = 2;
  const float f = 2;
  const double d = 2;
  const Real r = 2;
  const auto all_forms = [&](auto number) {
    CHECK(exact_difference(x + number, tensor({4, 6})) == "");
    CHECK(exact_difference(number + x, tensor({4, 6})) == "");
    CHECK(exact_difference(x - number, tensor({0, 2})) == "");
    CHECK(exact_difference(number - x, tensor({0, -2})) == "");
    CHECK(exact_difference(x * number, tensor({4, 8})) == "");
    CHECK(exact_difference(number * x, tensor({4, 8})) == "");
    CHECK(exact_difference(x / number, tensor({1, 2})) == "");
    CHECK(exact_difference(number / x, tensor({1, 0.5})) == "");
    CHECK(exact_difference(maximum(x, number), tensor({2, 4})) == "");
    CHECK(exact_difference(minimum(number, x), tensor({2, 2})) == "");
    CHECK(exact_difference(greater(x, number), tensor({0, 1})) == "");
    CHECK(exact_difference(where(greater(x, 3), number, 0), tensor({0, 2})) == "");
    CHECK(exact_difference(where(greater(x, 3), x, number), tensor({2, 4})) == "");
  };
  all_forms(i);
  all_forms(n);
  all_forms(f);
  all_forms(d);
  all_forms(r);
}

TEST_CASE("where takes numbers, tensors or both, and any number but 0 is true") {
  const Tensor mask = tensor({0, 1, -2, 0.5, not_a_number});
  CHECK(exact_difference(where(mask, 1, 0), tensor({0, 1, 1, 1, 1})) == "");
  CHECK(exact_difference(where(mask, 2.5, 1), tensor({1, 2.5, 2.5, 2.5, 2.5})) == "");
  CHECK(exact_difference(where(mask, arange(5), -1), tensor({-1, 1, 2, 3, 4})) == "");
  CHECK(exact_difference(where(mask, 0, arange(5)), tensor({0, 0, 0, 0, 0})) == "");
  CHECK(where(zeros({2, 1}), zeros({3}), zeros({4, 1, 1})).shape() == Shape{4, 2, 3});
  CHECK(exact_difference(where(tensor({0, 1}), tensor({not_a_number, 1}), tensor({2, inf})),
                         tensor({2, 1})) == "");
}

// ---- edges of the functions ----

TEST_CASE("infinities go to their limits and NaN stays NaN") {
  CHECK(only(exp(-inf)) == 0);
  CHECK(only(exp(Tensor(1e4))) == inf);
  CHECK(only(log(Tensor(0))) == -inf);
  CHECK(only(sigmoid(Tensor(-inf))) == 0);
  CHECK(only(sigmoid(Tensor(inf))) == 1);
  CHECK(exact_difference(sigmoid(Tensor(-1e4)), Tensor(0)) == "");
  CHECK(only(tanh(Tensor(inf))) == 1);
  CHECK(exact_difference(tanh(Tensor(-1e4)), Tensor(-1)) == "");
  CHECK(only(gelu(Tensor(-inf))) == 0);
  CHECK(exact_difference(gelu(Tensor(-1e4)), Tensor(0)) == "");
  CHECK(only(gelu(Tensor(inf))) == inf);
  CHECK(exact_difference(gelu(Tensor(1e4)), Tensor(1e4)) == "");
  CHECK(only(relu(Tensor(-inf))) == 0);
  CHECK(only(sqrt(Tensor(0))) == 0);
  CHECK(only(pow(Tensor(0), 0)) == 1);
  for (const Unary& row : unary_ops()) {
    INFO(row.name);
    if (row.name != "from_torch_mask") CHECK(std::isnan(only(row.op(not_a_number))));
  }
  for (const auto& [first, second] : {std::pair(not_a_number, 1.0),
                                      {1.0, not_a_number},
                                      {not_a_number, not_a_number},
                                      {not_a_number, inf},
                                      {-inf, not_a_number}}) {
    const Tensor a = first, b = second;
    CHECK(std::isnan(only(maximum(a, b))));
    CHECK(std::isnan(only(minimum(a, b))));
    CHECK(only(equal(a, b)) == 0);
    CHECK(only(less(a, b)) == 0);
  }
}

TEST_CASE("equal operands are their own maximum, the largest numbers too") {
  const double largest =
      is_float ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  const double least = is_float ? std::numeric_limits<float>::denorm_min()
                                : std::numeric_limits<double>::denorm_min();
  for (const Tensor& x : {Tensor(0), Tensor(1.5), Tensor(-largest), Tensor(largest), Tensor(least),
                          Tensor(inf), Tensor(-inf)}) {
    CHECK(maximum(x, x).item() == x.item());
    CHECK(minimum(x, x).item() == x.item());
  }
}

TEST_CASE("tril keeps j ≤ i + k of the last two axes, whatever stands in the rest") {
  const Tensor x = full({2, 3, 5}, not_a_number);
  for (Index k = -4; k <= 6; ++k) {
    const auto expected = [&](auto& p) { return p[2] <= p[1] + k ? not_a_number : 0.0; };
    CHECK(difference(tril(x, k), {2, 3, 5}, expected) == "");
  }
  CHECK_THROWS_WITH(tril(zeros({3})), ContainsSubstring("[3]"));
  CHECK(tril(zeros({0, 0})).shape() == Shape{0, 0});
}

TEST_CASE("a PyTorch mask blocks where ours attends") {
  CHECK(exact_difference(from_torch_mask(tensor({{1, 0}, {0, 1}})), tensor({{0, 1}, {1, 0}})) ==
        "");
}

// ---- reductions ----

TEST_CASE("sum and mean add up every choice of axes, for every shape and layout") {
  Rng rng(14);
  for (const Shape& shape : some_shapes())
    for (const auto& [layout, its_x] : layouts(shape, rng)) {
      const auto& x = its_x;  // Clang 14 captures no binding
      const int choices = shape.rank() > 4 ? 40 : 1 << shape.rank();
      for (int choice = 0; choice < choices; ++choice) {
        const int bits = shape.rank() > 4 ? static_cast<int>(rng.below(256)) : choice;
        std::vector<Index> axes;
        Shape kept = shape, gone;
        for (Index axis = 0; axis < shape.rank(); ++axis) {
          if (bits >> axis & 1) axes.push_back(axis % 2 ? axis - shape.rank() : axis);
        }
        for (Index axis = 0; axis < shape.rank(); ++axis) {
          const bool summed = axes.empty() || (bits >> axis & 1);
          if (summed)
            kept = kept.with(axis, 1);
          else
            gone = gone.insert(gone.rank(), shape[axis]);
        }
        // Added up in double precision, in row-major order of what is kept.
        std::vector<double> totals(static_cast<std::size_t>(kept.numel()));
        const Strides steps = contiguous_strides(kept);
        Index count = 0;
        for_each_position(shape, [&](const Position& p) {
          Index offset = 0;
          for (std::size_t axis = 0; axis < p.size(); ++axis)
            if (kept[static_cast<Index>(axis)] != 1) offset += p[axis] * steps[axis];
          totals[static_cast<std::size_t>(offset)] += number(at(x, p));
        });
        const Tensor total(kept, {totals.begin(), totals.end()});
        if (kept.numel() > 0) count = shape.numel() / kept.numel();
        INFO(layout << fmt::format(" {} over [{}]", shape, fmt::join(axes, ", ")));
        CHECK(difference(sum(x, axes, true), total) == "");
        CHECK(difference(sum(x, axes), total.reshape(gone)) == "");
        if (count > 0 || kept.numel() == 0)
          CHECK(difference(mean(x, axes, true), total / static_cast<double>(count)) == "");
      }
    }
}

TEST_CASE("axes of a sum are an index, braces or a vector") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const int axis = 1;
  const std::vector<Index> axes{0, 2};
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(x, axis).shape() == Shape{2, 4});
  CHECK(sum(x, -1, true).shape() == Shape{2, 3, 1});
  CHECK(sum(x, {1}).shape() == Shape{2, 4});
  CHECK(sum(x, {0, -1}).shape() == Shape{3});
  CHECK(sum(x, axes, true).shape() == Shape{1, 3, 1});
  CHECK(mean(x, {0, axis}).shape() == Shape{4});
  CHECK(only(sum(x)) == 276);
  CHECK(only(mean(x)) == 11.5);
  CHECK_THROWS_WITH(sum(x, {1, -2}), ContainsSubstring("[2, 3, 4]"));
  CHECK_THROWS_WITH(sum(x, 3), ContainsSubstring("[2, 3, 4]"));
}

TEST_CASE("the sum of nothing is 0 and its mean NaN, as in PyTorch") {
  CHECK(only(sum(zeros({0, 3}))) == 0);
  CHECK(exact_difference(sum(zeros({0, 3}), 0), zeros({3})) == "");
  CHECK(sum(zeros({0, 3}), 1).shape() == Shape{0});
  CHECK(std::isnan(only(mean(zeros({0})))));
  CHECK(exact_difference(mean(zeros({2, 0}), 1), tensor({not_a_number, not_a_number})) == "");
}

TEST_CASE("the mean of ten million ones is exactly 1") {
  if constexpr (!is_dual) {
    CHECK(only(mean(ones({10'000'000}))) == 1);
    CHECK(only(mean(Tensor(1).expand({2500, 4000}))) == 1);
    CHECK(exact_difference(mean(ones({3'000'000, 3}), 0), ones({3})) == "");
    CHECK(exact_difference(mean(ones({2, 5'000'000}), 1), ones({2})) == "");
  }
}

TEST_CASE("the error of a sum grows with the logarithm of its length") {
  if constexpr (is_float) {
    Rng rng(15);
    const Tensor x = uniform({1'000'000, 2}, 0, 1, rng);
    for (const Tensor& part : {x.select(1, 0), x.select(1, 1).contiguous()}) {
      double exact = 0;
      for (const Real value : part.to_vector()) exact += number(value);
      CHECK(std::abs(only(sum(part)) - exact) < 2e-6 * exact);  // one by one: 1e-4 and more
    }
    CHECK(std::abs(number(sum(x, 0)(0)) - number(sum(x.mT(), 1)(0))) < 1);
  }
}

TEST_CASE("an axis that does not exist is an error that names the op, the axis and the shape") {
  const Tensor x = zeros({2, 3});
  const std::multimap<std::string, std::function<void(Index)>> ops = {
      {"sum", [&](Index axis) { (void)sum(x, axis); }},
      {"mean", [&](Index axis) { (void)mean(x, axis); }},
      {"var", [&](Index axis) { (void)var(x, axis); }},
      {"logsumexp", [&](Index axis) { (void)logsumexp(x, axis); }},
      {"cumsum", [&](Index axis) { (void)cumsum(x, axis); }},
      {"cumsum_backward", [&](Index axis) { (void)cumsum_backward(x, axis); }},
      {"max", [&](Index axis) { (void)max(x, axis); }},
      {"min", [&](Index axis) { (void)min(x, axis); }},
      {"amax", [&](Index axis) { (void)amax(x, axis); }},
      {"amin", [&](Index axis) { (void)amin(x, axis); }},
      {"take", [&](Index axis) { (void)take(x, axis, {0}); }},
      {"scatter_add",
       [&](Index axis) {
         (void)scatter_add(x, axis, std::vector{0, 0, 0}, 4);
       }},
      {"argmax", [&](Index axis) { (void)argmax(x, axis); }},
      {"softmax", [&](Index axis) { (void)softmax(x, axis); }},
      {"log_softmax", [&](Index axis) { (void)log_softmax(x, axis); }},
      {"softmax_backward", [&](Index axis) { (void)softmax_backward(x, x, axis); }},
      {"log_softmax_backward", [&](Index axis) { (void)log_softmax_backward(x, x, axis); }},
      {"cat",
       [&](Index axis) {
         (void)cat({x, x}, axis);
       }},
      {"transpose", [&](Index axis) { (void)x.transpose(axis, 0); }},
      {"transpose", [&](Index axis) { (void)x.transpose(0, axis); }},
      {"slice", [&](Index axis) { (void)x.slice(axis, 0, 1); }},
      {"select", [&](Index axis) { (void)x.select(axis, 0); }},
      {"squeeze", [&](Index axis) { (void)x.squeeze(axis); }},
  };
  for (const auto& [op, call] : ops)
    for (const Index axis : {2, -3, 100}) {
      const auto message = fmt::format("{}: axis {} does not exist in shape [2, 3]", op, axis);
      CHECK_THROWS_AS(call(axis), ShapeError);
      CHECK_THROWS_WITH(call(axis), message);
    }
  // So are an axis that is named twice, and one that is empty.
  CHECK_THROWS_WITH(mean(x, {0, -2}), "mean: axis -2 is named twice; shape [2, 3]");
  CHECK_THROWS_WITH(max(zeros({2, 0}), 1), "max: axis 1 of shape [2, 0] is empty");
  CHECK_THROWS_WITH(argmax(zeros({2, 0}), 1), "argmax: axis 1 of shape [2, 0] is empty");
}

TEST_CASE("max and argmax find the first of the largest, for every shape, layout and axis") {
  Rng rng(16);
  for (const Shape& shape : some_shapes())
    for (const auto& [layout, its_x] : layouts(shape, rng)) {
      Tensor x = its_x + 0;  // a copy
      if (x.numel() > 3)
        for (Index i = 0; i < x.numel(); ++i)  // many ties
          x.data()[i] = Real(std::floor(number(x.data()[i])));
      for (Index axis = 0; axis < shape.rank(); ++axis) {
        INFO(layout << fmt::format(" {} along {}", shape, axis));
        if (shape[axis] == 0) {
          CHECK_THROWS_WITH(max(x, axis), ContainsSubstring(fmt::format("{}", shape)));
          CHECK_THROWS_AS(argmax(x, axis), ShapeError);
          continue;
        }
        std::vector<int> places;
        const auto largest = [&](Position p) {
          const auto own = static_cast<std::size_t>(axis);
          int best = 0;
          Real value = at(x, p);
          for (p[own] = 0; p[own] < shape[axis]; ++p[own])
            if (p[own] == 0 || at(x, p) > value) {
              value = at(x, p);
              best = static_cast<int>(p[own]);
            }
          places.push_back(best);
          return value;
        };
        CHECK(difference(max(x, axis, true), shape.with(axis, 1), largest, 0) == "");
        CHECK(argmax(x, axis - shape.rank()) == places);
        CHECK(max(x, axis).shape() == shape.erase(axis));
      }
    }
}

TEST_CASE("a NaN is the maximum, the first of them its place") {
  const Tensor x = tensor({{1, not_a_number, inf, not_a_number}, {-inf, -inf, -inf, -inf}});
  CHECK(exact_difference(max(x, 1), tensor({not_a_number, -inf})) == "");
  CHECK(argmax(x, 1) == std::vector<int>{1, 0});
  CHECK(argmax(x, 0) == std::vector<int>{0, 0, 0, 0});
}

TEST_CASE("argmax counts beyond the whole numbers of a float") {
  if constexpr (is_float) {
    const Index n = (Index{1} << 24) + 4;
    Tensor x = zeros({n});
    x(n - 3) = 1;
    CHECK(argmax(x, 0).at(0) == n - 3);
    CHECK(only(max(x, 0)) == 1);
  }
}

TEST_CASE("no op returns or writes its operand's memory") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{2, 2}}) {
    Tensor x = ones(shape);
    for (Tensor y :
         {x + 0, x * 1, sum(x), mean(x), sum(x, {}, true), pow(x, 1), relu(x), abs(x),
          maximum(x, x), where(x, x, x), softmax(x.reshape({-1})), cat({x.reshape({-1})}, 0)}) {
      INFO(fmt::format("{} → {}", shape, y.shape()));
      CHECK(!y.storage().same_as(x.storage()));
    }
  }
}

TEST_CASE("sum_to undoes broadcasting") {
  Rng rng(17);
  for (const auto& [from, to] : {std::pair(Shape{2, 3}, Shape{3}),
                                 {Shape{2, 3}, Shape{2, 1}},
                                 {Shape{2, 3}, Shape{}},
                                 {Shape{4, 2, 3}, Shape{1, 3}},
                                 {Shape{0, 3}, Shape{1, 3}},
                                 {Shape{1, 1, 3}, Shape{3}}}) {
    const Tensor x = uniform(from, -1, 1, rng);
    INFO(fmt::format("{} → {}", from, to));
    // ⟨x, expand(y)⟩ = ⟨sum_to(x), y⟩: it is the transpose of expanding.
    const Tensor y = uniform(to, -1, 1, rng);
    const Tensor back = sum_to(x, to);
    CHECK(back.shape() == to);
    CHECK(difference(sum(x * y), sum(back * y)) == "");
  }
}

// ---- joining and picking ----

TEST_CASE("cat puts parts of any layout side by side along any axis") {
  Rng rng(18);
  for (Index axis = -3; axis < 3; ++axis) {
    const Shape shape{2, 3, 4};
    const Tensor a = layouts(shape, rng)[1].value;
    const Tensor b = layouts(shape.with(axis, 0), rng)[0].value;
    const Tensor c = layouts(shape.with(axis, 5), rng)[2].value;
    const Tensor y = cat({a, b, c}, axis);
    CHECK(y.size(axis) == a.size(axis) + 5);
    CHECK(exact_difference(y.slice(axis, 0, a.size(axis)), a) == "");
    CHECK(exact_difference(y.slice(axis, a.size(axis), 100), c) == "");
  }
}

TEST_CASE("stack makes a new axis anywhere") {
  const Tensor a = arange(6).reshape({2, 3}), b = -a;
  CHECK(stack({a, b}, 0).shape() == Shape{2, 2, 3});
  CHECK(stack({a, b}, -1).shape() == Shape{2, 3, 2});
  for (Index axis = -3; axis < 3; ++axis) {
    CHECK(exact_difference(stack({a, b}, axis).select(axis, 0), a) == "");
    CHECK(exact_difference(stack({a, b}, axis).select(axis, 1), b) == "");
  }
}

TEST_CASE("cat and stack take braces, vectors, spans and arrays") {
  const Tensor a = ones({2}), b = zeros({2});
  const std::vector<Tensor> list{a, b};
  const std::array<Tensor, 2> pair{a, b};
  CHECK(cat({a, b}, 0).shape() == Shape{4});
  CHECK(cat({a}, 0).shape() == Shape{2});
  CHECK(cat(list, 0).shape() == Shape{4});
  CHECK(cat(std::span(list), 0).shape() == Shape{4});
  CHECK(cat(pair, 0).shape() == Shape{4});
  CHECK(stack(list, 0).shape() == Shape{2, 2});
  CHECK(stack({a, b, a}, 1).shape() == Shape{2, 3});
}

TEST_CASE("parts that do not fit are an error that shows their shapes") {
  const Tensor a = zeros({2, 3}), b = zeros({2, 4});
  CHECK_THROWS_WITH(cat({a, b}, 0), ContainsSubstring("[2, 3]") && ContainsSubstring("[2, 4]"));
  CHECK_THROWS_WITH(stack({a, b}, 0), ContainsSubstring("stack") && ContainsSubstring("[2, 3]") &&
                                          ContainsSubstring("[2, 4]"));
  CHECK_THROWS_AS(cat({a, zeros({3})}, 0), ShapeError);
  CHECK_THROWS_AS(cat({a, a}, 2), ShapeError);
  CHECK_THROWS_AS(cat(std::vector<Tensor>{}, 0), ShapeError);
  CHECK_THROWS_AS(stack(std::vector<Tensor>{}, 0), ShapeError);
}

TEST_CASE("take reads rows of a table in any layout") {
  Rng rng(19);
  const Tokens tokens{2, 3, {4, 0, 0, 2, 4, 1}};
  for (const auto& [layout, its_table] : layouts({5, 3}, rng)) {
    const auto& table = its_table;  // Clang 14 captures no binding
    INFO(layout);
    const auto expected = [&](auto& p) {
      return at(table, {tokens.ids[static_cast<std::size_t>(p[0] * 3 + p[1])], p[2]});
    };
    CHECK(difference(take(table, tokens), {2, 3, 3}, expected, 0) == "");
  }
  CHECK(take(zeros({5, 2}), Tokens{0, 3, {}}).shape() == Shape{0, 3, 2});
}

TEST_CASE("take names a token id that the table does not have, and where it stands") {
  const Tensor table = zeros({5, 2});
  for (const int id : {5, -1})
    CHECK_THROWS_WITH(take(table, {1, 2, {0, id}}),
                      ContainsSubstring(std::to_string(id)) && ContainsSubstring("[0, 1]"));
  CHECK_THROWS_AS(take(table, {2, 2, {0, 1}}), ShapeError);
  CHECK_THROWS_AS(take(table, {-1, -1, {0}}), ShapeError);
  CHECK_THROWS_WITH(take(zeros({5}), {1, 1, {0}}), ContainsSubstring("[5]"));
}

TEST_CASE("scatter_add adds rows that go to the same place") {
  const Tensor g = arange(6).reshape({1, 3, 2});
  CHECK(exact_difference(scatter_add(g, {1, 3, {1, 0, 1}}, 3), tensor({{2, 3}, {4, 6}, {0, 0}})) ==
        "");
}

TEST_CASE("scatter_add needs a row for each token") {
  const Tokens tokens{1, 3, {1, 0, 1}};
  for (const Shape& shape : {Shape{1, 2, 3}, Shape{1, 4, 3}, Shape{2, 3, 3}, Shape{3, 2}, Shape{3},
                             Shape{1, 3}, Shape{}, Shape{1, 3, 2, 2}}) {
    INFO(fmt::format("{}", shape));
    CHECK_THROWS_WITH(scatter_add(ones(shape), tokens, 5),
                      ContainsSubstring("scatter_add") && ContainsSubstring("[1, 3, C]") &&
                          ContainsSubstring(fmt::format("{}", shape)));
  }
  CHECK(exact_difference(scatter_add(zeros({0, 3, 2}), {0, 3, {}}, 2), zeros({2, 2})) == "");
}

TEST_CASE("an axis is an integer: a number with a fraction does not compile") {
  const auto along = [](auto axis) {
    constexpr bool max_does = requires(const Tensor& x) { max(x, axis); };
    constexpr bool sum_does = requires(const Tensor& x) { sum(x, axis); };
    constexpr bool softmax_does = requires(const Var& x) { softmax(x, axis); };
    return max_does || sum_does || softmax_does;
  };
  CHECK(!along(0.0));
  CHECK(!along(0.0F));
  CHECK(along(0));
  CHECK(along(Index{0}));
}

TEST_CASE("what reads two operands side by side checks both, before it reads") {
  const Tensor row = ones({2, 3});
  const Normalized normalized = normalize(row, ones({3}), ones({3}), 1e-5);
  for (const Shape& shape :
       {Shape{2, 4}, Shape{3, 3}, Shape{2, 2}, Shape{3}, Shape{}, Shape{1, 3}}) {
    INFO(fmt::format("{}", shape));
    const Tensor other = ones(shape);
    CHECK_THROWS_WITH(tanh_backward(row, other), ContainsSubstring("tanh_backward"));
    CHECK_THROWS_WITH(sigmoid_backward(row, other), ContainsSubstring("sigmoid_backward"));
    CHECK_THROWS_WITH(relu_backward(row, other), ContainsSubstring("relu_backward"));
    CHECK_THROWS_WITH(softmax_backward(row, other, -1), ContainsSubstring("softmax_backward"));
    CHECK_THROWS_WITH(log_softmax_backward(row, other, 0),
                      ContainsSubstring("log_softmax_backward"));
    CHECK_THROWS_WITH(layer_norm_backward(row, ones({3}), normalized, other),
                      ContainsSubstring("layer_norm_backward"));
    CHECK_THROWS_WITH(layer_norm_backward(other, ones({3}), normalized, other),
                      ContainsSubstring("layer_norm_backward"));
  }
  CHECK_THROWS_WITH(layer_norm_backward(row, ones({2}), normalized, row),
                    ContainsSubstring("layer_norm_backward"));
  for (const Shape& shape : {Shape{2}, Shape{4, 2, 3}, Shape{2, 2}})
    CHECK_THROWS_WITH(sum_to(row, shape), ContainsSubstring("sum_to"));
  for (const Shape& shape : {Shape{2}, Shape{4, 2, 3}, Shape{2, 2}})
    CHECK_THROWS_WITH(accumulate(ones({2, 3}), ones(shape)), ContainsSubstring("accumulate"));
}

TEST_CASE("views as functions are the members of the same names") {
  const Tensor x = arange(6).reshape({2, 3, 1});
  CHECK(exact_difference(transpose(x, 0, 1), x.transpose(0, 1)) == "");
  CHECK(exact_difference(mT(x), x.mT()) == "");
  CHECK(exact_difference(permute(x, {2, 1, 0}), x.permute({2, 1, 0})) == "");
  CHECK(exact_difference(reshape(x, {3, -1}), x.reshape({3, -1})) == "");
  CHECK(exact_difference(slice(x, 1, 0, 3, 2), x.slice(1, 0, 3, 2)) == "");
  CHECK(exact_difference(select(x, 1, -1), x.select(1, -1)) == "");
  CHECK(exact_difference(expand(x, {2, 3, 4}), x.expand({2, 3, 4})) == "");
  CHECK(exact_difference(squeeze(x, 2), x.squeeze(2)) == "");
  CHECK(exact_difference(unsqueeze(x, 0), x.unsqueeze(0)) == "");
}

TEST_CASE("accumulate writes into a sum only if nobody else can see it") {
  Tensor mine = ones({2, 3});
  const Real* memory = mine.data();
  mine = accumulate(std::move(mine), tensor({1, 2, 3}).expand({2, 3}));
  CHECK(std::as_const(mine).data() == memory);
  CHECK(exact_difference(mine, tensor({{2, 3, 4}, {2, 3, 4}})) == "");
  const Tensor shared = mine;
  const Tensor next = accumulate(mine, mine);
  CHECK(exact_difference(shared, tensor({{2, 3, 4}, {2, 3, 4}})) == "");
  CHECK(exact_difference(next, tensor({{4, 6, 8}, {4, 6, 8}})) == "");
}

}  // namespace ops_test
