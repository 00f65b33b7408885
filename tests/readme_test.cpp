// # README.md and README.zh.md say the same
//
// A test cannot compare sentences. It compares what must not differ between the two languages: the
// blocks of code, the targets of links and images, the code in the text, and the order of parts.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace readme_test {

namespace fs = std::filesystem;

namespace {

const fs::path root = GLASS_SOURCE_DIR;

// The parts of a page that both languages share.
struct Readme {
  std::vector<std::string> code;     // the lines of all blocks, with their fences
  std::vector<std::string> outline;  // "#", "##", "-" and "|": headings, items of lists, rows
  std::vector<std::string> targets;  // of links, and "!" before that of an image
  std::set<std::string> spans;       // code inside the text
};

// The target of each link or image in the text: what stands behind "](".
void find_targets(const std::string& text, std::vector<std::string>& targets) {
  for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
    const std::size_t open = text.rfind('[', at);
    const bool image = open != std::string::npos && open > 0 && text[open - 1] == '!';
    targets.push_back((image ? "!" : "") + text.substr(at + 2, text.find(')', at) - at - 2));
  }
}

void find_spans(const std::string& text, std::set<std::string>& spans) {
  for (std::size_t open = text.find('`'); open != std::string::npos;) {
    const std::size_t close = text.find('`', open + 1);
    if (close == std::string::npos) return;
    spans.insert(text.substr(open + 1, close - open - 1));
    open = text.find('`', close + 1);
  }
}

// A heading gives its number signs; an item of a list and a row of a table give their first letter.
void find_outline(const std::string& line, std::vector<std::string>& outline) {
  if (line.starts_with("#")) outline.push_back(line.substr(0, line.find(' ')));
  if (line.starts_with("- ") || line.starts_with("|")) outline.push_back(line.substr(0, 1));
}

Readme read(const std::string& name) {
  std::ifstream file(root / name);
  Readme readme;
  std::string text;
  bool inside = false;  // of a block of code
  for (std::string line; std::getline(file, line);) {
    const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
    const bool fence = line.compare(start, 3, "```") == 0;
    if (inside || fence) {
      readme.code.push_back(line);
      inside = inside != fence;
      continue;
    }
    find_outline(line, readme.outline);
    text += line + '\n';
  }
  find_targets(text, readme.targets);
  find_spans(text, readme.spans);
  return readme;
}

}  // namespace

TEST_CASE("both languages of the README have the same code, links and parts") {
  Readme english = read("README.md");
  Readme chinese = read("README.zh.md");

  // The first link of each page leads to the other one.
  REQUIRE(!english.targets.empty());
  REQUIRE(!chinese.targets.empty());
  CHECK(english.targets.front() == "README.zh.md");
  CHECK(chinese.targets.front() == "README.md");
  english.targets.erase(english.targets.begin());
  chinese.targets.erase(chinese.targets.begin());

  CHECK(english.targets == chinese.targets);
  CHECK(english.code == chinese.code);
  CHECK(english.outline == chinese.outline);
}

TEST_CASE("both languages of the README name the same commands, options and files") {
  const Readme english = read("README.md");
  const Readme chinese = read("README.zh.md");
  for (const std::string& span : english.spans) {
    INFO("missing in README.zh.md: " << span);
    CHECK(chinese.spans.contains(span));
  }
  // The Chinese text also explains the commands and the rooms, which are in blocks of the English
  // page. Whatever else it names must be in the English page.
  std::string code;
  for (const std::string& line : english.code) code += line + '\n';
  for (const std::string& span : chinese.spans) {
    INFO("missing in README.md: " << span);
    CHECK((english.spans.contains(span) || code.find(span) != std::string::npos));
  }
}

TEST_CASE("links and images of the README lead to files") {
  for (const char* name : {"README.md", "README.zh.md"}) {
    for (std::string target : read(name).targets) {
      if (target.starts_with("http")) continue;
      if (target.starts_with("!")) target.erase(0, 1);
      INFO(name << ": " << target);
      CHECK(fs::exists(root / target.substr(0, target.find('#'))));
    }
  }
}

}  // namespace readme_test
