// B batch, S source length, T target length, C width, H heads, V vocabulary
#include "nn/transformer.h"

#include "autograd/gradcheck.h"
#include "nn/loss.h"
#include "optim/adam.h"
#include "tests/op_table.h"

namespace transformer_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr int pad = 0;

nn::EncoderDecoder tiny(nn::EncoderDecoderOptions changes = {}, std::uint64_t seed = 1) {
  Rng rng(seed);
  changes.source_vocab = 11, changes.target_vocab = 9;
  changes.dim = 8, changes.heads = 2, changes.hidden = 12;
  return nn::EncoderDecoder(rng, changes);
}

// Random tokens, none of which is padding.
Tokens some_tokens(Index batch, Index length, int vocabulary, std::uint64_t seed = 3) {
  Rng rng(seed);
  Tokens tokens{batch, length, {}};
  for (Index i = 0; i < batch * length; ++i)
    tokens.ids.push_back(1 + static_cast<int>(rng.below(vocabulary - 1)));
  return tokens;
}

int& token(Tokens& tokens, Index row, Index position) {
  return tokens.ids.at(static_cast<std::size_t>(row * tokens.length + position));
}

// The same rows, with padding behind them.
Tokens padded(const Tokens& tokens, Index length) {
  Tokens result{tokens.batch, length,
                std::vector<int>(static_cast<std::size_t>(tokens.batch * length), pad)};
  for (Index b = 0; b < tokens.batch; ++b)
    for (Index i = 0; i < tokens.length; ++i)
      token(result, b, i) = tokens.ids[static_cast<std::size_t>(b * tokens.length + i)];
  return result;
}

}  // namespace

// ---- shapes ----

TEST_CASE("a padding mask needs as many ids as its tokens say") {
  for (const Tokens& bad : {Tokens{2, 3, {1, 2}}, Tokens{-1, 2, {}}, Tokens{0, 0, {1}}})
    CHECK_THROWS_WITH(nn::padding_mask(bad, 0), ContainsSubstring("padding_mask: tokens of"));
}

TEST_CASE("a model of 2 + 2 layers, 64 wide, has 246,080 parameters") {
  Rng rng(1);
  const nn::EncoderDecoder model(
      rng,
      {.source_vocab = 64, .target_vocab = 64, .dim = 64, .heads = 4, .layers = 2, .hidden = 256});
  CHECK(nn::count_parameters(model) == 246'080);
  CHECK(nn::named_parameters(model).front().first == "source_embedding.weight");
  CHECK(nn::named_parameters(model).at(2).first == "encoder.0.self_norm.weight");
}

TEST_CASE("logits are [B, T, V], and the weights of every decoder layer [B, H, T, S]") {
  const nn::EncoderDecoder model = tiny({.layers = 3});
  std::vector<Tensor> weights(7);  // old contents must be replaced
  const Var logits = model(some_tokens(2, 5, 11), some_tokens(2, 4, 9), &weights);
  CHECK(logits.shape() == Shape{2, 4, 9});
  CHECK(weights.size() == 3);
  for (const Tensor& w : weights) {
    CHECK(w.shape() == Shape{2, 2, 4, 5});
    CHECK(difference(sum(w, -1), ones({2, 2, 4})) == "");
  }
}

TEST_CASE("the layers keep the shape of their input") {
  Rng rng(1);
  const Tensor x = uniform({2, 3, 8}, -1, 1, rng), memory = uniform({2, 5, 8}, -1, 1, rng);
  const nn::EncoderLayer encoder({.dim = 8, .heads = 2, .hidden = 16}, rng);
  const nn::DecoderLayer decoder({.dim = 8, .heads = 2, .hidden = 16}, rng);
  CHECK(encoder(x, {}).shape() == Shape{2, 3, 8});
  Tensor weights;
  CHECK(decoder(x, nn::causal_mask(3), memory, {}, &weights).shape() == Shape{2, 3, 8});
  CHECK(weights.shape() == Shape{2, 2, 3, 5});
}

TEST_CASE("an empty batch, one token and a row of nothing but padding go through") {
  const nn::EncoderDecoder model = tiny();
  CHECK(model({0, 5, {}}, {0, 4, {}}).shape() == Shape{0, 4, 9});
  CHECK(model(some_tokens(1, 1, 11), some_tokens(1, 1, 9)).shape() == Shape{1, 1, 9});
  const Var logits = model({1, 3, {pad, pad, pad}}, {1, 2, {pad, pad}});
  CHECK(logits.shape() == Shape{1, 2, 9});
  CHECK(exact_difference(logits.value() - logits.value(), zeros({1, 2, 9})) == "");  // no NaN
  sum(logits).backward();
  for (const Var& p : nn::parameters(model))
    CHECK(exact_difference(p.grad() - p.grad(), zeros(p.shape())) == "");
}

TEST_CASE("padding_mask is 0 at padding, [B, 1, 1, S]") {
  CHECK(exact_difference(nn::padding_mask({2, 3, {5, pad, 1, pad, pad, 2}}, pad),
                         tensor({1, 0, 1, 0, 0, 1}).reshape({2, 1, 1, 3})) == "");
  CHECK(exact_difference(nn::causal_mask(3), tensor({{1, 0, 0}, {1, 1, 0}, {1, 1, 1}})) == "");
}

// ---- which tokens a position sees ----

TEST_CASE("a longer padding changes no logits of real positions") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  const Tokens source = some_tokens(3, 4, 11), target = some_tokens(3, 5, 9);
  const Tensor logits = model(source, target).value();
  for (const Index more : {1, 6}) {
    CHECK(difference(model(padded(source, 4 + more), target).value(), logits) == "");
    CHECK(difference(model(source, padded(target, 5 + more)).value().slice(1, 0, 5), logits) == "");
  }
}

