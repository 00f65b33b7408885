// # Writes into the operands and the result of an op
//
// A VJP reads operands or the result of its op. If one of these is written to between forward and
// backward, the sweep must report it, or use a copy of the old values. It must not use new values.
#include <cstdlib>
#include <filesystem>

#include "nn/attention.h"
#include "nn/loss.h"
#include "nn/serialize.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/op_rows.h"

namespace saved_values_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// A seed whose numbers all differ.
Tensor seed_for(const Var& y) { return (arange(y.numel()) + 1).reshape(y.shape()) / 7; }

// The memory layout in which the op receives an operand.
enum class Placed { alone, inside_more, repeated };

Tensor placed(Placed how, const Shape& shape, double lo, double hi, Rng& rng) {
  if (how == Placed::inside_more && shape.rank() > 0)
    return uniform(shape.with(-1, shape[-1] + 2), lo, hi, rng).slice(-1, 1, shape[-1] + 1);
  if (how == Placed::repeated && shape.rank() > 0)
    return uniform(shape.with(0, 1), lo, hi, rng).expand(shape);
  return uniform(shape, lo, hi, rng);
}

// Operands of which number `written` lies in memory as asked, and is a constant if asked.
Inputs prepared(const OpRow& row, const std::vector<Shape>& shapes, std::size_t written, Placed how,
                bool constant) {
  Rng rng(81);
  Inputs x;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Tensor value = placed(i == written ? how : Placed::alone, shapes[i], row.lo, row.hi, rng);
    if (is_mask(row, i)) make_mask(value, row.lo, row.hi);
    x.emplace_back(value, !is_mask(row, i) && !(constant && i == written));
  }
  return x;
}

using Write = void (*)(Tensor);

struct NamedWrite {
  std::string name;
  Write write;
};

// Changes some or all of the numbers. A changed mask is still a mask that attention accepts.
const std::vector<NamedWrite>& writes() {
  static const std::vector<NamedWrite> list = {
      {"copy_from", [](Tensor x) { x.copy_from(1 - x); }},
      {"fill", [](Tensor x) { x.fill(1); }},
      {"fill of a part", [](Tensor x) { (x.rank() == 0 ? x : x.slice(0, 0, 1)).fill(Real(0.5)); }},
  };
  return list;
}

// "" if backward either threw the StateError and changed no leaf, or gave the old gradients.
std::string wrong_after_write(const Var& y, const Inputs& x, const std::vector<Tensor>& expected) {
  try {
    y.backward(seed_for(y));
  } catch (const StateError& error) {
    for (const Var& leaf : x)
      if (leaf.has_grad()) return "an error, but a leaf has changed";
    const std::string text = error.what();
    return text.find("in place") != std::string::npos ? "" : "another error: " + text;
  }
  std::size_t next = 0;
  for (const Var& leaf : x)
    if (leaf.requires_grad()) {
      const std::string wrong = exact_difference(leaf.grad(), expected[next++]);
      if (!wrong.empty()) return "no error, and a gradient is neither old nor refused: " + wrong;
    }
  return "";
}

std::vector<Tensor> gradients(const Var& y, const Inputs& x) {
  y.backward(seed_for(y));
  std::vector<Tensor> result;
  for (const Var& leaf : x)
    if (leaf.requires_grad()) result.push_back(leaf.grad());
  return result;
}

bool has_leaf(const Inputs& x) {
  return std::ranges::any_of(x, [](const Var& v) { return v.requires_grad(); });
}

bool is_empty(const std::vector<Shape>& shapes) {
  return std::ranges::any_of(shapes, [](const Shape& shape) { return shape.numel() == 0; });
}

// All writes into one operand, or into the result where `written` is no operand.
void check_writes(const OpRow& row, const std::vector<Shape>& shapes, std::size_t written,
                  Placed how, bool constant) {
  const auto fresh = [&] { return prepared(row, shapes, written, how, constant); };
  const Inputs untouched = fresh();
  if (!has_leaf(untouched)) return;
  const std::vector<Tensor> expected = gradients(row.op(untouched), untouched);
  for (const auto& [name, write] : writes()) {
    const Inputs x = fresh();
    const Var y = row.op(x);
    if (y.numel() == 0) return;
    const bool result = written == x.size();
    write(without_repeats(result ? y.value() : x[written].value()));
    INFO(fmt::format("{}: {} into {}", row.name, name,
                     result ? "the result" : fmt::format("operand {}", written)));
    INFO(fmt::format("shapes {}; placed {}, constant {}", fmt::join(shapes, " "),
                     static_cast<int>(how), constant));
    CHECK(wrong_after_write(y, x, expected) == "");
  }
}

}  // namespace

TEST_CASE("a write into any operand of any op, or into its result, is refused or has no effect",
          "[sweep]") {
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      if (is_empty(shapes)) continue;
      check_writes(row, shapes, shapes.size(), Placed::alone, false);
      for (std::size_t i = 0; i < shapes.size(); ++i)
        for (const Placed how : {Placed::alone, Placed::inside_more, Placed::repeated})
          for (const bool constant : {false, true}) check_writes(row, shapes, i, how, constant);
    }
}

TEST_CASE("a constant operand gets no gradient, and changes none of the others", "[sweep]") {
  for (const OpRow& row : op_rows())
    for (const std::vector<Shape>& shapes : row.shapes) {
      const Inputs leaves = prepared(row, shapes, shapes.size(), Placed::alone, false);
      gradients(row.op(leaves), leaves);
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        const Inputs x = prepared(row, shapes, i, Placed::alone, true);
        if (!has_leaf(x)) continue;
        INFO(fmt::format("{}: operand {} is constant", row.name, i));
        gradients(row.op(x), x);
        for (std::size_t j = 0; j < x.size(); ++j)
          if (x[j].requires_grad())
            CHECK(exact_difference(x[j].grad(), leaves[j].grad()) == "");
          else
            CHECK(!x[j].has_grad());
      }
    }
}

