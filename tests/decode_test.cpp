#include "nn/decode.h"

#include <set>

#include "tests/op_table.h"

namespace decode_test {

using namespace glass;
using namespace glass::oracle;
using Catch::Matchers::ContainsSubstring;

namespace {

// Is a what b is, but for rounding?
bool near(double a, double b, double tol = 1e-5) { return std::abs(a - b) <= tol * std::abs(b); }

constexpr int start = 1, stop = 2, vocabulary = 7;

// An untrained model whose logits are scaled up, so that no two logits are nearly equal.
nn::EncoderDecoder opinionated(std::uint64_t seed, double scale = 4, Index max_length = 12,
                               Index layers = 1) {
  Rng rng(seed);
  nn::EncoderDecoder model(rng, {.source_vocab = 8,
                                 .target_vocab = vocabulary,
                                 .dim = 8,
                                 .heads = 2,
                                 .layers = layers,
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

// Sentences of 1 to `length` tokens, with padding behind them.
Tokens ragged_source(Index batch, Index length, std::uint64_t seed) {
  Tokens tokens = some_source(batch, length, seed);
  Rng rng(seed + 1000);
  for (Index b = 0; b < batch; ++b)
    for (Index i = 1 + rng.below(length); i < length; ++i)
      tokens.ids[static_cast<std::size_t>(b * length + i)] = 0;
  return tokens;
}

// A copy of the model in eval mode, without dropout.
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

// Greedy decoding by its definition: the whole model runs from the start for every token.
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

// The position of the largest weight [S]; -1 if all weights are 0.
Index peak(const Tensor& weights) {
  Index best = -1;
  for (Index s = 0; s < weights.size(0); ++s)
    if (weights(s) > (best < 0 ? Real(0) : weights(best))) best = s;
  return best;
}

// Beam search by its definition: the whole model runs from the start for every beginning, every
// continuation is sorted, and the search ends when there are as many complete targets as beams. All
// targets, the best first.
std::vector<nn::Decoded> all_by_hand(const nn::EncoderDecoder& model, const Tokens& source,
                                     const nn::DecodeOptions& o) {
  const auto score = [&](const nn::Decoded& d) {
    return d.log_p / std::pow((5.0 + static_cast<double>(d.tokens.size())) / 6, o.length_penalty);
  };
  std::vector<nn::Decoded> open(1), finished;
  for (Index length = 0; length < o.max_length && !open.empty(); ++length) {
    std::vector<nn::Decoded> longer;
    for (const nn::Decoded& beginning : open) {
      Tokens target{1, length + 1, {start}};
      target.ids.insert(target.ids.end(), beginning.tokens.begin(), beginning.tokens.end());
      std::vector<Tensor> weights;
      const Tensor log_p =
          log_softmax(model(source, target, &weights).value().select(1, -1).select(0, 0));  // [V]
      for (int token = 0; token < vocabulary; ++token) {
        if (std::ranges::count(o.forbidden, token) > 0) continue;
        nn::Decoded& next = longer.emplace_back(beginning);
        next.tokens.push_back(token);
        next.looked_at.push_back(peak(mean(weights.back().select(2, -1).select(0, 0), 0)));
        next.log_p += static_cast<double>(log_p(token));
      }
    }
    std::ranges::stable_sort(longer, std::greater(), &nn::Decoded::log_p);
    if (std::ssize(longer) > o.beams) longer.resize(static_cast<std::size_t>(o.beams));
    open.clear();
    for (nn::Decoded& d : longer) {
      if (d.tokens.back() != stop) {
        open.push_back(d);
      } else {
        d.tokens.pop_back(), d.looked_at.pop_back();
        finished.push_back(d);
      }
    }
    if (std::ssize(finished) >= o.beams) open.clear();
  }
  finished.insert(finished.end(), open.begin(), open.end());
  std::ranges::stable_sort(finished, std::greater(), score);
  return finished;
}

nn::Decoded search_by_hand(const nn::EncoderDecoder& model, const Tokens& source,
                           const nn::DecodeOptions& o) {
  return all_by_hand(model, source, o).at(0);
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

const nn::DecodeOptions options{.start = start, .stop = stop, .max_length = 6};

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
  CHECK(shorter > 3);  // both kinds of end occurred
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

TEST_CASE("a sentence with a limit of its own decodes as alone with that max_length") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed);
    const Tokens source = some_source(4, 5, seed + 50);
    nn::DecodeOptions o = options;
    o.stop = seed % 2 == 0 ? stop : -1;
    o.limits = {3, 0, 100, 1};
    for (const auto decode : {nn::greedy_decode, nn::beam_decode}) {
      const auto together = decode(model, source, o);
      REQUIRE(together.size() == 4);
      for (std::size_t b = 0; b < 4; ++b) {
        nn::DecodeOptions alone = o;
        alone.limits = {};
        alone.max_length = std::min(o.max_length, o.limits[b]);
        CHECK(together[b] == decode(model, row(source, static_cast<Index>(b)), alone).at(0));
      }
    }
  }
  nn::DecodeOptions wrong = options;
  wrong.limits = {1, 2};
  CHECK_THROWS_WITH(nn::decode(opinionated(1), some_source(3, 2, 1), wrong),
                    Catch::Matchers::ContainsSubstring("one for each of 3 sentences; got 2"));
  wrong.limits = {1, -2, 3};
  CHECK_THROWS_WITH(nn::decode(opinionated(1), some_source(3, 2, 1), wrong),
                    Catch::Matchers::ContainsSubstring("a limit must be ≥ 0; got -2"));
}

TEST_CASE("an empty batch gives no targets, and an empty source still one") {
  const nn::EncoderDecoder model = opinionated(3);
  for (const auto decode : {nn::greedy_decode, nn::beam_decode}) {
    CHECK(decode(model, {0, 4, {}}, options).empty());
    CHECK(decode(model, {0, 0, {}}, options).empty());
    CHECK(decode(model, {2, 0, {}}, options).size() == 2);
  }
}

// ---- the search, against the whole model at every step ----

TEST_CASE("a search with a cache finds what a search that runs the whole model does") {
  int cut = 0, whole = 0, padding = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    // Small scales give similar logits, so that beams branch and are dropped; large scales give one
    // clear choice.
    const nn::EncoderDecoder model = opinionated(seed,
                                                 seed % 3 == 0   ? 1
                                                 : seed % 3 == 1 ? 2
                                                                 : 4,
                                                 12, 1 + seed % 2);
    const nn::EncoderDecoder still = in_eval_mode(model);
    const Tokens source = ragged_source(1 + static_cast<Index>(seed % 4), 5, seed);
    for (Index beams = 1; beams <= 5; ++beams) {
      nn::DecodeOptions o = options;
      o.beams = beams;
      o.length_penalty = seed % 4 == 0 ? 0 : seed % 4 == 1 ? 0.6 : seed % 4 == 2 ? 3 : -1;
      const auto found = nn::decode(model, source, o);
      REQUIRE(std::ssize(found) == source.batch);
      for (Index b = 0; b < source.batch; ++b) {
        INFO("seed " << seed << ", beams " << beams << ", sentence " << b);
        Tokens alone = row(source, b);
        alone.length -= std::ranges::count(alone.ids, 0);
        alone.ids.resize(static_cast<std::size_t>(alone.length));
        const nn::Decoded expected = search_by_hand(still, alone, o);
        const nn::Decoded& d = found[static_cast<std::size_t>(b)];
        CHECK(d.tokens == expected.tokens);
        CHECK(d.looked_at == expected.looked_at);
        CHECK(std::abs(d.log_p - expected.log_p) <= 1e-5 * (1 + std::abs(expected.log_p)));
        (std::ssize(d.tokens) == o.max_length ? cut : whole) += 1;
        padding += std::ranges::count(d.tokens, 0) > 0;
      }
    }
  }
  CHECK(cut > 10);  // beams were dropped in the test
  CHECK(whole > 10);
  CHECK(padding > 10);
}

TEST_CASE("the n best targets are the n best that the search by hand finds") {
  int fewer = 0;
  for (std::uint64_t seed = 0; seed < 9; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed, seed % 3 == 0 ? 1 : 2);
    const nn::EncoderDecoder still = in_eval_mode(model);
    const Tokens source = some_source(3, 5, seed);
    nn::DecodeOptions o = options;
    o.beams = 5;
    o.length_penalty = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 0.6 : 3;
    for (Index targets = 1; targets <= 5; ++targets) {
      const auto found = nn::nbest_decode(model, source, targets, o);
      const auto first = nn::decode(model, source, o);
      REQUIRE(found.size() == 3);
      for (std::size_t b = 0; b < 3; ++b) {
        INFO("seed " << seed << ", targets " << targets << ", sentence " << b);
        const auto expected = all_by_hand(still, row(source, static_cast<Index>(b)), o);
        fewer += std::ssize(expected) < targets;
        REQUIRE(std::ssize(found[b]) == std::min<Index>(targets, std::ssize(expected)));
        CHECK(found[b][0].tokens == first[b].tokens);
        for (std::size_t i = 0; i < found[b].size(); ++i) {
          CHECK(found[b][i].tokens == expected[i].tokens);
          CHECK(found[b][i].looked_at == expected[i].looked_at);
          CHECK(near(found[b][i].log_p, expected[i].log_p));
        }
      }
    }
  }
  CHECK(fewer == 0);  // with seven tokens there is always another target

