#include "nn/loss.h"

#include "autograd/gradcheck.h"
#include "tests/op_table.h"

namespace loss_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensor some(const Shape& shape, double range = 3) {
  Rng rng(5);
  return uniform(shape, -range, range, rng);
}

double number(const Var& x) { return static_cast<double>(x.item()); }

// PyTorch's definition, computed number by number:
// the mean over the targets that count of −(1 − ε) ln p[target] − ε/V Σᵥ ln p[v].
double by_definition(const Tensor& logits, const std::vector<int>& targets,
                     nn::CrossEntropyOptions o) {
  const Index classes = logits.size(-1);
  const std::vector<Real> flat = logits.to_vector();
  double total = 0;
  int count = 0;
  for (std::size_t row = 0; row < targets.size(); ++row) {
    if (targets[row] == o.ignore_index) continue;
    const auto z = [&](Index v) {
      return static_cast<double>(
          flat[row * static_cast<std::size_t>(classes) + static_cast<std::size_t>(v)]);
    };
    double largest = -inf, sum_of_exp = 0, sum_of_logs = 0;
    for (Index v = 0; v < classes; ++v) largest = std::max(largest, z(v));
    for (Index v = 0; v < classes; ++v) sum_of_exp += std::exp(z(v) - largest);
    const auto log_p = [&](Index v) { return (z(v) - largest) - std::log(sum_of_exp); };
    for (Index v = 0; v < classes; ++v) sum_of_logs += log_p(v);
    total -= (1 - o.label_smoothing) * log_p(targets[row]);
    if (o.label_smoothing > 0)
      total -= o.label_smoothing / static_cast<double>(classes) * sum_of_logs;
    ++count;
  }
  return total / count;
}

bool agrees(double value, double expected) {
  return std::abs(value - expected) <= tolerance * (1 + std::abs(expected));
}

}  // namespace

// ---- the value ----

TEST_CASE("cross_entropy is the mean surprise, as a double loop computes it") {
  const std::vector<int> targets{0, 4, 2, 2, 1, 3};
  for (const Shape& shape : {Shape{6, 5}, Shape{2, 3, 5}, Shape{3, 1, 2, 5}})
    for (const double smoothing : {0.0, 0.1, 1.0})
      for (const int ignored : {-100, 2, 0}) {
        const Tensor logits = some(shape);
        const nn::CrossEntropyOptions options{.ignore_index = ignored,
                                              .label_smoothing = smoothing};
        const Var loss = nn::cross_entropy(logits, targets, options);
        CHECK(loss.shape() == Shape{});
        CHECK(agrees(number(loss), by_definition(logits, targets, options)));
      }
}

TEST_CASE("cross_entropy reads logits of any strides") {
  const std::vector<int> targets{0, 3, 2};
  const Tensor wide = some({4, 6});
  for (const Tensor& logits : {wide.mT().slice(0, 0, 3), wide.mT().slice(0, 0, 6, 2),
                               wide.select(0, 1).slice(0, 0, 4).expand({3, 4})})
    CHECK(agrees(number(nn::cross_entropy(logits, targets)), by_definition(logits, targets, {})));
}

TEST_CASE("cross_entropy of one row of logits takes one target") {
  CHECK(agrees(number(nn::cross_entropy(tensor({1, 1, 1, 1}), std::vector{2})), std::log(4)));
  CHECK(number(nn::cross_entropy(tensor({7}), std::vector{0})) == 0);
}

TEST_CASE("targets that are ignored count neither in the sum nor in the mean") {
  const Tensor logits = some({4, 5});
  const std::vector<int> all{1, -100, 3, -100}, left{1, 3};
  CHECK(agrees(number(nn::cross_entropy(logits, all)),
               number(nn::cross_entropy(logits.slice(0, 0, 4, 2), left))));
  const Var x(logits, true);
  nn::cross_entropy(x, all).backward();
  CHECK(exact_difference(x.grad().slice(0, 1, 4, 2), zeros({2, 5})) == "");
  CHECK(exact_difference(x.grad(), zeros({4, 5})) != "");
}

TEST_CASE("what stands in an ignored row leaves no trace, be it NaN or infinite") {
  for (const double poison : {not_a_number, inf, -inf}) {
    Tensor logits = some({2, 3});
    logits.select(0, 1).fill(static_cast<Real>(poison));
    const Var x(logits, true);
    const Var loss = nn::cross_entropy(x, std::vector{1, -100}, {.label_smoothing = 0.1});
    loss.backward();
    CHECK(
        agrees(number(loss), by_definition(logits.slice(0, 0, 1), {1}, {.label_smoothing = 0.1})));
    CHECK(exact_difference(x.grad().select(0, 1), zeros({3})) == "");
  }
}

