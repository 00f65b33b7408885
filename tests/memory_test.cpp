// Does training leak memory? Every step makes and frees a graph, so the memory in use after a step
// must not grow.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "nn/decode.h"
#include "nn/loss.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "tests/op_table.h"

namespace memory_test {

using namespace glass;

namespace {

nn::EncoderDecoder tiny() {
  Rng rng(1);
  return nn::EncoderDecoder(rng, {.source_vocab = 6,
                                  .target_vocab = 6,
                                  .dim = 4,
                                  .heads = 2,
                                  .layers = 1,
                                  .hidden = 6,
                                  .dropout = 0.1,
                                  .max_length = 8});
}

const Tokens source{2, 3, {4, 5, 4, 5, 5, 0}}, target{2, 3, {2, 4, 5, 2, 5, 5}};
const std::vector<int> next{4, 5, 3, 5, 5, 3};

}  // namespace

TEST_CASE("1,000 training steps leave the number of live bytes where it was after step 10") {
  if constexpr (oracle::is_certified) return;  // intervals grow too wide in so many steps
  const nn::EncoderDecoder model = tiny();
  const std::vector<Var> parameters = nn::parameters(model);
  optim::Adam adam(parameters, {.rate = 1e-3});
  Index after_ten = 0;
  for (int step = 1; step <= 1000; ++step) {
    adam.zero_grad();
    std::vector<Tensor> weights;
    const Var loss = nn::cross_entropy(model(source, target, step % 2 ? &weights : nullptr), next);
    loss.backward();
    optim::clip_grad_norm(parameters, 1);
    adam.step();
    if (step == 10) after_ten = live_bytes();
    if (step % 2 == 0 && step > 10) REQUIRE(live_bytes() == after_ten);
  }
  CHECK(after_ten > 0);
}

TEST_CASE("a model gives all its memory back, trained or not") {
  const Index before = live_bytes();
  {
    const nn::EncoderDecoder model = tiny();
    CHECK(live_bytes() - before >= nn::count_parameters(model) * Index{sizeof(Real)});
    const nn::EncoderDecoder copy = model;
    nn::cross_entropy(copy(source, target), next).backward();
    optim::Adam(nn::parameters(copy)).step();
  }
  CHECK(live_bytes() == before);
}

TEST_CASE("a forward pass without gradients, and decoding, hold nothing") {
  const nn::EncoderDecoder model = tiny();
  const Index before = live_bytes();
  {
    const NoGrad guard;
    const Var logits = model(source, target);  // [B, T, V]
    CHECK(logits.shape() == Shape{2, 3, 6});
    CHECK(live_bytes() - before == logits.numel() * Index{sizeof(Real)});
  }
  (void)nn::greedy_decode(model, source, {.max_length = 5});
  (void)nn::beam_decode(model, source, {.max_length = 5});
  CHECK(live_bytes() == before);
}

TEST_CASE("a product gives back all that it took, also in a thread that made none before") {
  const Tensor a = ones({64, 300}), b = ones({300, 512});
  const Index before = live_bytes();
  Index after = -1;
  std::thread([&] {
    (void)matmul(a, b);  // both are packed
    after = live_bytes();
  }).join();
  CHECK(after == before);
}

TEST_CASE("an error in the middle of a forward or backward pass leaks nothing") {
  const nn::EncoderDecoder model = tiny();
  const Index before = live_bytes();
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(nn::cross_entropy(model(source, target), std::vector{1}), ShapeError);
    CHECK_THROWS_AS(model(source, {2, 1, {2, 99}}), ShapeError);
    const Var loss = nn::cross_entropy(model(source, target), next);
    Tensor weight = model.output.weight.value();
    weight.copy_from(weight.clone());
    CHECK_THROWS_AS(loss.backward(), StateError);
  }
  CHECK(live_bytes() == before);
}

// ---- small blocks ----

