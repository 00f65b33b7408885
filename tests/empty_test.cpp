// # Axes of size 0
//
// Every op, with each axis in turn empty and pairs of them, forward and backward. Sums over nothing
// are 0, and no result shows uninitialised memory. Freed blocks are kept for the next tensor of
// their size, so they are filled beforehand with numbers that would be noticed.
#include "nn/attention.h"
#include "nn/loss.h"
#include "nn/transformer.h"
#include "tests/op_rows.h"

namespace empty_test {

using namespace glass;
using namespace glass::oracle;

namespace {

// Leaves freed blocks of all sizes up to `largest` numbers behind, full of one value.
void poison(double value, Index largest) {
  std::vector<Tensor> blocks;
  for (Index n = 1; n <= largest; n += std::max<Index>(1, n / 6))
    for (int i = 0; i < (n <= 1024 ? 8 : 2); ++i)
      blocks.push_back(full(Shape{n}, static_cast<Real>(value)));
}

struct Results {
  Tensor value;
  std::vector<Tensor> gradients;
};

// The op, forward and backward, where new memory holds `dirt`.
Results results(const OpRow& row, const Inputs& x, double dirt) {
  const Index largest = row.masks.empty() && row.name.find("ttention") == std::string::npos
                            ? 1024
                            : 150'000;  // the size of attention's work memory
  for (const Var& leaf : x)
    if (leaf.requires_grad()) leaf.zero_grad();
  poison(dirt, largest);
  const Var y = row.op(x);
  const Tensor seed = full(y.shape(), Real(0.5));
  poison(dirt, largest);
  y.backward(seed);
  Results all{y.value().clone(), {}};
  for (const Var& leaf : x)
    if (leaf.requires_grad()) all.gradients.push_back(leaf.grad().clone());
  return all;
}

// Does x show uninitialised memory: one of the numbers that memory was filled with, or a NaN?
bool shows_dirt(const Tensor& x) {
  const std::vector<Real> numbers = x.to_vector();
  return !std::ranges::all_of(numbers,
                              [](Real v) { return std::abs(static_cast<double>(v)) < 1e24; });
}

// The sizes of a case that may be 0: the same size means the same axis in all operands.
std::vector<Index> sizes_of(const OpRow& row, const std::vector<Shape>& shapes) {
  std::vector<Index> sizes;
  for (const Shape& shape : shapes) sizes.insert(sizes.end(), shape.begin(), shape.end());
  if (std::ranges::find(sizes, 0) != sizes.end()) return {};  // a case that is empty already
  std::erase_if(sizes, [&](Index size) {
    return size <= 1 || std::ranges::find(row.fixed, size) != row.fixed.end();
  });
  std::ranges::sort(sizes);
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

std::vector<Shape> emptied(std::vector<Shape> shapes, Index one, Index other) {
  for (Shape& shape : shapes)
    for (Index axis = 0; axis < shape.rank(); ++axis)
      if (shape[axis] == one || shape[axis] == other) shape = shape.with(axis, 0);
  return shapes;
}

// Three runs, over memory with different old numbers, must agree and must not show these numbers.
void check_memory(const OpRow& row, const std::vector<Shape>& shapes) {
  INFO(fmt::format("{} of {}", row.name, fmt::join(shapes, " ")));
  Rng rng(91);
  const Inputs x = operands(row, shapes, rng);
  const Results a = results(row, x, 1e30), b = results(row, x, -1e25);
  const Results c = results(row, x, not_a_number);
  const bool of_nothing = needs_numbers(row) && x[0].numel() == 0;
  CHECK((!shows_dirt(a.value) || of_nothing));
  CHECK(exact_difference(b.value, a.value) == "");
  CHECK(exact_difference(c.value, a.value) == "");
  std::size_t next = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i].requires_grad()) continue;
    INFO(fmt::format("gradient of operand {}", i));
    const Tensor& gradient = a.gradients[next];
    CHECK(gradient.shape() == shapes[i]);
    CHECK((!shows_dirt(gradient) || of_nothing));
    CHECK(exact_difference(b.gradients[next], gradient) == "");
    CHECK(exact_difference(c.gradients[next], gradient) == "");
    // An empty result has no gradient to check.
    if (a.value.numel() == 0) CHECK(exact_difference(gradient, zeros(shapes[i])) == "");
    ++next;
  }
}

