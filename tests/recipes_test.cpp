// # The recipes: what every one of them keeps to
//
// A recipe is a program that a reader copies alone. So each file is short, needs only the installed
// library, and ends with the same main(). Whether a recipe's claim holds is tested beside this
// program, by its exit status: `ctest -L recipe`.
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace recipes_test {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

struct Recipe {
  std::string name;
  std::vector<std::string> lines;
};

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::vector<Recipe> recipes() {
  std::vector<Recipe> found;
  for (const auto& entry : fs::directory_iterator(fs::path(GLASS_SOURCE_DIR) / "examples/recipes"))
    if (entry.path().extension() == ".cpp")
      found.push_back({entry.path().stem().string(), lines_of(content(entry.path()))});
  std::ranges::sort(found, {}, &Recipe::name);
  CHECK(!found.empty());
  return found;
}

// From the comment above main() to its closing brace.
std::vector<std::string> tail(const Recipe& recipe) {
  const auto main = std::ranges::find_if(
      recipe.lines, [](const std::string& line) { return line.starts_with("int main("); });
  REQUIRE(main - recipe.lines.begin() > 0);
  REQUIRE(main != recipe.lines.end());
  return {main - 1, std::find(main, recipe.lines.end(), "}")};
}

struct Outcome {
  int status = -1;
  std::string out, errors;
};

// Runs the program with arguments and a redirection of the shell, in a folder of its own.
Outcome run(const std::string& name, const std::string& arguments) {
  std::string folder = (fs::temp_directory_path() / "glass_recipes.XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string program = std::string(GLASS_RECIPES_DIR) + "/" + name;
  const std::string command =
      "cd '" + folder + "' && { '" + program + "' " + arguments + " ; } >out 2>errors";
  const int status = std::system(command.c_str());
  const Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(folder + "/out"),
                        content(folder + "/errors")};
  fs::remove_all(folder);
  return outcome;
}

}  // namespace

TEST_CASE("a recipe has at most 80 lines, a title, and says what to change first") {
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name);
    CHECK(recipe.lines.size() <= 80);
    CHECK_THAT(recipe.lines.front(), StartsWith("// # "));
    // The last comment begins with these words; it may have more than one line.
    auto last = recipe.lines.end();
    while (last != recipe.lines.begin() && (last - 1)->starts_with("//")) --last;
    REQUIRE(last != recipe.lines.end());
    CHECK_THAT(*last, StartsWith("// Change first: "));
  }
}

TEST_CASE("a recipe includes glassgrad.h, fmt and standard headers only") {
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name);
    int ours = 0;
    for (const std::string& line : recipe.lines) {
      if (!line.starts_with("#include")) continue;
      INFO(line);
      const std::size_t open = line.find('<'), close = line.find('>');
      REQUIRE((open != std::string::npos && close != std::string::npos));
      const std::string header = line.substr(open + 1, close - open - 1);
      ours += header == "glassgrad.h";
      // The names of standard headers are lower-case words without a folder or an ending.
      const bool is_standard =
          header.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
      CHECK((header == "glassgrad.h" || header.starts_with("fmt/") || is_standard));
    }
    CHECK(ours == 1);
  }
}

TEST_CASE("all recipes have the same main()") {
  const std::vector<Recipe> all = recipes();
  for (const Recipe& recipe : all) {
    INFO(recipe.name);
    CHECK(tail(recipe) == tail(all.front()));
  }
}

TEST_CASE("README lists every recipe") {
  const std::string readme = content(fs::path(GLASS_SOURCE_DIR) / "README.md");
  for (const Recipe& recipe : recipes())
    CHECK_THAT(readme,
               ContainsSubstring("| [`" + recipe.name + "`](examples/recipes/" + recipe.name));
}

TEST_CASE("the last line that a recipe prints is its claim, and its exit status agrees") {
  for (const Recipe& recipe : recipes()) {
    INFO(recipe.name);
    const Outcome outcome = run(recipe.name, "");
    CHECK(outcome.status == 0);
    CHECK(outcome.errors == "");
    const std::vector<std::string> printed = lines_of(outcome.out);
    REQUIRE(printed.size() > 1);
    CHECK_THAT(printed.back(), StartsWith("claim: ") && ContainsSubstring("holds"));
    CHECK(std::ranges::count_if(
              printed, [](const std::string& line) { return line.starts_with("claim: "); }) == 1);
    CHECK(run(recipe.name, "1").out == outcome.out);
  }
}

TEST_CASE("a recipe refuses what is no seed, in one line") {
  for (const Recipe& recipe : recipes())
    for (const std::string arguments :
         {"abc", "3x", "-1", "''", "1.5", "1e3", "' 3'", "99999999999999999999", "1 2", "--help"}) {
      INFO(recipe.name + " " + arguments);
      const Outcome outcome = run(recipe.name, arguments);
      CHECK(outcome.status == 2);
      CHECK(outcome.out == "");
      CHECK(std::ranges::count(outcome.errors, '\n') == 1);
      CHECK_THAT(outcome.errors, ContainsSubstring("usage: "));
    }
}

TEST_CASE("a recipe says so if its output cannot be written") {
  for (const Recipe& recipe : recipes())
    for (const std::string nowhere : {">/dev/full", ">&-"}) {
      INFO(recipe.name + " " + nowhere);
      const Outcome outcome = run(recipe.name, nowhere);
      CHECK(outcome.status == 2);
      CHECK(std::ranges::count(outcome.errors, '\n') == 1);
      CHECK(outcome.errors.find("claim") == std::string::npos);
    }
}

}  // namespace recipes_test
