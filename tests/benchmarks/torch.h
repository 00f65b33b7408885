// # The benchmarks' interface to libtorch
//
// The code that uses libtorch is in torch_*.cpp, in a module that is loaded while the program runs.
// Without the module the programs measure glassgrad alone, and a process that does not load it has
// no byte of libtorch in its memory.
//
// Where there are several ways to write the same thing, each has a name, and the fastest counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/benchmarks/bench.h"

namespace bench {

// ---- ops ----

// An op on x [rows, columns]; weight and bias [columns] and targets [rows] where it takes them. Its
// gradient is that of a product with x where the result has the shape of x, else that of the sum.
struct OpCase {
  std::string op;
  int rows, columns;
  std::vector<float> x = {}, weight = {}, bias = {};
  std::vector<int> targets = {};
};

struct Op {
  std::function<void()> forward, both;         // both: forward and backward
  std::function<std::vector<float>()> answer;  // the result and the gradient of x
};

// Ops on 8 elements, one after the other: "add", "mul", "tanh", or "mixed", which takes turns.
struct ChainCase {
  std::string op;
  int length;
};

struct Chain {
  std::function<void()> plain;               // without a graph
  std::function<void()> build, sweep, drop;  // with one, which is kept until it is dropped
};

// ---- a training step ----

// Sentences of different lengths; where one has ended, the rest of its row is `padding`.
constexpr int padding = 0;
struct Batch {
  int rows, source_length, target_length;
  std::vector<int> source;           // [rows, source_length]
  std::vector<int> target, answers;  // [rows, target_length]
};

// The tokens that are learnt from: padding is not.
inline int count_answers(const Batch& batch) {
  return static_cast<int>(std::count_if(batch.answers.begin(), batch.answers.end(),
                                        [](int token) { return token != padding; }));
}

// An encoder-decoder, pre-norm, and its training with Adam. The batches come one after the other,
// again and again; a turn of a race is several of them.
struct Model {
  std::string name;
  int layers, width, heads, hidden, source_vocabulary, target_vocabulary;
  double dropout, inner_dropout = dropout;
  bool tied = false;     // the target's embedding is also the output layer's weight
  bool shared = false;   // and the source's embedding
  int max_length = 256;  // of a sentence

  std::vector<Batch> batches = {};
  int batches_in_turn = 1;
  std::function<double(int step)> rate = [](int) { return 1e-3; };  // of each step from 1 on
  double beta2 = 0.999, eps = 1e-8;
  double smoothing = 0;
  double average = 0;  // if not 0: the share of a running mean of the weights that stays at a step
};

// The first weights are random and should not stay in the running mean, so the first steps keep a
// smaller share of it.
inline double share_that_stays(const Model& model, int step) {
  return std::min(model.average, (1.0 + step) / (10.0 + step));
}

struct Trainer {
  std::function<void()> turn;    // a step for each of the next `batches_in_turn` batches
  std::function<double()> loss;  // of the last step
  std::int64_t parameters;
};

// ---- attention ----

// q, k, v [1, heads, length, width].
struct Scores {
  int heads, length, width;
  bool causal;
  double dropout;
  std::vector<float> q = {}, k = {}, v = {};
};

// A layer with query [batch, queries, width], and key and value [batch, keys, width].
struct CrossLayer {
  int width, heads, batch, queries, keys;
  double dropout;
};

struct Attended {
  std::function<void()> run;                   // forward and backward
  std::function<std::vector<float>()> answer;  // the output and the gradients
};

// ---- all of it ----

template <class Made, class Wanted>
using Makers = std::map<std::string, std::function<Made(const Wanted&)>>;

struct Torch {
  std::string version;
  std::function<void(int)> set_threads;
  std::function<Op(const OpCase&)> op;
  std::function<Chain(const ChainCase&)> chain;
  Makers<Trainer, Model> trainers;
  Makers<Attended, Scores> attention;
  Makers<Attended, CrossLayer> layers;
};

// Null where the module was not built. Once in a process, after set_up(). The version names the
// BLAS that libtorch's products run on, since that decides their speed.
const Torch* load_torch(const Options& options);

// The name of the maker whose product is fastest, and what each took, in a short race.
struct Fastest {
  std::string name, all;
};
template <class Made, class Wanted>
Fastest fastest(const Makers<Made, Wanted>& makers, const Wanted& wanted,
                const std::function<void()> Made::*run, Options options) {
  options.turns = std::min(options.turns, 3);
  std::vector<Contestant> contestants;
  for (const auto& [name, make] : makers) contestants.push_back({name, make(wanted).*run});
  const std::vector<double> times = race(contestants, rules_of(options));
  Fastest result;
  for (std::size_t i = 0; i < times.size(); ++i) {
    result.all += fmt::format("{}{} {}", i ? ", " : "", contestants[i].name, duration(times[i]));
    if (times[i] == *std::min_element(times.begin(), times.end()))
      result.name = contestants[i].name;
  }
  return result;
}

}  // namespace bench
