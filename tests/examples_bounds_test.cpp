// # Numbers on the command lines of all examples, and what messages quote
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <set>

#include "examples/common/bounds.h"
#include "examples/common/quote.h"
#include "examples/memory/options.h"
#include "examples/picture_query/options.h"
#include "tests/catch.h"

namespace examples_bounds_test {

using namespace examples;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

// The error of parse_options; empty if it accepts the arguments.
std::string complaint(auto parse_options, Words words) {
  words.insert(words.begin(), "program");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  try {
    parse_options(static_cast<int>(pointers.size()), pointers.data());
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

struct Bounds {
  std::string option, least, most;
  bool real = false, open = false;
};

void expect_bounds(auto parse_options, const Bounds& row) {
  const std::string &option = row.option, &least = row.least, &most = row.most;
  const bool real = row.real, open = row.open;
  const auto say = [&](const std::string& value) {
    return complaint(parse_options, {option, value});
  };
  const auto outside = [&](const std::string& value) {
    CHECK(say(value) == fmt::format("{} must be {} {} and at most {}; got {}", option,
                                    open ? "more than" : "at least", least, most, value));
  };
  INFO(option);
  CHECK(say(most) == "");
  if (open) outside(least);
  if (!open) CHECK(say(least) == "");
  if (real) {
    const double infinity = std::numeric_limits<double>::infinity();
    outside(fmt::format("{}", std::nextafter(std::stod(least), -infinity)));
    outside(fmt::format("{}", std::nextafter(std::stod(most), infinity)));
    for (const char* value : {"inf", "-inf"}) outside(value);
  } else {
    outside(least == "0" ? "-1" : fmt::to_string(std::stoll(least) - 1));
    outside(most == "18446744073709551615" ? "18446744073709551616"
                                           : fmt::to_string(std::stoll(most) + 1));
  }
  for (const char* value : {"nan", "-NaN", "many", "1x", "", "0x1", " 1"})
    CHECK_THAT(say(value), ContainsSubstring(option + " must be a ") &&
                               ContainsSubstring("number") && ContainsSubstring("; got "));
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The options that a source gives bounds to.
std::set<std::string> bounded(const std::string& file) {
  const std::string source = content(fs::path(GLASS_SOURCE_DIR) / "examples" / file);
  const std::regex expression(R"(within\(\s*[a-z_.]+\(\s*"(--[a-z-]+)\")");
  std::set<std::string> names;
  for (std::sregex_iterator i(source.begin(), source.end(), expression), end; i != end; ++i)
    names.insert((*i)[1]);
  return names;
}

// A command's exit status, and all that it prints.
std::pair<int, std::string> run(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out};
}

const std::string any = "1000000000";
const std::vector<Bounds> of_training = {
    {"--steps", "0", any},
    {"--batch", "1", "10000"},
    {"--rate", "0", "10", true, true},
    {"--warmup", "0", any},
    {"--seed", "0", "18446744073709551615"},
    {"--threads", "1", "1024"},
};

void expect_bounds(auto parse_options, const std::vector<Bounds>& table, const std::string& file) {
  std::set<std::string> tested;
  for (const Bounds& row : table) expect_bounds(parse_options, row), tested.insert(row.option);
  CHECK(tested == bounded(file));
}

}  // namespace

TEST_CASE("every number that memory takes has bounds, and NaN is outside them") {
  for (const Bounds& row : of_training) expect_bounds(memory::parse_options, row);
  expect_bounds(memory::parse_options,
                {{"--slots", "2", "65536"},
                 {"--queries", "1", "4096"},
                 {"--sizes", "1", "65536"},
                 {"--test", "32", "10000000"},
                 {"--symbols", "2", "65536"},
                 {"--noise", "0", "100", true},
                 {"--key-dim", "1", "4096"},
                 {"--value-dim", "1", "4096"},
                 {"--dim", "1", "4096"},
                 {"--heads", "1", "4096"}},
                "memory/options.cpp");
  CHECK(complaint(memory::parse_options, {"--sizes", "16", "64", "0"}) ==
        "--sizes must be at least 1 and at most 65536; got 0");
}

TEST_CASE("every number that picture_query takes has bounds, and NaN is outside them") {
  for (const Bounds& row : of_training) expect_bounds(picture_query::parse_options, row);
  expect_bounds(picture_query::parse_options,
                {{"--questions", "1", "1000"},
                 {"--test", "2", "1000000"},
                 {"--show", "0", "100"},
                 {"--grid", "2", "16"},
                 {"--pixels", "4", "64"},
                 {"--noise", "0", "10", true},
                 {"--dim", "1", "4096"},
                 {"--key-dim", "1", "4096"},
                 {"--hidden", "1", "4096"},
                 {"--heads", "1", "4096"}},
                "picture_query/options.cpp");
}

TEST_CASE("the numbers of the training that the small examples share are all tested above") {
  std::set<std::string> tested;
  for (const Bounds& row : of_training) tested.insert(row.option);
  CHECK(tested == bounded("common/options.cpp"));
}

TEST_CASE("the ladder and the curvature refuse what is no number, or outside its bounds") {
  struct Row {
    std::string command, message;
  };
  const std::string curvature = "rate must be at least 1e-06 and at most 1000000; got ";
  const std::vector<Row> table = {
      {"matmul_ladder --seconds nan", "--seconds must be a number; got nan"},
      {"matmul_ladder --seconds 0", "--seconds must be at least 0.001 and at most 600; got 0"},
      {"matmul_ladder --seconds inf", "--seconds must be at least 0.001 and at most 600; got inf"},
      {"matmul_ladder --size 64 0", "--size must be at least 1 and at most 4096; got 0"},
      {"matmul_ladder --batch 1 2 3 x", "--batch must be a whole number, 1 to 4096; got x"},
      {"matmul_ladder --threads 1025", "--threads must be at least 1 and at most 1024; got 1025"},
      {"03_curvature nan", "rate must be a number; got nan"},
      {"03_curvature inf", curvature + "inf"},
      {"03_curvature 0", curvature + "0"},
      {"03_curvature -1", curvature + "-1"},
      {"03_curvature 1e-310", curvature + "1e-310"},
      {"03_curvature 1e7", curvature + "1e7"},
      {"03_curvature 0x10", "rate must be a number; got 0x10"},
      {"03_curvature ' 1'", "rate must be a number; got  1"},
      {"03_curvature 0.2x", "rate must be a number; got 0.2x"},
      {"03_curvature ''", "rate must be a number; got nothing"},
  };
  for (const auto& [command, message] : table) {
    INFO(command);
    // The folder's name may have a space.
    const auto [status, out] = run(std::string("\"") + GLASS_EXAMPLES_DIR + "\"/" + command);
    CHECK(status == 2);
    CHECK_THAT(out, ContainsSubstring(message));
  }
}

TEST_CASE("no example reads a number in a way that lets NaN or 0.2x pass") {
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(GLASS_SOURCE_DIR "/examples")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".cpp" || name == "bounds.cpp") continue;
    // A recipe's only number is its seed; recipes_test.cpp tries how it is read.
    if (entry.path().parent_path().filename() == "recipes") continue;
    const std::string source = content(entry.path());
    INFO(name);
    for (const char* way : {"CLI::Range", "CLI::Bound", "CLI::Positive", "CLI::NonNegative",
                            "CLI::Number", "atof(", "atoi(", "sscanf(", "strto"})
      CHECK(source.find(way) == std::string::npos);
    ++files;
  }
  CHECK(files > 30);
}