TEST_CASE("a sentence gives the same logits alone and in a padded batch") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  Tokens source = some_tokens(2, 6, 11), target = some_tokens(2, 6, 9);
  for (Index i = 2; i < 6; ++i) token(source, 0, i) = token(target, 0, i) = pad;
  const Tokens short_source{1, 2, {source.ids[0], source.ids[1]}};
  const Tokens short_target{1, 2, {target.ids[0], target.ids[1]}};
  CHECK(difference(model(source, target).value().slice(0, 0, 1).slice(1, 0, 2),
                   model(short_source, short_target).value()) == "");
}

TEST_CASE("the embedding of padding changes no logits of real positions and gets no gradient") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  const Tokens source = padded(some_tokens(2, 3, 11), 5), target = padded(some_tokens(2, 4, 9), 6);
  const auto real_logits = [&] { return model(source, target).slice(1, 0, 4); };  // [B, 4, V]
  const Tensor before = real_logits().value();
  Tensor(model.source_embedding.weight.value()).select(0, pad).fill(50);
  Tensor(model.target_embedding.weight.value()).select(0, pad).fill(50);
  CHECK(difference(real_logits().value(), before) == "");
  sum(real_logits() * real_logits()).backward();
  CHECK(exact_difference(model.source_embedding.weight.grad().select(0, pad), zeros({8})) == "");
  CHECK(exact_difference(model.target_embedding.weight.grad().select(0, pad), zeros({8})) == "");
  CHECK(exact_difference(model.source_embedding.weight.grad(), zeros({11, 8})) != "");
}

TEST_CASE("padding before and between tokens is not seen either") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  const Tokens source{1, 4, {pad, 3, pad, 5}}, target{1, 4, {pad, 3, pad, 5}};
  const auto real_logits = [&] { return model(source, target).slice(1, 1, 4, 2); };  // [1, 2, V]
  const Tensor before = real_logits().value();
  Tensor(model.source_embedding.weight.value()).select(0, pad).fill(50);
  CHECK(difference(real_logits().value(), before) == "");
  Tensor(model.target_embedding.weight.value()).select(0, pad).fill(50);
  CHECK(difference(real_logits().value(), before) == "");
}

