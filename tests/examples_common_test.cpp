// # The code that the examples share
#include <csignal>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "examples/common/files.h"
#include "examples/common/interrupt.h"
#include "examples/common/options.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/common/training.h"
#include "nn/linear.h"
#include "tests/catch.h"
#include "tests/folder.h"

namespace examples_common_test {

using namespace examples;
using Catch::Matchers::ContainsSubstring;
using glass::files::Folder, glass::files::read;
namespace fs = std::filesystem;

TEST_CASE("a JSON object has its members in order, escaped, and null for no number") {
  Json inner;
  inner.add("16", 0.5);
  Json json;
  json.add("name", "a \"b\"\\\n").add("steps", 3).add("stopped", false).add("recall", inner);
  json.add("loss", std::numeric_limits<double>::quiet_NaN());
  CHECK(json.text() ==
        R"({"name": "a \"b\"\\\u000a", "steps": 3, "stopped": false, "recall": {"16": 0.5}, )"
        R"("loss": null})");
}

TEST_CASE("a file is written whole and leaves nothing beside it") {
  const Folder folder;
  write_file(folder / "a", "old");
  write_file(folder / "a", "new");
  CHECK(read(folder / "a") == "new");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
  CHECK_THROWS_AS(write_file(folder / "no/a", "text"), glass::FileError);
}

TEST_CASE("whether a file can be written is asked of it, and every other file stays") {
  const Folder folder;
  for (const char* name : {"out.probe", "out.partial", "out"})
    write_file(folder / name, "the user's");
  expect_writable(folder / "out");
  write_file(folder / "out", "new");
  CHECK(read(folder / "out") == "new");
  for (const char* name : {"out.probe", "out.partial"}) CHECK(read(folder / name) == "the user's");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 3);

  for (const char* device : {"/dev/stdout", "/dev/null", "/dev/stderr"})
    CHECK_NOTHROW(expect_writable(device));
  CHECK_NOTHROW(write_file("/dev/null", "text"));
  CHECK_THROWS_WITH(write_file("/dev/full", "text"), ContainsSubstring("No space left"));
  CHECK_THROWS_AS(expect_writable("/proc/nowhere"), glass::FileError);

  fs::create_symlink("later", folder.path / "link");
  expect_writable(folder / "link");
  CHECK(!fs::exists(folder.path / "later"));
  write_file(folder / "link", "through a link");
  CHECK(read(folder / "later") == "through a link");
}

TEST_CASE("a folder that takes no new files may hold one that is written") {
  if (!fs::exists("/proc/self/comm")) return;  // only Linux has such a file
  expect_writable("/proc/self/comm");
  write_file("/proc/self/comm", "renamed");
  CHECK(read("/proc/self/comm") == "renamed\n");
}

TEST_CASE("two outputs that are one file are refused, however they are spelt") {
  const Folder folder;
  fs::create_symlink("a", folder.path / "link");
  const std::string a = folder / "a";
  for (const std::string& b : std::vector<std::string>{a, folder / "./a", folder / "link"})
    CHECK_THROWS_WITH(expect_writable({{"--metrics", a}, {"--svg", b}}),
                      ContainsSubstring("--metrics and --svg must name different files"));
  CHECK_NOTHROW(expect_writable({{"--metrics", a}, {"--svg", folder / "b"}}));
  CHECK_NOTHROW(expect_writable({{"--metrics", "/dev/null"}, {"--svg", "/dev/null"}}));
}

TEST_CASE("a file that cannot be written is known before the work") {
  const Folder folder;
  CHECK_NOTHROW(expect_writable(""));
  CHECK_NOTHROW(expect_writable(folder / "a"));
  CHECK(fs::is_empty(folder.path));
  CHECK_THROWS_WITH(expect_writable(folder.path.string()), ContainsSubstring("it is a folder"));
  CHECK_THROWS_WITH(expect_writable(folder / "no/a"), ContainsSubstring("No such file"));
}

TEST_CASE("a file that cannot be read is known before the work") {
  const Folder folder;
  CHECK_NOTHROW(expect_readable(""));
  CHECK_NOTHROW(expect_readable("/dev/null"));
  write_file(folder / "a", "text");
  CHECK_NOTHROW(expect_readable(folder / "a"));
  CHECK_THROWS_WITH(expect_readable(folder.path.string()), ContainsSubstring("it is a folder"));
  CHECK_THROWS_WITH(expect_readable(folder / "b"), ContainsSubstring("No such file"));
}

TEST_CASE("Ctrl-C sets a flag, once for each watch") {
  {
    const Interrupt interrupted;
    CHECK(!interrupted());
    std::raise(SIGINT);
    CHECK(interrupted());
    CHECK(interrupted_exit() == 128 + SIGINT);
  }
  const Interrupt again({SIGINT, SIGTERM});
  CHECK(!again());
  std::raise(SIGTERM);
  CHECK(again());
  CHECK(interrupted_exit() == 128 + SIGTERM);
  std::raise(SIGINT);  // a later one changes nothing
  CHECK(interrupted_exit() == 128 + SIGTERM);
}

TEST_CASE("long numbers have commas between groups of three digits") {
  for (const auto& [number, text] :
       std::vector<std::pair<std::int64_t, std::string>>{{0, "0"},
                                                         {999, "999"},
                                                         {1000, "1,000"},
                                                         {9038341, "9,038,341"},
                                                         {-100, "-100"},
                                                         {-1000, "-1,000"}})
    CHECK(grouped(number) == text);
}

TEST_CASE("durations read like a clock") {
  CHECK(duration(0.4) == "0:00");
  CHECK(duration(61) == "1:01");
  CHECK(duration(3723) == "1:02:03");
}

TEST_CASE("shades go from white to black, and colours are 24-bit") {
  CHECK(shade(0) == "  ");
  CHECK(shade(0.5) == "▒▒");
  CHECK(shade(1) == "██");
  CHECK(half_block({1, 0, 0}, {0, 0, 2}) == "\033[38;2;255;0;0m\033[48;2;0;0;255m▀\033[0m");
  CHECK(shows_colours(Colours::always));
  CHECK(!shows_colours(Colours::never));
}

TEST_CASE(
    "the loop trains, tells, stops when it is asked to, and refuses a loss that is no number") {
  glass::Rng rng(1);
  const glass::nn::Linear model(2, 1, rng);
  const glass::Tensor x = glass::ones({4, 2});
  const TrainingOptions o = {.steps = 50, .rate = 0.1, .metrics = {}};
  const auto loss = [&] { return mean(pow(model(x) - 3, 2)); };
  const double before = static_cast<double>(loss().item());

  Index told = 0;
  Training result = train(model, o, loss, {.progress = [&](const Progress& p) { told = p.step; }});
  CHECK(told == 50);
  CHECK(result.steps == 50);
  CHECK(!result.stopped);
  CHECK(static_cast<double>(loss().item()) < 0.1 * before);

  result = train(model, o, loss, {.stop = [&] { return true; }});
  CHECK(result.steps == 1);
  CHECK(result.stopped);

  const auto broken = [&] { return loss() * std::numeric_limits<double>::infinity(); };
  CHECK_THROWS_WITH(train(model, o, broken), ContainsSubstring("step 1; try a smaller --rate"));
  CHECK(train(model, {}, broken).steps == 0);
}

TEST_CASE("a program returns what it ran to, and 2 after an error") {
  CHECK(program("test", [] { return 130; }) == 130);
  CHECK(program("test", []() -> int { throw glass::FileError("no such file"); }) == 2);
  CHECK(program("test", []() -> int { throw std::bad_alloc(); }) == 2);
}

}  // namespace examples_common_test