TEST_CASE("a number that could not be taken as it is, is refused") {
  for (const char* test : {"33", "63", "65", "4095"})
    CHECK(complaint(memory::parse_options, {"--test", test}) ==
          fmt::format("--test must be a multiple of 32; got {}", test));
  CHECK(complaint(memory::parse_options, {"--test", "64"}) == "");
  CHECK(complaint(memory::parse_options, {"--sizes", "4", "4"}) ==
        "--sizes must differ; got 4 twice");
  CHECK(complaint(memory::parse_options, {"--sizes", "4", "8", "--sizes", "04"}) ==
        "--sizes must differ; got 4 twice");
  CHECK(complaint(memory::parse_options, {"--sizes", "4", "8"}) == "");
}

TEST_CASE("an option of a small example that has no effect is an error that says why") {
  const std::string untrained = "with --steps 0 nothing is trained";
  const std::string asked = "with --ask all of its questions are drawn, and no other";
  const std::string nothing_drawn = "with --show 0 nothing is drawn";
  const auto refusal = [](const std::string& option, const std::string& reason) {
    return option + " has no effect here: " + reason;
  };
  for (const std::string option : {"--batch", "--rate", "--warmup", "--slots", "--queries"}) {
    CHECK(complaint(memory::parse_options, {"--steps", "0", option, "3"}) ==
          refusal(option, untrained));
    CHECK(complaint(memory::parse_options, {"--steps", "7", option, "3"}) == "");
  }
  for (const std::string option : {"--batch", "--rate", "--warmup", "--questions"}) {
    CHECK(complaint(picture_query::parse_options, {option, "3", "--steps", "0"}) ==
          refusal(option, untrained));
    CHECK(complaint(picture_query::parse_options, {option, "3", "--steps", "7"}) == "");
  }
  const Words ask = {"--ask", "what colour is the cross"};
  const auto with = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  for (const char* number : {"0", "3"})
    CHECK(complaint(picture_query::parse_options, with(ask, {"--show", number})) ==
          refusal("--show", asked));
  for (const Words& drawn : {Words{"--colour", "never"}, Words{"--svg", "look.svg"}}) {
    CHECK(complaint(picture_query::parse_options, with({"--show", "0"}, drawn)) ==
          refusal(drawn[0], nothing_drawn));
    CHECK(complaint(picture_query::parse_options, with({"--show", "1"}, drawn)) == "");
    CHECK(complaint(picture_query::parse_options, with(ask, drawn)) == "");
  }
  for (const Words& words : {Words{"--seed", "2"}, {"--threads", "1"}, {"--metrics", "m"}}) {
    CHECK(complaint(memory::parse_options, with({"--steps", "0"}, words)) == "");
    CHECK(complaint(picture_query::parse_options, with({"--steps", "0"}, words)) == "");
  }
}

