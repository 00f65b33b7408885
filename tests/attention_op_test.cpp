#include "tests/op_table.h"

namespace attention_op_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

using Mask = std::optional<Tensor>;

struct Operands {
  Var q, k, v;
};

Operands random_operands(Index B, Index H, Index T, Index S, Index D, Index E, Rng& rng) {
  const auto random = [&](Shape shape) { return Var(uniform(shape, -2, 2, rng), true); };
  return {random({B, H, T, D}), random({B, H, S, D}), random({B, H, S, E})};
}

// The definition, op by op; the mask must have 4 axes or 2.
Var plain(const Operands& x, const Mask& mask, double p = 0, Rng* rng = nullptr) {
  const double scale = 1 / std::sqrt(static_cast<double>(x.q.size(-1)));
  Var scores = matmul(x.q, x.k.mT()) * scale;  // [B, H, T, S]
  if (mask) scores = where(*mask, scores, -inf);
  Var weights = softmax(scores);  // [B, H, T, S]
  if (p > 0) weights = dropout(weights, p, *rng);
  return matmul(weights, x.v);  // [B, H, T, E]
}

std::array<Tensor, 3> gradients(const Operands& x, const Var& y) {
  for (const Var& leaf : {x.q, x.k, x.v}) leaf.zero_grad();
  Rng rng(1);
  y.backward(uniform(y.shape(), -1, 1, rng));
  return {x.q.grad(), x.k.grad(), x.v.grad()};
}

// "" if both have the same value and the same gradients.
std::string disagreement(const Operands& x, const Var& fused, const Var& composed) {
  std::string report = difference(fused.value(), composed.value());
  const auto a = gradients(x, fused), b = gradients(x, composed);
  for (std::size_t i = 0; i < 3; ++i)
    if (report.empty()) report = difference(a[i], b[i], 10 * tolerance);
  return report;
}

Tensor random_mask(Shape shape, Rng& rng) { return greater(uniform(shape, -1, 1, rng), -0.3); }

Tensor copy(const Tensor& x) { return x.clone(); }

}  // namespace

TEST_CASE("fused attention agrees with the plain composition in value and every gradient") {
  Rng rng(61);
  for (const auto& [B, H, T, S, D, E] : {std::array<Index, 6>{2, 3, 4, 5, 6, 7},
                                         {1, 1, 1, 1, 1, 1},
                                         {2, 2, 1, 5, 4, 4},
                                         {2, 2, 5, 1, 4, 4},
                                         {1, 2, 3, 3, 2, 5},
                                         {2, 1, 9, 17, 8, 8},
                                         {0, 2, 3, 4, 5, 6}}) {
    const Operands x = random_operands(B, H, T, S, D, E, rng);
    INFO(fmt::format("q {} k {} v {}", x.q.shape(), x.k.shape(), x.v.shape()));
    CHECK(attention(x.q, x.k, x.v).shape() == Shape{B, H, T, E});
    CHECK(disagreement(x, attention(x.q, x.k, x.v), plain(x, {})) == "");
    for (const Shape& shape : {Shape{T, S}, Shape{B, H, T, S}, Shape{B, 1, 1, S}, Shape{1, 1, T, S},
                               Shape{1, H, 1, S}}) {
      const Tensor mask = random_mask(shape, rng);
      INFO(fmt::format("mask {}", shape));
      CHECK(disagreement(x, attention(x.q, x.k, x.v, mask), plain(x, mask)) == "");
    }
    const Tensor mask = random_mask({B, T, S}, rng);
    CHECK(disagreement(x, attention(x.q, x.k, x.v, mask), plain(x, mask.unsqueeze(1))) == "");
    CHECK(disagreement(x, attention(x.q, x.k, x.v, {}, {.causal = true}),
                       plain(x, causal_mask(T, S))) == "");
    const Tensor both = mask.unsqueeze(1) * causal_mask(T, S);
    CHECK(disagreement(x, attention(x.q, x.k, x.v, mask, {.causal = true}), plain(x, both)) == "");
    Rng one(7), same(7);
    CHECK(disagreement(x, attention(x.q, x.k, x.v, mask, {.dropout = 0.4, .rng = &one}),
                       plain(x, mask.unsqueeze(1), 0.4, &same)) == "");
    CHECK(one.state() == same.state());
  }
}

