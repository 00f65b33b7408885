#include "nn/decode.h"

#include "tests/op_table.h"

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// Is a what b is, but for rounding?
bool near(double a, double b, double tol = 1e-5) { return std::abs(a - b) <= tol * std::abs(b); }

constexpr int start = 1, stop = 2, vocabulary = 7;

// An untrained model with opinions: its logits are scaled up, so that no two are nearly equal.
nn::EncoderDecoder opinionated(std::uint64_t seed, double scale = 4, Index max_length = 12) {
  Rng rng(seed);
  nn::EncoderDecoder model(rng, {.source_vocab = 8,
                                 .target_vocab = vocabulary,
                                 .dim = 8,
                                 .heads = 2,
                                 .layers = 1,
                                 .hidden = 8,
                                 .dropout = 0.4,
                                 .max_length = max_length});
  Tensor weight = model.output.weight.value();
  weight.copy_from(weight * scale);
  return model;
}

Tokens some_source(Index batch, Index length, std::uint64_t seed) {
  Rng rng(seed);
  Tokens tokens{batch, length, {}};
  for (Index i = 0; i < batch * length; ++i)
    tokens.ids.push_back(1 + static_cast<int>(rng.below(7)));
  return tokens;
}

Tokens row(const Tokens& tokens, Index b) {
  const auto first = tokens.ids.begin() + b * tokens.length;
  return {1, tokens.length, {first, first + tokens.length}};
}

// A copy of the model that does not drop out.
nn::EncoderDecoder in_eval_mode(const nn::EncoderDecoder& model) {
  nn::EncoderDecoder copy = model;
  nn::set_training(copy, false);
  return copy;
}

// ln p [V] of the token after a prefix.
std::vector<Real> next(const nn::EncoderDecoder& model, const Tokens& source,
                       const std::vector<int>& prefix) {
  const Tokens target{1, std::ssize(prefix), prefix};
  return log_softmax(model(source, target).value().select(1, -1)).to_vector();
}

// Greedy decoding as its definition has it: the whole model, from the start, for every token.
std::vector<int> greedy_by_hand(const nn::EncoderDecoder& model, const Tokens& source,
                                Index limit) {
  std::vector<int> prefix{start};
  while (std::ssize(prefix) - 1 < limit) {
    const auto log_p = next(model, source, prefix);
    const auto best =
        static_cast<int>(std::max_element(log_p.begin(), log_p.end()) - log_p.begin());
    if (best == stop) break;
    prefix.push_back(best);
  }
  return {prefix.begin() + 1, prefix.end()};
}

// ln p of a whole target, its stop included unless the limit cut it off.
double log_probability(const nn::EncoderDecoder& model, const Tokens& source,
                       std::vector<int> tokens, Index limit) {
  if (std::ssize(tokens) < limit) tokens.push_back(stop);
  std::vector<int> prefix{start};
  double total = 0;
  for (const int token : tokens) {
    total += static_cast<double>(next(model, source, prefix)[static_cast<std::size_t>(token)]);
    prefix.push_back(token);
  }
  return total;
}

constexpr nn::DecodeOptions options{.start = start, .stop = stop, .max_length = 6};

}  // namespace

// ---- greedy ----

TEST_CASE("greedy decoding takes the likeliest token, step by step, until stop") {
  std::size_t shorter = 0, longest = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed), still = in_eval_mode(model);
    const Tokens source = some_source(3, 4, seed);
    const auto results = nn::greedy_decode(model, source, options);
    REQUIRE(results.size() == 3);
    for (Index b = 0; b < 3; ++b) {
      const auto& tokens = results[static_cast<std::size_t>(b)];
      CHECK(tokens == greedy_by_hand(still, row(source, b), 6));
      CHECK(std::find(tokens.begin(), tokens.end(), stop) == tokens.end());
      shorter += tokens.size() < 6, longest += tokens.size() == 6;
    }
  }
  CHECK(shorter > 3);  // the test saw both ends
  CHECK(longest > 3);
}

TEST_CASE("a sentence decodes the same alone and in a batch, greedy and with beams") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed);
    const Tokens source = some_source(4, 5, seed + 50);
    for (const auto decode : {nn::greedy_decode, nn::beam_decode}) {
      const auto together = decode(model, source, options);
      REQUIRE(together.size() == 4);
      for (Index b = 0; b < 4; ++b)
        CHECK(decode(model, row(source, b), options).at(0) ==
              together[static_cast<std::size_t>(b)]);
    }
  }
}

TEST_CASE("max_length, and the model's own, end a target that has no stop") {
  const nn::EncoderDecoder model = opinionated(3, 4, 5);
  nn::DecodeOptions never = options;
  never.stop = -1;
  for (const auto decode : {nn::greedy_decode, nn::beam_decode})
    for (const Index length : {0, 1, 3, 4, 100}) {
      never.max_length = length;
      const auto results = decode(model, some_source(2, 3, 1), never);
      REQUIRE(results.size() == 2);
      // start and the tokens after it are at most the 5 that the model knows positions for
      for (const auto& tokens : results) CHECK(std::ssize(tokens) == std::min<Index>(length, 4));
    }
}

