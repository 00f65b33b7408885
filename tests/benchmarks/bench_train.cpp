// # A training step, and how soon the first one is done
//
// Forward, cross-entropy, backward, clipping, Adam and zero_grad of two encoder-decoders, against
// the same models in libtorch; and the training of the example translate. And the cost of a short
// program: the time from the start of a process to the end of its first step, its memory, and
// whether later steps still take fresh pages.
#include <glassgrad.h>

#include <CLI/CLI.hpp>

#include "tests/benchmarks/our_trainer.h"
#include "tests/benchmarks/translator_race.h"

using namespace glass;
using bench::Contestant;
using bench::Model;
using bench::our_name;
using bench::our_trainer;

namespace {

// ---- the models ----

// One batch of random tokens, without padding.
Model with_batch(Model m, int rows, int length) {
  Rng rng(1);
  bench::Batch batch{rows, length, length, {}, {}, {}};
  for (auto* tokens : {&batch.source, &batch.target, &batch.answers})
    for (int i = 0; i < rows * length; ++i)
      tokens->push_back(1 + static_cast<int>(rng.below(m.source_vocabulary - 1)));
  m.batches = {batch};
  return m;
}

Model small_model() {
  return with_batch({.name = "small",
                     .layers = 2,
                     .width = 64,
                     .heads = 4,
                     .hidden = 256,
                     .source_vocabulary = 64,
                     .target_vocabulary = 64,
                     .dropout = 0.1},
                    32, 16);
}

Model large_model() {
  return with_batch({.name = "large",
                     .layers = 3,
                     .width = 512,
                     .heads = 8,
                     .hidden = 2048,
                     .source_vocabulary = 1000,
                     .target_vocabulary = 1000,
                     .dropout = 0.1},
                    16, 32);
}

// Multiplications and additions of one step, those of products only: a product's gradient is two
// more of its size.
double useful_work(const Model& m) {
  const bench::Batch& batch = m.batches[0];
  const double c = m.width, tokens = batch.rows * batch.target_length;
  const double projections = 4 * c * c, feed_forward = 2 * c * m.hidden;
  const double weights = m.layers * (3 * projections + 2 * feed_forward) + c * m.target_vocabulary;
  const double scores =
      m.layers * 3 * batch.target_length * c;  // a token's, with every other; then values
  return 3 * tokens * (2 * weights + 4 * scores);
}

// ---- one model ----

struct Named {
  std::string library;
  bench::Trainer trainer;
};

// After the race: some more steps, whose fresh pages and live bytes are counted.
void print(const Named& one, const Model& m, double time, double our_time, bench::Report& report) {
  const auto& [name, trainer] = one;
  const int steps = m.width < 256 ? 100 : 5;
  const Index alive = live_bytes();
  const long faults = bench::minor_faults();
  for (int n = 0; n < steps; ++n) trainer.turn();
  const double faults_per_step = static_cast<double>(bench::minor_faults() - faults) / steps;
  const Index growth = live_bytes() - alive;
  const bool ours = name == our_name;

  // The row, and the same for --json.
  const double share = report.share(useful_work(m), time);
  bench::print_row(
      name, {fmt::format("{}", trainer.parameters), bench::duration(time), bench::share(share),
             fmt::format("{:.2f} ×", time / our_time), fmt::format("{:.1f}", faults_per_step),
             ours ? fmt::format("{} B", growth) : "", fmt::format("{:.4f}", trainer.loss())});
  report.add({{"model", m.name},
              {"library", name},
              {"parameters", trainer.parameters},
              {"seconds", time},
              {"share", share},
              {"faults_per_step", faults_per_step},
              {"loss", trainer.loss()}});
  if (ours) report.add({{"model", m.name}, {"library", name}, {"live_bytes_growth", growth}});
}

void compare(const Model& m, const bench::Torch* torch, const bench::Options& options,
             bench::Report& report) {
  std::string ways;
  std::vector<Named> trainers = {{our_name, our_trainer(m)}};
  if (torch) {
    const auto best = bench::fastest(torch->trainers, m, &bench::Trainer::turn, options);
    ways = best.all;
    trainers.push_back({"libtorch", torch->trainers.at(best.name)(m)});
  }
  std::vector<Contestant> contestants;
  for (const auto& [name, t] : trainers) contestants.push_back({name, t.turn});
  bench::Rules rules = bench::rules_of(options);
  rules.turn_seconds = 0.2;  // training is one step after another, with warm caches
  const std::vector<double> times = bench::race(contestants, rules);

  fmt::print("\n");
  bench::print_row("a step of the " + m.name + " model",
                   {"parameters", "time", "of peak", "to ours", "faults", "growth", "loss"});
  for (std::size_t i = 0; i < trainers.size(); ++i)
    print(trainers[i], m, times[i], times[0], report);
  if (torch) fmt::print("libtorch's ways: {}\n", ways);
}

// ---- the first step of a fresh process ----

void first_step(const std::string& way, const bench::Options& options) {
  const Model m = small_model();
  const bench::Trainer trainer =
      way == our_name ? our_trainer(m) : bench::load_torch(options)->trainers.at(way)(m);
  trainer.turn();
  bench::answer_parent({bench::peak_bytes()});
}

void compare_first_steps(const std::string& program, const bench::Torch* torch,
                         const bench::Options& options, bench::Report& report) {
  std::vector<std::string> ways = {our_name};
  if (torch) ways.emplace_back("packed");
  std::vector<std::vector<double>> times(ways.size()), peaks(ways.size());
  for (int turn = 0; turn < options.turns; ++turn)
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const bench::Answer answer = bench::run_child(
          program, {"--first-step", ways[i], "--threads", std::to_string(options.threads)});
      times[i].push_back(answer.seconds);
      peaks[i].push_back(answer.numbers.at(0));
    }
  fmt::print("\n");
  bench::print_row("process start to 1st step", {"time", "peak"});
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const double time = bench::median(times[i]), peak = bench::median(peaks[i]);
    const std::string name = i == 0 ? our_name : "libtorch";
    bench::print_row(name, {bench::duration(time), bench::bytes(peak)});
    report.add({{"first_step", name}, {"seconds", time}, {"peak_bytes", peak}});
  }
}