TEST_CASE("no target left gives loss 0 and gradient 0") {
  for (const Shape& shape : {Shape{2, 3}, Shape{0, 3}}) {
    const Var x(some(shape), true);
    const std::vector<int> targets(static_cast<std::size_t>(shape[0]), 1);
    const Var loss = nn::cross_entropy(x, targets, {.ignore_index = 1});
    CHECK(number(loss) == 0);
    loss.backward();
    CHECK(exact_difference(x.grad(), zeros(shape)) == "");
  }
}

TEST_CASE("label smoothing of 1 gives every class the same target") {
  const Tensor even = zeros({1, 4});
  CHECK(
      agrees(number(nn::cross_entropy(even, std::vector{0}, {.label_smoothing = 1})), std::log(4)));
  const Tensor logits = some({2, 4});
  CHECK(agrees(number(nn::cross_entropy(logits, std::vector{0, 1}, {.label_smoothing = 1})),
               number(nn::cross_entropy(logits, std::vector{3, 2}, {.label_smoothing = 1}))));
}

// ---- the edges of numbers ----

TEST_CASE("cross_entropy is exact for logits of ±1e4") {
  for (const Tensor& logits : {tensor({{1e4, 1e4, -1e4}}), tensor({{-1e4, -1e4, -1e4}}),
                               tensor({{1e4, 9999, 9998}}), tensor({{-1e4, 0, 1e4}})})
    for (const int target : {0, 1, 2})
      for (const double smoothing : {0.0, 0.1}) {
        const nn::CrossEntropyOptions options{.label_smoothing = smoothing};
        const double expected = by_definition(logits, {target}, options);
        CHECK(agrees(number(nn::cross_entropy(logits, std::vector{target}, options)), expected));
      }
  const Var x(tensor({{1e4, -1e4}}), true);
  nn::cross_entropy(x, std::vector{1}).backward();
  CHECK(exact_difference(x.grad(), tensor({{1, -1}})) == "");
}

TEST_CASE("a logit of −∞ is a class that cannot be") {
  const Var x(tensor({{0, -inf, 0}, {-inf, 5, -inf}}), true);
  const Var loss = nn::cross_entropy(x, std::vector{2, 1});
  CHECK(agrees(number(loss), std::log(2) / 2));
  loss.backward();
  CHECK(difference(x.grad(), tensor({{0.25, 0, -0.25}, {0, 0, 0}})) == "");
  CHECK(number(nn::cross_entropy(x, std::vector{1, 1})) == inf);
}

TEST_CASE("a row of nothing but −∞ gives loss 0 and gradient 0") {
  const Var x(tensor({{-inf, -inf}, {0, 0}}), true);
  const Var loss = nn::cross_entropy(x, std::vector{1, 1});
  CHECK(agrees(number(loss), std::log(2) / 2));
  loss.backward();
  CHECK(difference(x.grad(), tensor({{0, 0}, {0.25, -0.25}})) == "");
}

// ---- gradients ----

TEST_CASE("the gradient is softmax minus target, over the targets that count") {
  const Tensor logits = some({2, 2, 3});
  const std::vector<int> targets{2, -100, 0, 1};
  const Var x(logits, true);
  (3 * nn::cross_entropy(x, targets)).backward();
  const Tensor p = softmax(logits);
  CHECK(difference(x.grad(), Shape{2, 2, 3}, [&](const Position& at_position) {
          const int target = targets[static_cast<std::size_t>(2 * at_position[0] + at_position[1])];
          if (target == -100) return Real(0);
          return at(p, at_position) - Real(at_position[2] == target ? 1 : 0);  // times 3, over 3
        }) == "");
}

TEST_CASE("the gradient of cross_entropy passes the check, smoothed and ignoring", "[gradcheck]") {
  if constexpr (!is_float) {
    const Var x(some({2, 3, 4}), true), y(some({4, 6}), true);
    const std::vector<int> targets{0, 3, 2, 1, 1, 2};
    for (const double smoothing : {0.0, 0.2, 1.0})
      for (const int ignored : {-100, 1}) {
        const nn::CrossEntropyOptions options{.ignore_index = ignored,
                                              .label_smoothing = smoothing};
        for (const GradcheckReport& report :
             {gradcheck([&] { return nn::cross_entropy(x, targets, options); }, {{"x", x}}),
              gradcheck([&] { return nn::cross_entropy(y.mT(), targets, options); }, {{"y", y}})}) {
          INFO(report.text);
          CHECK(report.ok);
        }
      }
  }
}