TEST_CASE("the gradients of attention are right", "[gradcheck]") {
  Rng rng(62);
  const Operands x = random_operands(2, 2, 3, 4, 3, 2, rng);
  const std::vector<std::pair<std::string, Var>> leaves = {{"q", x.q}, {"k", x.k}, {"v", x.v}};
  Tensor mask = random_mask({2, 3, 4}, rng);
  mask.select(0, 1).select(0, 2).fill(0);  // a query that sees no key
  mask.select(0, 0).select(1, 3).fill(0);  // a key that no query sees
  const auto check = [&](const Mask& m, AttentionOptions options) {
    return wrong_gradient(
        [&] {
          Rng stream(8);
          options.rng = &stream;
          return attention(x.q, x.k, x.v, m, options);
        },
        leaves);
  };
  CHECK(check({}, {}) == "");
  CHECK(check(mask, {}) == "");
  CHECK(check({}, {.causal = true}) == "");
  CHECK(check(mask, {.causal = true, .dropout = 0.3}) == "");
  CHECK(check(mask, {.scale = 0.7}) == "");
}

TEST_CASE("attention over several blocks of queries and keys is the plain composition") {
  Rng rng(64);
  // The last case is so wide that the products of its blocks are cut and packed.
  for (const auto& [T, S, D, E] : {std::array<Index, 4>{97, 129, 5, 3},
                                   {200, 131, 5, 3},
                                   {190, 210, 5, 3},
                                   {5, 300, 5, 3},
                                   {180, 7, 5, 3},
                                   // So many keys or queries that they are summed in halves.
                                   {is_dual ? 3 : 190, 2500, 2, 3},
                                   {4300, 5, 2, 3},
                                   {50, 100, 264, 312}}) {
    if (is_certified && T != 97) continue;  // intervals take long
    const Operands x = random_operands(1, is_dual ? 1 : 2, T, S, D, E, rng);
    const Tensor mask = random_mask({T, S}, rng);
    Rng one(7), same(7);
    INFO(fmt::format("{} queries, {} keys, {} and {} wide", T, S, D, E));
    CHECK(disagreement(x, attention(x.q, x.k, x.v), plain(x, {})) == "");
    CHECK(disagreement(x, attention(x.q, x.k, x.v, {}, {.causal = true}),
                       plain(x, causal_mask(T, S))) == "");
    CHECK(disagreement(x, attention(x.q, x.k, x.v, mask, {.dropout = 0.4, .rng = &one}),
                       plain(x, mask, 0.4, &same)) == "");
    const Tensor both = mask * causal_mask(T, S);
    CHECK(disagreement(
              x, attention(x.q, x.k, x.v, mask, {.causal = true, .dropout = 0.4, .rng = &one}),
              plain(x, both, 0.4, &same)) == "");
  }
}

TEST_CASE("attention over several thousand keys or queries is the plain composition") {
  Rng rng(72);
  for (const auto& [T, S] : {std::pair<Index, Index>{3, 4700}, {60, 2500}, {4300, 3}, {8600, 2}}) {
    if (is_dual && T > 3) continue;  // the plain composition is slow
    const Operands x = random_operands(1, 1, T, S, 3, 2, rng);
    INFO(fmt::format("{} queries, {} keys", T, S));
    CHECK(disagreement(x, attention(x.q, x.k, x.v), plain(x, {})) == "");
    CHECK(disagreement(x, attention(x.q, x.k, x.v, {}, {.causal = true}),
                       plain(x, causal_mask(T, S))) == "");
    // Queries that see none of the first keys, none of the last keys, and no key at all.
    Tensor mask = random_mask({T, S}, rng);
    mask.select(0, 0).slice(0, 0, S / 2 + 1).fill(0);
    mask.select(0, 1).slice(0, S / 2 - 1, S).fill(0);
    mask.select(0, 2).fill(0);
    Rng one(7), same(7);
    CHECK(disagreement(x, attention(x.q, x.k, x.v, mask, {.dropout = 0.4, .rng = &one}),
                       plain(x, mask, 0.4, &same)) == "");
  }
}