std::vector<std::pair<std::string, Var>> leaves_of(const Inputs& x) {
  std::vector<std::pair<std::string, Var>> leaves;
  for (const Var& leaf : x)
    if (leaf.requires_grad()) leaves.emplace_back("x", leaf);
  return leaves;
}

}  // namespace

TEST_CASE("with any axis empty, or two of them, no op shows memory that nobody wrote", "[empty]") {
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      const std::vector<Index> sizes = sizes_of(row, shapes);
      for (std::size_t i = 0; i < sizes.size(); ++i)
        for (std::size_t j = i; j < sizes.size(); ++j)
          check_memory(row, emptied(shapes, sizes[i], sizes[j]));
    }
}

TEST_CASE("no op shows memory that nobody wrote, for every shape of the table", "[empty]") {
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) check_memory(row, shapes);
}

TEST_CASE("with any axis empty every gradient is still right", "[gradcheck]") {
  Rng rng(92);
  for (const OpRow& row : op_rows()) {
    if (needs_numbers(row)) continue;
    for (const std::vector<Shape>& shapes : row.shapes)
      for (const Index size : sizes_of(row, shapes)) {
        const std::vector<Shape> some = emptied(shapes, size, size);
        const Inputs x = operands(row, some, rng);
        INFO(fmt::format("{} of {}", row.name, fmt::join(some, " ")));
        CHECK(wrong_gradient([&] { return row.op(x); }, leaves_of(x)) == "");
      }
  }
}