TEST_CASE("the targets are copied") {
  const Var x(some({2, 3}), true), y(some({2, 3}), true);
  std::vector<int> targets{1, 2};
  const Var loss = nn::cross_entropy(x, targets);
  nn::cross_entropy(y, targets).backward();
  targets = {0, 0};
  targets.clear();
  targets.shrink_to_fit();
  loss.backward();
  CHECK(exact_difference(x.grad(), y.grad()) == "");
}

// ---- errors ----

TEST_CASE("a target outside the classes is named with its position and their number") {
  const Tensor logits = some({2, 2, 5});
  for (const int wrong : {5, -1, 1000, -99}) {
    const std::vector<int> targets{0, 1, wrong, 2};
    CHECK_THROWS_AS(nn::cross_entropy(logits, targets), ShapeError);
    CHECK_THROWS_WITH(nn::cross_entropy(logits, targets),
                      ContainsSubstring(fmt::format("{}", wrong)) &&
                          ContainsSubstring("position 2") && ContainsSubstring("5)"));
  }
}

TEST_CASE("the number of targets must be that of the rows, and smoothing a share") {
  CHECK_THROWS_AS(nn::cross_entropy(some({2, 5}), std::vector{1}), ShapeError);
  CHECK_THROWS_WITH(nn::cross_entropy(some({2, 5}), std::vector{1, 2, 3}),
                    ContainsSubstring("2") && ContainsSubstring("3"));
  CHECK_THROWS_AS(nn::cross_entropy(Tensor(1), std::vector{0}), ShapeError);
  for (const double smoothing : {-0.1, 1.1, not_a_number})
    CHECK_THROWS_AS(nn::cross_entropy(some({1, 5}), std::vector{1}, {.label_smoothing = smoothing}),
                    ShapeError);
}

// ---- targets in braces, and the loss of each target ----

TEST_CASE("targets may stand in braces") {
  const Tensor logits = some({2, 3});
  const Tensor expected = nn::cross_entropy(logits, std::vector{1, 2}).value();
  CHECK(exact_difference(nn::cross_entropy(logits, {1, 2}).value(), expected) == "");
  CHECK(exact_difference(cross_entropy(logits, {1, 2}, {.label_smoothing = 0}).value(), expected) ==
        "");
  CHECK(number(nn::cross_entropy(some({0, 3}), {})) == 0);
  CHECK(number(nn::cross_entropy(some({1, 1}), {0})) == 0);
  CHECK_THROWS_AS(nn::cross_entropy(logits, {1}), ShapeError);
}

TEST_CASE("the loss of each target is what the mean is made of, 0 where it does not count") {
  const std::vector<int> targets{0, 4, -100, 2, 1, 3};
  for (const Shape& shape : {Shape{6, 5}, Shape{2, 3, 5}, Shape{3, 1, 2, 5}})
    for (const double smoothing : {0.0, 0.1}) {
      const Tensor logits = some(shape), rows = logits.reshape({6, 5});
      const Var each =
          nn::cross_entropy(logits, targets, {.label_smoothing = smoothing, .reduce = false});
      CHECK(each.shape() == shape.erase(-1));
      for (Index row = 0; row < 6; ++row) {
        const int target = targets[static_cast<std::size_t>(row)];
        const Real loss = each.value().reshape({6})(row);
        const double expected =
            row == 2 ? 0
                     : by_definition(rows.select(0, row), {target}, {.label_smoothing = smoothing});
        CHECK(agrees(static_cast<double>(loss), expected));
      }
    }
  CHECK(nn::cross_entropy(some({4}), {2}, {.reduce = false}).shape() == Shape{});
  CHECK(nn::cross_entropy(some({0, 4}), {}, {.reduce = false}).shape() == Shape{0});
}

TEST_CASE("the gradient of each loss goes to its own row") {
  const Tensor logits = some({3, 4});
  const Var x(logits, true);
  nn::cross_entropy(x, {1, -100, 3}, {.reduce = false}).backward(tensor({2, 5, 7}));
  Tensor expected = softmax(logits);
  expected(0, 1) -= 1, expected(2, 3) -= 1;
  CHECK(difference(x.grad(), expected * tensor({{2}, {0}, {7}})) == "");
}

// ---- binary cross-entropy ----

TEST_CASE("binary_cross_entropy_with_logits is its definition, in every layout") {
  Rng rng(6);
  const Tensor t = uniform({4, 3}, 0, 1, rng);
  for (const Tensor& z : {some({4, 3}), some({3, 4}).mT(), some({8, 3}).slice(0, 0, 8, 2)}) {
    const auto loss = [&](const Position& p) {
      const auto logit = static_cast<double>(at(z, p)), target = static_cast<double>(at(t, p));
      const double yes = 1 / (1 + std::exp(-logit));
      return -target * std::log(yes) - (1 - target) * std::log(1 - yes);
    };
    const Var each = nn::binary_cross_entropy_with_logits(z, t, {.reduce = false});
    CHECK(difference(each.value(), Shape{4, 3}, loss, is_float ? 1e-5 : 1e-11) == "");
    const Var all = nn::binary_cross_entropy_with_logits(z, t);
    CHECK(all.shape() == Shape{});
    CHECK(agrees(number(all), static_cast<double>(mean(each.value()).item())));
  }
}