TEST_CASE("the gradients of attention are right across blocks", "[gradcheck]") {
  if constexpr (!is_float) {
    Rng rng(66);
    for (const auto& [T, S] : {std::pair<Index, Index>{2, 131}, {178, 2}}) {
      const Operands x = random_operands(1, 1, T, S, 1, 1, rng);
      CHECK(wrong_gradient(
                [&] {
                  Rng stream(8);
                  return attention(x.q, x.k, x.v, {}, {.dropout = 0.3, .rng = &stream});
                },
                {{"q", x.q}, {"k", x.k}, {"v", x.v}}) == "");
    }
  }
}

TEST_CASE("a key that neither mask nor causality lets be seen may hold a NaN") {
  Rng rng(65);
  for (const Index T : {4, 190}) {  // few queries read keys in place, many copy them
    INFO(fmt::format("{} queries", T));
    Operands x = random_operands(1, 2, T, T, 3, 3, rng);
    Tensor mask = ones(Shape{T, T});
    mask.select(1, 2).slice(0, 2, T).fill(0);  // the queries that may see the key under causality
    const Var clean = attention(x.q, x.k, x.v, mask, {.causal = true});
    const auto before = gradients(x, clean);
    for (const Var& leaf : {x.k, x.v}) {
      Tensor row = leaf.value();
      row.select(2, 2).fill(Real(not_a_number));
    }
    const Var dirty = attention(x.q, x.k, x.v, mask, {.causal = true});
    CHECK(exact_difference(dirty.value(), clean.value()) == "");
    const auto after = gradients(x, dirty);
    for (std::size_t i = 0; i < 3; ++i) CHECK(exact_difference(after[i], before[i]) == "");
  }
}

TEST_CASE("the memory of attention grows with the length, not with its square") {
  const auto alive = [](Index T) {
    Rng rng(1);
    const Operands x = random_operands(1, 1, T, T, 4, 4, rng);
    const Index before = live_bytes();
    const Var y = attention(x.q, x.k, x.v, {}, {.causal = true, .dropout = 0.1, .rng = &rng});
    return live_bytes() - before;
  };
  CHECK(alive(64) > 0);
  CHECK(alive(128) == 2 * alive(64));
  CHECK(alive(256) == 4 * alive(64));
}

TEST_CASE("attention writes all of its results, whatever lay in their memory") {
  Rng rng(75);
  for (const auto& [T, S] :
       {std::pair<Index, Index>{1, 1}, {5, 9}, {9, 9}, {9, 5}, {40, 3}, {3, 0}, {180, 2}, {2, 100}})
    for (const bool causal : {false, true})
      for (const bool split : {false, true}) {
        INFO(fmt::format("{} queries, {} keys, causal {}, split {}", T, S, causal, split));
        const auto heads = [&, apart = split](Index length) {
          const Tensor x = uniform({2, length, 3, 4}, -1, 1, rng).transpose(1, 2);
          return Var(apart ? x : x.contiguous(), true);
        };
        const Operands x{heads(T), heads(S), heads(S)};
        const Var expected = plain(x, causal ? Mask(causal_mask(T, S)) : Mask());
        // The next tensors of these sizes will probably reuse this memory.
        const auto spoil = [&, lengths = {T, S}] {
          std::vector<Tensor> garbage;
          for (const Index length : lengths)
            for (int i = 0; i < 8; ++i) garbage.push_back(full({2, 3, length, 4}, not_a_number));
        };
        spoil();
        const Var y = attention(x.q, x.k, x.v, {}, {.causal = causal});
        spoil();
        CHECK(disagreement(x, y, expected) == "");
      }
}

TEST_CASE("attention reads heads that were split by a transpose") {
  Rng rng(63);
  for (const auto& [T, S] : {std::pair<Index, Index>{5, 6}, {180, 130}}) {
    INFO(fmt::format("{} queries, {} keys", T, S));
    const auto split = [&](Index length) {
      return Var(uniform({2, length, 3, 4}, -1, 1, rng).transpose(1, 2), true);
    };
    const Operands x{split(T), split(S), split(S)};
    CHECK(disagreement(x, attention(x.q, x.k, x.v), plain(x, {})) == "");
    CHECK(exact_difference(attention(x.q.value(), x.k.value(), x.v.value()),
                           attention(x.q, x.k, x.v).value()) == "");
  }
}

