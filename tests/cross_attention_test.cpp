// B batch, T query length, S key length, C width, H heads, D width of a head
#include "autograd/gradcheck.h"
#include "nn/attention.h"
#include "tests/op_table.h"

namespace cross_attention_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

Tensor some(const Shape& shape, std::uint64_t seed = 5) {
  Rng rng(seed);
  return uniform(shape, -1, 1, rng);
}

// A random mask in which every query sees its first key at least.
Tensor some_mask(const Shape& shape, std::uint64_t seed = 9) {
  Tensor mask = greater(some(shape, seed), 0);
  mask.slice(-1, 0, 1).fill(1);
  return mask;
}

nn::CrossAttention make(Index dim, Index heads,
                        nn::CrossAttentionOptions options = {.dropout = 0}) {
  Rng rng(1);
  return nn::CrossAttention(dim, heads, rng, options);
}

// The article's formula: headᵢ = Attention(Q Wᵢ, K Wᵢ, V Wᵢ), Concat(head₁ … head_H) Wᴼ, every head
// with its own slice of the weights. The mask has the shape [B, H, T, S].
struct PerHead {
  Tensor output;   // [B, T, C]
  Tensor weights;  // [B, H, T, S]
};
PerHead per_head(const nn::CrossAttention& layer, const Tensor& query, const Tensor& key,
                 const Tensor& value, const std::optional<Tensor>& mask = {}) {
  const Index width = layer.q_proj.weight.size(0) / layer.heads;
  const auto project = [&](const Tensor& x, const nn::Linear& linear, Index head) {
    const Tensor w = linear.weight.value().slice(0, head * width, (head + 1) * width);  // [D, C]
    const Tensor y = matmul(x, w.mT());                                                 // [B, T, D]
    return linear.has_bias ? y + linear.bias.value().slice(0, head * width, (head + 1) * width) : y;
  };
  std::vector<Tensor> heads, weights;
  for (Index h = 0; h < layer.heads; ++h) {
    const Tensor q = project(query, layer.q_proj, h);
    const Tensor k = project(key, layer.k_proj, h);
    const Tensor v = project(value, layer.v_proj, h);
    Tensor scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(width));  // [B, T, S]
    if (mask) scores = where(mask->select(1, h), scores, -inf);
    weights.push_back(softmax(scores));
    heads.push_back(matmul(weights.back(), v));  // [B, T, D]
  }
  return {layer.out_proj(cat(heads, -1)).value(), stack(weights, 1)};
}

bool finite(const Tensor& x) {
  for (const Real v : x.to_vector())
    if (!std::isfinite(static_cast<double>(v))) return false;
  return true;
}

}  // namespace

// ---- the computation ----

TEST_CASE("the article's example: [8, 10, 512] over [8, 20, 512] gives [8, 10, 512]") {
  if constexpr (is_certified) return;  // an operation on intervals takes a hundred times as long
  Rng rng(42);
  const nn::CrossAttention attention(512, 8, rng);
  CHECK(attention.q_proj.weight.shape() == Shape{512, 512});
  CHECK(attention.out_proj.bias.shape() == Shape{512});
  const Tensor query = normal({8, 10, 512}, 0, 1, rng), key = normal({8, 20, 512}, 0, 1, rng);
  Tensor weights;
  const Var output = attention(query, key, key, {}, &weights);
  CHECK(output.shape() == Shape{8, 10, 512});
  CHECK(weights.shape() == Shape{8, 8, 10, 20});
  CHECK(difference(sum(weights, -1), ones({8, 8, 10})) == "");
  CHECK(nn::count_parameters(attention) == 4 * (512 * 512 + 512));
}

TEST_CASE("packed projections equal the article's formula head by head") {
  for (const Index heads : {1, 2, 4, 8}) {
    const nn::CrossAttention layer = make(8, heads);
    const Tensor query = some({2, 3, 8}, 1), key = some({2, 5, 8}, 2), value = some({2, 5, 8}, 3);
    Tensor weights;
    const PerHead expected = per_head(layer, query, key, value);
    CHECK(difference(layer(query, key, value).value(), expected.output) == "");
    CHECK(difference(layer(query, key, value, {}, &weights).value(), expected.output) == "");
    CHECK(difference(weights, expected.weights) == "");
  }
}

