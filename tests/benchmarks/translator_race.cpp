// # The training of the example translate: speed, learning, memory
#include "tests/benchmarks/translator_race.h"

#include "tests/benchmarks/our_trainer.h"

namespace bench {

namespace {

struct Runner {
  std::string library, way;
  Trainer trainer;
  std::vector<double> pass_seconds = {};  // of each turn of the first pass
  std::vector<double> losses = {};        // of its last step
  std::vector<double> seconds = {};       // of each turn of the race

  // Of a process that has nothing else to do, and trains one pass.
  double alone_seconds = 0;  // a step
  double peak_bytes = 0;
};

std::size_t turns_of_a_pass(const Model& m) {
  return m.batches.size() / static_cast<std::size_t>(m.batches_in_turn);
}

// The first pass shows that both learn alike. It also warms up: each batch has other sizes.
void learn(Runner& r, const Model& m) {
  for (std::size_t turn = 0; turn < turns_of_a_pass(m); ++turn) {
    const double begin = seconds();
    r.trainer.turn();
    r.pass_seconds.push_back(seconds() - begin);
    r.losses.push_back(r.trainer.loss());
  }
}

// Turn i of each runner is on the same batches.
void take_turns(std::vector<Runner>& runners, const Options& options) {
  std::vector<Contestant> contestants;
  for (Runner& r : runners) {
    contestants.push_back({r.library, [&r] {
                             const double begin = seconds();
                             r.trainer.turn();
                             r.seconds.push_back(seconds() - begin);
                           }});
  }
  Rules rules = rules_of(options);
  rules.turn_seconds = 0;  // one call a turn
  race(contestants, rules);
}

// ---- results ----

// What is measured of each turn, and its median.
double median_of_turns(const Runner& r, const auto& measure) {
  std::vector<double> values;
  for (std::size_t turn = 0; turn < r.seconds.size(); ++turn) values.push_back(measure(turn));
  return median(values);
}

// A loss is that of one step.
void print_header(const Model& m) {
  print_row("translate", {"parameters", "tokens/s", "a step", "to ours", "alone", "peak",
                          fmt::format("loss {}", m.batches.size()), "loss end"});
}

void print(const Runner& r, const Runner& ours, const Model& m, Report& report) {
  // The target tokens of each turn of a pass.
  const auto in_turn = static_cast<std::size_t>(m.batches_in_turn);
  std::vector<double> tokens(turns_of_a_pass(m));
  for (std::size_t i = 0; i < m.batches.size(); ++i)
    tokens[i / in_turn] += count_answers(m.batches[i]);

  // Medians, and the row.
  const double rate = median_of_turns(
      r, [&](std::size_t turn) { return tokens[turn % tokens.size()] / r.seconds[turn]; });
  const double step = median(r.seconds) / m.batches_in_turn;
  const double ratio =
      median_of_turns(r, [&](std::size_t turn) { return r.seconds[turn] / ours.seconds[turn]; });
  print_row(r.library,
            {fmt::format("{}", r.trainer.parameters), fmt::format("{:.0f}", rate), duration(step),
             fmt::format("{:.2f} ×", ratio), duration(r.alone_seconds), bytes(r.peak_bytes),
             fmt::format("{:.3f}", r.losses.back()), fmt::format("{:.3f}", r.trainer.loss())});
  report.add({{"model", m.name},
              {"library", r.library},
              {"way", r.way},
              {"parameters", r.trainer.parameters},
              {"tokens_per_second", rate},
              {"seconds", step},
              {"to_ours", ratio},
              {"alone_seconds", r.alone_seconds},
              {"peak_bytes", r.peak_bytes},
              {"losses", r.losses},
              {"loss_after_race", r.trainer.loss()}});
}

// ---- a process of its own ----

void train_in_process(Runner& r, const std::string& program, const TranslatorOptions& t,
                      const Options& options) {
  std::vector<std::string> arguments = {"--train-once", r.way,
                                        "--threads",    std::to_string(options.threads),
                                        "--batches",    std::to_string(t.batches)};
  const auto add = [&](const char* name, const std::string& value) {
    arguments.insert(arguments.end(), {name, value});
  };
  if (!t.source.empty()) add("--source", t.source);
  if (!t.target.empty()) add("--target", t.target);
  if (t.subwords > 0) add("--subwords", std::to_string(t.subwords));
  if (t.joint) arguments.emplace_back("--joint");
  const Answer answer = run_child(program, arguments);
  r.alone_seconds = answer.numbers.at(0);
  r.peak_bytes = answer.numbers.at(1);
}

Trainer trainer_of(const std::string& way, const Model& m, const Torch* torch) {
  return way == our_name ? our_trainer(m) : torch->trainers.at(way)(m);
}

// libtorch in its fastest way. `ways` receives what each took.
Runner fastest_torch(const Model& m, const Torch& torch, const Options& options,
                     std::string& ways) {
  Model fewer = m;
  fewer.batches_in_turn = std::min(2, m.batches_in_turn);
  const Fastest best = fastest(torch.trainers, fewer, &Trainer::turn, options);
  ways = best.all;
  return {"libtorch", best.name, torch.trainers.at(best.name)(m)};
}

}  // namespace

void train_translator_once(const std::string& way, const TranslatorOptions& translator,
                           const Options& options) {
  const Model m = translator_model(translator);
  const Torch* torch = way == our_name ? nullptr : load_torch(options);
  Runner runner{way, way, trainer_of(way, m, torch)};
  learn(runner, m);
  answer_parent({median(runner.pass_seconds) / m.batches_in_turn, peak_bytes()});
}

void race_translator(const std::string& program, const TranslatorOptions& translator,
                     const Torch* torch, const Options& options, Report& report) {
  const Model m = translator_model(translator);
  fmt::print("\ntranslate: {}\n", describe(m));
  std::fflush(stdout);
  std::string ways;
  std::vector<Runner> runners = {{our_name, our_name, our_trainer(m)}};
  if (torch) runners.push_back(fastest_torch(m, *torch, options, ways));
  for (Runner& r : runners) {
    train_in_process(r, program, translator, options);
    learn(r, m);
  }
  take_turns(runners, options);

  print_header(m);
  for (const Runner& r : runners) print(r, runners[0], m, report);
  if (torch) fmt::print("libtorch's ways, 2 steps: {}\n", ways);
}

}  // namespace bench
