// # A training step, and how soon the first one is done
//
// Forward, cross-entropy, backward, clipping, Adam and zero_grad of two encoder-decoders, against
// the same models in libtorch. And the cost of a short program: the time from the start of a
// process to the end of its first step, its memory, and whether later steps still take fresh pages.
#include <glassgrad.h>

#include <CLI/CLI.hpp>

#include "tests/benchmarks/torch.h"

using namespace glass;
using bench::Contestant;
using bench::Model;

namespace {

// ---- the models ----

Model with_batch(Model m) {
  Rng rng(1);
  for (auto* tokens : {&m.source, &m.target, &m.answers})
    for (int i = 0; i < m.batch * m.length; ++i)
      tokens->push_back(1 + static_cast<int>(rng.below(m.vocabulary - 1)));
  return m;
}

Model small_model() {
  return with_batch({.name = "small",
                     .layers = 2,
                     .width = 64,
                     .heads = 4,
                     .hidden = 256,
                     .vocabulary = 64,
                     .batch = 32,
                     .length = 16,
                     .dropout = 0.1});
}

Model large_model() {
  return with_batch({.name = "large",
                     .layers = 3,
                     .width = 512,
                     .heads = 8,
                     .hidden = 2048,
                     .vocabulary = 1000,
                     .batch = 16,
                     .length = 32,
                     .dropout = 0.1});
}

// Multiplications and additions of one step, those of products only: a product's gradient is two
// more of its size.
double useful_work(const Model& m) {
  const double c = m.width, tokens = m.batch * m.length;
  const double projections = 4 * c * c, feed_forward = 2 * c * m.hidden;
  const double weights = m.layers * (3 * projections + 2 * feed_forward) + c * m.vocabulary;
  const double scores = m.layers * 3 * m.length * c;  // a token's, with every other; then values
  return 3 * tokens * (2 * weights + 4 * scores);
}

// ---- ours ----

struct Ours {
  explicit Ours(const Model& m)
      : source{m.batch, m.length, m.source},
        target{m.batch, m.length, m.target},
        answers(m.answers),
        model(rng, {.source_vocab = m.vocabulary,
                    .target_vocab = m.vocabulary,
                    .dim = m.width,
                    .heads = m.heads,
                    .layers = m.layers,
                    .hidden = m.hidden,
                    .dropout = m.dropout}),
        parameters(nn::parameters(model)),
        adam(parameters, {.rate = 1e-3}) {}

  void step() {
    const Var loss = nn::cross_entropy(model(source, target), answers);
    loss.backward();
    last = loss.item();
    optim::clip_grad_norm(parameters, 1.0);
    adam.step();
    adam.zero_grad();
  }

  Rng rng{1};
  Tokens source, target;
  std::vector<int> answers;
  nn::EncoderDecoder model;
  std::vector<Var> parameters;
  optim::Adam adam;
  double last = 0;
};

const std::string our_name = "glassgrad";

bench::Trainer our_trainer(const Model& m) {
  const auto ours = std::make_shared<Ours>(m);
  return {[ours] { ours->step(); }, [ours] { return ours->last; },
          nn::count_parameters(ours->model)};
}

// ---- one model ----

void compare(const Model& m, const bench::Torch* torch, const bench::Options& options,
             bench::Report& report) {
  std::string ways;
  std::vector<std::pair<std::string, bench::Trainer>> trainers = {{our_name, our_trainer(m)}};
  if (torch) {
    const auto best = bench::fastest(torch->trainers, m, &bench::Trainer::step, options);
    ways = best.all;
    trainers.emplace_back("libtorch", torch->trainers.at(best.name)(m));
  }
  std::vector<Contestant> contestants;
  for (const auto& [name, t] : trainers) contestants.push_back({name, t.step});
  bench::Rules rules = bench::rules_of(options);
  rules.turn_seconds = 0.2;  // training is one step after another, with warm caches
  const std::vector<double> times = bench::race(contestants, rules);

  fmt::print("\n");
  bench::print_row("a step of the " + m.name + " model",
                   {"parameters", "time", "of peak", "to ours", "faults", "growth", "loss"});
  const int steps = m.width < 256 ? 100 : 5;
  for (std::size_t i = 0; i < trainers.size(); ++i) {
    const auto& [name, trainer] = trainers[i];
    const Index alive = live_bytes();
    const long faults = bench::minor_faults();
    for (int n = 0; n < steps; ++n) trainer.step();
    const double faults_per_step = static_cast<double>(bench::minor_faults() - faults) / steps;
    const Index growth = live_bytes() - alive;
    const double share = report.share(useful_work(m), times[i]);
    bench::print_row(
        name,
        {fmt::format("{}", trainer.parameters), bench::duration(times[i]), bench::share(share),
         fmt::format("{:.2f} ×", times[i] / times[0]), fmt::format("{:.1f}", faults_per_step),
         i == 0 ? fmt::format("{} B", growth) : "", fmt::format("{:.4f}", trainer.loss())});
    report.add({{"model", m.name},
                {"library", name},
                {"parameters", trainer.parameters},
                {"seconds", times[i]},
                {"share", share},
                {"faults_per_step", faults_per_step},
                {"loss", trainer.loss()}});
    if (i == 0) report.add({{"model", m.name}, {"library", name}, {"live_bytes_growth", growth}});
  }
  if (torch) fmt::print("libtorch's ways: {}\n", ways);
}

// ---- the first step of a fresh process ----

void first_step(const std::string& way, const bench::Options& options) {
  const Model m = small_model();
  const bench::Trainer trainer =
      way == our_name ? our_trainer(m) : bench::load_torch(options)->trainers.at(way)(m);
  trainer.step();
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

}  // namespace

int main(int argc, char** argv) {
  bench::Options options;
  std::string only, way;
  CLI::App app("A training step against libtorch, where the module bench_torch was built.");
  bench::add_options(app, options);
  app.add_option("--only", only, "One of the parts")
      ->check(CLI::IsMember({"small", "large", "first"}));
  app.add_option("--first-step", way)->group("");
  CLI11_PARSE(app, argc, argv);
  bench::set_up(options);
  if (!way.empty()) return first_step(way, options), 0;

  bench::Report report(options);
  const bench::Torch* torch = bench::load_torch(options);
  if (torch) report.peer("libtorch", torch->version);

  if (only.empty() || only == "small") compare(small_model(), torch, options, report);
  if (only.empty() || only == "large") compare(large_model(), torch, options, report);
  if (only.empty() || only == "first") {
    compare_first_steps(argv[0], torch, options, report);
  }
  report.write();
}
