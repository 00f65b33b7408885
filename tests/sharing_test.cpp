// What threads may share. Each test is a program that somebody would write, for a sentence of the
// paragraph about threads in autograd/var.h. The thread sanitizer runs them: ./check --only threads
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "nn/attention.h"
#include "nn/decode.h"
#include "nn/loss.h"
#include "nn/serialize.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/op_table.h"
#include "tests/threads.h"

namespace sharing_test {

using namespace glass;
using namespace glass::oracle;

namespace {

constexpr int callers = 4;

// Runs work(i) in each of four threads, with the pool behind them, and gives what went wrong. No
// thread may use Catch's CHECK: it is not made for threads.
template <class Work>
std::string in_threads(Work work) {
  const Threads three(3);
  std::vector<std::string> wrong(callers);
  std::vector<std::thread> all;
  for (int i = 0; i < callers; ++i)
    all.emplace_back([&, i] {
      try {
        wrong[static_cast<std::size_t>(i)] = work(i);
      } catch (const std::exception& error) {
        wrong[static_cast<std::size_t>(i)] = error.what();
      }
    });
  for (std::thread& thread : all) thread.join();
  std::string text;
  for (const std::string& one : wrong) text += one;
  return text;
}

// [B, T, C], large enough for its products, softmax and attention to use the pool.
Tensor query() {
  Rng rng(7);
  return uniform({2, 100, 32}, -1, 1, rng);
}

// Quicker than exact_difference.
std::string unless_same(const Tensor& x, const Tensor& expected) {
  if constexpr (is_certified) return exact_difference(x, expected);  // == would be undecided
  return x.shape() == expected.shape() && x.to_vector() == expected.to_vector() ? ""
                                                                                : "other numbers; ";
}

nn::EncoderDecoder translator(double dropout) {
  Rng rng(5);
  return nn::EncoderDecoder(rng, {.source_vocab = 7,
                                  .target_vocab = 7,
                                  .dim = 8,
                                  .heads = 2,
                                  .layers = 1,
                                  .hidden = 16,
                                  .dropout = dropout,
                                  .max_length = 8});
}
const Tokens source{2, 3, {4, 5, 6, 5, 5, 4}}, target{2, 3, {2, 4, 5, 2, 5, 5}};
const std::vector<int> next{4, 5, 3, 5, 5, 3};

// All parameters of a module in one row.
Tensor numbers_of(const auto& module) {
  std::vector<Tensor> all;
  for (const Var& p : nn::parameters(module)) all.push_back(p.value().reshape({-1}));
  return cat(all, 0);
}

Tensor trained(nn::EncoderDecoder& model) {
  optim::Adam adam(nn::parameters(model));
  for (int step = 0; step < 3; ++step) {
    adam.zero_grad();
    nn::cross_entropy(model(source, target), next).backward();
    adam.step();
  }
  return numbers_of(model);
}

}  // namespace

// ---- layers and leaves ----

TEST_CASE("a server: threads share a layer in eval mode, some record and some do not") {
  Rng rng(1);
  nn::CrossAttention made(32, 2, rng, {.dropout = 0.5});
  nn::set_training(made, false);
  const nn::CrossAttention& layer = made;
  const Tensor x = query(), expected = layer(x, x, x).value();
  const auto serve = [&](int i) {
    std::optional<NoGrad> guard;
    if (i % 2 == 0) guard.emplace();
    for (int request = 0; request < (is_certified ? 1 : 5); ++request) {
      const Var y = layer(x, x, x);
      if (y.requires_grad() != (i % 2 == 1)) return std::string("NoGrad holds for its own thread");
      if (const auto wrong = unless_same(y.value(), expected); !wrong.empty()) return wrong;
    }
    return std::string();
  };
  CHECK(in_threads(serve) == "");
}

TEST_CASE("threads decode with one model in eval mode") {
  const nn::EncoderDecoder model = translator(0.3);
  nn::set_training(model, false);
  const nn::DecodeOptions options{.max_length = 5};
  const auto expected = nn::greedy_decode(model, source, options);
  const auto beams = nn::beam_decode(model, source, options);
  const auto serve = [&](int i) {
    for (int request = 0; request < 3; ++request)
      if (i % 2 ? nn::greedy_decode(model, source, options) != expected
                : nn::beam_decode(model, source, options) != beams)
        return std::string("other tokens than alone");
    return std::string();
  };
  CHECK(in_threads(serve) == "");
}

TEST_CASE("threads that train four copies get the bits of one that trains alone") {
  if constexpr (is_certified) return;  // three steps of a model are too many for intervals
  const nn::EncoderDecoder model = translator(0.2);  // a copy repeats the streams of dropout
  nn::EncoderDecoder alone = model;
  const Tensor expected = trained(alone);
  const auto work = [&](int) {
    nn::EncoderDecoder copy = model;
    return exact_difference(trained(copy), expected);
  };
  CHECK(in_threads(work) == "");
}

TEST_CASE("threads sum the gradients of one model, each for its part of a batch, then one steps") {
  const nn::EncoderDecoder model = translator(0);
  const nn::EncoderDecoder alone = model;
  optim::Sgd sgd(nn::parameters(model), {.rate = 0.1}),
      sgd_alone(nn::parameters(alone), {.rate = 0.1});
  for (int step = 0; step < 2; ++step) {
    sgd.zero_grad();
    sgd_alone.zero_grad();
    const auto part = [&](const nn::EncoderDecoder& of) {
      nn::cross_entropy(of(source, target), next).backward();
      return std::string();
    };
    CHECK(in_threads([&](int) { return part(model); }) == "");
    for (int i = 0; i < callers; ++i) part(alone);
    // The threads add in the order in which they end, so the sums may round differently.
    sgd.step();
    sgd_alone.step();
    CHECK(difference(numbers_of(model), numbers_of(alone)) == "");
  }
}

TEST_CASE("a thread may read a leaf's value while others sweep into the leaf and drop gradients") {
  const Var w(ones({50}), true);
  const auto work = [&](int i) {
    for (int round = 0; round < 100; ++round) {
      if (i == 0 && exact_difference(w.value(), ones({50})) != "")
        return std::string("other value");
      if (i == 1) w.zero_grad();
      if (i > 1) sum(w * w).backward();
    }
    return std::string();
  };
  CHECK(in_threads(work) == "");
}

// ---- streams ----

TEST_CASE("threads with streams of their own draw what one thread draws") {
  const Rng first(3);
  const auto drawn = [](Rng rng) {
    const Var x(uniform({300}, -1, 1, rng), true);
    sum(dropout(x, 0.5, rng) * normal({300}, 0, 1, rng)).backward();
    return x.grad();
  };
  const Tensor expected = drawn(first);
  CHECK(in_threads([&](int) { return exact_difference(drawn(first), expected); }) == "");
}

TEST_CASE("a replay rewinds the streams of its own thread alone") {
  const auto work = [](int i) {
    Rng rng(static_cast<std::uint64_t>(i));
    for (int round = 0; round < 50; ++round) {
      const auto before = rng.state();
      Replay replay;
      if (rng.state() != before) return std::string("a stream moved");
      (void)rng.uniform();
      (void)rng.split();  // a stream that ends while other threads replay
      replay.rewind();
      if (rng.state() != before) return std::string("not rewound");
      (void)rng.draw();
    }
    return std::string();
  };
  CHECK(in_threads(work) == "");
}

TEST_CASE("threads check gradients of leaves of their own at once") {
  if constexpr (is_float) {
    SUCCEED("gradcheck is not for float");
  } else {
    const auto work = [](int i) {
      Rng rng(static_cast<std::uint64_t>(i));
      const Var x(uniform({3, 2}, -1, 1, rng), true);
      const auto f = [&] { return sum(dropout(tanh(x), 0.3, rng)); };
      const GradcheckReport report = gradcheck(f, {{"x", x}});
      return report ? std::string() : report.text;
    };
    CHECK(in_threads(work) == "");
  }
}

// ---- tensors ----

TEST_CASE("threads copy, read and drop one Tensor, and the last one frees the memory") {
  const Index before = live_bytes();
  {
    auto shared = std::make_shared<const Tensor>(query());
    const Tensor expected = shared->clone();
    const auto work = [&, kept = *shared](int) {
      for (int round = 0; round < 50; ++round) {
        const Tensor copy = kept, turned = copy.mT();
        if (const auto wrong = unless_same(turned.mT(), expected); !wrong.empty()) return wrong;
      }
      return std::string();
    };
    shared.reset();
    CHECK(in_threads(work) == "");
  }
  CHECK(live_bytes() == before);
}

TEST_CASE("threads may write parts of one Tensor that do not overlap") {
  Tensor x = empty({callers, 1000});
  const auto work = [&](int i) {
    Tensor row = x.select(0, i);
    row.fill(static_cast<Real>(i));
    row.copy_from(row * 2);
    return std::string();
  };
  CHECK(in_threads(work) == "");
  for (Index i = 0; i < callers; ++i)
    CHECK(exact_difference(x.select(0, i), full({1000}, static_cast<Real>(2 * i))) == "");
}

TEST_CASE("a loader hands batches to the thread that trains, through a queue with a lock") {
  constexpr int batches = 20;
  const auto batch = [](Rng& rng) { return uniform({16, 4}, -1, 1, rng); };
  const auto learn = [](const Tensor& x, const nn::Linear& layer, optim::Sgd& sgd) {
    sgd.zero_grad();
    mean(layer(x) * layer(x)).backward();
    sgd.step();
  };
  Rng rng(1);
  const nn::Linear layer(4, 3, rng), alone = layer;
  optim::Sgd sgd(nn::parameters(layer)), sgd_alone(nn::parameters(alone));

  std::mutex mutex;
  std::condition_variable filled;
  std::deque<Tensor> queue;
  std::thread loader([&] {
    Rng own(2);
    for (int i = 0; i < batches; ++i) {
      Tensor x = batch(own);
      const std::lock_guard lock(mutex);
      queue.push_back(std::move(x));
      filled.notify_one();
    }
  });
  for (int i = 0; i < batches; ++i) {
    std::unique_lock lock(mutex);
    filled.wait(lock, [&] { return !queue.empty(); });
    const Tensor x = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    learn(x, layer, sgd);
  }
  loader.join();

  Rng same(2);
  for (int i = 0; i < batches; ++i) learn(batch(same), alone, sgd_alone);
  CHECK(exact_difference(numbers_of(layer), numbers_of(alone)) == "");
}

// ---- the whole process: settings, memory, files ----

TEST_CASE("the settings may change while other threads compute, and the bits stay") {
  const Tensor x = query();
  const auto computed = [&] { return softmax(matmul(x, x.mT())); };
  const Tensor expected = computed();
  const Var named(ones({2}), true);
  const auto work = [&](int i) {
    for (int round = 0; round < (is_certified ? 2 : 20); ++round) {
      if (i == 0) set_num_threads(1 + round % 4);
      if (i == 1) set_nan_check(round % 2 == 0, {{"named", named}});
      if (i == 1) trim();
      if (live_bytes() <= 0) return std::string("no bytes are alive");
      sum(named * 2).backward();
      if (const auto wrong = unless_same(computed(), expected); !wrong.empty()) return wrong;
    }
    return std::string();
  };
  CHECK(in_threads(work) == "");
  set_nan_check(false);
}

TEST_CASE("the NaN watch names the op in the thread that made the NaN") {
  const Var zero(Tensor(0), true);
  set_nan_check(true, {{"zero", zero}});
  const auto work = [&](int i) {
    const auto fail = [&] { i % 2 ? (void)(zero / zero) : (void)(log(zero) * zero); };
    const std::string said = message_of<StateError>(fail);
    return said.starts_with(i % 2 ? "div: " : "mul: ") && said.ends_with("zero []") ? "" : said;
  };
  CHECK(in_threads(work) == "");
  set_nan_check(false);
}

TEST_CASE("threads save and load files, also of one model, and new files are not open to all") {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("sharing-{}", ::getpid());
  std::filesystem::create_directory(folder);
  const ::mode_t mask = ::umask(027);
  const nn::EncoderDecoder model = translator(0.1);
  const Tensor expected = numbers_of(model);
  const auto work = [&](int i) {
    for (int round = 0; round < 5; ++round) {
      const auto path = folder / fmt::format("{}-{}", i, round);
      nn::save(model, path);
      nn::save(model, folder / "last");  // one of the threads wins
      const nn::EncoderDecoder other = translator(0);
      nn::load(other, path);
      if (const auto wrong = exact_difference(numbers_of(other), expected); !wrong.empty())
        return wrong;
      struct stat status {};
      if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 07777) != 0640)
        return fmt::format("mode {:o}", status.st_mode);
    }
    return std::string();
  };
  CHECK(in_threads(work) == "");
  CHECK(::umask(mask) == 027);
  CHECK_NOTHROW(nn::load(translator(0.1), folder / "last"));
  std::filesystem::remove_all(folder);
}

}  // namespace sharing_test