TEST_CASE("keys and values may have widths of their own") {
  const nn::CrossAttention layer =
      make(8, 2, {.dropout = 0, .bias = false, .key_dim = 6, .value_dim = 5});
  CHECK(layer.k_proj.weight.shape() == Shape{8, 6});
  CHECK(layer.v_proj.weight.shape() == Shape{8, 5});
  const Tensor query = some({2, 3, 8}, 1), key = some({2, 4, 6}, 2), value = some({2, 4, 5}, 3);
  CHECK(difference(layer(query, key, value).value(), per_head(layer, query, key, value).output) ==
        "");
  CHECK(nn::named_parameters(layer).size() == 4);
  CHECK_THROWS_AS(layer(query, some({2, 4, 8}), value), ShapeError);
}

TEST_CASE("all sizes may be 1, and the batch may be empty") {
  for (const Index batch : {0, 1, 2})
    for (const Index queries : {1, 3})
      for (const Index keys : {1, 4})
        for (const Index heads : {1, 4}) {
          const nn::CrossAttention layer = make(4, heads);
          const Tensor query = some({batch, queries, 4}, 1), key = some({batch, keys, 4}, 2);
          const std::vector<std::optional<Tensor>> masks{std::nullopt, ones({queries, keys})};
          for (const auto& mask : masks) {
            Tensor weights;
            CHECK(difference(layer(query, key, key, mask).value(),
                             per_head(layer, query, key, key).output) == "");
            CHECK(layer(query, key, key, mask, &weights).shape() == Shape{batch, queries, 4});
            CHECK(weights.shape() == Shape{batch, heads, queries, keys});
          }
          const Var x(query, true);
          sum(layer(x, key, key)).backward();
          CHECK(x.grad().shape() == query.shape());
        }
}

TEST_CASE("with query = key = value the same layer is self-attention") {
  const nn::CrossAttention layer = make(8, 2);
  const Var x = some({2, 4, 8});
  CHECK(difference(layer(x, x, x).value(),
                   layer(x, x.value().clone(), x.value().clone()).value()) == "");
  // A later position does not change the output of an earlier position.
  Tensor changed = x.value().clone();
  changed.slice(1, 2, 4).fill(3);
  const Tensor mask = nn::causal_mask(4);
  CHECK(difference(layer(changed, changed, changed, mask).value().slice(1, 0, 2),
                   layer(x, x, x, mask).value().slice(1, 0, 2)) == "");
}

TEST_CASE("the projections start as Linear does, and are named as in the checkpoint") {
  const nn::CrossAttention layer = make(16, 4);
  std::vector<std::string> names;
  for (const auto& [name, p] : nn::named_parameters(layer)) names.push_back(name);
  CHECK(names == std::vector<std::string>{"q_proj.weight", "q_proj.bias", "k_proj.weight",
                                          "k_proj.bias", "v_proj.weight", "v_proj.bias",
                                          "out_proj.weight", "out_proj.bias"});
  for (const Var& p : nn::parameters(layer)) {
    CHECK(exact_difference(less(abs(p.value()), 0.2501), ones(p.shape())) == "");
    CHECK(exact_difference(p.value(), zeros(p.shape())) != "");
  }
}

// ---- errors ----

TEST_CASE("embed_dim must divide by num_heads") {
  Rng rng(1);
  CHECK_THROWS_AS(nn::CrossAttention(10, 3, rng), ShapeError);
  CHECK_THROWS_WITH(nn::CrossAttention(10, 3, rng), ContainsSubstring("10 and 3"));
  CHECK_THROWS_AS(nn::CrossAttention(10, 0, rng), ShapeError);
  CHECK_THROWS_AS(nn::CrossAttention(10, -2, rng), ShapeError);
  CHECK_THROWS_AS(nn::CrossAttention(10, 2, rng, {.dropout = 1}), ShapeError);
}

