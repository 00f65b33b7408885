// # The command line of picture_query
#include "examples/picture_query/options.h"

#include <CLI/CLI.hpp>

#include "examples/common/bounds.h"

namespace picture_query {

using examples::RealNumber;
using examples::WholeNumber;
using examples::within;

namespace {

// What it is trained and marked on, and what is shown.
void add_questions(CLI::App& app, Options& o) {
  const auto option = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str();
  };
  within(option("--questions", o.questions, "Questions about each picture in training"),
         WholeNumber{1, 1000});
  within(option("--test", o.test, "Pictures to mark it on, with four questions each"),
         WholeNumber{2, 1'000'000});
  within(option("--show", o.show, "Questions to draw"), WholeNumber{0, 100});
  app.add_option("--ask", o.ask,
                 "Ask this about the first picture shown; may be given several times")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  examples::add_colour_option(app, o.colour);
  app.add_option("--svg", o.svg, "Draw what is shown here, too")->type_name("FILE")->group("Files");
}

// Sizes of the pictures and of the model.
void add_world_and_model(CLI::App& app, Options& o) {
  const auto option = [&app](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->capture_default_str()->group("World and model");
  };
  // The world, then the model.
  within(option("--grid", o.world.grid, "Patches along each side of a picture; even"),
         WholeNumber{2, 16});
  within(option("--pixels", o.world.side, "Pixels along each side of a patch"), WholeNumber{4, 64});
  within(option("--noise", o.world.noise, "Standard deviation of a pixel; black is 0, white 1"),
         RealNumber{0, 10});
  constexpr WholeNumber any{1, 4096};
  within(option("--dim", o.model.dim, "Width of a question, and of the layer"), any);
  within(option("--key-dim", o.model.key_dim, "Width of a patch's keys and values"), any);
  within(option("--hidden", o.model.hidden, "Width between the pixels and these"), any);
  within(option("--heads", o.model.heads, "Attention heads; must divide the width"), any);
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app(
      "Teaches one cross-attention layer to answer questions about pictures of coloured shapes, "
      "marks it on pictures that it never saw, and shows where it looked.\n\n"
      "  picture_query\n"
      "  picture_query --ask \"the small cross on the left is of what colour\" --svg look.svg\n"
      "  picture_query --grid 6 --noise 0.1 --steps 3000");
  // The options, in the order of --help.
  examples::add_training_options(app, o.training, "Pictures");
  add_questions(app, o);
  add_world_and_model(app, o);
  examples::parse(app, argc, argv);
  examples::expect_effects(
      examples::given_options(app),
      {{o.training.steps == 0,
        "with --steps 0 nothing is trained",
        {"--batch", "--rate", "--warmup", "--questions"}},
       {!o.ask.empty(), "with --ask all of its questions are drawn, and no other", {"--show"}},
       {o.show == 0 && o.ask.empty(), "with --show 0 nothing is drawn", {"--colour", "--svg"}}});
  return o;
}

}  // namespace picture_query