TEST_CASE("bounds are written as people write them, and a number is read in base ten") {
  double share = 0;
  int number = 0;
  bool flag = false;
  CLI::App app;
  within(app.add_option("--share", share), RealNumber{1e-3, 0.99, true});
  within(app.add_option("--number,-n", number), WholeNumber{8, 12});
  within(app.add_option("--flag", flag), WholeNumber{0, 1});
  const auto say = [&](const std::string& words) -> std::string {
    try {
      app.parse(words);
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(say("--share 0.001") == "--share must be more than 0.001 and at most 0.99; got 0.001");
  CHECK(say("--share=-2") == "--share must be more than 0.001 and at most 0.99; got -2");
  CHECK(say("--flag 2") == "--flag must be 0 or 1; got 2");
  CHECK(say("--flag no") == "--flag must be a whole number, 0 or 1; got no");
  CHECK(say("-n 13") == "--number must be at least 8 and at most 12; got 13");
  CHECK(say("-n 9.0") == "--number must be a whole number, 8 to 12; got 9.0");
  CHECK(say("-n 010 --share .5 --flag +1") == "");
  CHECK(number == 10);  // 8 in base eight
  CHECK(share == 0.5);
  CHECK(flag);
  CHECK_THAT(app.help(), ContainsSubstring("above 0.001 to 0.99") && ContainsSubstring("8 to 12"));
}

TEST_CASE("what is quoted is short, on one line, and cut between code points") {
  CHECK(shortened("") == "");
  CHECK(shortened("a\tb\nc\x7F"
                  "d\x1B[0m") == "a b c d [0m");
  CHECK(shortened("12345", 5) == "12345");
  CHECK(shortened("123456", 5) == "12345…");
  CHECK(shortened("ééé", 5) == "éé…");
  CHECK(shortened("😀", 3) == "…");
  CHECK(shortened(std::string(100, '\x80')) == std::string(57, '\x80') + "…");  // not UTF-8
  CHECK(shortened(std::string(100'000, 'x')) == std::string(60, 'x') + "…");
}

}  // namespace examples_bounds_test
