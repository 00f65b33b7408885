// # Single ops, and the cost of recording them
//
// Each op forward, and forward with backward, on many numbers and on eight. With eight numbers the
// arithmetic costs almost nothing, so the time is the framework's. Chains of such ops measure its
// parts: the op without a graph, the op with a graph, and the sweep.
#include <glassgrad.h>

#include <CLI/CLI.hpp>

#include "tests/benchmarks/torch.h"

using namespace glass;
using bench::Chain;
using bench::ChainCase;
using bench::Op;
using bench::OpCase;

namespace {

const std::string our_name = "glassgrad";

// ---- one op ----

const std::vector<std::string> op_names = {
    "softmax",  "log_softmax", "layer_norm",    "gelu", "tanh",        "exp",        "relu",
    "add bias", "dropout",     "cross_entropy", "sum",  "sum, axis 0", "sum, axis 1"};

OpCase op_case(const std::string& name, int rows, int columns) {
  OpCase c{.op = name, .rows = rows, .columns = columns};
  Rng rng(1);
  c.x = normal({rows, columns}, 0, 1, rng).to_vector();
  c.weight = uniform(columns, 0.5, 1.5, rng).to_vector();
  c.bias = normal(columns, 0, 1, rng).to_vector();
  for (int i = 0; i < rows; ++i) c.targets.push_back(static_cast<int>(rng.below(columns)));
  return c;
}

Op our_op(const OpCase& c) {
  const Var x(Tensor({c.rows, c.columns}, c.x), true);
  const Var weight(Tensor(c.columns, c.weight), true), bias(Tensor(c.columns, c.bias), true);
  const auto rng = std::make_shared<Rng>(1);
  const std::map<std::string, std::function<Var()>> ops = {
      {"softmax", [=] { return softmax(x); }},
      {"log_softmax", [=] { return log_softmax(x); }},
      {"layer_norm", [=] { return layer_norm(x, weight, bias); }},
      {"gelu", [=] { return gelu(x); }},
      {"tanh", [=] { return tanh(x); }},
      {"exp", [=] { return exp(x); }},
      {"relu", [=] { return relu(x); }},
      {"add bias", [=] { return x + bias; }},
      {"dropout", [=] { return dropout(x, 0.1, *rng); }},
      {"cross_entropy", [=, targets = c.targets] { return nn::cross_entropy(x, targets); }},
      {"sum", [=] { return sum(x); }},
      {"sum, axis 0", [=] { return sum(x, 0); }},
      {"sum, axis 1", [=] { return sum(x, 1); }},
  };
  const auto op = ops.at(c.op);
  const Shape result = op().shape();
  const Tensor seed = result == x.shape() ? x.value() : ones(result);
  const auto both = [=] {
    for (const Var& leaf : {x, weight, bias}) leaf.zero_grad();
    const Var y = op();
    y.backward(seed);
    return y.value();
  };
  const auto answer = [=] {
    return cat({both().reshape(-1), x.grad().reshape(-1)}, 0).to_vector();
  };
  return {[op] { op(); }, [both] { both(); }, answer};
}

void compare_op(const OpCase& c, const bench::Torch* torch, const bench::Options& options,
                bench::Report& report) {
  std::vector<std::pair<std::string, Op>> ops = {{our_name, our_op(c)}};
  if (torch) {
    ops.emplace_back("libtorch", torch->op(c));
    if (c.op != "dropout") {
      const std::vector<float> ours = ops[0].second.answer(), theirs = ops[1].second.answer();
      const Index count = static_cast<Index>(ours.size());
      if (!allclose(Tensor(count, ours), Tensor(count, theirs), 1e-3, 1e-4))
        fmt::print("libtorch disagrees with us on {}\n", c.op);
    }
  }
  std::vector<bench::Contestant> contestants;
  for (const auto& [name, op] : ops) contestants.push_back({name, op.forward});
  for (const auto& [name, op] : ops) contestants.push_back({name, op.both});
  const std::vector<double> times = bench::race(contestants, bench::rules_of(options));

  std::vector<std::string> cells;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool backward = i >= ops.size(), last = (i + 1) % ops.size() == 0;
    cells.push_back(bench::duration(times[i]));
    if (torch && last) cells.push_back(fmt::format("{:.2f} ×", times[i] / times[i - 1]));
    report.add({{"op", c.op},
                {"rows", c.rows},
                {"columns", c.columns},
                {"backward", backward},
                {"library", contestants[i].name},
                {"seconds", times[i]}});
  }
  bench::print_row(c.op, cells);
}

// ---- chains ----

Chain our_chain(const ChainCase& c) {
  const Var x(full(8, 0.5f), true), one = ones(8);
  const auto kept = std::make_shared<Var>();
  const auto run = [=] {
    Var y = x;
    for (int i = 0; i < c.length; ++i) {
      const int turn = c.op == "add" ? 0 : c.op == "mul" ? 1 : c.op == "tanh" ? 2 : i % 3;
      y = turn == 0 ? y + one : turn == 1 ? y * one : tanh(y);
    }
    return y;
  };
  return {.plain =
              [run] {
                const NoGrad nothing_recorded;
                run();
              },
          .build = [=] { *kept = run(); },
          .sweep =
              [=] {
                x.zero_grad();
                kept->backward(one.value());
              },
          .drop = [kept] { *kept = Var(); }};
}