TEST_CASE("every query's context is a weighted mean of the values it sees") {
  Rng rng(64);
  const Operands x = random_operands(2, 2, 3, 4, 5, 1, rng);
  CHECK(difference(attention(x.q.value(), x.k.value(), ones({2, 2, 4, 1})), ones({2, 2, 3, 1})) ==
        "");
  // With very large scores each query has weight 1 on exactly one key.
  const Tensor q = eye(4).reshape({1, 1, 4, 4}) * 1e4, k = eye(4).reshape({1, 1, 4, 4}) * 2;
  const Tensor v = arange(4).reshape({1, 1, 4, 1});
  CHECK(exact_difference(attention(q, k, v), v) == "");
  CHECK(exact_difference(attention(q * -1, k, v).slice(2, 0, 1), full({1, 1, 1, 1}, 2)) == "");
}

// ---- masks ----

TEST_CASE("a mask of 3 axes is [B, T, S], never [H, T, S], also where B = H") {
  Rng rng(65);
  const Operands x = random_operands(2, 2, 3, 4, 5, 4, rng);
  const Tensor mask = random_mask({2, 3, 4}, rng);
  const Tensor y = attention(x.q, x.k, x.v, mask).value();
  CHECK(exact_difference(y, attention(x.q, x.k, x.v, mask.unsqueeze(1)).value()) == "");
  CHECK(difference(y, attention(x.q, x.k, x.v, mask.unsqueeze(0)).value()) != "");
  const Operands wide = random_operands(2, 3, 3, 4, 5, 4, rng);
  CHECK_THROWS_AS(attention(wide.q, wide.k, wide.v, zeros({3, 3, 4})), ShapeError);
}

TEST_CASE("0 blocks and any positive finite number attends") {
  Rng rng(66);
  const Operands x = random_operands(1, 1, 2, 3, 4, 2, rng);
  const Tensor mask = tensor({{1, 0, 1}, {0, 1, 1}});
  const Tensor same = tensor({{3, 0, 0.001}, {-0.0, 1e30, 1e-30}});
  CHECK(exact_difference(attention(x.q, x.k, x.v, same).value(),
                         attention(x.q, x.k, x.v, mask).value()) == "");
  CHECK(exact_difference(attention(x.q, x.k, x.v, from_torch_mask(1 - mask)).value(),
                         attention(x.q, x.k, x.v, mask).value()) == "");
  CHECK(exact_difference(attention(x.q, x.k, x.v, from_additive_mask((mask - 1) * 1e9)).value(),
                         attention(x.q, x.k, x.v, mask).value()) == "");
  CHECK(exact_difference(attention(x.q, x.k, x.v, ones({2, 3})).value(),
                         attention(x.q, x.k, x.v).value()) == "");
}

TEST_CASE("a mask with a number that is negative or not finite names the two conversions") {
  Rng rng(66);
  const Operands x = random_operands(2, 2, 3, 4, 4, 2, rng);
  for (const double bad : {-inf, inf, not_a_number, -1.0, -1e-30, -1e9})
    for (const Shape& shape :
         {Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 2, 3, 4}, Shape{1, 1, 1, 4}, Shape{3, 1}}) {
      INFO(bad << " " << fmt::format("{}", shape));
      Tensor mask = ones(shape);
      mask.data()[mask.numel() - 1] = static_cast<Real>(bad);
      CHECK_THROWS_WITH(
          attention(x.q, x.k, x.v, mask),
          ContainsSubstring("from_torch_mask") && ContainsSubstring("from_additive_mask"));
    }
}

TEST_CASE("an additive mask converts where it only blocks, and a bias is an error") {
  CHECK(exact_difference(from_additive_mask(tensor({{0, -inf, -1e9}, {-0.0, -10000, 0}})),
                         tensor({{1, 0, 0}, {1, 0, 1}})) == "");
  CHECK(from_additive_mask(zeros({2, 0})).shape() == Shape{2, 0});
  for (const double bias : {-1.0, 0.5, inf, not_a_number, -9999.0})
    CHECK_THROWS_AS(from_additive_mask(tensor({0, bias})), ShapeError);
}