TEST_CASE("inputs that do not fit together are shape errors") {
  const nn::CrossAttention layer = make(8, 2);
  const Tensor query = zeros({2, 3, 8}), key = zeros({2, 5, 8});
  CHECK_THROWS_AS(layer(zeros({3, 8}), key, key), ShapeError);
  CHECK_THROWS_AS(layer(query, zeros({5, 8}), zeros({5, 8})), ShapeError);
  CHECK_THROWS_AS(layer(query, zeros({1, 5, 8}), zeros({1, 5, 8})), ShapeError);
  CHECK_THROWS_AS(layer(query, key, zeros({2, 4, 8})), ShapeError);
  CHECK_THROWS_AS(layer(query, key, zeros({3, 5, 8})), ShapeError);
  CHECK_THROWS_AS(layer(query, zeros({2, 5, 6}), key), ShapeError);
  CHECK_THROWS_AS(layer(zeros({2, 3, 4}), key, key), ShapeError);
  CHECK_THROWS_WITH(layer(query, key, zeros({2, 4, 8})),
                    ContainsSubstring("[2, 3, 8], [2, 5, 8], [2, 4, 8]"));
}

TEST_CASE("a mask of a wrong rank or size is a shape error that names both shapes") {
  const nn::CrossAttention layer = make(8, 2);
  const Tensor query = zeros({3, 4, 8}), key = zeros({3, 5, 8});
  for (const Shape& wrong :
       {Shape{}, Shape{5}, Shape{5, 4}, Shape{4, 4}, Shape{2, 4, 5}, Shape{3, 5, 4},
        Shape{3, 3, 4, 5}, Shape{2, 2, 4, 5}, Shape{1, 3, 2, 4, 5}}) {
    Tensor weights;
    CHECK_THROWS_AS(layer(query, key, key, ones(wrong)), ShapeError);
    CHECK_THROWS_AS(layer(query, key, key, ones(wrong), &weights), ShapeError);
    CHECK_THROWS_WITH(
        layer(query, key, key, ones(wrong)),
        ContainsSubstring("[3, 2, 4, 5]") && ContainsSubstring(fmt::format("{}", wrong)));
  }
}

// ---- masks; with B = H a mask on the wrong axis does not throw, so values must show it ----

TEST_CASE("a mask of 2 axes is [T, S], of 3 always [B, T, S], of 4 broadcasts to [B, H, T, S]") {
  const Index B = 2, H = 2, T = 3, S = 4;
  const nn::CrossAttention layer = make(8, H);
  const Tensor query = some({B, T, 8}, 1), key = some({B, S, 8}, 2);
  const auto check_mask = [&](const Tensor& mask, const Tensor& wide) {
    INFO(fmt::format("{}", mask.shape()));
    const PerHead expected = per_head(layer, query, key, key, wide.expand({B, H, T, S}));
    Tensor weights;
    CHECK(difference(layer(query, key, key, mask).value(), expected.output) == "");
    CHECK(difference(layer(query, key, key, mask, &weights).value(), expected.output) == "");
    CHECK(difference(weights, expected.weights) == "");
  };
  const Tensor two = some_mask({T, S}), three = some_mask({B, T, S});
  check_mask(two, two);
  check_mask(three, three.unsqueeze(1));
  CHECK(exact_difference(three.select(0, 0), three.select(0, 1)) != "");
  for (const Shape& shape :
       {Shape{B, H, T, S}, Shape{1, H, T, S}, Shape{B, 1, T, S}, Shape{B, 1, 1, S},
        Shape{1, 1, 1, S}, Shape{B, H, T, 1}, Shape{1, 1, 1, 1}}) {
    const Tensor four = some_mask(shape);
    check_mask(four, four);
  }
}

TEST_CASE("0 blocks and a positive number attends, and torch's masks say the opposite") {
  const nn::CrossAttention layer = make(8, 2);
  const Tensor query = some({2, 3, 8}, 1), key = some({2, 4, 8}, 2);
  const Tensor mask = some_mask({3, 4});
  const Tensor y = layer(query, key, key, mask).value();
  for (const double attends : {1e-30, 0.25, 7.0, 1e30})
    CHECK(exact_difference(layer(query, key, key, where(mask, attends, 0)).value(), y) == "");
  CHECK(exact_difference(layer(query, key, key, from_torch_mask(1 - mask)).value(), y) == "");
}

