// # Long axes, in float
//
// Every op that sums, over axes of up to a million numbers, against the same sum of the same floats
// in double. Like numbers are the hard case: added one after the other to a large sum, each is
// rounded in the same direction. A pairwise sum makes some 30 roundings of 6e-8 from the first
// number to the result, the sums within its blocks included, so 2e-6 of the largest result is
// allowed throughout. One after the other, the error is 1e-3 to 1e-2.
#include <numeric>

#include "nn/attention.h"
#include "nn/loss.h"
#include "optim/clip.h"
#include "tests/op_table.h"

namespace long_axes_test {

using namespace glass;
using namespace glass::oracle;

namespace {

constexpr double allowed = 2e-6;
constexpr Index million = 1'000'000;

using Numbers = std::vector<double>;

Numbers doubles(const Tensor& x) {
  const std::vector<Real> values = x.to_vector();
  Numbers result(values.size());
  std::ranges::transform(values, result.begin(), [](Real v) { return static_cast<double>(v); });
  return result;
}

double total(const Numbers& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

// max |Δ| / max |reference|; infinite where there is a NaN, or where the counts differ.
double error(const Tensor& got, const Numbers& reference) {
  const Numbers x = doubles(got);
  if (x.size() != reference.size()) return inf;
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double distance = std::abs(x[i] - reference[i]);
    worst = distance >= 0 ? std::max(worst, distance) : inf;
    largest = std::max(largest, std::abs(reference[i]));
  }
  return largest > 0 ? worst / largest : worst;
}

// The gradient of f at x, for a seed.
template <class F>
Tensor gradient(F f, const Tensor& x, const Tensor& seed) {
  const Var leaf(x, true);
  f(leaf).backward(seed);
  return leaf.grad();
}

// Σ over the middle axis of [before, n, after].
Numbers middle_sums(const Tensor& x, Index before, Index n, Index after) {
  const Numbers all = doubles(x);
  Numbers sums(static_cast<std::size_t>(before * after));
  for (Index i = 0; i < std::ssize(all); ++i)
    sums[static_cast<std::size_t>(i / (n * after) * after + i % after)] +=
        all[static_cast<std::size_t>(i)];
  return sums;
}

Numbers scaled(Numbers x, double factor) {
  for (double& v : x) v *= factor;
  return x;
}

// The same number everywhere, and numbers that differ.
std::vector<Tensor> operands(const Shape& shape) {
  Rng rng(101);
  return {full(shape, Real(0.1)), uniform(shape, 0, 1, rng)};
}

// exp xᵢ / Σ exp xⱼ, and ln Σ exp xⱼ
struct Softmax {
  Numbers y;
  double log_sum = 0;
};
Softmax softmax_of(const Tensor& x) {
  const Numbers v = doubles(x);
  const double shift = *std::ranges::max_element(v);
  Softmax result{v, 0};
  for (double& y : result.y) y = std::exp(y - shift);
  const double all = total(result.y);
  for (double& y : result.y) y /= all;
  result.log_sum = shift + std::log(all);
  return result;
}

}  // namespace

TEST_CASE("sums and means over a long axis are right to 2e-6, whichever axis it is", "[long]") {
  if constexpr (is_float) {
    for (const auto& [before, n, after] :
         {std::array<Index, 3>{1, million, 1}, {3, 300'000, 1}, {1, 300'000, 3}, {2, 100'000, 5}})
      for (const Tensor& x : operands({before, n, after})) {
        INFO(fmt::format("[{}, {}, {}]", before, n, after));
        const Numbers sums = middle_sums(x, before, n, after);
        CHECK(error(sum(x, 1), sums) < allowed);
        CHECK(error(sum(x.transpose(0, 1).contiguous(), 0), sums) < allowed);
        CHECK(error(sum(x.permute({2, 1, 0}), 1),
                    middle_sums(x.permute({2, 1, 0}), after, n, before)) < allowed);
        CHECK(error(mean(x, 1), scaled(sums, 1 / static_cast<double>(n))) < allowed);
        CHECK(error(sum(x), {total(sums)}) < allowed);
        CHECK(error(mean(x, {0, 1, 2}), {total(sums) / static_cast<double>(x.numel())}) < allowed);
      }
    CHECK(error(sum(Tensor(0.1).expand({million})), {million * static_cast<double>(0.1F)}) <
          allowed);
  }
}

TEST_CASE("a gradient that was broadcast along a long axis is summed to 2e-6", "[long]") {
  if constexpr (is_float) {
    for (const Tensor& g : operands({million})) {
      const auto plus = [&](const Var& x) { return x + zeros({million}); };
      CHECK(error(gradient(plus, ones({1}), g), {total(doubles(g))}) < allowed);
      CHECK(error(gradient(plus, Tensor(1), g), {total(doubles(g))}) < allowed);
      const auto times = [&](const Var& x) { return g * x; };
      CHECK(error(gradient(times, ones({1}), ones({million})), {total(doubles(g))}) < allowed);
      const auto stretched = [](const Var& x) { return x.expand({million}); };
      CHECK(error(gradient(stretched, ones({1}), g), {total(doubles(g))}) < allowed);
    }
    for (const Tensor& g : operands({300'000, 3})) {
      const auto plus = [&](const Var& x) { return x + zeros({300'000, 3}); };
      CHECK(error(gradient(plus, ones({3}), g), middle_sums(g, 1, 300'000, 3)) < allowed);
      const auto biased = [&](const Var& b) {
        return linear(zeros({300'000, 2}), zeros({3, 2}), b);
      };
      CHECK(error(gradient(biased, ones({3}), g), middle_sums(g, 1, 300'000, 3)) < allowed);
    }
  }
}

TEST_CASE("softmax and log_softmax of a long row are right to 2e-6, gradients too", "[long]") {
  if constexpr (is_float) {
    for (const Tensor& x : operands({million}))
      for (const Tensor& g : operands({million})) {
        const Softmax row = softmax_of(x);
        const Numbers& y = row.y;  // Clang 14 captures no binding
        const double log_sum = row.log_sum;
        const Numbers v = doubles(x), upstream = doubles(g);
        double mean = 0;
        for (std::size_t i = 0; i < y.size(); ++i) mean += upstream[i] * y[i];
        const double all = total(upstream);
        Numbers logs = v, dx = y, dlog = y;
        for (std::size_t i = 0; i < y.size(); ++i) {
          logs[i] -= log_sum;
          dx[i] *= upstream[i] - mean;
          dlog[i] = upstream[i] - y[i] * all;
        }
        CHECK(error(softmax(x), y) < allowed);
        CHECK(error(log_softmax(x), logs) < allowed);
        CHECK(error(softmax(x.unsqueeze(1), 0), y) < allowed);
        // What cancels is of the size of y and g.
        const Tensor soft = gradient([](auto& r) { return softmax(r); }, x, g);
        CHECK(error(soft + softmax(x), [&] {
                Numbers sum = dx;
                for (std::size_t i = 0; i < y.size(); ++i) sum[i] += y[i];
                return sum;
              }()) < allowed);
        const Tensor log = gradient([](auto& r) { return log_softmax(r); }, x, g);
        CHECK(error(log + 1, [&] {
                Numbers sum = dlog;
                for (double& d : sum) d += 1;
                return sum;
              }()) < allowed);
      }
  }
}

TEST_CASE("layer_norm of a long row is right to 2e-6, its gradient too", "[long]") {
  if constexpr (is_float) {
    Rng rng(102);
    const Tensor x = uniform({million}, -1, 2, rng), g = uniform({million}, 0, 1, rng);
    const Numbers v = doubles(x), upstream = doubles(g);
    const double n = million, mean = total(v) / n;
    double variance = 0, a = 0, b = 0;
    for (const double value : v) variance += (value - mean) * (value - mean) / n;
    const double scale = 1 / std::sqrt(variance + 1e-5);
    Numbers hat = v, dx = v;
    for (std::size_t i = 0; i < v.size(); ++i) {
      hat[i] = (v[i] - mean) * scale;
      a += upstream[i] / n;
      b += upstream[i] * hat[i] / n;
    }
    for (std::size_t i = 0; i < v.size(); ++i) dx[i] = (upstream[i] - a - hat[i] * b) * scale;
    const auto norm = [](const Var& r) { return layer_norm(r, ones({million}), zeros({million})); };
    CHECK(error(norm(x).value(), hat) < allowed);
    CHECK(error(gradient(norm, x, g), dx) < allowed);
  }
}

TEST_CASE("the weight and the bias of layer_norm gather many rows to 2e-6", "[long]") {
  if constexpr (is_float) {
    constexpr Index rows = 300'000;
    const Tensor x = tensor({1, 2, 4}).expand({rows, 3});
    const double mean = 7.0 / 3, scale = 1 / std::sqrt(14.0 / 9 + 1e-5);
    for (const Tensor& g : operands({rows, 3})) {
      const Var weight(ones({3}), true), bias(zeros({3}), true);
      layer_norm(x, weight, bias).backward(g);
      const Numbers sums = middle_sums(g, 1, rows, 3);
      CHECK(error(bias.grad(), sums) < allowed);
      CHECK(error(weight.grad(), {sums[0] * (1 - mean) * scale, sums[1] * (2 - mean) * scale,
                                  sums[2] * (4 - mean) * scale}) < allowed);
    }
  }
}

TEST_CASE("the cross-entropy of V equal logits is ln V, for any smoothing", "[long]") {
  for (const Index V : {Index{2}, Index{1000}, Index{50'257}, million})
    for (const double smoothing : {0.0, 0.1, 0.5, 1.0})
      for (const double logit : {0.0, -0.3, 5.0}) {
        if (!is_float && V == million) continue;
        INFO(fmt::format("V = {}, smoothing {}, logits {}", V, smoothing, logit));
        const Var loss = nn::cross_entropy(full({1, V}, static_cast<Real>(logit)), std::vector{1},
                                           {.label_smoothing = smoothing});
        const double exact = std::log(static_cast<double>(V));
        CHECK(std::abs(static_cast<double>(loss.item()) - exact) <= 2e-6 * (1 + exact));
      }
}

TEST_CASE("the cross-entropy of a long row is right to 2e-6, its gradient too", "[long]") {
  if constexpr (is_float) {
    for (const Tensor& x : operands({million}))
      for (const double smoothing : {0.0, 0.1, 0.9}) {
        INFO(smoothing);
        const auto [p, log_sum] = softmax_of(x);
        const Numbers z = doubles(x);
        const double spread = smoothing / million;
        const double loss =
            (1 - smoothing) * (log_sum - z[7]) + smoothing * log_sum - spread * total(z);
        Numbers dz = p;
        for (double& d : dz) d -= spread;
        dz[7] -= 1 - smoothing;
        const Var logits(x, true);
        const Var result =
            nn::cross_entropy(logits, std::vector{7}, {.label_smoothing = smoothing});
        result.backward();
        CHECK(std::abs(static_cast<double>(result.item()) - loss) <= allowed * (1 + loss));
        CHECK(error(logits.grad(), dz) < allowed);
        // Apart from the target, the gradients are small: p less the spread.
        CHECK(error(logits.grad().slice(0, 8, million) * million + 1, [&] {
                Numbers rest(dz.begin() + 8, dz.end());
                for (double& d : rest) d = d * million + 1;
                return rest;
              }()) < allowed);
      }
  }
}

TEST_CASE("the cross-entropy of many rows is their mean to 2e-6", "[long]") {
  if constexpr (is_float) {
    const Tensor logits = tensor({0.1, 0.4}).expand({million, 2});
    const std::vector<int> targets(million, 1);
    const double exact =
        std::log1p(std::exp(static_cast<double>(0.1F) - static_cast<double>(0.4F)));
    CHECK(error(nn::cross_entropy(logits, targets).value(), {exact}) < allowed);
  }
}

TEST_CASE("the gradients of one token that occurs a million times add up to 2e-6", "[long]") {
  if constexpr (is_float) {
    for (const Index width : {1, 3, 16}) {
      const Index count = million / width;
      Tokens tokens{2, count / 2, std::vector<int>(static_cast<std::size_t>(count / 2 * 2), 1)};
      tokens.ids[3] = 2;
      for (const Tensor& g : operands({2, count / 2, width})) {
        INFO(width);
        const Tensor d =
            gradient([&](auto& table) { return take(table, tokens); }, zeros({4, width}), g);
        Numbers sums = middle_sums(g, 1, count / 2 * 2, width);
        for (Index j = 0; j < width; ++j)
          sums[static_cast<std::size_t>(j)] -= static_cast<double>(g(0, 3, j));
        CHECK(error(d.select(0, 1), sums) < allowed);
        CHECK(error(d.select(0, 2), doubles(g.select(0, 0).select(0, 3))) == 0);
        CHECK(exact_difference(d.slice(0, 0, 4, 3), zeros({2, width})) == "");
      }
    }
    // Tokens by turns: each has a long sum of its own.
    Tokens tokens{1, million, std::vector<int>(million)};
    for (std::size_t i = 0; i < tokens.ids.size(); ++i) tokens.ids[i] = static_cast<int>(i % 5);
    const Tensor d = scatter_add(full({1, million, 1}, Real(0.1)), tokens, 5);
    CHECK(error(d, Numbers(5, million / 5 * static_cast<double>(0.1F))) < allowed);
  }
}

TEST_CASE("products with a long inner axis are right to 2e-6", "[long]") {
  if constexpr (is_float) {
    const auto one_by_one = [](const Tensor& a, const Tensor& b) {  // [M, K], [K, N]
      const Numbers x = doubles(a), y = doubles(b.mT());
      const auto K = static_cast<std::size_t>(a.size(1));
      Numbers result;
      for (std::size_t i = 0; i < x.size(); i += K)
        for (std::size_t j = 0; j < y.size(); j += K)
          result.push_back(std::inner_product(x.begin() + static_cast<std::ptrdiff_t>(i),
                                              x.begin() + static_cast<std::ptrdiff_t>(i + K),
                                              y.begin() + static_cast<std::ptrdiff_t>(j), 0.0));
      return result;
    };
    for (const auto& sizes : {std::array<Index, 3>{1, million, 1},
                              {1, 200'000, 5},
                              {5, 200'000, 1},
                              {3, 200'000, 4},
                              {1, 100'000, 16},
                              {20, 50'000, 20}}) {
      const Index M = sizes[0], K = sizes[1], N = sizes[2];  // Clang 14 captures no binding
      for (const Tensor& a : operands({M, K}))
        for (const Tensor& b : operands({K, N})) {
          INFO(fmt::format("[{}, {}] @ [{}, {}]", M, K, K, N));
          const Numbers exact = one_by_one(a, b);
          CHECK(error(matmul(a, b), exact) < allowed);
          CHECK(error(matmul(a.mT().contiguous().mT(), b.mT().contiguous().mT()), exact) < allowed);
          CHECK(error(linear(a, b.mT().contiguous(), zeros({N})), exact) < allowed);
          // The gradient of a weight sums over all rows: here the K axis is that of the rows.
          const auto rows = a.mT().contiguous();
          const Tensor dw =
              gradient([&](auto& w) { return linear(rows, w, zeros({N})); }, zeros({N, M}), b);
          CHECK(error(dw.mT(), exact) < allowed);
          const Tensor db =
              gradient([&](auto& right) { return matmul(rows, right); }, zeros({M, N}), b);
          CHECK(error(db, exact) < allowed);
        }
    }
    // Vectors, and batches: every number is the same sum.
    const double square = static_cast<double>(0.1F) * static_cast<double>(0.1F);
    const auto like = [](const Shape& shape) { return full(shape, Real(0.1)); };
    CHECK(error(matmul(like({million}), like({million})), {million * square}) < allowed);
    const Numbers thirty(30, 100'000 * square);
    CHECK(error(matmul(like({2, 3, 100'000}), like({2, 100'000, 5})), thirty) < allowed);
    CHECK(error(matmul(like({2, 3, 100'000}), like({100'000, 5})), thirty) < allowed);
    CHECK(error(matmul(like({100'000}), like({6, 100'000, 5})), thirty) < allowed);
  }
}

namespace {

// Keys that are all alike but for one, as scores: what a running sum that rounds is worst at.
Tensor like_keys(Index S, Index other) {
  Tensor k = full({1, 1, S, 1}, Real(-0.3));
  k.select(2, other).fill(0);
  return k;
}

// The weights of one query 1 over keys [1, 1, S, 1], in double.
Numbers weights_of(const Tensor& k) { return softmax_of(k).y; }

}  // namespace

TEST_CASE("attention over a hundred thousand like keys is right to 2e-6, gradients too", "[long]") {
  if constexpr (is_float) {
    constexpr Index S = 100'000;
    Rng rng(103);
    for (const Index other : {Index{0}, S / 2, S - 1})
      for (const bool alike : {true, false}) {
        INFO(fmt::format("the other key is number {}, like values {}", other, alike));
        const Var q(ones({1, 1, 1, 1}), true), k(like_keys(S, other), true);
        const Tensor numbers = uniform({1, 1, S, 1}, 0, 1, rng);
        const Var v(alike ? ones({1, 1, S, 1}) : numbers, true);
        const Numbers p = weights_of(k.value()), value = doubles(v.value()),
                      key = doubles(k.value());
        double out = 0, dq = 0;
        for (std::size_t j = 0; j < p.size(); ++j) out += p[j] * value[j];
        Numbers dk = p;
        for (std::size_t j = 0; j < p.size(); ++j) {
          dk[j] *= value[j] - out;
          dq += dk[j] * key[j];
        }
        const Var y = attention(q, k, v);
        CHECK(error(y.value(), {out}) < allowed);
        y.backward(ones({1, 1, 1, 1}));
        CHECK(error(v.grad(), p) < allowed);
        // These cancel where values are alike: then what is left is measured by P itself.
        CHECK(error(k.grad() + v.grad(), [&] {
                Numbers sum = dk;
                for (std::size_t j = 0; j < p.size(); ++j) sum[j] += p[j];
                return sum;
              }()) < allowed);
        CHECK(std::abs(static_cast<double>(q.grad().item()) - dq) < allowed);
      }
  }
}

TEST_CASE("attention over like keys is right to 2e-6 with a mask, causality, many queries",
          "[long]") {
  if constexpr (is_float) {
    constexpr Index S = 20'000;
    const Tensor k = like_keys(S, S / 2).expand({1, 2, S, 1}), v = ones({1, 2, S, 1});
    for (const Index T : {1, 5, 60, 200}) {
      INFO(fmt::format("{} queries", T));
      const Tensor q = ones({1, 2, T, 1});
      const Numbers all(static_cast<std::size_t>(2 * T), 1.0);
      CHECK(error(attention(q, k, v), all) < allowed);
      CHECK(error(attention(q, k, v, {}, {.causal = true}), all) < allowed);
      Tensor mask = ones({1, S});
      mask.slice(1, 0, S, 3).fill(0);
      CHECK(error(attention(q, k, v, mask), all) < allowed);
      Rng rng(104);
      const Tensor sparse = greater(uniform({T, S}, 0, 1, rng), 0.5);
      CHECK(error(attention(q, k, v, sparse), all) < allowed);
    }
  }
}

TEST_CASE("keys and values gather a hundred thousand queries to 2e-6", "[long]") {
  if constexpr (is_float) {
    constexpr Index T = 100'000;
    for (const Index S : {2, 100}) {
      INFO(fmt::format("{} keys", S));
      const Var q(ones({1, 1, T, 1}), true), k(like_keys(S, 1), true);
      Tensor values = ones({1, 1, S, 1});
      values.select(2, 0).fill(3);
      const Var v(values, true);
      const Numbers p = weights_of(k.value());
      attention(q, k, v).backward(full({1, 1, T, 1}, Real(0.1)));
      const double out = 1 + 2 * p[0], g = T * static_cast<double>(0.1F);
      CHECK(error(v.grad(), scaled(p, g)) < allowed);
      Numbers dk = p;
      for (std::size_t j = 0; j < p.size(); ++j) dk[j] *= g * ((j == 0 ? 3 : 1) - out);
      CHECK(error(k.grad(), dk) < allowed);
    }
  }
}

TEST_CASE("asking for the weights changes no context beyond 1e-5, at a hundred thousand like keys",
          "[long]") {
  if constexpr (is_float) {
    constexpr Index S = 100'000;
    Rng rng(105);
    nn::CrossAttention layer(2, 2, rng, {.dropout = 0, .bias = false});
    for (const nn::Linear* part : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.out_proj}) {
      Tensor weight = part->weight.value();
      weight.copy_from(eye(2));
    }
    const Tensor k = like_keys(S, S / 2).reshape({1, S, 1}).expand({1, S, 2});
    for (const double value : {1.0, 0.7}) {
      Tensor weights;
      const Tensor v = full({1, S, 2}, static_cast<Real>(value));
      const Tensor fused = layer(ones({1, 3, 2}), k, v).value();
      const Tensor watched = layer(ones({1, 3, 2}), k, v, {}, &weights).value();
      CHECK(error(watched, doubles(fused)) < 1e-5);
      CHECK(error(fused, Numbers(6, static_cast<double>(static_cast<float>(value)))) < allowed);
      // A softmax, and then a product: each rounds.
      CHECK(error(watched, Numbers(6, static_cast<double>(static_cast<float>(value)))) <
            2 * allowed);
      CHECK(error(sum(weights, -1), Numbers(6, 1.0)) < allowed);
    }
  }
}

TEST_CASE("the norm of a long gradient is right to 2e-6", "[long]") {
  if constexpr (is_float) {
    const Var x(zeros({million}), true), y(zeros({million}), true);
    (x + y).backward(full({million}, Real(0.1)));
    const double exact = std::sqrt(2.0 * million) * static_cast<double>(0.1F);
    CHECK(std::abs(optim::clip_grad_norm({x, y}, 1) / exact - 1) < allowed);
    CHECK(error(x.grad(), Numbers(million, static_cast<double>(0.1F) / exact)) < allowed);
    CHECK(error(y.grad(), Numbers(million, static_cast<double>(0.1F) / exact)) < allowed);
  }
}

}  // namespace long_axes_test