TEST_CASE("binary cross-entropy is right for logits of ±1e4 and for infinite ones") {
  const Tensor z = tensor({1e4, 1e4, -1e4, -1e4, inf, inf, -inf, -inf, 0, inf, -inf});
  const Tensor t = tensor({1, 0, 1, 0, 1, 0, 1, 0, 0.5, 0.5, 0.5});
  const Var x(z, true);
  const Var loss = nn::binary_cross_entropy_with_logits(x, t, {.reduce = false});
  CHECK(difference(loss.value(), tensor({0, 1e4, 1e4, 0, 0, inf, inf, 0, std::log(2), inf, inf})) ==
        "");
  loss.backward(ones({11}));
  CHECK(exact_difference(x.grad(), tensor({0, 1, -1, 0, 0, 1, -1, 0, 0, 0.5, -0.5})) == "");
  CHECK(std::isnan(number(nn::binary_cross_entropy_with_logits(not_a_number, 0))));
  CHECK(std::isnan(number(nn::binary_cross_entropy_with_logits(not_a_number, 1))));
}

TEST_CASE("a right answer that is almost certain still has a loss and a gradient") {
  for (const double size : {20.0, 60.0}) {
    const double small = std::exp(-size);  // 1 − p, where p would be rounded to 1
    const Var x(tensor({size, -size}), true);
    const Var loss = nn::binary_cross_entropy_with_logits(x, tensor({1, 0}));
    loss.backward();
    CHECK(number(loss) == Approx(small).epsilon(1e-5));
    CHECK(static_cast<double>(x.grad()(0)) == Approx(-small / 2).epsilon(1e-5));
    CHECK(static_cast<double>(x.grad()(1)) == Approx(small / 2).epsilon(1e-5));
  }
}

TEST_CASE("no elements have the binary cross-entropy 0, and no gradient") {
  const Var x(some({0, 3}), true);
  const Var loss = nn::binary_cross_entropy_with_logits(x, zeros({0, 3}));
  CHECK(number(loss) == 0);
  loss.backward();
  CHECK(x.grad().shape() == Shape{0, 3});
}

TEST_CASE("at a logit of 0 binary cross-entropy is smooth", "[gradcheck]") {
  if constexpr (!is_float) {
    const Var x(tensor({0, -0.0, 0, 2}), true);
    const Tensor t = tensor({0, 1, 0.25, 1});
    const auto f = [&] { return nn::binary_cross_entropy_with_logits(x, t); };
    const GradcheckReport report = gradcheck(f, {{"x", x}});
    INFO(report.text);
    CHECK(report.ok);
    CHECK_THAT(report.text, ContainsSubstring("kinks 0"));
  }
}

TEST_CASE("binary targets of another shape are an error that says what to do") {
  const Tensor column = some({8, 1});
  CHECK_THROWS_AS(nn::binary_cross_entropy_with_logits(column, zeros({8})), ShapeError);
  CHECK_THROWS_WITH(nn::binary_cross_entropy_with_logits(column, zeros({8})),
                    ContainsSubstring("binary_cross_entropy_with_logits: ") &&
                        ContainsSubstring("[8, 1]") && ContainsSubstring("[8]") &&
                        ContainsSubstring("reshape"));
  CHECK_THROWS_AS(nn::binary_cross_entropy_with_logits(column, 1), ShapeError);
}

TEST_CASE("a binary target outside [0, 1] is named with its position") {
  for (const double wrong : {-0.5, 2.0, not_a_number, inf}) {
    Tensor t = zeros({3, 2});
    t(2, 1) = static_cast<Real>(wrong);
    CHECK_THROWS_AS(nn::binary_cross_entropy_with_logits(some({3, 2}), t), ShapeError);
    CHECK_THROWS_WITH(nn::binary_cross_entropy_with_logits(some({3, 2}), t),
                      ContainsSubstring(fmt::format("target {} ", wrong)) &&
                          ContainsSubstring("position [2, 1]"));
  }
}

TEST_CASE("binary targets that are written to before backward() are a StateError", "[sweep]") {
  const Var x(some({3}), true);
  Tensor t = ones({3});
  const Var loss = nn::binary_cross_entropy_with_logits(x, t);
  t.fill(0);
  CHECK_THROWS_AS(loss.backward(), StateError);
  CHECK(!x.has_grad());
}

}  // namespace loss_test