TEST_CASE("a mask that is no mask of ours is an error, whether the weights are asked for or not") {
  const nn::CrossAttention layer = make(8, 2);
  const Tensor query = some({2, 3, 8}, 1), key = some({2, 4, 8}, 2);
  Tensor weights;
  for (const double bad : {-1.0, -inf, inf, not_a_number})
    for (const Shape& shape : {Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 2, 3, 4}, Shape{2, 1, 1, 4}}) {
      Tensor mask = ones(shape);
      mask.data()[0] = static_cast<Real>(bad);
      for (Tensor* const ask : {static_cast<Tensor*>(nullptr), &weights}) {
        CHECK_THROWS_AS(layer(query, key, key, mask, ask), ShapeError);
        CHECK_THROWS_WITH(layer(query, key, key, mask, ask), ContainsSubstring("from_torch_mask"));
      }
    }
  for (const Shape& shape : {Shape{}, Shape{4}, Shape{5, 4}, Shape{1, 2, 2, 3, 4}}) {
    INFO(fmt::format("{}", shape));
    CHECK_THROWS_WITH(layer(query, key, key, ones(shape)), ContainsSubstring("a mask must be"));
  }
  // The two halves of the layer check the mask too, and name themselves in the error.
  CHECK_THROWS_WITH(layer.keys_values(key, key, full({3, 4}, Real(-inf))),
                    ContainsSubstring("from_additive_mask"));
  CHECK_THROWS_WITH(layer.keys_values(zeros({8}), zeros({8})), ContainsSubstring("[B, S, Ck]"));
  CHECK_THROWS_WITH(layer.keys_values(key, zeros({2, 5, 8})), ContainsSubstring("[B, S, Cv]"));
  CHECK_THROWS_WITH(layer.attend(zeros({8}), layer.keys_values(key, key)),
                    ContainsSubstring("query [B, T, C]"));
  CHECK_THROWS_WITH(layer.attend(zeros({3, 3, 8}), layer.keys_values(key, key)),
                    ContainsSubstring("query [B, T, C]"));
  CHECK_THROWS_WITH(layer.attend(query, {key, zeros({2, 4, 2})}),
                    ContainsSubstring("projected keys and values"));
  CHECK_THROWS_WITH(layer.keys_values(key, key, ones({4})), ContainsSubstring("a mask must be"));
  CHECK_THROWS_WITH(layer.keys_values(key, key, ones({})), ContainsSubstring("a mask must be"));
  CHECK_THROWS_WITH(layer.keys_values(key, key, ones({3, 5})), ContainsSubstring("a mask must be"));
}

TEST_CASE("asking for the weights changes no output beyond rounding, over many like keys too") {
  if constexpr (is_float) {
    Rng rng(5);
    const nn::CrossAttention layer(4, 1, rng, {.dropout = 0});
    const Index S = 100'000;
    const Tensor query = ones({1, 1, 4}), key = full({1, S, 4}, Real(-0.3));
    Tensor(key).select(1, S / 3).fill(0);
    Tensor weights;
    const Tensor y = layer(query, key, key).value();
    const Tensor seen = layer(query, key, key, {}, &weights).value();
    CHECK(difference(seen, y, 5e-6) == "");
  }
}

TEST_CASE("a query that sees no key gets weights 0, context 0 and gradient 0") {
  const nn::CrossAttention layer = make(8, 2);
  const Var query(some({2, 3, 8}, 1), true), key(some({2, 4, 8}, 2), true),
      value(some({2, 4, 8}, 3), true);
  Tensor mask = ones({2, 3, 4});
  mask.select(0, 1).select(0, 2).fill(0);
  for (const bool ask : {false, true}) {
    for (const Var& x : {query, key, value}) x.zero_grad();
    Tensor weights;
    const Var y = layer(query, key, value, mask, ask ? &weights : nullptr);
    CHECK(exact_difference(y.value().select(0, 1).select(0, 2), layer.out_proj.bias.value()) == "");
    if (ask) {
      CHECK(exact_difference(weights.select(0, 1).select(1, 2), zeros({2, 4})) == "");
      CHECK(difference(sum(weights, -1).select(0, 0), ones({2, 3})) == "");
    }
    sum(y * y).backward();
    CHECK(exact_difference(query.grad().select(0, 1).select(0, 2), zeros({8})) == "");
    CHECK(exact_difference(query.grad().select(0, 1).select(0, 1), zeros({8})) != "");
    for (const Var& x : {query, key, value}) CHECK(finite(x.grad()));
    for (const Var& p : nn::parameters(layer)) CHECK(finite(p.grad()));
  }
}

