// # Attention: time and memory against the length
//
// The fused op, forward and backward, against libtorch's: an op that keeps the T × T weights needs
// memory that grows with T², one that recomputes them does not. Then the layer, in training mode.
#include <glassgrad.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "tests/benchmarks/torch.h"

using namespace glass;
using bench::Attended;
using bench::CrossLayer;
using bench::Scores;

namespace {

const std::string our_name = "glassgrad";

// ---- the op ----

struct Mode {
  std::string name;
  bool causal;
  double dropout;
};
const std::vector<Mode> modes = {{"plain", false, 0}, {"causal", true, 0}, {"dropout", false, 0.1}};

Scores scores(const Mode& mode, int length) {
  Scores s{
      .heads = 8, .length = length, .width = 64, .causal = mode.causal, .dropout = mode.dropout};
  Rng rng(1);
  for (auto* x : {&s.q, &s.k, &s.v})
    *x = normal({s.heads, s.length, s.width}, 0, 1, rng).to_vector();
  return s;
}

// Multiplications and additions of Q Kᵀ, P V and their four gradients, where queries see keys.
// What is computed once more in the backward does not count.
double useful_work(const Scores& s) {
  const double t = s.length, pairs = s.causal ? t * (t + 1) / 2 : t * t;
  return 12 * s.heads * pairs * s.width;
}

Attended our_attention(const Scores& s) {
  const auto leaf = [&](const std::vector<float>& values) {
    return Var(Tensor({1, s.heads, s.length, s.width}, values), true);
  };
  const Var q = leaf(s.q), k = leaf(s.k), v = leaf(s.v);
  const auto rng = std::make_shared<Rng>(1);
  const auto run = [=, causal = s.causal, dropout = s.dropout] {
    for (const Var& x : {q, k, v}) x.zero_grad();
    const Var y = attention(q, k, v, {}, {.causal = causal, .dropout = dropout, .rng = rng.get()});
    y.backward(q.value());
    return y.value();
  };
  const auto answer = [=] { return cat({run(), q.grad(), k.grad(), v.grad()}, 0).to_vector(); };
  return {[run] { run(); }, answer};
}

Attended maker(const std::string& name, const Scores& s, const bench::Options& options) {
  return name == our_name ? our_attention(s) : bench::load_torch(options)->attention.at(name)(s);
}

// In a process of its own: what it had before, and the most it had.
void measure_memory(const std::string& name, const Scores& s, const bench::Options& options) {
  const Attended attended = maker(name, s, options);
  const double before = bench::resident_bytes();
  attended.run();
  bench::answer_parent({before, bench::peak_bytes()});
}

void compare_op(const std::string& program, const Mode& mode, int length, const bench::Torch* torch,
                const bench::Options& options, bench::Report& report) {
  const Scores s = scores(mode, length);
  std::vector<std::string> makers = {our_name};
  std::vector<Attended> all = {our_attention(s)};
  if (torch) {
    makers.push_back(bench::fastest(torch->attention, s, &Attended::run, options).name);
    all.push_back(torch->attention.at(makers[1])(s));
    if (s.dropout == 0) {
      const std::vector<float> ours = all[0].answer(), theirs = all[1].answer();
      const Index count = static_cast<Index>(ours.size());
      if (!allclose(Tensor({count}, ours), Tensor({count}, theirs), 1e-3, 1e-4))
        fmt::print("libtorch disagrees with us on {} {}\n", mode.name, length);
    }
  }
  std::vector<bench::Contestant> contestants;
  for (std::size_t i = 0; i < all.size(); ++i) contestants.push_back({makers[i], all[i].run});
  const std::vector<double> times = bench::race(contestants, bench::rules_of(options));

  std::vector<std::string> cells;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<double> memory =
        bench::run_child(program,
                         {"--memory", makers[i], "--mode", mode.name, "--lengths",
                          std::to_string(length), "--threads", std::to_string(options.threads)})
            .numbers;
    const double share = report.share(useful_work(s), times[i]), more = memory[1] - memory[0];
    cells.insert(cells.end(), {bench::duration(times[i]), bench::share(share), bench::bytes(more),
                               bench::bytes(memory[1])});
    report.add({{"mode", mode.name},
                {"length", length},
                {"library", i == 0 ? our_name : "libtorch"},
                {"way", makers[i]},
                {"seconds", times[i]},
                {"share", share},
                {"op_bytes", more},
                {"peak_bytes", memory[1]}});
  }
  if (torch) {
    cells.push_back(fmt::format("{:.2f} ×", times[1] / times[0]));
    cells.push_back(makers[1]);
  }
  bench::print_row(fmt::format("{}, T = {}", mode.name, length), cells);
}

