// # Answers by several threads
//
// Four threads answer requests with one model. While dropout is off, a call writes nothing into the
// model, so the threads share its weights. Until they have ended, nothing else may write to the
// weights: no step of an optimiser, no load(). What to see: every thread has a NoGrad of its own,
// or it would record a graph; and set_num_threads(1) keeps each op in the thread that called it.
#include <glassgrad.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>

using namespace glass;

struct Model {
  explicit Model(Rng& rng) : attn(32, 4, rng), head(32, 5, rng) {}
  Var operator()(const Var& x) const { return head(mean(attn(x, x, x), 1)); }  // [1, 5]
  void each(auto&& f) { f("attn", attn), f("head", head); }
  nn::CrossAttention attn;  // drops out in training
  nn::Linear head;
};

// A packaged_task is a function whose result, or exception, arrives in its future.
using Request = std::packaged_task<Tensor()>;

void answer(std::vector<Request>& requests, int count) {
  std::atomic<std::size_t> next = 0;  // the first request that no thread has taken
  const auto work = [&] {
    const NoGrad no_grad;
    for (std::size_t i = next++; i < requests.size(); i = next++) requests[i]();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

bool run(std::uint64_t seed) {
  set_num_threads(1);
  Rng rng(seed);
  const Model model(rng);
  nn::set_training(model, false);

  std::vector<Request> requests;
  std::vector<Tensor> expected;
  for (int i = 0; i < 500; ++i) {
    const Tensor x = normal({1, 1 + rng.below(40), 32}, 0, 1, rng);  // [1, T, 32], any length T
    expected.push_back(model(x).value());
    requests.emplace_back([&model, x] { return model(x).value(); });
  }
  answer(requests, 4);

  std::size_t same = 0;
  for (std::size_t i = 0; i < requests.size(); ++i)
    same += requests[i].get_future().get().to_vector() == expected[i].to_vector();
  fmt::print("four threads answered; the first answer is {:.4f}\n", expected.front());
  const bool holds = same == requests.size();
  fmt::print("claim: {} of {} answers have the same bits as on one thread: {}\n", same,
             requests.size(), holds ? "holds" : "fails");
  return holds;
}

// The only argument is the seed. Status 0: the claim holds; 1: it fails; 2: an error.
int main(int argc, char** argv) try {
  const std::string word = argc > 1 ? argv[1] : "1";
  const std::uint64_t seed = std::strtoull(word.c_str(), nullptr, 10);
  if (argc > 2 || std::to_string(seed) != word)  // of "abc" or "3x" strtoull reads only a part
    throw std::invalid_argument("usage: one optional seed, a whole number");
  const bool holds = run(seed);
  if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write the standard output");
  return holds ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 2;
}

// Change first: let operator() compute head(mean(relu(attn(x, x, x)), 1)), or anything else that is
// const and draws no random numbers.