TEST_CASE("a mask that blocks everything leaves the bias of the output and no gradient before it") {
  const nn::CrossAttention layer = make(8, 2);
  const Var query(some({2, 3, 8}, 1), true), key(some({2, 4, 8}, 2), true);
  const Var y = layer(query, key, key, zeros({3, 4}));
  CHECK(exact_difference(y.value(), layer.out_proj.bias.value().expand({2, 3, 8})) == "");
  sum(y).backward();
  CHECK(exact_difference(query.grad(), zeros({2, 3, 8})) == "");
  CHECK(exact_difference(key.grad(), zeros({2, 4, 8})) == "");
  CHECK(exact_difference(layer.v_proj.bias.grad(), zeros({8})) == "");
}

TEST_CASE("what nobody may see leaves no trace in output or gradients, be it NaN or infinite") {
  const nn::CrossAttention layer = make(8, 2);
  const Tensor query = some({2, 3, 8}, 1), clean = some({2, 4, 8}, 2);
  Tensor batch_mask = ones({2, 1, 1, 4}), head_mask = some_mask({2, 2, 3, 4});
  batch_mask(0, 0, 0, 3) = batch_mask(1, 0, 0, 0) = 0;
  head_mask.select(0, 0).select(-1, 3).fill(0);
  head_mask.select(0, 1).select(-1, 0).fill(0);
  for (const Tensor& mask : {batch_mask, head_mask})
    for (const double poison : {not_a_number, inf, -inf})
      for (const bool ask : {false, true})
        for (const bool both : {false, true}) {
          // The output, the weights and every gradient, for given numbers in the hidden keys.
          const auto traces = [&](double content) {
            Tensor hidden = clean.clone();
            hidden.select(0, 0).select(0, 3).fill(static_cast<Real>(content));
            hidden.select(0, 1).select(0, 0).fill(static_cast<Real>(content));
            const Var q(query, true), k(hidden, true), v = both ? k : Var(hidden.clone(), true);
            for (const Var& p : nn::parameters(layer)) p.zero_grad();
            Tensor weights(0);
            const Var y = layer(q, k, v, mask, ask ? &weights : nullptr);
            sum(y * y).backward();
            std::vector<Tensor> result{y.value(), weights, q.grad(), k.grad(), v.grad()};
            for (const Var& p : nn::parameters(layer)) result.push_back(p.grad());
            return result;
          };
          const std::vector<Tensor> with = traces(poison), without = traces(0.5);
          for (std::size_t i = 0; i < with.size(); ++i) {
            INFO(i);
            CHECK(exact_difference(with[i], without[i]) == "");
            CHECK(finite(with[i]));
          }
          CHECK(exact_difference(with[3].select(0, 0).select(0, 3), zeros({8})) == "");
        }
}

// ---- in two halves ----

TEST_CASE("keys and values that are projected once serve every query") {
  const nn::CrossAttention layer = make(8, 2);
  const Tensor query = some({2, 3, 8}, 1), key = some({2, 4, 8}, 2), value = some({2, 4, 8}, 3);
  for (const Shape& shape : {Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 1, 1, 4}, Shape{2, 2, 3, 4}}) {
    const Tensor mask = some_mask(shape);
    Tensor weights, part_weights;
    const Tensor whole = layer(query, key, value, mask, &weights).value();
    const nn::KeysValues seen = layer.keys_values(key, value, mask);
    CHECK(seen.keys.shape() == Shape{2, 4, 8});
    for (Index t = 0; t < 3; ++t) {
      const Tensor part_mask = mask.size(-2) == 1 ? mask : mask.slice(-2, t, t + 1);
      const Tensor part = query.slice(1, t, t + 1);  // [B, 1, C]
      CHECK(difference(layer.attend(part, seen, part_mask).value(), whole.slice(1, t, t + 1)) ==
            "");
      (void)layer.attend(part, seen, part_mask, &part_weights);
      CHECK(difference(part_weights, weights.slice(2, t, t + 1)) == "");
    }
    CHECK_THROWS_AS(layer.attend(query, seen, ones({3, 5})), ShapeError);
  }
}