TEST_CASE("masks of other ranks or sizes are errors that show the shapes") {
  Rng rng(67);
  const Operands x = random_operands(2, 3, 4, 5, 6, 6, rng);
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{5, 4}, Shape{3, 4, 5}, Shape{2, 4, 4},
                             Shape{2, 2, 4, 5}, Shape{1, 2, 3, 4, 5}, Shape{2, 0}}) {
    INFO(fmt::format("{}", shape));
    CHECK_THROWS_AS(attention(x.q, x.k, x.v, ones(shape)), ShapeError);
    CHECK_THROWS_WITH(attention(x.q, x.k, x.v, ones(shape)),
                      ContainsSubstring("attention") && ContainsSubstring("[2, 3, 4, 5]") &&
                          ContainsSubstring(fmt::format("{}", shape)));
  }
}

TEST_CASE("operands that do not fit are errors that show all three shapes") {
  const auto expect = [](Shape q, Shape k, Shape v) {
    const std::string shapes = fmt::format("{}, {}, {}", q, k, v);
    CHECK_THROWS_WITH(attention(zeros(q), zeros(k), zeros(v)), ContainsSubstring(shapes));
    CHECK_THROWS_AS(attention(zeros(q), zeros(k), zeros(v)), ShapeError);
  };
  expect({2, 3, 4}, {2, 3, 4}, {2, 3, 4});
  expect({1, 2, 3, 4}, {1, 2, 3, 5}, {1, 2, 3, 5});
  expect({1, 2, 3, 4}, {1, 2, 5, 4}, {1, 2, 6, 4});
  expect({1, 2, 3, 4}, {2, 2, 3, 4}, {2, 2, 3, 4});
  expect({1, 2, 3, 4}, {1, 1, 3, 4}, {1, 1, 3, 4});
}

TEST_CASE("a query that sees no key gives 0 and gets and sends gradient 0") {
  Rng rng(68);
  const Operands x = random_operands(2, 2, 3, 4, 3, 2, rng);
  Tensor mask = ones({2, 3, 4});
  mask.select(0, 1).select(0, 2).fill(0);
  const Var y = attention(x.q, x.k, x.v, mask);
  CHECK(exact_difference(y.value().select(0, 1).select(1, 2), zeros({2, 2})) == "");
  const auto [dq, dk, dv] = gradients(x, y);
  CHECK(exact_difference(dq.select(0, 1).select(1, 2), zeros({2, 3})) == "");

  // The gradients of keys and values are the same as without this query.
  const Operands rest{Var(x.q.value().slice(2, 0, 2).slice(0, 1, 2), true),
                      Var(x.k.value().slice(0, 1, 2), true), Var(x.v.value().slice(0, 1, 2), true)};
  Rng seed(1);
  const Tensor g = uniform({2, 2, 3, 2}, -1, 1, seed).slice(0, 1, 2).slice(2, 0, 2);
  attention(rest.q, rest.k, rest.v).backward(g);
  CHECK(difference(dk.slice(0, 1, 2), rest.k.grad()) == "");
  CHECK(difference(dv.slice(0, 1, 2), rest.v.grad()) == "");

  const Var nothing = attention(x.q, x.k, x.v, zeros({3, 4}));
  CHECK(exact_difference(nothing.value(), zeros({2, 2, 3, 2})) == "");
  const auto zero = gradients(x, nothing);
  CHECK(exact_difference(zero[0], zeros({2, 2, 3, 3})) == "");
  CHECK(exact_difference(zero[1], zeros({2, 2, 4, 3})) == "");
  CHECK(exact_difference(zero[2], zeros({2, 2, 4, 2})) == "");
}

