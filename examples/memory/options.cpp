// # The command line of memory
#include "examples/memory/options.h"

#include <CLI/CLI.hpp>
#include <set>

#include "examples/common/bounds.h"

namespace memory {

using examples::RealNumber;
using examples::WholeNumber;
using examples::within;

namespace {

constexpr WholeNumber any{1, 4096};

// What it is trained and marked on.
void add_memories(CLI::App& app, Options& o) {
  const auto option = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str();
  };
  // The first two are for the training, the others for the evaluation.
  within(option("--slots", o.slots, "Slots of the largest memory in training"),
         WholeNumber{2, 65536});
  within(option("--queries", o.queries, "Queries to each memory in training"), any);
  within(option("--sizes", o.sizes, "Sizes of memory to mark it on"), WholeNumber{1, 65536})
      ->type_name("N...");
  within(option("--test", o.test, "Queries to mark it on, of each size; a multiple of 32"),
         WholeNumber{32, 10'000'000, 32});
}

// Sizes of the keys, the values and the model.
void add_world_and_model(CLI::App& app, Options& o) {
  const auto option = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str()->group("World and model");
  };
  // The symbols and the noise, then the widths.
  within(option("--symbols", o.world.symbols, "Different values"), WholeNumber{2, 65536});
  within(option("--noise", o.world.noise,
                "Standard deviation of a query's blur; its numbers are around ±1"),
         RealNumber{0, 100});
  within(option("--key-dim", o.world.key_dim, "Width of a key"), any);
  within(option("--value-dim", o.value_dim, "Width of a symbol's embedding"), any);
  within(
      option("--dim", o.world.dim, "Width of a query, and of the layer; not below that of a key"),
      any);
  within(option("--heads", o.heads, "Attention heads; must divide the width"), any);
}

// CLI::ParseError if a size is named twice.
void expect_different(const std::vector<Index>& sizes) {
  std::set<Index> seen;
  for (const Index size : sizes)
    if (!seen.insert(size).second)
      throw CLI::ParseError(fmt::format("--sizes must differ; got {} twice", size),
                            CLI::ExitCodes::ValidationError);
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app(
      "Teaches one cross-attention layer to read a memory of keys and values that is drawn anew "
      "for every batch, and marks it on memories that it never saw, also larger ones.\n\n"
      "  memory\n"
      "  memory --slots 16 --sizes 16 64 4096\n"
      "  memory --noise 0.8 --heads 4");
  // The options, in the order of --help.
  examples::add_training_options(app, o.training, "Memories");
  add_memories(app, o);
  add_world_and_model(app, o);
  examples::parse(app, argc, argv);
  examples::expect_effects(examples::given_options(app),
                           {{o.training.steps == 0,
                             "with --steps 0 nothing is trained",
                             {"--batch", "--rate", "--warmup", "--slots", "--queries"}}});
  expect_different(o.sizes);
  return o;
}

}  // namespace memory