  // A limit of 0 leaves one target, and one of 1 as many as there are tokens.
  nn::DecodeOptions o = options;
  o.beams = 20;
  o.limits = {0, 1};
  const auto found = nn::nbest_decode(opinionated(1), some_source(2, 3, 1), 20, o);
  CHECK(found[0].size() == 1);
  CHECK(found[1].size() == vocabulary);
  CHECK(nn::nbest_decode(opinionated(1), {0, 4, {}}, 2, options).empty());

  o = options;
  o.beams = 3;
  for (const Index wrong : {0, 4})
    CHECK_THROWS_WITH(nn::nbest_decode(opinionated(1), some_source(1, 3, 1), wrong, o),
                      ContainsSubstring(fmt::format("1 to 3 targets a sentence; {}", wrong)));
}

TEST_CASE("greedy and beam decoding give the tokens of the search") {
  const nn::EncoderDecoder model = opinionated(7, 2);
  const Tokens source = ragged_source(4, 5, 1);
  for (const Index beams : {1, 3}) {
    nn::DecodeOptions o = options;
    o.beams = beams;
    const auto tokens =
        beams == 1 ? nn::greedy_decode(model, source, options) : nn::beam_decode(model, source, o);
    const auto found = nn::decode(model, source, o);
    REQUIRE(tokens.size() == found.size());
    for (std::size_t b = 0; b < tokens.size(); ++b) CHECK(tokens[b] == found[b].tokens);
  }
}

TEST_CASE("a sentence that ends early leaves the others as they are") {
  std::size_t most = 0;  // lengths in one batch
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed, 2, 20);
    const Tokens source = ragged_source(23, 6, seed);
    nn::DecodeOptions o = options;
    o.max_length = 15;
    o.beams = 1 + static_cast<Index>(seed % 3);
    const auto together = nn::decode(model, source, o);
    std::set<std::size_t> lengths;
    for (Index b = 0; b < source.batch; ++b) {
      const auto alone = nn::decode(model, row(source, b), o).at(0);
      const nn::Decoded& d = together[static_cast<std::size_t>(b)];
      CHECK(d.tokens == alone.tokens);
      CHECK(d.looked_at == alone.looked_at);
      CHECK(near(d.log_p, alone.log_p));
      lengths.insert(d.tokens.size());
    }
    most = std::max(most, lengths.size());
  }
  CHECK(most > 2);
}