namespace {

// A Tensor of `count` numbers that are all its own.
Tensor numbered(Index count, Index number) { return full(Shape{count}, static_cast<Real>(number)); }
bool is_numbered(const Tensor& x, Index number) {
  const std::vector<Real> values = x.to_vector();
  return std::ranges::all_of(values, [&](Real v) { return v == static_cast<Real>(number); });
}

}  // namespace

TEST_CASE("small blocks keep their numbers, and live_bytes() counts them") {
  const Index before = live_bytes();
  std::vector<Tensor> all;
  std::uint32_t random = 1;
  for (Index i = 0; i < 20'000; ++i) {
    random = random * 1664525 + 1013904223;
    const Index count = random >> 16 & 63;
    all.push_back(numbered(count, i));
    // Another one goes, and memory that is not used goes back to the system.
    const std::size_t at = (random >> 8) % all.size();
    if (i % 2 == 0) all[at] = numbered(1, static_cast<Index>(at));
    if (i % 5000 == 0) trim();
  }
  Index expected = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(is_numbered(all[i], static_cast<Index>(i)));
    expected += all[i].numel() * Index{sizeof(Real)};
  }
  CHECK(live_bytes() - before == expected);
  all.clear();
  trim();
  CHECK(live_bytes() == before);
}

TEST_CASE("a small block may be freed by another thread than the one that made it") {
  const Index before = live_bytes();
  std::vector<std::vector<Tensor>> of_thread(4);
  const auto in_threads = [&](auto work) {
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < of_thread.size(); ++t) threads.emplace_back(work, t);
    for (std::thread& thread : threads) thread.join();
  };
  in_threads([&](std::size_t t) {
    for (Index i = 0; i < 2000; ++i) of_thread[t].push_back(numbered(i % 50, i));
  });
  std::atomic<int> wrong{0};
  in_threads([&](std::size_t t) {
    std::vector<Tensor>& others = of_thread[(t + 1) % of_thread.size()];
    for (Index i = 0; i < std::ssize(others); ++i)
      wrong += !is_numbered(others[static_cast<std::size_t>(i)], i);
    others.clear();
    trim();
  });
  CHECK(wrong == 0);
  CHECK(live_bytes() == before);
}

TEST_CASE("when the cache is full, small blocks go back to the system") {
  trim();
  // 255.5 of the 256 MB that the cache keeps. The numbers are never written.
  for (const double megabytes : {223.9, 27.9, 3.49})
    Storage(static_cast<Index>(megabytes * (1 << 20)) / Index{sizeof(Real)});
  const Index before = live_bytes();
  std::vector<Tensor> all;
  for (Index i = 0; i < 20'000; ++i) all.push_back(numbered(1, i));  // more than a megabyte
  for (Index i = 0; i < std::ssize(all); ++i)
    REQUIRE(is_numbered(all[static_cast<std::size_t>(i)], i));
  all.clear();
  CHECK(live_bytes() == before);
  trim();
}

// ---- fresh memory ----

TEST_CASE("in a Debug build fresh memory is NaN throughout, also where it was used before") {
#ifdef GLASS_DEBUG_BUILD
  const auto all_nan = [](Index count) {
    const Tensor x = empty(Shape{count});
    const std::vector<Real> values = x.to_vector();
    return std::ranges::all_of(values, [](Real v) { return std::isnan(static_cast<double>(v)); });
  };
  for (const Index count : {1, 7, 64, 1000, 100'000}) {
    INFO(count);
    trim();
    CHECK(all_nan(count));  // from the system
    for (int i = 0; i < 3; ++i) {
      { const std::vector<Tensor> used(4, full(Shape{count}, 3)), more{ones(Shape{count})}; }
      CHECK(all_nan(count));  // from the freed blocks
    }
    CHECK(all_nan(count));
  }
  CHECK(empty(Shape{0}).numel() == 0);
#else
  SUCCEED("fresh memory is not filled in this build");
#endif
}

}  // namespace memory_test