TEST_CASE("an empty batch gives no targets, and an empty source still one") {
  const nn::EncoderDecoder model = opinionated(3);
  for (const auto decode : {nn::greedy_decode, nn::beam_decode}) {
    CHECK(decode(model, {0, 4, {}}, options).empty());
    CHECK(decode(model, {0, 0, {}}, options).empty());
    CHECK(decode(model, {2, 0, {}}, options).size() == 2);
  }
}

// ---- what decoding leaves behind ----

TEST_CASE("decoding never drops out, draws nothing, and gives every layer its mode back") {
  nn::EncoderDecoder model = opinionated(5);
  model.encoder[0].dropout.training = false;  // one layer differs from the others
  const auto modes = [&] {
    std::vector<bool> result;
    nn::walk("", model, [&](const std::string&, auto& x) {
      if constexpr (requires { x.training; }) result.push_back(x.training);
    });
    return result;
  };
  const auto before = modes();
  const auto stream = model.dropout.stream.state();
  for (const auto decode : {nn::greedy_decode, nn::beam_decode}) {
    const auto first = decode(model, some_source(3, 4, 2), options);
    CHECK(decode(model, some_source(3, 4, 2), options) == first);
    CHECK(decode(in_eval_mode(model), some_source(3, 4, 2), options) == first);
    CHECK(modes() == before);
    CHECK(model.dropout.stream.state() == stream);
    CHECK(!NoGrad::active());
  }
}

TEST_CASE("modes and recording come back after an error too") {
  nn::EncoderDecoder model = opinionated(5);
  model.encoder[0].dropout.training = false;
  for (const auto decode : {nn::greedy_decode, nn::beam_decode}) {
    CHECK_THROWS_AS(decode(model, {1, 1, {99}}, options), ShapeError);
    CHECK_THROWS_AS(decode(model, some_source(1, 13, 1), options), ShapeError);
    nn::DecodeOptions wrong = options;
    wrong.start = vocabulary;
    CHECK_THROWS_AS(decode(model, some_source(1, 3, 1), wrong), ShapeError);
    wrong = options;
    wrong.max_length = -1;
    CHECK_THROWS_AS(decode(model, some_source(1, 3, 1), wrong), ShapeError);
    CHECK(model.dropout.training);
    CHECK(!model.encoder[0].dropout.training);
    CHECK(!NoGrad::active());
  }
  nn::DecodeOptions none = options;
  none.beams = 0;
  CHECK_THROWS_WITH(nn::beam_decode(model, some_source(1, 3, 1), none), ContainsSubstring("got 0"));
}

// ---- beams ----

TEST_CASE("one beam is greedy decoding, whatever the length penalty") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed);
    const Tokens source = some_source(3, 4, seed);
    for (const double penalty : {0.0, 0.6, 5.0}) {
      nn::DecodeOptions one = options;
      one.beams = 1;
      one.length_penalty = penalty;
      CHECK(nn::beam_decode(model, source, one) == nn::greedy_decode(model, source, options));
    }
  }
}

TEST_CASE("beams often find a likelier target than greedy decoding") {
  int likelier = 0, less_likely = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed, 2), still = in_eval_mode(model);
    const Tokens source = some_source(2, 4, seed);
    nn::DecodeOptions wide = options;
    wide.beams = 5;
    wide.length_penalty = 0;
    const auto beam = nn::beam_decode(model, source, wide),
               greedy = nn::greedy_decode(model, source, options);
    for (Index b = 0; b < 2; ++b) {
      const auto i = static_cast<std::size_t>(b);
      const double gain = log_probability(still, row(source, b), beam[i], 6) -
                          log_probability(still, row(source, b), greedy[i], 6);
      likelier += gain > 1e-4;
      less_likely += gain < -1e-4;
    }
  }
  CHECK(likelier > 20);
  CHECK(less_likely == 0);
}

TEST_CASE("with beams for all, the search is exhaustive: nothing is likelier than what it finds") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed, 2), still = in_eval_mode(model);
    const Tokens source = some_source(1, 3, seed);
    nn::DecodeOptions all = options;
    all.max_length = 2, all.beams = 1000, all.length_penalty = 0;
    double best = -inf;
    for (int a = 0; a < vocabulary; ++a)
      for (int b = 0; b < vocabulary; ++b) {
        std::vector<int> tokens{a, b};
        tokens.resize(a == stop ? 0 : b == stop ? 1 : 2);
        best = std::max(best, log_probability(still, source, tokens, 2));
      }
    CHECK(near(log_probability(still, source, nn::beam_decode(model, source, all).at(0), 2), best,
               1e-5));
  }
}

TEST_CASE("a larger length penalty never shortens the targets on the whole") {
  std::size_t before = 0;
  for (const double penalty : {0.0, 1.0, 4.0}) {
    std::size_t total = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      nn::DecodeOptions wide = options;
      wide.length_penalty = penalty;
      for (const auto& tokens :
           nn::beam_decode(opinionated(seed, 2), some_source(2, 4, seed), wide))
        total += tokens.size();
    }
    CHECK(total >= before);
    before = total;
  }
}