// ---- weights and dropout ----

TEST_CASE("returned weights are those before dropout: rows sum to 1") {
  const nn::CrossAttention layer = make(8, 2, {.dropout = 0.5}), plain = make(8, 2);
  const Tensor query = some({2, 3, 8}, 1), key = some({2, 4, 8}, 2);
  Tensor weights, expected;
  (void)layer(query, key, key, {}, &weights);
  CHECK(difference(sum(weights, -1), ones({2, 2, 3})) == "");
  (void)plain(query, key, key, {}, &expected);
  CHECK(expected.shape() == Shape{2, 2, 3, 4});
  CHECK(exact_difference(weights, expected) == "");
}

TEST_CASE("asking for the weights changes neither output nor gradients, with dropout on too") {
  for (const double p : {0.0, 0.4}) {
    const nn::CrossAttention quiet = make(16, 4, {.dropout = p}), asked = quiet;
    const Tensor query = some({3, 5, 16}, 1), key = some({3, 6, 16}, 2);
    const Tensor mask = some_mask({3, 5, 6});
    for (int call = 0; call < 3; ++call) {  // both random streams advance alike
      Tensor weights;
      const Var y = quiet(query, key, key, mask), z = asked(query, key, key, mask, &weights);
      const auto scale = static_cast<double>(max(abs(y.value()).reshape({-1}), 0).item());
      CHECK(allclose(z.value(), y.value(), 0, 1e-5 * scale));
      sum(y * y).backward();
      sum(z * z).backward();
    }
    const auto ours = nn::parameters(quiet), theirs = nn::parameters(asked);
    for (std::size_t i = 0; i < ours.size(); ++i)
      CHECK(difference(ours[i].grad(), theirs[i].grad(), is_float ? 1e-4 : 1e-10) == "");
  }
}

TEST_CASE("dropout of the weights is repeated by the seed, and off in eval mode") {
  nn::CrossAttention a = make(8, 2, {.dropout = 0.5}), b = make(8, 2, {.dropout = 0.5});
  const Tensor x = some({2, 6, 8});
  const Tensor first = a(x, x, x).value(), second = a(x, x, x).value();
  CHECK(exact_difference(first, second) != "");
  CHECK(exact_difference(b(x, x, x).value(), first) == "");
  CHECK(exact_difference(b(x, x, x).value(), second) == "");
  nn::set_training(a, false);
  CHECK(exact_difference(a(x, x, x).value(), make(8, 2)(x, x, x).value()) == "");
  CHECK(nn::CrossAttentionOptions{}.dropout == 0.1);
}

// ---- gradients ----

TEST_CASE("the gradients of cross-attention are right, masked, dropped out and watched",
          "[gradcheck]") {
  if constexpr (!is_float) {
    const nn::CrossAttention layer = make(4, 2, {.dropout = 0.3, .key_dim = 3, .value_dim = 5});
    const Var query(some({2, 3, 4}, 1), true), key(some({2, 4, 3}, 2), true),
        value(some({2, 4, 5}, 3), true);
    Tensor mask = some_mask({2, 3, 4});
    mask.select(0, 0).select(0, 1).fill(0);  // sees nothing
    mask.select(0, 1).select(1, 2).fill(0);  // is seen by nobody
    auto variables = nn::named_parameters(layer);
    variables.insert(variables.end(), {{"query", query}, {"key", key}, {"value", value}});
    for (const bool ask : {false, true}) {
      Tensor weights;
      const GradcheckReport report = gradcheck(
          [&] { return layer(query, key, value, mask, ask ? &weights : nullptr); }, variables);
      INFO(report.text);
      CHECK(report.ok);
    }
  }
}

}  // namespace cross_attention_test