TEST_CASE("no logits see a later target token, and all see every source token") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  const Tokens source = some_tokens(1, 4, 11), target = some_tokens(1, 5, 9);
  const Tensor logits = model(source, target).value();
  for (Index t = 0; t < 5; ++t) {
    Tokens changed = target;
    token(changed, 0, t) = token(changed, 0, t) % 8 + 1;
    const Tensor after = model(source, changed).value();
    CHECK(exact_difference(after.slice(1, 0, t), logits.slice(1, 0, t)) == "");
    for (Index later = t; later < 5; ++later)
      CHECK(exact_difference(after.select(1, later), logits.select(1, later)) != "");
  }
  for (Index s = 0; s < 4; ++s) {
    Tokens changed = source;
    token(changed, 0, s) = token(changed, 0, s) % 10 + 1;
    const Tensor after = model(changed, target).value();
    for (Index t = 0; t < 5; ++t)
      CHECK(exact_difference(after.select(1, t), logits.select(1, t)) != "");
  }
}

TEST_CASE("sentences of a batch do not see each other") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  const Tokens source = some_tokens(2, 4, 11), target = some_tokens(2, 5, 9);
  Tokens other_source = source, other_target = target;
  for (Index i = 0; i < 4; ++i) token(other_source, 1, i) = pad;
  for (Index i = 0; i < 5; ++i) token(other_target, 1, i) = 1;
  CHECK(exact_difference(model(other_source, other_target).value().select(0, 0),
                         model(source, target).value().select(0, 0)) == "");
}

TEST_CASE("the order of the source matters") {
  const nn::EncoderDecoder model = tiny({.dropout = 0});
  const Tokens target{1, 2, {1, 2}};
  CHECK(difference(model({1, 3, {1, 2, 3}}, target).value(),
                   model({1, 3, {3, 2, 1}}, target).value(), 1e-3) != "");
}

TEST_CASE("eval mode is deterministic, training mode draws anew") {
  nn::EncoderDecoder model = tiny({.dropout = 0.3});
  const Tokens source = some_tokens(2, 4, 11), target = some_tokens(2, 5, 9);
  CHECK(exact_difference(model(source, target).value(), model(source, target).value()) != "");
  nn::set_training(model, false);
  std::vector<Tensor> weights;
  const Tensor logits = model(source, target).value();
  CHECK(exact_difference(model(source, target).value(), logits) == "");
  CHECK(difference(model(source, target, &weights).value(), logits) == "");
}

TEST_CASE("the inner dropout is as large as the other one, unless a value is given") {
  const Tokens source = some_tokens(2, 4, 11), target = some_tokens(2, 5, 9);
  const auto logits = [&](const nn::EncoderDecoder& model) {
    return model(source, target).value();
  };
  const Tensor usual = logits(tiny({.dropout = 0.3}));
  CHECK(exact_difference(logits(tiny({.dropout = 0.3, .inner_dropout = 0.3})), usual) == "");
  CHECK(exact_difference(logits(tiny({.dropout = 0.3, .inner_dropout = 0})), usual) != "");

  // Each alone: without the other, two calls differ by its random numbers only.
  const nn::EncoderDecoder inside = tiny({.dropout = 0, .inner_dropout = 0.3});
  CHECK(exact_difference(logits(inside), logits(inside)) != "");
  for (const nn::EncoderLayer& layer : inside.encoder) {
    CHECK(layer.dropout.rate() == 0);
    CHECK(layer.feed_forward.dropout.rate() == 0.3);
  }
  const nn::EncoderDecoder outside = tiny({.dropout = 0.3, .inner_dropout = 0});
  for (const nn::DecoderLayer& layer : outside.decoder) {
    CHECK(layer.dropout.rate() == 0.3);
    CHECK(layer.feed_forward.dropout.rate() == 0);
  }
}

TEST_CASE("a copy of the model is another model of the same numbers") {
  const nn::EncoderDecoder model = tiny({.dropout = 0.3}), copy = model;
  const Tokens source = some_tokens(2, 4, 11), target = some_tokens(2, 5, 9);
  sum(model(source, target)).backward();
  for (const Var& p : nn::parameters(copy)) CHECK(!p.has_grad());
  const nn::EncoderDecoder fresh = tiny({.dropout = 0.3});
  CHECK(exact_difference(copy(source, target).value(), fresh(source, target).value()) == "");
}