// ---- the command line ----

struct Arguments {
  bench::Options options;
  bench::TranslatorOptions translator;
  std::string only;
  std::string first_step, train_once;  // what a process that is started by this one does
};

void add_translator(CLI::App& app, bench::TranslatorOptions& o) {
  const auto add = [&](const char* name, auto& value, const char* text) {
    return app.add_option(name, value, text)->group("The training of translate");
  };
  auto* source = add("--source", o.source,
                     "Sentences, one a line; without, made-up ones as long as those of Multi30k")
                     ->type_name("FILE");
  auto* target = add("--target", o.target, "Their translations")->type_name("FILE");
  source->needs(target);
  target->needs(source);
  auto* subwords = add("--subwords", o.subwords, "Merges of byte-pair encoding; 0: words (0)")
                       ->needs(source)
                       ->check(CLI::Range(0, 1'000'000));
  app.add_flag("--joint", o.joint, "One encoding, vocabulary and table for both languages")
      ->group("The training of translate")
      ->needs(subwords);
  add("--batches", o.batches, "How many of its first batches (30)")->check(CLI::Range(1, 10'000));
}

void run(const Arguments& a, const std::string& program) {
  bench::Report report(a.options);
  const bench::Torch* torch = bench::load_torch(a.options);
  if (torch) report.peer("libtorch", torch->version);
  const auto wants = [&](const char* part) { return a.only.empty() || a.only == part; };

  if (wants("small")) compare(small_model(), torch, a.options, report);
  if (wants("large")) compare(large_model(), torch, a.options, report);
  if (wants("translate")) race_translator(program, a.translator, torch, a.options, report);
  if (wants("first")) compare_first_steps(program, torch, a.options, report);
  report.write();
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App app("A training step against libtorch, where the module bench_torch was built.");
  bench::add_options(app, a.options);
  app.add_option("--only", a.only, "One of the parts")
      ->check(CLI::IsMember({"small", "large", "translate", "first"}));
  add_translator(app, a.translator);
  app.add_option("--first-step", a.first_step)->group("");
  app.add_option("--train-once", a.train_once)->group("");
  CLI11_PARSE(app, argc, argv);
  bench::set_up(a.options);

  if (!a.first_step.empty())
    first_step(a.first_step, a.options);
  else if (!a.train_once.empty())
    bench::train_translator_once(a.train_once, a.translator, a.options);
  else
    run(a, argv[0]);
}