TEST_CASE("each token knows where in the source its writer looked, or that it saw nothing") {
  const nn::EncoderDecoder model = opinionated(3);
  nn::DecodeOptions never = options;
  never.stop = -1;
  for (const nn::Decoded& d : nn::decode(model, ragged_source(3, 4, 2), never)) {
    CHECK(d.looked_at.size() == d.tokens.size());
    for (const Index s : d.looked_at) CHECK((0 <= s && s < 4));
  }
  for (const Tokens& nothing : {Tokens{2, 0, {}}, Tokens{2, 2, {0, 0, 0, 0}}})
    for (const nn::Decoded& d : nn::decode(model, nothing, never))
      CHECK(d.looked_at == std::vector<Index>(6, -1));
}

// ---- forbidden tokens ----

TEST_CASE("a forbidden token is never written, and the likeliest other one is") {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const nn::EncoderDecoder model = opinionated(seed), still = in_eval_mode(model);
    const Tokens source = some_source(1, 4, seed);
    for (const Index beams : {1, 3}) {
      nn::DecodeOptions o = options;
      o.beams = beams;
      for (int round = 0; round < 3; ++round) {  // forbids the last target's first token
        const nn::Decoded d = nn::decode(model, source, o).at(0),
                          expected = search_by_hand(still, source, o);
        CHECK(d.tokens == expected.tokens);
        CHECK(near(d.log_p, expected.log_p));
        for (const int token : o.forbidden) CHECK(std::ranges::count(d.tokens, token) == 0);
        if (!d.tokens.empty()) o.forbidden.push_back(d.tokens.front());
      }
    }
  }
}

TEST_CASE("where no token may follow, decoding says so") {
  nn::EncoderDecoder model = opinionated(3);
  nn::DecodeOptions all = options;
  for (int token = 0; token < vocabulary; ++token) all.forbidden.push_back(token);
  CHECK_THROWS_AS(nn::decode(model, some_source(2, 3, 1), all), StateError);
  CHECK_THROWS_WITH(nn::decode(model, some_source(2, 3, 1), all), ContainsSubstring("forbidden"));
  Tensor bias = model.output.bias.value();
  bias.fill(static_cast<Real>(not_a_number));
  CHECK_THROWS_WITH(nn::decode(model, some_source(2, 3, 1), options), ContainsSubstring("NaN"));
}

// ---- the state of the model after decoding ----

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

}  // namespace decode_test
