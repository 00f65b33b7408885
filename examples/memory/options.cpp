#include "examples/memory/options.h"

#include <CLI/CLI.hpp>

namespace memory {

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app(
      "Teaches one cross-attention layer to read a memory of keys and values that is drawn anew "
      "for every batch, and marks it on memories that it never saw, also larger ones.\n\n"
      "  memory\n"
      "  memory --slots 16 --sizes 16 64 4096\n"
      "  memory --noise 0.8 --heads 4");
  examples::add_training_options(app, o.training, "Memories");
  const auto option = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str();
  };
  const CLI::Range any(1, 4096);
  option("--slots", o.slots, "Slots of the largest memory in training")
      ->check(CLI::Range(2, 65536));
  option("--queries", o.queries, "Queries to each memory in training")->check(any);
  option("--sizes", o.sizes, "Sizes of memory to mark it on")
      ->type_name("N...")
      ->check(CLI::Range(1, 65536));
  option("--test", o.test, "Queries to mark it on, of each size; a multiple of 32")
      ->check(CLI::Range(32, 10'000'000));
  const auto wide = [&](const char* name, auto& value, const char* help) {
    return option(name, value, help)->group("World and model");
  };
  wide("--symbols", o.world.symbols, "Different values")->check(CLI::Range(2, 65536));
  wide("--noise", o.world.noise, "Standard deviation of a query's blur; its numbers are around ±1")
      ->check(CLI::Range(0.0, 100.0));
  wide("--key-dim", o.world.key_dim, "Width of a key")->check(any);
  wide("--value-dim", o.value_dim, "Width of a symbol's embedding")->check(any);
  wide("--dim", o.world.dim, "Width of a query, and of the layer; not below that of a key")
      ->check(any);
  wide("--heads", o.heads, "Attention heads; must divide the width")->check(any);
  examples::parse(app, argc, argv);
  o.test -= o.test % 32;
  return o;
}

}  // namespace memory
