// # What the arguments mean
#include <CLI/CLI.hpp>

#include "examples/translate/options.h"
#include "tests/catch.h"

using namespace translate;

namespace {

Options parse(std::vector<std::string> words) {
  words.insert(words.begin(), "translate");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return parse_options(static_cast<int>(pointers.size()), pointers.data());
}

std::vector<std::string> text(std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--source", "a", "--target", "b"});
  return more;
}

}  // namespace

TEST_CASE("without arguments it learns to reverse, by the recipe of that task") {
  const Options o = parse({});
  CHECK(o.task == "reverse");
  CHECK(o.recipe.heads == 1);
  CHECK(o.recipe.steps == 1200);
  CHECK(o.trains());
  CHECK(parse({"--task", "dates"}).recipe.steps == 3000);
  CHECK(parse({"--task", "nothing"}).task == "nothing");  // make_task refuses it, and says why
}

TEST_CASE("an argument changes one part of a recipe, and a length replaces the other") {
  const Options o = parse({"--task", "dates", "--steps", "5", "--dim", "32"});
  CHECK(o.recipe.steps == 5);
  CHECK(o.recipe.epochs == 0);
  CHECK(o.recipe.dim == 32);
  CHECK(o.recipe.hidden == 128);
  CHECK(!parse({"--steps", "0"}).trains());
  const Options passes = parse(text({"--epochs", "3"}));
  CHECK(passes.recipe.epochs == 3);
  CHECK(passes.recipe.steps < 0);
  CHECK(passes.trains());
}

TEST_CASE("a preset has sizes and rates for text, which arguments change") {
  CHECK(parse(text()).recipe.dim == 128);
  const Recipe r = parse(text({"--preset", "multi30k", "--dropout", "0.3"})).recipe;
  CHECK(r.dim == 256);
  CHECK(r.layers == 3);
  CHECK(r.heads == 8);
  CHECK(r.hidden == 512);
  CHECK(r.tied);
  CHECK(r.smoothing == 0.1);
  CHECK(r.dropout == 0.3);
  CHECK(r.epochs > 0);
  CHECK(parse(text({"--schedule", "inverse-sqrt"})).recipe.schedule == Schedule::inverse_sqrt);
}

TEST_CASE("arguments that make no sense together are refused") {
  const std::vector<std::vector<std::string>> table = {
      {"--resume"},
      {"--checkpoint-every", "5"},
      {"--preset", "multi30k"},
      text({"--preset", "other"}),
      text({"--task", "copy"}),
      text({"--steps", "1", "--epochs", "1"}),
      {"--epochs", "1"},
      {"--source", "a"},
      {"--output", "a"},
      text({"--valid-source", "c"}),
      {"--task", "copy", "--save", "a", "--resume", "--load", "b"},
      {"--steps", "-1"},
      {"--dropout", "1"},
      {"--schedule", "linear"},
      {"--beams", "0"},
      {"--nothing"},
  };
  for (const auto& words : table) {
    INFO(fmt::format("{}", words.front()));
    CHECK_THROWS_AS(parse(words), CLI::ParseError);
  }
  CHECK_THROWS_AS(parse({"--load", "no such file"}), glass::FileError);
}

TEST_CASE("two trainings have the same settings only if nothing that matters differs") {
  const Settings settings = settings_of(parse(text()));
  const auto differ = [&](const std::vector<std::string>& more) {
    const Settings other = settings_of(parse(text(more)));
    int count = 0;
    for (std::size_t i = 0; i < settings.size(); ++i) count += settings[i] != other[i];
    return count;
  };
  for (const auto* name :
       {"--max-tokens", "--min-count", "--dim", "--layers", "--hidden", "--batch", "--batch-tokens",
        "--warmup", "--validate-every", "--patience", "--log-every", "--seed", "--epochs"}) {
    INFO(name);
    CHECK(differ({name, "7"}) == 1);
  }
  CHECK(differ({"--heads", "2"}) == 1);
  CHECK(differ({"--tied", "1"}) == 1);
  CHECK(differ({"--dropout", "0.2"}) == 1);
  CHECK(differ({"--rate", "0.002"}) == 1);
  CHECK(differ({"--smoothing", "0"}) == 1);
  CHECK(differ({"--average", "0.9"}) == 1);
  CHECK(differ({"--schedule", "inverse-sqrt"}) == 1);
  CHECK(differ({"--steps", "100"}) == 2);  // and no epochs
  // What may change from one life of a training to the next.
  CHECK(differ({"--threads", "3", "--log", "l", "--save", "s", "--checkpoint-every", "9",
                "--resume", "--beams", "2", "--metrics", "m", "--interactive"}) == 0);
}