TEST_CASE("what is added up over an empty axis is 0", "[empty]") {
  poison(not_a_number, 150'000);
  const auto is_zero = [](const Tensor& x, const Shape& shape) {
    return exact_difference(x, zeros(shape)) == "";
  };
  CHECK(is_zero(sum(zeros({3, 0, 2}), 1), {3, 2}));
  CHECK(is_zero(sum(zeros({3, 0, 0}), {1, 2}), {3}));
  CHECK(is_zero(sum(zeros({3, 0, 2}), {0, 1}, true), {1, 1, 2}));
  CHECK(is_zero(sum_to(zeros({0, 3, 2}), {3, 1}), {3, 1}));
  CHECK(is_zero(matmul(zeros({3, 0}), zeros({0, 4})), {3, 4}));
  CHECK(is_zero(matmul(zeros({0}), zeros({0})), {}));
  CHECK(is_zero(matmul(zeros({0}), zeros({2, 0, 4})), {2, 4}));
  CHECK(is_zero(matmul(zeros({5, 3, 0}), zeros({0})), {5, 3}));
  CHECK(exact_difference(linear(zeros({2, 0}), zeros({3, 0}), tensor({1, 2, 3})),
                         tensor({{1, 2, 3}, {1, 2, 3}})) == "");
  CHECK(is_zero(scatter_add(zeros({2, 0, 3}), {2, 0, {}}, 4), {4, 3}));
  CHECK(is_zero(nn::cross_entropy(Var(zeros({0, 3}), true), {}).value(), {}));
  CHECK(is_zero(nn::cross_entropy(Var(zeros({2, 0}), true), std::vector{-100, -100}).value(), {}));
  CHECK(
      is_zero(attention(ones({2, 1, 3, 4}), ones({2, 1, 0, 4}), ones({2, 1, 0, 5})), {2, 1, 3, 5}));
}

TEST_CASE("attention of no queries gives keys and values the gradient 0", "[empty]") {
  for (const Index S : {3, 96, 97, 200})
    for (const bool causal : {false, true}) {
      INFO(fmt::format("{} keys, causal {}", S, causal));
      const Var q(zeros({1, 1, 0, 2}), true), k(ones({1, 1, S, 2}), true);
      const Var v(ones({1, 1, S, 2}), true);
      poison(1e30, 150'000);
      const Var y = attention(q, k, v, {}, {.causal = causal});
      poison(1e30, 150'000);
      y.backward(zeros({1, 1, 0, 2}));
      CHECK(exact_difference(k.grad(), zeros({1, 1, S, 2})) == "");
      CHECK(exact_difference(v.grad(), zeros({1, 1, S, 2})) == "");
      CHECK(q.grad().shape() == Shape{1, 1, 0, 2});
    }
}

TEST_CASE("CrossAttention of no queries gives its projections the gradient 0", "[empty]") {
  Rng rng(93);
  const nn::CrossAttention layer(4, 2, rng, {.dropout = 0});
  const Var query(zeros({3, 0, 4}), true), key(uniform({3, 5, 4}, -1, 1, rng), true);
  for (const bool watched : {false, true}) {
    Tensor weights;
    poison(1e30, 150'000);
    const Var y = layer(query, key, key, {}, watched ? &weights : nullptr);
    poison(1e30, 150'000);
    y.backward(zeros({3, 0, 4}));
    CHECK(exact_difference(key.grad(), zeros({3, 5, 4})) == "");
    for (const auto& [name, parameter] : nn::named_parameters(layer)) {
      INFO(name);
      CHECK(exact_difference(parameter.grad(), zeros(parameter.shape())) == "");
      parameter.zero_grad();
    }
    key.zero_grad();
    if (watched) CHECK(weights.shape() == Shape{3, 2, 0, 5});
  }
}

TEST_CASE("ops on tensors alone accept empty axes", "[empty]") {
  poison(1e30, 1024);
  CHECK(argmax(zeros({0, 3}), 1).empty());
  CHECK_THROWS_AS(argmax(zeros({3, 0}), 1), ShapeError);
  CHECK(tril(zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(tril(zeros({2, 3, 0})).shape() == Shape{2, 3, 0});
  CHECK(causal_mask(0, 3).shape() == Shape{0, 3});
  CHECK(causal_mask(3, 0).shape() == Shape{3, 0});
  CHECK(equal(zeros({0, 3}), zeros({3})).shape() == Shape{0, 3});
  CHECK(from_torch_mask(zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(eye(0).shape() == Shape{0, 0});
  CHECK(allclose(zeros({0, 3}), ones({0, 3})));
  CHECK(exact_difference(accumulate(ones({2, 0}), ones({2, 0})), zeros({2, 0})) == "");
  CHECK(exact_difference(cat({zeros({0, 2}), ones({1, 2}), zeros({0, 2})}, 0), ones({1, 2})) == "");
  CHECK(zeros({2, 0, 3}).reshape({0, 5}).shape() == Shape{0, 5});
  CHECK(zeros({2, 0}).clone().shape() == Shape{2, 0});
}

TEST_CASE(
    "an encoder–decoder of no sentences, no source or no target has gradients that are finite",
    "[empty]") {
  Rng rng(94);
  const nn::EncoderDecoder model(rng, {.source_vocab = 6,
                                       .target_vocab = 7,
                                       .dim = 4,
                                       .heads = 2,
                                       .layers = 2,
                                       .hidden = 6,
                                       .dropout = 0.1,
                                       .max_length = 8});
  const auto tokens = [](Index batch, Index length) {
    return Tokens{batch, length, std::vector<int>(static_cast<std::size_t>(batch * length), 4)};
  };
  for (const auto& [B, S, T] :
       {std::array<Index, 3>{0, 3, 2}, {2, 0, 2}, {2, 3, 0}, {2, 0, 0}, {0, 0, 0}}) {
    INFO(fmt::format("{} sentences, {} and {} tokens", B, S, T));
    poison(1e30, 150'000);
    std::vector<Tensor> weights;
    const Var logits = model(tokens(B, S), tokens(B, T), &weights);
    CHECK(logits.shape() == Shape{B, T, 7});
    CHECK(!shows_dirt(logits.value()));
    CHECK(weights.at(1).shape() == Shape{B, 2, T, S});
    poison(1e30, 150'000);
    logits.backward(ones(logits.shape()));
    for (const auto& [name, parameter] : nn::named_parameters(model)) {
      INFO(name);
      const Tensor& gradient = parameter.grad();
      CHECK(exact_difference(gradient * 0, zeros(parameter.shape())) == "");
      CHECK(!shows_dirt(gradient));
      if (B * T == 0) CHECK(exact_difference(gradient, zeros(parameter.shape())) == "");
      parameter.zero_grad();
    }
  }
}

}  // namespace empty_test
