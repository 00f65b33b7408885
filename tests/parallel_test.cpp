// # Results do not depend on the number of threads
//
// Each test runs with one, two, three and seven threads, on any number of cores.
#include "tensor/parallel.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "nn/loss.h"
#include "nn/transformer.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "tests/op_table.h"
#include "tests/threads.h"

namespace parallel_test {

using namespace glass;
using namespace glass::oracle;

namespace {

void for_thread_counts(const std::function<void()>& f) {
  for (const int count : {1, 2, 3, 7}) {
    const Threads threads(count);
    INFO(count << " threads");
    f();
  }
}

// Large enough to be shared: sums, products and element-wise work, forward and backward.
Tensor much_work() {
  Rng rng(1);
  const Index n = is_dual ? 70 : 200;  // dual numbers are slow
  const Var a(uniform({n, n}, -1, 1, rng), true), b(uniform({n, n}, -1, 1, rng), true);
  const Var y = softmax(matmul(a, b) * 3) * gelu(matmul(a, b));  // [n, n]
  sum(exp(y)).backward();
  return cat({a.grad().reshape({-1}), b.grad().reshape({-1}), sum(y.value(), 0)}, 0);
}

// Each cut by rows or by columns, at places that depend on the number of threads.
Tensor many_products() {
  Rng rng(4);
  std::vector<Tensor> all;
  for (const auto& [m, n, k] : {std::array<Index, 3>{401, 33, 50}, {33, 401, 50}, {71, 70, 400}})
    all.push_back(matmul(uniform({m, k}, -1, 1, rng), uniform({k, n}, -1, 1, rng)).reshape({-1}));
  return cat(all, 0);
}

Tensor much_attention() {
  Rng rng(2);
  const Index T = is_dual ? 100 : 230;
  const Var x(uniform({2, T, 3, 4}, -1, 1, rng), true);
  const Var heads = x.transpose(1, 2);
  sum(attention(heads, heads, heads, {}, {.causal = true, .dropout = 0.2, .rng = &rng})).backward();
  return x.grad();
}

// Some steps of training, with dropout, clipping and all.
Tensor trained() {
  Rng rng(3);
  const Index batch = 3, length = is_dual ? 4 : 12;
  nn::EncoderDecoder model(rng, {.source_vocab = 9,
                                 .target_vocab = 9,
                                 .dim = 16,
                                 .heads = 2,
                                 .layers = 1,
                                 .hidden = 32,
                                 .max_length = length});
  Tokens tokens{batch, length, {}};
  for (Index i = 0; i < batch * length; ++i) tokens.ids.push_back(static_cast<int>(rng.below(9)));
  const std::vector<Var> parameters = nn::parameters(model);
  optim::Adam adam(parameters);
  for (int step = 0; step < 3; ++step) {
    nn::cross_entropy(model(tokens, tokens), tokens.ids).backward();
    optim::clip_grad_norm(parameters, 1);
    adam.step();
    adam.zero_grad();
  }
  std::vector<Tensor> all;
  for (const Var& p : parameters) all.push_back(p.value().reshape({-1}));
  return cat(all, 0);
}

}  // namespace

TEST_CASE("a loop visits every index once, in ranges that do not depend on the threads") {
  for_thread_counts([] {
    for (const Index count : {0, 1, 9, 10, 11, 1000})
      for (const Index grain : {1, 10, 64}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        std::atomic<bool> right{true};
        parallel_for(count, grain, [&](Index begin, Index end) {
          if (begin % grain != 0 || end != std::min(count, begin + grain)) right = false;
          for (Index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        CHECK(right);
        CHECK(std::all_of(visits.begin(), visits.end(), [](auto& n) { return n == 1; }));
      }
  });
}

TEST_CASE("of several exceptions that of the lowest range comes out, and the pool goes on") {
  for_thread_counts([] {
    for (int round = 0; round < 20; ++round) {
      const auto fail = [] {
        parallel_for(100, 1, [](Index begin, Index) {
          if (begin % 10 == 7) throw std::runtime_error(std::to_string(begin));
        });
      };
      CHECK(message_of<std::runtime_error>(fail) == "7");
      std::atomic<Index> total{0};
      parallel_for(100, 1, [&](Index begin, Index) { total += begin; });
      CHECK(total == 4950);
    }
  });
}

TEST_CASE("a loop inside a loop runs in the thread that calls it") {
  for_thread_counts([] {
    std::atomic<int> calls{0};
    std::atomic<bool> stayed{true};
    parallel_for(8, 1, [&](Index, Index) {
      const auto here = std::this_thread::get_id();
      parallel_for(8, 1, [&](Index, Index) {
        if (std::this_thread::get_id() != here) stayed = false;
        ++calls;
      });
    });
    CHECK(calls == 64);
    CHECK(stayed);
  });
}

TEST_CASE("a chunk inherits the caller's NoGrad, and leaves the worker as it was") {
  for_thread_counts([] {
    const Var x(1, true);
    const auto recorded = [&] {
      std::atomic<int> count{0};
      parallel_for(20, 1, [&](Index, Index) { count += (x * 2).requires_grad(); });
      return count.load();
    };
    CHECK(recorded() == 20);
    {
      const NoGrad guard;
      CHECK(recorded() == 0);
    }
    CHECK(recorded() == 20);
  });
}

TEST_CASE("results have the same bits for every number of threads") {
  if constexpr (is_certified) return;  // an operation on intervals takes a hundred times as long
  for (Tensor (*const work)() : {much_work, many_products, much_attention, trained}) {
    const Tensor expected = [&] {
      const Threads one(1);
      return work();
    }();
    for_thread_counts([&] { CHECK(exact_difference(work(), expected) == ""); });
  }
}

TEST_CASE("many callers at once each get their own result") {
  if constexpr (is_certified) return;  // an operation on intervals takes a hundred times as long
  for_thread_counts([] {
    const Tensor expected = much_work();
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 5; ++i)
      callers.emplace_back([&] {
        for (int round = 0; round < 3; ++round)
          if (!exact_difference(much_work(), expected).empty()) ++wrong;
      });
    for (std::thread& caller : callers) caller.join();
    CHECK(wrong == 0);
  });
}

TEST_CASE("the child of a fork has no workers, and computes the same bits") {
  if constexpr (is_certified) return;  // an operation on intervals takes a hundred times as long
  for_thread_counts([] {
    const Tensor expected = much_work();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // No destructors and no test report: this process only answers.
      ::alarm(300);
      ::_exit(exact_difference(much_work(), expected).empty() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  });
}

TEST_CASE("threads that sweep into a shared leaf lose no gradient, and may drop it meanwhile") {
  const Var w(tensor({1, 2}), true);
  const auto in_threads = [](int threads, auto work) {
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) all.emplace_back([=] { work(i); });
    for (std::thread& thread : all) thread.join();
  };
  in_threads(4, [w](int) {
    for (int i = 0; i < 500; ++i) sum(w * 3 + w).backward();
  });
  CHECK(exact_difference(w.grad(), full({2}, 4 * 500 * 4)) == "");
  in_threads(4, [w](int i) {
    for (int j = 0; j < 500; ++j) i == 0 ? w.zero_grad() : sum(w * w).backward();
  });
  w.zero_grad();
  sum(w).backward();
  CHECK(exact_difference(w.grad(), ones({2})) == "");
}

TEST_CASE("a sweep that meets another one inside a graph is an error") {
  const Var w(tensor({1, 2}), true);
  const Var waits = exp(w * 0) * w;  // sum(waits) = w
  std::string inside, apart;
  const Var starts = record("starts", w.value(), {w}, [&](const Tensor& g) {
    inside = message_of<StateError>([&] { sum(waits).backward({.retain_graph = true}); });
    apart = message_of<StateError>([&] { sum(w * 5).backward(); });
    return std::vector<Tensor>{g};
  });
  // `waits` has a gradient waiting while the VJP of `starts`, which is newer, starts other sweeps.
  sum(waits + starts).backward();
  CHECK_THAT(inside, Catch::Matchers::ContainsSubstring("another backward() is at work on 'mul'"));
  CHECK(apart == "(nothing was thrown)");
  CHECK(exact_difference(w.grad(), full({2}, 1 + 1 + 5)) == "");
  // Nothing was left behind: the leaf takes part in sweeps as before.
  w.zero_grad();
  sum(w).backward();
  CHECK(exact_difference(w.grad(), ones({2})) == "");
}

TEST_CASE("the environment says how many threads there are, where the program does not") {
  const Threads keep(1);
  for (const auto& [wish, count] : {std::pair("3", 3), std::pair("12", 12)}) {
    ::setenv("GLASS_NUM_THREADS", wish, 1);
    settings().threads = 0;  // not decided yet
    CHECK(num_threads() == count);
  }
  ::unsetenv("GLASS_NUM_THREADS");
}

TEST_CASE("threads that ask first how many there are get one answer") {
  const Threads keep(1);
  settings().threads = 0;  // not decided yet
  std::array<int, 4> said{};
  std::vector<std::thread> all;
  for (int& answer : said) all.emplace_back([&answer] { answer = num_threads(); });
  for (std::thread& thread : all) thread.join();
  for (const int answer : said) CHECK(answer == num_threads());
  CHECK(num_threads() >= 1);
}

TEST_CASE("there is at least one thread") {
  CHECK_THROWS_AS(set_num_threads(0), ShapeError);
  CHECK_THROWS_AS(set_num_threads(-1), ShapeError);
  CHECK(num_threads() >= 1);
}

}  // namespace parallel_test