TEST_CASE("a mask that is written to after attention ran is a StateError, for every rank of mask",
          "[sweep]") {
  const Tensor q = ones({2, 1, 3, 4}), k = ones({2, 1, 5, 4}), v = ones({2, 1, 5, 6});
  for (const Shape& shape : {Shape{3, 5}, Shape{1, 5}, Shape{2, 3, 5}, Shape{2, 1, 5},
                             Shape{2, 1, 3, 5}, Shape{1, 1, 3, 1}, Shape{2, 1, 1, 5}})
    for (const bool expanded : {false, true}) {
      INFO(fmt::format("mask {}, expanded {}", shape, expanded));
      Tensor memory = ones(expanded ? shape.with(0, 1) : shape);
      const Tensor mask = memory.expand(shape);
      const Var value(v, true);
      const Var y = attention(q, k, value, mask);
      memory.slice(-1, 0, 1).fill(0);
      CHECK_THROWS_WITH(y.backward(ones(y.shape())), ContainsSubstring("'attention'"));
      CHECK(!value.has_grad());
    }
}

TEST_CASE("a mask written to after CrossAttention ran is a StateError, with and without weights",
          "[sweep]") {
  Rng rng(82);
  const nn::CrossAttention layer(4, 2, rng, {.dropout = 0});
  const Var query(uniform({3, 2, 4}, -1, 1, rng), true), key(uniform({3, 5, 4}, -1, 1, rng), true);
  for (const Shape& shape : {Shape{2, 5}, Shape{3, 2, 5}, Shape{3, 2, 2, 5}, Shape{3, 1, 1, 5}})
    for (const bool watched : {false, true})
      for (const bool blocking : {false, true}) {
        INFO(fmt::format("mask {}, weights {}, padding {}", shape, watched, blocking));
        Tensor mask = ones(shape), weights;
        if (blocking) mask.slice(-1, 3, 5).fill(0);
        const Var y = layer(query, key, key, mask, watched ? &weights : nullptr);
        mask.slice(-1, 2, 4).fill(blocking ? 1 : 0);
        CHECK_THROWS_AS(y.backward(ones(y.shape())), StateError);
        CHECK(!query.has_grad());
        CHECK(!key.has_grad());
      }
}

TEST_CASE("the weights that CrossAttention hands out are guarded: the sweep needs them",
          "[sweep]") {
  Rng rng(83);
  const nn::CrossAttention layer(4, 2, rng, {.dropout = 0});
  const Var x(uniform({2, 3, 4}, -1, 1, rng), true);
  Tensor weights;
  const Var y = layer(x, x, x, {}, &weights);
  weights.fill(0);
  CHECK_THROWS_AS(y.backward(ones(y.shape())), StateError);
  CHECK(!x.has_grad());
}

TEST_CASE("targets and token ids that change after the forward pass change no gradient",
          "[sweep]") {
  Rng rng(84);
  const Var logits(uniform({3, 4}, -1, 1, rng), true), same(logits.value().clone(), true);
  std::vector<int> targets{1, 3, 0};
  const Var loss = nn::cross_entropy(logits, targets);
  nn::cross_entropy(same, targets).backward();
  targets = {0, 0, 2};
  loss.backward();
  CHECK(exact_difference(logits.grad(), same.grad()) == "");

  const Var table(uniform({4, 2}, -1, 1, rng), true);
  Tokens tokens{1, 3, {2, 0, 2}};
  const Var rows = take(table, tokens);
  tokens.ids = {1, 1, 1};
  rows.backward(tensor({{{1, 2}, {3, 4}, {5, 6}}}));
  CHECK(exact_difference(table.grad(), tensor({{3, 4}, {0, 0}, {6, 8}, {0, 0}})) == "");
}

TEST_CASE("a random stream that moves on after the forward pass changes no gradient", "[sweep]") {
  const Var x(ones({4, 1, 30, 2}), true), same(ones({4, 1, 30, 2}), true);
  const auto loss = [](const Var& v, Rng& rng) {
    const Var y = attention(v, v, v, {}, {.dropout = 0.4, .rng = &rng});
    return sum(relu_dropout(dropout(y, 0.4, rng), 0.4, rng) * seed_for(y));
  };
  Rng one(9), other(9);
  loss(same, other).backward();
  const Var y = loss(x, one);
  (void)one.draw();
  one.set_state({1, 2});
  y.backward();
  CHECK(exact_difference(x.grad(), same.grad()) == "");
}

TEST_CASE("a step of an optimiser, or a load, between forward and backward is a StateError",
          "[sweep]") {
  Rng rng(85);
  const nn::Linear layer(3, 2, rng);
  std::string folder = (std::filesystem::temp_directory_path() / "glassgrad.XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()));
  const std::string path = folder + "/weights";
  nn::save(layer, path);
  const auto refused = [&](auto write) {
    sum(layer(ones({4, 3}))).backward();
    const Var loss = sum(layer(Var(ones({4, 3}), true)));
    write();
    CHECK_THROWS_AS(loss.backward(), StateError);
  };
  refused([&] { optim::Sgd(nn::parameters(layer), {.rate = 0.1}).step(); });
  refused([&] { optim::Adam(nn::parameters(layer)).step(); });
  refused([&] { nn::load(layer, path); });
  std::filesystem::remove_all(folder);
}

}  // namespace saved_values_test