void compare_chain(const ChainCase& c, const bench::Torch* torch, const bench::Options& options,
                   bench::Report& report) {
  std::vector<std::pair<std::string, Chain>> chains = {{our_name, our_chain(c)}};
  if (torch) chains.emplace_back("libtorch", torch->chain(c));
  const std::vector<std::string> parts = {"plain", "build", "sweep"};
  std::vector<bench::Contestant> contestants;
  for (const std::string& part : parts)
    for (const auto& [name, chain] : chains) {
      const auto rebuild = [chain = chain] { chain.drop(), chain.build(); };
      contestants.push_back(part == "plain"   ? bench::Contestant{name, chain.plain, chain.drop}
                            : part == "build" ? bench::Contestant{name, chain.build, chain.drop}
                                              : bench::Contestant{name, chain.sweep, rebuild});
    }
  const std::vector<double> times = bench::race(contestants, bench::rules_of(options));

  std::vector<std::string> cells;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double each = times[i] / c.length;
    cells.push_back(bench::duration(each));
    report.add({{"chain", c.op},
                {"length", c.length},
                {"part", parts[i / chains.size()]},
                {"library", contestants[i].name},
                {"seconds_per_op", each}});
  }
  bench::print_row(c.op, cells);
}

// ---- a million of them, in a process that did nothing else ----

constexpr int million = 1'000'000;

void long_chain(const std::string& name, const bench::Options& options) {
  const auto make = name == our_name ? std::function(our_chain) : bench::load_torch(options)->chain;
  const Chain chain = make({"mixed", million}), few = make({"mixed", 1000});
  few.build(), few.sweep(), few.drop();  // what is set up once
  const double memory = bench::resident_bytes(), begin = bench::seconds();
  chain.build();
  const double built = bench::seconds();
  const double more = bench::resident_bytes() - memory, sweep = bench::seconds();
  chain.sweep();
  const double swept = bench::seconds();
  chain.drop();
  bench::answer_parent({(built - begin) / million, (swept - sweep) / million,
                        (bench::seconds() - swept) / million, more / million});
}

void compare_long_chains(const std::string& program, const bench::Torch* torch,
                         const bench::Options& options, bench::Report& report) {
  std::vector<std::string> names = {our_name};
  if (torch) names.emplace_back("libtorch");
  const int turns = std::min(options.turns, 5);
  std::vector<std::vector<std::vector<double>>> found(names.size());  // library, number, turn
  for (auto& numbers : found) numbers.resize(4);
  for (int turn = 0; turn < turns; ++turn)
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bench::Answer answer = bench::run_child(
          program, {"--chain", names[i], "--threads", std::to_string(options.threads)});
      for (std::size_t j = 0; j < 4; ++j) found[i][j].push_back(answer.numbers.at(j));
    }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::vector<double> m;
    for (auto& numbers : found[i]) m.push_back(bench::median(numbers));
    bench::print_row(names[i], {bench::duration(m[0]), bench::duration(m[1]), bench::duration(m[2]),
                                bench::bytes(m[3])});
    report.add({{"chain_of", million},
                {"library", names[i]},
                {"build_seconds_per_op", m[0]},
                {"sweep_seconds_per_op", m[1]},
                {"drop_seconds_per_op", m[2]},
                {"bytes_per_op", m[3]}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Options options;
  std::string only, chain_of;
  CLI::App app("Single ops against libtorch, where the module bench_torch was built.");
  bench::add_options(app, options);
  app.add_option("--only", only, "One of the parts")
      ->check(CLI::IsMember({"large", "small", "chain", "million"}));
  app.add_option("--chain", chain_of)->group("");
  CLI11_PARSE(app, argc, argv);
  bench::set_up(options);
  if (!chain_of.empty()) return long_chain(chain_of, options), 0;

  bench::Report report(options);
  const bench::Torch* torch = bench::load_torch(options);
  if (torch) report.peer("libtorch", torch->version);
  const auto wanted = [&](const std::string& part) { return only.empty() || only == part; };

  const auto ops_on = [&](const std::string& what, int rows, int columns) {
    fmt::print("\n");
    bench::print_row(what, torch ? std::vector<std::string>{"forward", "libtorch", "to ours",
                                                            "+ backward", "libtorch", "to ours"}
                                 : std::vector<std::string>{"forward", "+ backward"});
    for (const std::string& name : op_names)
      compare_op(op_case(name, rows, columns), torch, options, report);
  };
  if (wanted("large")) ops_on("on [512, 512]", 512, 512);
  if (wanted("small")) ops_on("on [2, 4]", 2, 4);

  if (wanted("chain")) {
    fmt::print("\n");
    bench::print_row("chain of 1,000, an op",
                     torch ? std::vector<std::string>{"no graph", "libtorch", "build", "libtorch",
                                                      "sweep", "libtorch"}
                           : std::vector<std::string>{"no graph", "build", "sweep"});
    for (const char* op : {"add", "mul", "tanh"}) compare_chain({op, 1000}, torch, options, report);
  }
  if (wanted("million")) {
    fmt::print("\n");
    bench::print_row("chain of 1,000,000, an op", {"build", "sweep", "drop", "memory"});
    compare_long_chains(argv[0], torch, options, report);
  }
  report.write();
}