TEST_CASE("keys that nobody sees may hold anything without a trace in values or gradients") {
  Rng rng(69);
  for (const double garbage : {not_a_number, inf, -inf, 1e30}) {
    const Operands clean = random_operands(2, 2, 3, 4, 3, 2, rng);
    const auto spoil = [&](const Var& x) {
      const Tensor y = copy(x.value());
      y.select(0, 1).slice(1, 2, 4).fill(
          static_cast<Real>(garbage));  // the last two keys of the second entry
      return Var(y, true);
    };
    const Operands dirty{clean.q, spoil(clean.k), spoil(clean.v)};
    Tensor padding = ones({2, 1, 1, 4});
    padding.select(0, 1).slice(2, 2, 4).fill(0);
    Tensor per_query = ones({2, 3, 4});
    per_query.select(0, 1).slice(1, 2, 4).fill(0);
    per_query.select(0, 0).select(0, 1).fill(0);
    Tensor per_head = ones({2, 2, 3, 4});
    per_head.select(0, 1).slice(2, 2, 4).fill(0);
    for (const Tensor& mask : {padding, per_query, per_head})
      for (const bool causal : {false, true}) {
        INFO(garbage << fmt::format(" mask {} causal {}", mask.shape(), causal));
        Rng one(9), same(9);
        const Var a = attention(clean.q, clean.k, clean.v, mask,
                                {.causal = causal, .dropout = 0.2, .rng = &one});
        const Var b = attention(dirty.q, dirty.k, dirty.v, mask,
                                {.causal = causal, .dropout = 0.2, .rng = &same});
        CHECK(exact_difference(b.value(), a.value()) == "");
        const auto expected = gradients(clean, a), got = gradients(dirty, b);
        for (std::size_t i = 0; i < 3; ++i) CHECK(exact_difference(got[i], expected[i]) == "");
        for (std::size_t i = 1; i < 3; ++i) {
          const Tensor hidden = got[i].select(0, 1).slice(1, 2, 4);
          CHECK(exact_difference(hidden, zeros(hidden.shape())) == "");
        }
      }
  }
}

// ---- causal ----

TEST_CASE("causal lets query i see key j where j ≤ i + (S − T)") {
  for (Index T = 1; T <= 5; ++T)
    for (Index S = 1; S <= 5; ++S) {
      const auto seen = [&](auto& p) { return p[1] <= p[0] + S - T ? 1.0 : 0.0; };
      CHECK(difference(causal_mask(T, S), {T, S}, seen, 0) == "");
      // Equal scores: the context is the plain mean of the visible values.
      const Tensor v = arange(S).reshape({1, 1, S, 1});
      const auto mean_of_seen = [&](auto& p) {
        const Index count = std::max<Index>(p[2] + S - T + 1, 0);
        return count == 0 ? 0.0 : static_cast<double>(count - 1) / 2;
      };
      CHECK(difference(attention(zeros({1, 1, T, 2}), zeros({1, 1, S, 2}), v, {}, {.causal = true}),
                       {1, 1, T, 1}, mean_of_seen) == "");
    }
}

TEST_CASE("a causal context does not depend on later keys") {
  Rng rng(70);
  const Operands x = random_operands(1, 2, 5, 5, 3, 3, rng);
  const Tensor full = attention(x.q, x.k, x.v, {}, {.causal = true}).value();
  for (Index n = 1; n <= 5; ++n) {
    const auto first = [n](const Var& y) { return y.value().slice(2, 0, n); };
    const Tensor part = attention(first(x.q), first(x.k), first(x.v), {}, {.causal = true});
    CHECK(difference(part, full.slice(2, 0, n)) == "");
  }
}

// ---- dropout ----

TEST_CASE("dropout of attention draws once, from the stream that it was given") {
  Rng rng(71);
  const Operands x = random_operands(1, 2, 3, 4, 5, 6, rng);
  Rng stream(10);
  (void)attention(x.q, x.k, x.v, {}, {.rng = &stream});
  CHECK(stream.state() == Rng(10).state());
  (void)attention(x.q, x.k, x.v, {}, {.dropout = 0.5, .rng = &stream});
  CHECK(stream.state().second == 1);
  CHECK_THROWS_AS(attention(x.q, x.k, x.v, {}, {.dropout = 0.5}), StateError);
  for (const double p : {1.0, -0.5})
    CHECK_THROWS_AS(attention(x.q, x.k, x.v, {}, {.dropout = p, .rng = &stream}), ShapeError);
}

TEST_CASE("attention over no keys is 0, over no queries empty") {
  CHECK(exact_difference(attention(ones({1, 2, 3, 4}), ones({1, 2, 0, 4}), ones({1, 2, 0, 5})),
                         zeros({1, 2, 3, 5})) == "");
  CHECK(attention(ones({1, 2, 0, 4}), ones({1, 2, 3, 4}), ones({1, 2, 3, 5})).shape() ==
        Shape{1, 2, 0, 5});
  CHECK(attention(ones({1, 2, 0, 4}), ones({1, 2, 3, 4}), ones({1, 2, 3, 5}), ones({0, 3}),
                  {.causal = true})
            .shape() == Shape{1, 2, 0, 5});
}

}  // namespace attention_op_test