TEST_CASE("a tied model reads the target with the table that it writes it with") {
  nn::EncoderDecoder model = tiny({.dropout = 0, .tied = true});
  CHECK(nn::count_parameters(model) == nn::count_parameters(tiny()) - 9 * 8);
  for (const auto& [name, p] : nn::named_parameters(model)) CHECK(name != "output.weight");

  // Rows of length 1 or so, stretched to what untied ones have.
  const Tokens source = some_tokens(2, 4, 11), target{2, 5, {1, 2, 3, 4, 5, 6, 7, 1, 2, 3}};
  const Var table = model.target_embedding.weight;  // [V, C]
  CHECK(sum(table * table).item() < 2 * 9);
  const Tensor mask = nn::padding_mask(source, pad);
  const Var states = model.states(target, model.encode(source), mask);  // [B, T, C]
  CHECK(difference(model(source, target).value(),
                   (matmul(states, table.mT()) + model.output.bias).value()) == "");
  const Tensor before = model(source, target).value();
  Tensor(table.value()).select(0, 8).fill(1);  // no token of the target, but one to write
  CHECK(exact_difference(model(source, target).value().slice(2, 0, 8), before.slice(2, 0, 8)) ==
        "");
  CHECK(exact_difference(model(source, target).value().slice(2, 8, 9), before.slice(2, 8, 9)) !=
        "");

  // A copy must be tied again.
  nn::EncoderDecoder copy = model;
  CHECK(nn::count_parameters(copy) == nn::count_parameters(tiny()));
  copy.tie();
  CHECK(nn::count_parameters(copy) == nn::count_parameters(model));
  CHECK(exact_difference(copy(source, target).value(), model(source, target).value()) == "");
}

TEST_CASE("a model with a shared table reads the source with the table of the target") {
  for (const bool tied : {false, true}) {
    nn::EncoderDecoderOptions options{.source_vocab = 9, .target_vocab = 9, .dim = 8, .heads = 2};
    options.layers = 1, options.hidden = 8, options.dropout = 0;
    options.tied = tied;
    Rng rng(1);
    const Index separate = nn::count_parameters(nn::EncoderDecoder(rng, options));
    options.shared = true;
    nn::EncoderDecoder model(rng, options);
    CHECK(nn::count_parameters(model) == separate - 9 * 8);

    // The gradient of the one table is the sum of all its uses.
    const Tokens source{1, 2, {3, 4}}, target{1, 2, {5, 6}};
    sum(model(source, target)).backward();
    const Tensor grad = model.target_embedding.weight.grad();  // [V, C]
    for (const Index token : {3, 4, 5, 6}) CHECK(sum(abs(grad.select(0, token))).item() > 0);

    // A copy must be tied again.
    nn::EncoderDecoder copy = model;
    copy.tie();
    CHECK(nn::count_parameters(copy) == nn::count_parameters(model));
  }
  Rng rng(1);
  CHECK_THROWS_WITH(
      nn::EncoderDecoder(rng, {.source_vocab = 9, .target_vocab = 8, .shared = true}),
      Catch::Matchers::ContainsSubstring("one vocabulary; got source_vocab 9 and target_vocab 8"));
}

// ---- piece by piece ----

