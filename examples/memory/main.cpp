// # memory
//
// Teaches one cross-attention layer to read a memory, shows how its attention becomes sharp, and
// evaluates it on memories that it never saw. The results of an evaluation are called marks.
#include "examples/common/files.h"
#include "examples/memory/options.h"
#include "nn/loss.h"

namespace memory {

namespace {

// The marks for each size of memory, as they were after so many steps.
struct Glance {
  Index step = 0;
  std::vector<Marks> marks;
};

// Whether to evaluate the model after this step: after 1/32, 1/16, …, 1/2 of the steps, and at the
// end.
bool worth_a_glance(Index step, Index steps) {
  for (Index part = 32; part > 1; part /= 2)
    if (step == steps / part) return true;
  return step == steps;
}

// How the weight on the right slot grew: a row for each glance, a column for each size.
void show(const std::vector<Glance>& glances) {
  fmt::print("\nThe weight on the slot that is meant, while it learnt\n{:>8}", "step");
  for (const Marks& m : glances[0].marks) fmt::print("{:>16}", fmt::format("{} slots", m.slots));
  fmt::print("\n");
  for (const Glance& glance : glances) {
    fmt::print("{:>8}", glance.step);
    for (const Marks& m : glance.marks)
      fmt::print("    {} {:>7.2f} %", examples::shade(m.weight), 100 * m.weight);
    fmt::print("\n");
  }
}

// The marks after the training: a row for each size.
void show(const std::vector<Marks>& marks, const Options& o) {
  fmt::print(
      "\nOn memories never seen, {} queries to each size; chance is {:.1f} %\n{:>8}{:>11}{:>13}"
      "{:>12}{:>15}{:>16}\n",
      o.test, 100.0 / static_cast<double>(o.world.symbols), "slots", "recall", "right slot",
      "its weight", "spread over", "values moved");
  for (const Marks& m : marks)
    fmt::print("{:>8}{:>9.2f} %{:>11.2f} %{:>10.2f} %{:>9.2f} slots{:>14.2f} %\n", m.slots,
               100 * m.recall, 100 * m.right_slot, 100 * m.weight, m.spread, 100 * m.shuffled);
}

// The marks as JSON, by the size of memory.
examples::Json metrics(const Options& o, const std::vector<Marks>& marks) {
  examples::Json json, recall, weight, spread;
  for (const Marks& m : marks) {
    const std::string size = std::to_string(m.slots);
    recall.add(size, m.recall);
    weight.add(size, m.weight);
    spread.add(size, m.spread);
  }
  json.add("program", "memory").add("seed", o.training.seed).add("recall", recall);
  json.add("weight", weight).add("spread", spread);
  return json;
}

// Evaluates the model on memories of each size, with so many queries.
std::vector<Marks> mark_all(const Recall& model, const World& world, const Options& o,
                            Index queries, const Rng& test) {
  std::vector<Marks> marks;
  for (const Index size : o.sizes) marks.push_back(mark(model, world, size, queries, test));
  return marks;
}

// A new model, and a line about its size.
Recall make_model(const Options& o, Rng& rng) {
  Recall model({.dim = o.world.dim,
                .key_dim = o.world.key_dim,
                .symbols = o.world.symbols,
                .value_dim = o.value_dim,
                .heads = o.heads},
               rng);
  fmt::print("{} parameters; queries {} wide, keys {}, values {}; {} symbols\n",
             glass::nn::count_parameters(model), o.world.dim, o.world.key_dim, o.value_dim,
             o.world.symbols);
  return model;
}

// The loss on a fresh batch. Its memories have any size up to the largest. In a small memory the
// right slot is easier to find, so the model learns from small memories first.
Var draw_loss(const Recall& model, const World& world, const Options& o, Rng& rng) {
  const Index slots = 2 + rng.below(o.slots - 1);
  const Batch batch = world.draw(o.training.batch, slots, o.queries, rng);
  return glass::nn::cross_entropy(model(batch.queries, batch.keys, batch.symbols), batch.answers);
}

int run(int argc, char** argv) {
  const Options o = parse_options(argc, argv);
  if (o.training.threads > 0) glass::set_num_threads(o.training.threads);
  examples::expect_writable(o.training.metrics);

  // Training and marking draw from two streams of random numbers, so that neither disturbs the
  // other.
  Rng seeds(o.training.seed), rng = seeds.split();
  const Rng test = seeds.split();
  const World world(o.world, rng);
  const Recall model = make_model(o, rng);

  // Train, and evaluate the model a few times during the training.
  constexpr Index glance_queries = 128;
  std::vector<Glance> glances = {{0, mark_all(model, world, o, glance_queries, test)}};
  const examples::Training training = examples::train_visibly(
      model, o.training, [&] { return draw_loss(model, world, o, rng); },
      [&](const examples::Progress& p) {
        if (worth_a_glance(p.step, p.steps))
          glances.push_back({p.step, mark_all(model, world, o, glance_queries, test)});
      });
  fmt::print("{} steps in {}, with memories of 2 to {} slots\n", training.steps,
             examples::duration(training.seconds), o.slots);

  // Evaluate the trained model, and show the marks.
  const std::vector<Marks> marks = mark_all(model, world, o, o.test, test);
  show(glances);
  show(marks, o);
  return examples::finish(o.training, training, glass::nn::count_parameters(model),
                          metrics(o, marks));
}

}  // namespace

}  // namespace memory

int main(int argc, char** argv) {
  return examples::program("memory", [&] { return memory::run(argc, argv); });
}
