// # What the arguments mean
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <regex>
#include <set>

#include "examples/translate/options.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace translate_options_test {

using namespace translate;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

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

// The error of parsing; empty if it accepts the arguments.
std::string complaint(const std::vector<std::string>& words) {
  try {
    parse(words);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

using Words = std::vector<std::string>;

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Folder : glass::files::Folder {
  // A file that the rules for arguments accept as a model of the task `reverse`.
  std::string model() const {
    glass::Rng rng(1);
    glass::nn::save(glass::nn::Linear(1, 1, rng), path / "model", {{"task", "reverse"}});
    return (path / "model").string();
  }
};

// The options that examples/translate/options.cpp adds with a pattern of source code.
std::set<std::string> options_added(const std::string& pattern) {
  std::ifstream file(GLASS_SOURCE_DIR "/examples/translate/options.cpp");
  const std::string source(std::istreambuf_iterator<char>(file), {});
  const std::regex expression(pattern);
  std::set<std::string> names;
  for (std::sregex_iterator i(source.begin(), source.end(), expression), end; i != end; ++i)
    names.insert((*i)[1]);
  return names;
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
  const Options changed = parse(text({"--preset", "multi30k", "--dropout", "0.1"}));
  CHECK(changed.files.subwords > 0);
  CHECK(parse(text({"--preset", "multi30k", "--subwords", "0"})).files.subwords == 0);
  CHECK(parse(text()).files.subwords == 0);
  const Recipe r = changed.recipe;
  CHECK(r.dim == 256);
  CHECK(r.layers == 3);
  CHECK(r.heads == 8);
  CHECK(r.hidden == 512);
  CHECK(r.tied);
  CHECK(r.smoothing == 0.1);
  CHECK(r.dropout == 0.1);
  CHECK(r.inner_dropout == 0);
  CHECK(!parse(text()).recipe.inner_dropout);
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
      text({"--joint", "1"}),
      text({"--subwords", "0", "--bpe-dropout", "0.1"}),
      {"--task", "phrases", "--subwords", "100"},
      {"--nothing"},
      {"--test-source", "a"},
      {"--test-target", "a"},
      {"--score", "a"},
      {"--reference", "a"},
      {"--baseline", "a"},
      {"--translate", "abc", "--nbest", "2"},  // of one beam
      {"--translate", "abc", "--beams", "3", "--nbest", "4"},
  };
  for (const auto& words : table) {
    INFO(fmt::format("{}", words.front()));
    CHECK_THROWS_AS(parse(words), CLI::ParseError);
  }
  CHECK_THROWS_AS(parse({"--load", "no such file"}), glass::FileError);
}

TEST_CASE("two trainings have the same settings only if nothing that matters differs") {
  const Settings settings = settings_of(parse(text()));
  const auto differ = [&](const Words& more) {  // --log-every has an effect only with --log
    const Settings other = settings_of(parse(text(more) + Words{"--log", "log"}));
    int count = 0;
    for (std::size_t i = 0; i < settings.size(); ++i) count += settings[i] != other[i];
    return count;
  };
  for (const auto* name : {"--max-tokens", "--min-count", "--dim", "--layers", "--hidden",
                           "--batch", "--batch-tokens", "--warmup", "--validate-every",
                           "--patience", "--log-every", "--seed", "--epochs", "--accumulate"}) {
    INFO(name);
    CHECK(differ({name, "7"}) == 1);
  }
  CHECK(differ({"--heads", "2"}) == 1);
  CHECK(differ({"--subwords", "100"}) == 1);
  CHECK(differ({"--subwords", "100", "--joint", "1"}) == 2);
  CHECK(differ({"--subwords", "100", "--bpe-dropout", "0.1"}) == 2);
  CHECK(differ({"--tied", "1"}) == 1);
  CHECK(differ({"--dropout", "0.2"}) == 2);  // inside layers, too
  CHECK(differ({"--dropout", "0.2", "--inner-dropout", "0.1"}) == 1);
  CHECK(differ({"--inner-dropout", "0.2"}) == 1);
  CHECK(differ({"--rate", "0.002"}) == 1);
  CHECK(differ({"--smoothing", "0"}) == 1);
  CHECK(differ({"--average", "0.9"}) == 1);
  CHECK(differ({"--schedule", "inverse-sqrt"}) == 1);
  CHECK(differ({"--steps", "100"}) == 2);  // and no epochs
  // Options that may change when a training is resumed.
  CHECK(differ({"--threads",
                "3",
                "--save",
                "s",
                "--checkpoint-every",
                "9",
                "--resume",
                "--beams",
                "2",
                "--metrics",
                "m",
                "--interactive",
                "--test-source",
                "t",
                "--test-target",
                "u",
                "--lowercase",
                "0",
                "--nbest",
                "2"}) == 0);
}

TEST_CASE("the settings of a preset or a task are those without any other option") {
  CHECK(settings_for("text") == settings_of(parse(text())));
  CHECK(settings_for("multi30k") == settings_of(parse(text({"--preset", "multi30k"}))));
  CHECK(settings_for("dates") == settings_of(parse({"--task", "dates"})));
}

// ---- numbers ----

TEST_CASE("a number outside its bounds, NaN and what is no number are refused in plain words") {
  struct Row {
    std::string option;
    std::string least, most;  // as a person writes them
    bool real = false, open = false;
    std::string bounds = {};  // in the message, if not as usual
  };
  const std::string any = "1000000000";
  const std::vector<Row> table = {
      {"--max-tokens", "1", "10000"},
      {"--min-count", "1", "1000000"},
      {"--subwords", "0", "1000000"},
      {"--joint", "0", "1", false, false, "0 or 1"},
      {"--bpe-dropout", "0", "0.99", true},
      {"--dim", "1", "65536"},
      {"--heads", "1", "65536"},
      {"--layers", "1", "1000"},
      {"--hidden", "1", "1048576"},
      {"--dropout", "0", "0.99", true},
      {"--inner-dropout", "0", "0.99", true},
      {"--tied", "0", "1", false, false, "0 or 1"},
      {"--steps", "0", any},
      {"--epochs", "1", "1000000"},
      {"--batch", "1", "100000"},
      {"--batch-tokens", "0", any},
      {"--accumulate", "1", "100000"},
      {"--rate", "0", "10", true, true, "more than 0 and at most 10"},
      {"--warmup", "0", any},
      {"--smoothing", "0", "0.99", true},
      {"--average", "0", "0.999999", true},
      {"--validate-every", "0", any},
      {"--patience", "0", any},
      {"--seed", "0", "18446744073709551615"},
      {"--threads", "1", "1024"},
      {"--checkpoint-every", "0", any},
      {"--log-every", "1", any},
      {"--beams", "1", "1000"},
      {"--length-penalty", "0", "10", true},
      {"--nbest", "1", "1000"},
      {"--lowercase", "0", "1", false, false, "0 or 1"},
  };
  std::set<std::string> tested;
  for (const Row& row : table) {
    tested.insert(row.option);
    Words base = text({"--save", "s", "--log", "l"});
    if (row.option != "--subwords") base = base + Words{"--subwords", "9"};
    if (row.option == "--steps") base = {};
    if (row.option == "--nbest") base = base + Words{"--beams", "1000", "--translate", "abc"};
    if (row.option == "--lowercase") base = {"--score", "a", "--reference", "b"};
    const auto say = [&](const std::string& value) {
      return complaint(base + Words{row.option, value});
    };
    const std::string bounds = row.bounds.empty()
                                   ? fmt::format("at least {} and at most {}", row.least, row.most)
                                   : row.bounds;

    // The bounds themselves are inside, and their neighbours are not.
    const auto outside = [&](const std::string& value) {
      CHECK(say(value) == fmt::format("{} must be {}; got {}", row.option, bounds, value));
    };
    if (row.option != "--steps") CHECK(say(row.most) == "");
    if (row.open) outside(row.least);
    if (!row.open && row.option != "--steps") CHECK(say(row.least) == "");
    if (row.real) {
      const double infinity = std::numeric_limits<double>::infinity();
      outside(fmt::format("{}", std::nextafter(std::stod(row.least), -infinity)));
      outside(fmt::format("{}", std::nextafter(std::stod(row.most), infinity)));
    } else {
      outside(row.least == "0" ? "-1" : "0");
      outside(row.option == "--seed" ? "18446744073709551616"
                                     : fmt::to_string(std::stoll(row.most) + 1));
      if (row.option != "--steps") CHECK(say("+000" + row.most) == "");
    }
    outside("-3");
    outside("99999999999999999999999999");
    if (row.real)
      for (const char* value : {"inf", "-inf", "Infinity", "1e999"}) outside(value);

    Words junk = {"nan", "NaN", "-nan", "nan(1)", "", "many", "1x", "1 ", " 1", "0x1", "1,5", "-"};
    if (!row.real) junk = junk + Words{"inf", "1.5", "1e3", "+", "--1"};
    for (const std::string& value : junk)
      CHECK_THAT(say(value), ContainsSubstring(row.option + " must be a ") &&
                                 ContainsSubstring("number") &&
                                 ContainsSubstring("; got " + (value.empty() ? "nothing" : value)));
  }
  // Every option that takes a number.
  CHECK(tested == options_added("within\\(\\s*add\\(\\s*\"(--[a-z-]+)\""));
}

TEST_CASE("a number is read as people write it") {
  CHECK(parse({"--steps", "010"}).recipe.steps == 10);  // not octal
  CHECK(parse({"--steps", "+7"}).recipe.steps == 7);
  CHECK(parse({"--seed", "18446744073709551615"}).seed == ~std::uint64_t{0});
  CHECK(parse({"--rate", "1e-3"}).recipe.rate == 1e-3);
  CHECK(parse({"--rate", ".5"}).recipe.rate == 0.5);
}

TEST_CASE("a message about an argument quotes little of it, however long it is") {
  const std::string text(100'000, 'a'), digits(100'000, '9');
  for (const Words& words :
       std::vector<Words>{{"--steps", text},
                          {"--steps", digits},
                          {"--rate", digits},
                          {"--schedule", text},
                          {"--" + text},
                          {text},
                          {"--source", "a", "--target", "b", "--preset", text}}) {
    const std::string message = complaint(words);
    INFO(message);
    CHECK(!message.empty());
    CHECK(message.size() < 600);
  }
}

// ---- options without effect ----

TEST_CASE("an option without effect is an error that says why") {
  const Folder folder;
  const std::string model = folder.model();
  const std::vector<std::pair<std::string, Words>> modes = {
      {"train", {}},
      {"mark", {"--steps", "0"}},
      {"mark a loaded model", {"--load", model}},
      {"train a loaded model", {"--load", model, "--steps", "5"}},
      {"translate", {"--load", model, "--translate", "abc"}},
      {"train on text", text()},
      {"train a loaded model on text", text({"--load", model, "--steps", "5"})},
      {"score a file", {"--score", "a", "--reference", "b"}},
  };
  struct Row {
    Words words;         // an option, and what it needs in order to be accepted
    std::string effect;  // in each of the modes, 1 or 0
  };
  const std::vector<Row> table = {
      {{"--dim", "8"}, "11000100"},
      {{"--heads", "1"}, "11000100"},
      {{"--layers", "1"}, "11000100"},
      {{"--hidden", "8"}, "11000100"},
      {{"--tied", "1"}, "11000100"},
      {{"--dropout", "0.1"}, "10000100"},
      {{"--inner-dropout", "0.1"}, "10000100"},
      {{"--dropout", "0.1", "--save", "s"}, "11000100"},  // the file says it to a later training
      {{"--batch", "8"}, "10010110"},
      {{"--batch-tokens", "8"}, "10010110"},
      {{"--rate", "0.1"}, "10010110"},
      {{"--warmup", "8"}, "10010110"},
      {{"--schedule", "cosine"}, "10010110"},
      {{"--smoothing", "0.1"}, "10010110"},
      {{"--average", "0.1"}, "10010110"},
      {{"--validate-every", "8"}, "10010110"},
      {{"--patience", "8"}, "10010110"},
      {{"--log", "l"}, "10010110"},
      {{"--log-every", "8", "--log", "l"}, "10010110"},
      {{"--log-every", "8", "--report", "r"}, "10010110"},
      {{"--log-every", "8"}, "00000000"},
      {{"--seed", "8"}, "11010110"},
      {{"--threads", "1"}, "11111110"},
      {{"--save", "s"}, "11110110"},
      {{"--metrics", "m"}, "11110111"},
      {{"--report", "r"}, "11110110"},
      {{"--checkpoint-every", "8", "--save", "s"}, "10010110"},
      {{"--checkpoint-every", "8"}, "00000000"},
      {{"--resume", "--save", "s"}, "10000100"},
      {{"--resume"}, "00000000"},
      {{"--max-tokens", "8"}, "00000110"},
      {{"--min-count", "1"}, "00000100"},
      {{"--subwords", "100"}, "00000100"},
      {{"--joint", "1", "--subwords", "100"}, "00000100"},
      {{"--joint", "1"}, "00000000"},
      {{"--bpe-dropout", "0.1", "--subwords", "100"}, "00000100"},
      {{"--bpe-dropout", "0.1"}, "00000010"},
      {{"--preset", "multi30k"}, "00000110"},
      {{"--beams", "2"}, "11111110"},
      {{"--length-penalty", "1", "--beams", "2"}, "11111110"},
      {{"--length-penalty", "1", "--beams", "1"}, "00000000"},
      {{"--translate", "abc"}, "11111110"},
      {{"--translate-file", "f"}, "11111110"},
      {{"--interactive"}, "11111110"},
      {{"--output", "o", "--translate-file", "f"}, "11111110"},
      {{"--output", "o"}, "00000000"},
      {{"--accumulate", "2"}, "10010110"},
      {{"--nbest", "2", "--beams", "2", "--translate", "abc"}, "11111110"},
      {{"--nbest", "1", "--beams", "2"}, "00001000"},
      {{"--test-source", "t", "--test-target", "u"}, "11111110"},
      {{"--metrics", "m", "--test-source", "t", "--test-target", "u"}, "11111110"},
      {{"--lowercase", "0", "--test-source", "t", "--test-target", "u"}, "11111110"},
      {{"--lowercase", "0"}, "00000001"},
      {{"--baseline", "c"}, "00000001"},
  };
  std::set<std::string> tested = {"--task",         "--source", "--target",   "--valid-source",
                                  "--valid-target", "--load",   "--steps",    "--epochs",
                                  "--test-target",  "--score",  "--reference"};
  for (const auto& [words, effect] : table) {
    tested.insert(words.front());
    REQUIRE(effect.size() == modes.size());
    for (std::size_t i = 0; i < modes.size(); ++i) {
      INFO(modes[i].first << ": " << words.front());
      const std::string message = complaint(modes[i].second + words);
      if (effect[i] == '1') {
        CHECK(message == "");
      } else {
        // Another option of the row may have no effect either, and be named first.
        const bool named = std::ranges::any_of(words, [&](const std::string& word) {
          return word.starts_with("--") && message.starts_with(word + " ");
        });
        CHECK(named);
        CHECK((message.find(" has no effect here: ") != std::string::npos ||
               message.find(" requires ") != std::string::npos));
      }
    }
  }
  CHECK(tested == options_added("add(?:_flag)?\\(\\s*\"(--[a-z-]+)\""));
}

TEST_CASE("a loaded model translates, is marked or is trained further, as the arguments say") {
  const Folder folder;
  const std::string model = folder.model();
  const auto mode = [&](const Words& more) { return parse(Words{"--load", model} + more).mode; };
  CHECK(mode({"--interactive"}) == Mode::translate);
  CHECK(mode({"--translate-file", "f"}) == Mode::translate);
  CHECK(mode({}) == Mode::mark);
  CHECK(mode({"--task", "reverse", "--interactive"}) == Mode::mark);
  CHECK(mode({"--steps", "0", "--interactive"}) == Mode::mark);
  CHECK(mode({"--steps", "5", "--interactive"}) == Mode::train);
  CHECK(parse({}).mode == Mode::train);
  CHECK(parse({"--steps", "0"}).mode == Mode::mark);
  const Words test = {"--test-source", "a", "--test-target", "b"};
  CHECK(mode(test) == Mode::translate);
  CHECK(mode(test + Words{"--task", "reverse"}) == Mode::mark);
  CHECK(parse(test).mode == Mode::train);
  CHECK(parse({"--score", "a", "--reference", "b"}).mode == Mode::score);
}

// ---- files ----

TEST_CASE("two outputs, or an output and an input, must be different files") {
  const Folder folder;
  const std::string model = folder.model();
  const std::map<std::string, std::string> files = {
      {"--source", folder / "source"},
      {"--target", folder / "target"},
      {"--valid-source", folder / "valid-source"},
      {"--valid-target", folder / "valid-target"},
      {"--load", model},
      {"--translate-file", folder / "file"},
      {"--test-source", folder / "test-source"},
      {"--test-target", folder / "test-target"},
      {"--save", folder / "save"},
      {"--metrics", folder / "metrics"},
      {"--log", folder / "log"},
      {"--report", folder / "report"},
      {"--output", folder / "output"},
  };
  const auto say = [&](const std::map<std::string, std::string>& changed) {
    Words words = {"--steps", "5"};
    for (auto [option, path] : files) {
      if (changed.contains(option)) path = changed.at(option);
      words = words + Words{option, path};
    }
    return complaint(words);
  };
  CHECK(say({}) == "");
  for (const char* output : {"--save", "--metrics", "--log", "--report", "--output"}) {
    for (const auto& [other, path] : files) {
      if (other == output) continue;
      INFO(output << " and " << other);
      CHECK_THAT(say({{output, path}}), ContainsSubstring("must name different files; got ") &&
                                            ContainsSubstring(output) && ContainsSubstring(other));
    }
  }

  // The files of --score, which excludes all other ones.
  for (const char* other : {"--score", "--reference", "--baseline"}) {
    std::map<std::string, std::string> inputs = {
        {"--score", "a"}, {"--reference", "b"}, {"--baseline", "c"}, {"--metrics", "d"}};
    inputs["--metrics"] = inputs[other];
    Words words;
    for (const auto& [option, path] : inputs) words = words + Words{option, path};
    CHECK_THAT(complaint(words), ContainsSubstring("must name different files; got ") &&
                                     ContainsSubstring(other) && ContainsSubstring("--metrics"));
  }

  // One file by many names, whether it is there yet or not.
  fs::create_directory(folder / "sub");
  fs::create_directory_symlink(folder / "sub", folder / "link");
  fs::create_symlink("late", folder / "dangling");
  fs::create_symlink("dangling", folder / "second");
  std::ofstream(folder / "there") << "text";
  fs::create_symlink(folder / "there", folder / "there_link");
  fs::create_hard_link(folder / "there", folder / "there_hard");
  const std::string here = fs::relative(folder.path).string();
  const std::vector<std::pair<std::string, std::string>> same = {
      {folder / "new", folder / "./new"},        {folder / "new", folder / "sub/../new"},
      {folder / "new", folder / "link/../new"},  {folder / "new", here + "//new"},
      {folder / "sub/new", folder / "link/new"}, {folder / "new", folder / "new/"},
      {folder / "late", folder / "dangling"},    {folder / "late", folder / "second"},
      {folder / "there", folder / "there_link"}, {folder / "there", folder / "there_hard"},
      {folder / "there", here + "/there_hard"},  {folder / "nowhere/new", folder / "nowhere/./new"},
  };
  for (const auto& [a, b] : same) {
    INFO(a << " and " << b);
    CHECK_THAT(say({{"--save", a}, {"--metrics", b}}), ContainsSubstring("must name different"));
    CHECK_THAT(say({{"--save", b}, {"--source", a}}), ContainsSubstring("must name different"));
  }
  CHECK(say({{"--save", folder / "new"}, {"--metrics", folder / "New2"}}) == "");
  CHECK(say({{"--save", folder / "sub/new"}, {"--metrics", folder / "new"}}) == "");
  // Nothing is lost in a device, nor when one file is only read, even twice.
  CHECK(say({{"--log", "/dev/null"}, {"--metrics", "/dev/null"}}) == "");
  CHECK(say({{"--source", folder / "a"}, {"--target", folder / "a"}}) == "");
}

}  // namespace translate_options_test