TEST_CASE("a target read in pieces, after a past, gives the states of the whole") {
  const NoGrad no_grad;
  const nn::EncoderDecoder model = tiny({.layers = 2, .dropout = 0});
  Tokens source = some_tokens(3, 4, 11), target = some_tokens(3, 7, 9);
  token(source, 1, 3) = token(target, 1, 2) = token(target, 2, 6) = pad;
  const Var memory = model.encode(source);                                 // [B, S, C]
  const Tensor memory_mask = nn::padding_mask(source, pad);                // [B, 1, 1, S]
  const Tensor mask = nn::padding_mask(target, pad) * nn::causal_mask(7);  // [B, 1, T, T]
  const Tensor whole = model.states(target, memory, memory_mask).value();  // [B, T, C]
  for (const auto& pieces :
       std::vector<std::vector<Index>>{{7}, {1, 1, 1, 1, 1, 1, 1}, {3, 1, 3}}) {
    // Entry 1 stays to the end; entry 0 leaves after the first piece, so that 2 takes its place.
    for (const bool leave : {false, true}) {
      std::vector<nn::Past> past = model.start_decoding(memory, memory_mask);
      std::vector<Index> entries{0, 1, 2};
      Index begin = 0;
      for (const Index length : pieces) {
        const Index end = begin + length;
        Tokens piece{std::ssize(entries), length, {}};
        std::vector<Tensor> masks, expected;
        for (const Index b : entries) {
          for (Index t = begin; t < end; ++t) piece.ids.push_back(token(target, b, t));
          masks.push_back(mask.slice(0, b, b + 1).slice(2, begin, end).slice(3, 0, end));
          expected.push_back(whole.slice(0, b, b + 1).slice(1, begin, end));
        }
        const Var states =
            model.next_states(piece, model.positions.slice(0, begin, end), cat(masks, 0), past);
        CHECK(difference(states.value(), cat(expected, 0)) == "");
        if (leave && begin == 0) {
          for (nn::Past& layer : past) layer.drop(0);
          entries = {2, 1};
        }
        begin = end;
      }
    }
  }
}

TEST_CASE("decoding token by token gives the logits of training") {
  const NoGrad no_grad;
  std::uint64_t seed = 1;
  for (const Index batch : {1, 3})
    for (const Index sources : {1, 4})
      for (const Index targets : {1, 2, 6})
        for (const bool with_padding : {false, true})
          for (const bool tied : {false, true}) {
            INFO(fmt::format("B {}, S {}, T {}, padding {}, tied {}", batch, sources, targets,
                             with_padding, tied));
            ++seed;
            const nn::EncoderDecoder model = tiny({.layers = 2, .dropout = 0, .tied = tied}, seed);
            Tokens source = some_tokens(batch, sources, 11, seed);
            Tokens target = some_tokens(batch, targets, 9, seed + 99);
            // The last entry ends in padding, the first one has a gap, in the target even its
            // start.
            if (with_padding) {
              token(source, batch - 1, sources - 1) = token(target, batch - 1, targets - 1) = pad;
              token(source, 0, sources / 2) = token(target, 0, targets / 3) = pad;
            }
            std::vector<Tensor> all_weights, weights;
            const Tensor logits = model(source, target, &all_weights).value();  // [B, T, V]
            CHECK(logits.shape() == Shape{batch, targets, 9});
            CHECK(difference(model(source, target).value(), logits) == "");

            const Tensor seen = nn::padding_mask(target, pad);  // [B, 1, 1, T]
            std::vector<nn::Past> past =
                model.start_decoding(model.encode(source), nn::padding_mask(source, pad));
            for (Index t = 0; t < targets; ++t) {
              Tokens piece{batch, 1, {}};
              for (Index b = 0; b < batch; ++b) piece.ids.push_back(token(target, b, t));
              const Var states =
                  model.next_states(piece, model.positions.slice(0, t, t + 1),
                                    seen.slice(3, 0, t + 1), past, &weights);  // [B, 1, C]
              CHECK(difference(model.output(states).value(), logits.slice(1, t, t + 1)) == "");
              for (std::size_t layer = 0; layer < 2; ++layer)
                CHECK(difference(weights[layer], all_weights[layer].slice(2, t, t + 1)) == "");
            }
          }
}

TEST_CASE("a past grows without a gradient only") {
  const nn::EncoderDecoder model = tiny();
  const Tokens source = some_tokens(2, 4, 11), piece = some_tokens(2, 1, 9);
  const Tensor mask = nn::padding_mask(source, pad);
  std::vector<nn::Past> past = model.start_decoding(model.encode(source), mask);
  const Tensor place = model.positions.slice(0, 0, 1);
  sum(model.next_states(piece, place, ones({1, 1}), past)).backward();  // the first piece has one
  CHECK_THROWS_AS(model.next_states(piece, place, ones({1, 2}), past), StateError);
}

