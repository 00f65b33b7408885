// # Random programs know every op
//
// A test of a text: the table of ops in tests/programs must name every function of autograd/ops.h,
// of the views that autograd/var.h declares, and every layer of nn/.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "tests/catch.h"

namespace glass::programs_test {

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

const std::filesystem::path root = GLASS_SOURCE_DIR;

// The C++ of every row of the table.
std::string rows() {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(root / "tests/programs"))
    if (entry.path().filename().string().ends_with("_ops.cpp")) {
      const std::string text = text_of(entry.path());
      const std::regex row(R"re(\.text =\s*("(?:[^"\\]|\\.)*"\s*)+)re");
      for (std::sregex_iterator match(text.begin(), text.end(), row), end; match != end; ++match)
        all += match->str() + "\n";
    }
  return all;
}

std::set<std::string> names_in(const std::string& text, const std::string& pattern) {
  const std::regex declared(pattern);
  std::set<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), declared), end; match != end; ++match)
    names.insert((*match)[1]);
  return names;
}

}  // namespace

TEST_CASE("random programs call every function of autograd/ops.h") {
  const std::string table = rows();
  std::set<std::string> names =
      names_in(text_of(root / "autograd/ops.h"), R"(\n(?:inline )?(?:Var|Tensor) (\w+)\()");
  names.merge(names_in(text_of(root / "autograd/var.h"), R"(\n  Var (\w+)\([^)]*\) const;)"));
  CHECK(names.size() > 40);
  for (const std::string& name : names) {
    INFO(name << " is in no row of tests/programs/*_ops.cpp");
    CHECK(std::regex_search(table, std::regex("[^\\w]" + name + "\\(")));
  }
  for (const char* op : {"$0 + ", "$0 - ", "$0 * ", "$0 / ", "-$0", ".detach()", "$0 <= $1"}) {
    INFO(op);
    CHECK(table.find(op) != std::string::npos);
  }
}

TEST_CASE("random programs call every layer of nn/") {
  const std::string table = rows();
  // A struct that begins with its constructor.
  const std::string layer = R"(\nstruct (\w+) \{\n(?:  // [^\n]*\n)*  (?:explicit )?\1\()";
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root / "nn"))
    if (entry.path().extension() == ".h") names.merge(names_in(text_of(entry.path()), layer));
  names.erase("DecoderLayer");  // a part of EncoderDecoder
  CHECK(names.size() > 5);
  for (const std::string& name : names) {
    INFO(name << " is in no row of tests/programs/layer_ops.cpp");
    CHECK(table.find("nn::" + name + "(") != std::string::npos);
  }
}

}  // namespace glass::programs_test