// ---- the layer ----

double useful_work(const CrossLayer& l) {
  const double c = l.width;
  const double projections = 2 * 2 * c * c * (l.queries + l.keys);
  return 3 * l.batch * (projections + 4.0 * l.queries * l.keys * c);
}

Attended our_layer(const CrossLayer& l) {
  Rng rng(1);
  const auto layer = std::make_shared<nn::CrossAttention>(
      l.width, l.heads, rng, nn::CrossAttentionOptions{.dropout = l.dropout});
  const Var query(normal({l.batch, l.queries, l.width}, 0, 1, rng), true);
  const Var memory(normal({l.batch, l.keys, l.width}, 0, 1, rng), true);
  const Tensor seed = ones(query.shape());
  const std::vector<Var> parameters = nn::parameters(*layer);
  return {[=] {
            for (const Var& x : {query, memory}) x.zero_grad();
            for (const Var& p : parameters) p.zero_grad();
            (*layer)(query, memory, memory).backward(seed);
          },
          {}};
}

void compare_layer(const CrossLayer& l, const bench::Torch* torch, const bench::Options& options,
                   bench::Report& report) {
  std::vector<bench::Contestant> contestants = {{our_name, our_layer(l).run}};
  std::string way;
  if (torch) {
    way = bench::fastest(torch->layers, l, &Attended::run, options).name;
    contestants.push_back({"libtorch", torch->layers.at(way)(l).run});
  }
  bench::Rules rules = bench::rules_of(options);
  rules.turn_seconds = 0.1;  // part of a training: one step after another
  const std::vector<double> times = bench::race(contestants, rules);
  const std::string name =
      fmt::format("({}, {}) on {} × {}, {}", l.width, l.heads, l.batch, l.queries, l.keys);
  std::vector<std::string> cells;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double share = report.share(useful_work(l), times[i]);
    cells.insert(cells.end(), {bench::duration(times[i]), bench::share(share)});
    report.add({{"layer", name},
                {"library", contestants[i].name},
                {"way", i == 0 ? our_name : way},
                {"seconds", times[i]},
                {"share", share}});
  }
  if (torch) cells.insert(cells.end(), {fmt::format("{:.2f} ×", times[1] / times[0]), way});
  bench::print_row(name, cells);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options;
  std::vector<int> lengths = {512, 1024, 2048, 4096};
  std::string only, memory_of;
  CLI::App app("Attention against libtorch, where the module bench_torch was built.");
  bench::add_options(app, options);
  app.add_option("--lengths", lengths, "Queries and keys of the op")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--mode", only, "One of the parts")
      ->check(CLI::IsMember({"plain", "causal", "dropout", "layer"}));
  app.add_option("--memory", memory_of)->group("");
  CLI11_PARSE(app, argc, argv);
  bench::set_up(options);
  const auto wanted = [&](const std::string& part) { return only.empty() || only == part; };
  if (!memory_of.empty()) {
    for (const Mode& mode : modes)
      if (wanted(mode.name)) measure_memory(memory_of, scores(mode, lengths.at(0)), options);
    return 0;
  }

  bench::Report report(options);
  const bench::Torch* torch = bench::load_torch(options);
  if (torch) report.peer("libtorch", torch->version);

  std::vector<std::string> columns = {"time", "of peak", "op's bytes", "process"};
  if (torch)
    columns.insert(columns.end(),
                   {"libtorch", "of peak", "op's bytes", "process", "to ours", "its way"});
  if (only != "layer") {
    fmt::print("\n");
    bench::print_row("attention [1, 8, T, 64]", columns);
  }
  for (const Mode& mode : modes)
    for (const int length : lengths)
      if (wanted(mode.name)) compare_op(argv[0], mode, length, torch, options, report);

  if (wanted("layer")) {
    columns = {"time", "of peak"};
    if (torch) columns.insert(columns.end(), {"libtorch", "of peak", "to ours", "its way"});
    fmt::print("\n");
    bench::print_row("CrossAttention", columns);
    compare_layer({512, 8, 8, 10, 20, 0.1}, torch, options, report);
    compare_layer({64, 4, 32, 12, 12, 0.1}, torch, options, report);
  }
  report.write();
}