// ---- errors ----

TEST_CASE("a sequence longer than max_length is an error that names both") {
  const nn::EncoderDecoder model = tiny({.max_length = 4});
  CHECK_NOTHROW(model(some_tokens(1, 4, 11), some_tokens(1, 4, 9)));
  CHECK_THROWS_AS(model(some_tokens(1, 5, 11), some_tokens(1, 4, 9)), ShapeError);
  CHECK_THROWS_WITH(model(some_tokens(1, 4, 11), some_tokens(1, 5, 9)),
                    ContainsSubstring("5 tokens") && ContainsSubstring("max_length 4"));
}

TEST_CASE("tokens that do not fit are shape errors") {
  const nn::EncoderDecoder model = tiny();
  CHECK_THROWS_AS(model({1, 2, {1, 11}}, {1, 1, {1}}), ShapeError);
  CHECK_THROWS_AS(model({1, 2, {1, 2}}, {1, 1, {9}}), ShapeError);
  CHECK_THROWS_AS(model({1, 2, {1, 2}}, {1, 1, {-1}}), ShapeError);
  CHECK_THROWS_AS(model({1, 2, {1}}, {1, 1, {1}}), ShapeError);
  CHECK_THROWS_AS(model({2, 1, {1, 2}}, {1, 1, {1}}), ShapeError);
  CHECK_THROWS_AS(model({1, 1, {1}}, {2, 1, {1, 2}}), ShapeError);
}

TEST_CASE("a model needs vocabularies and sizes of at least 1") {
  Rng rng(1);
  CHECK_THROWS_AS(nn::EncoderDecoder(rng, {.target_vocab = 5}), ShapeError);
  CHECK_THROWS_AS(nn::EncoderDecoder(rng, {.source_vocab = 5}), ShapeError);
  CHECK_THROWS_AS(nn::EncoderDecoder(rng, {.source_vocab = 5, .target_vocab = 5, .layers = 0}),
                  ShapeError);
  CHECK_THROWS_AS(
      nn::EncoderDecoder(rng, {.source_vocab = 5, .target_vocab = 5, .dim = 6, .heads = 4}),
      ShapeError);
  CHECK_THROWS_AS(nn::EncoderDecoder(rng, {.source_vocab = 5, .target_vocab = 5, .heads = 0}),
                  ShapeError);
}

// ---- gradients ----

namespace {

// A whole model with dropout, and a batch to train it on.
struct Lesson {
  explicit Lesson(bool tied = false) : model(rng, options(tied)) {}

  Var loss_of(const nn::EncoderDecoder& of) const {
    const Var logits = of(source, target);  // [B, T, V]
    return nn::cross_entropy(logits, next, {.ignore_index = pad, .label_smoothing = 0.1});
  }

  static nn::EncoderDecoderOptions options(bool tied) {
    return {.source_vocab = 5,
            .target_vocab = 5,
            .dim = 4,
            .heads = 2,
            .layers = 1,
            .hidden = 6,
            .dropout = 0.2,
            .max_length = 8,
            .tied = tied};
  }

  Rng rng{2};
  nn::EncoderDecoder model;
  Tokens source{2, 3, {1, 2, 3, 4, 1, pad}}, target{2, 3, {1, 3, 4, 2, 2, pad}};
  std::vector<int> next{3, 4, 1, 2, 1, pad};
};

}  // namespace

TEST_CASE("the gradients of a whole model are right, with dropout on", "[gradcheck]") {
  if constexpr (!is_float) {
    for (const bool tied : {false, true}) {
      const Lesson lesson(tied);
      GradcheckOptions options;
      if (is_certified) options.rtol = 1e-4;  // intervals grow from layer to layer
      const GradcheckReport report = gradcheck([&] { return lesson.loss_of(lesson.model); },
                                               nn::named_parameters(lesson.model), options);
      INFO(report.text);
      CHECK(report.ok);
    }
  }
}

TEST_CASE("Hessian-vector products of a whole model agree with differences of its gradients") {
  if constexpr (is_dual) {
    const Lesson lesson;
    // The gradients `step` along a random direction u, with `tangent` · u in the parameters' ε.
    const auto gradients = [&](double step, double tangent) {
      const nn::EncoderDecoder moved = lesson.model;  // a copy draws the same dropout
      Rng directions(7);
      for (const Var& p : nn::parameters(moved)) {
        Tensor w = p.value();
        const Tensor u = normal(w.shape(), 0, 1, directions);
        for (Index i = 0; i < w.numel(); ++i) {
          w.data()[i] += static_cast<Real>(step) * u.data()[i];
          set_direction(w.data()[i], tangent * static_cast<double>(u.data()[i]));
        }
      }
      lesson.loss_of(moved).backward();
      std::vector<Real> all;
      for (const Var& p : nn::parameters(moved))
        for (const Real g : p.grad().to_vector()) all.push_back(g);
      return all;
    };
    const double h = 1e-5;
    const auto exact = gradients(0, 1), after = gradients(h, 0), before = gradients(-h, 0);
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double difference =
          (static_cast<double>(after[i]) - static_cast<double>(before[i])) / (2 * h);
      largest = std::max(largest, std::abs(difference));
      worst = std::max(worst, std::abs(direction(exact[i]) - difference));
    }
    CHECK(largest > 0.1);
    CHECK(worst <= 1e-7 * largest);
  }
}

// ---- learning ----

namespace {

// Trains a tiny model to copy three symbols; the loss of every step.
std::vector<double> learn_to_copy(nn::EncoderDecoder& model, Index steps, std::uint64_t seed) {
  constexpr int start = 1, symbols = 2;  // 2 … 7
  Rng rng(seed);
  optim::Adam adam(nn::parameters(model), {.rate = 5e-3});
  std::vector<double> losses;
  for (Index step = 0; step < steps; ++step) {
    Tokens source{16, 3, {}}, target{16, 3, {}};
    for (Index b = 0; b < 16; ++b) {
      target.ids.push_back(start);
      for (Index i = 0; i < 3; ++i) {
        source.ids.push_back(symbols + static_cast<int>(rng.below(6)));
        if (i < 2) target.ids.push_back(source.ids.back());
      }
    }
    adam.zero_grad();
    const Var loss = nn::cross_entropy(model(source, target), source.ids);
    loss.backward();
    adam.step();
    losses.push_back(static_cast<double>(loss.item()));
  }
  return losses;
}

nn::EncoderDecoder copier() {
  Rng rng(4);
  return nn::EncoderDecoder(rng, {.source_vocab = 8,
                                  .target_vocab = 8,
                                  .dim = 16,
                                  .heads = 2,
                                  .layers = 1,
                                  .hidden = 32,
                                  .dropout = 0,
                                  .max_length = 8});
}

}  // namespace

// Intervals grow from step to step, so that no training goes on for long.
TEST_CASE("a tiny model learns to copy three symbols") {
  if constexpr (!is_dual && !is_certified) {
    nn::EncoderDecoder model = copier();
    const std::vector<double> losses = learn_to_copy(model, 250, 11);
    CHECK(losses.front() > 1.5);
    CHECK(losses.back() < 0.1);
  }
}

TEST_CASE("training from the same seed repeats to the last bit") {
  if constexpr (is_certified) return;  // eight steps are too many for intervals
  nn::EncoderDecoder a = copier(), b = copier(), c = copier();
  CHECK(learn_to_copy(a, 8, 11) == learn_to_copy(b, 8, 11));
  CHECK(learn_to_copy(c, 8, 12) != learn_to_copy(b, 8, 11));
  const auto ours = nn::parameters(a), first = nn::parameters(copier());
  CHECK(exact_difference(ours[0].value(), first[0].value()) != "");
}

}  // namespace transformer_test
