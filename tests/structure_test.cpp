// # The directions of includes, and the sizes of files
//
// Includes go one way: tensor ← autograd ← nn and optim ← examples. No file, and not the core that
// a reader needs first, may grow too large. This test reads the sources, and prints their sizes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace structure_test {

namespace fs = std::filesystem;

namespace {

const fs::path root = GLASS_SOURCE_DIR;

// Each room (a folder), and the rooms whose headers it may include.
const std::map<std::string, std::set<std::string>> arrows = {
    {"tensor", {"tensor"}},
    {"autograd", {"tensor", "autograd"}},
    {"nn", {"tensor", "autograd", "nn"}},
    {"optim", {"tensor", "autograd", "optim"}},
    {"examples", {"tensor", "autograd", "nn", "optim", "examples"}},
};
const std::vector<std::string> library = {"tensor", "autograd", "nn", "optim"};

// The rest of tensor/ and autograd/ is the core, which a reader needs first. `ops` grow by a
// paragraph an op, and are read one op at a time. The others make things fast, or check and show.
const std::set<std::string> beyond_the_core = {"tensor/ops",
                                               "tensor/reductions",
                                               "tensor/picking",
                                               "autograd/ops",
                                               "autograd/views",
                                               "tensor/rows",
                                               "tensor/row_loops",
                                               "tensor/attention",
                                               "tensor/attention_block",
                                               "tensor/matmul",
                                               "tensor/tile",
                                               "tensor/pack",
                                               "tensor/plan",
                                               "tensor/product",
                                               "tensor/simd",
                                               "tensor/functions",
                                               "tensor/parallel",
                                               "tensor/philox",
                                               "tensor/dropout",
                                               "tensor/layout",
                                               "tensor/page",
                                               "tensor/print",
                                               "tensor/sampling",
                                               "tensor/dual",
                                               "tensor/interval",
                                               "autograd/gradcheck",
                                               "autograd/differences",
                                               "autograd/objective",
                                               "autograd/verdict",
                                               "autograd/trace",
                                               "autograd/enclosures",
                                               "autograd/enclosure_verdict",
                                               "tensor/decisions",
                                               "tensor/ends",
                                               "tensor/ends_double",
                                               "tensor/ends_wide",
                                               "tensor/float192",
                                               "autograd/nearby",
                                               "autograd/hidden_rounding",
                                               "autograd/ties"};

// Private headers: neither installed nor part of glassgrad.h. Their first comment says so.
const std::set<std::string> private_headers = {"tensor/attention_block.h",
                                               "tensor/decisions.h",
                                               "tensor/ends.h",
                                               "tensor/functions.h",
                                               "tensor/loops.h",
                                               "tensor/pack.h",
                                               "tensor/page.h",
                                               "tensor/philox.h",
                                               "tensor/plan.h",
                                               "tensor/product.h",
                                               "tensor/row_loops.h",
                                               "tensor/simd.h",
                                               "tensor/tile.h",
                                               "autograd/differences.h",
                                               "autograd/enclosure_verdict.h",
                                               "autograd/hidden_rounding.h",
                                               "autograd/nearby.h",
                                               "autograd/objective.h",
                                               "autograd/ties.h",
                                               "autograd/verdict.h",
                                               "nn/comparison.h",
                                               "nn/file.h",
                                               "nn/header.h",
                                               "nn/tensor_file.h",
                                               "optim/update.h"};

struct Source {
  std::string room;
  std::string name;  // "tensor/shape.h"
  std::vector<std::string> lines;
};

std::vector<Source> sources_in(const std::string& room) {
  std::vector<Source> sources;
  for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    Source source{room, fs::relative(entry.path(), root).generic_string(), {}};
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) source.lines.push_back(line);
    sources.push_back(std::move(source));
  }
  std::ranges::sort(sources, {}, &Source::name);
  return sources;
}

struct Size {
  int code = 0;
  int comment = 0;
};

Size measure(const std::vector<std::string>& lines) {
  Size size;
  bool inside = false;  // of /* … */
  for (const auto& line : lines) {
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string::npos) continue;
    const auto opens = line.compare(start, 2, "/*") == 0;
    const bool comment = inside || opens || line.compare(start, 2, "//") == 0;
    ++(comment ? size.comment : size.code);
    if (inside || opens) inside = line.find("*/") == std::string::npos;
  }
  return size;
}

// Between the quotes or angle brackets of an #include line; else empty.
std::string included(const std::string& line) {
  if (!line.starts_with("#include")) return "";
  const auto open = line.find_first_of("\"<");
  if (open == std::string::npos) return "";
  const auto close = line.find_first_of("\">", open + 1);
  return line.substr(open + 1, close - open - 1);
}

}  // namespace

TEST_CASE("includes between the rooms go one way") {
  for (const auto& [room, may_see] : arrows) {
    for (const auto& source : sources_in(room)) {
      for (const auto& line : source.lines) {
        const std::string header = included(line);
        if (header.empty()) continue;
        INFO(source.name << ": " << line);
        const std::string target = header.substr(0, header.find('/'));
        if (arrows.contains(target)) {
          CHECK(may_see.contains(target));
          CHECK(fs::exists(root / header));
        } else if (room != "examples") {
          // An include of "shape.h", "../nn/linear.h" or glassgrad.h would not show the room it
          // goes to.
          CHECK(line.find('"') == std::string::npos);
          CHECK(header != "glassgrad.h");
        }
      }
    }
  }
}

TEST_CASE("glassgrad.h gives everything") {
  std::set<std::string> seen = private_headers;
  std::vector<std::string> queue = {"glassgrad.h"};
  while (!queue.empty()) {
    std::ifstream file(root / queue.back());
    queue.pop_back();
    for (std::string line; std::getline(file, line);) {
      const std::string header = included(line);
      if (line.ends_with('"') && seen.insert(header).second) queue.push_back(header);
    }
  }
  for (const auto& room : library) {
    for (const auto& source : sources_in(room)) {
      INFO(source.name);
      if (source.name.ends_with(".h")) CHECK(seen.contains(source.name));
    }
  }
}

TEST_CASE("a header says that it is private, and to whom, or it is public") {
  for (const auto& room : library) {
    for (const auto& source : sources_in(room)) {
      if (!source.name.ends_with(".h")) continue;
      INFO(source.name);
      const bool says_so = std::ranges::any_of(source.lines, [](const std::string& line) {
        return line.starts_with("//") && line.find("(private to ") != std::string::npos;
      });
      CHECK(says_so == private_headers.contains(source.name));
    }
  }
  // The ladder may include private headers of the library's product, and programs may include
  // nn/file.h to write files as save() does. All other examples use public headers, as a user's
  // program does.
  for (const auto& source : sources_in("examples")) {
    for (const auto& line : source.lines) {
      INFO(source.name << ": " << line);
      if (included(line) != "nn/file.h" && private_headers.contains(included(line)))
        CHECK(source.name.starts_with("examples/matmul_ladder/"));
    }
  }
}

TEST_CASE("the core and every file stay small") {
  int total = 0;
  int core = 0;
  std::string table = fmt::format("{:<28}{:>6}{:>10}\n", "file", "code", "comments");
  for (const auto& room : library) {
    for (const auto& source : sources_in(room)) {
      const Size size = measure(source.lines);
      const int share = size.code == 0 ? 0 : 100 * size.comment / (size.code + size.comment);
      table += fmt::format("{:<28}{:>6}{:>8} %\n", source.name, size.code, share);
      total += size.code;
      const std::string stem = fs::path(source.name).replace_extension().generic_string();
      const bool is_core = room == "tensor" || room == "autograd";
      if (is_core && !beyond_the_core.contains(stem)) core += size.code;
      INFO(source.name);
      CHECK(size.code < 400);
    }
  }
  // The whole is printed and has no limit: docs/decisions/009-lines.md gives the reason.
  fmt::print("{}{:<28}{:>6}\n{:<28}{:>6}\n", table, "all", total, "the core", core);
  std::fflush(stdout);
  CHECK(core < 1700);
}

TEST_CASE("lines fit on a page of 100 columns") {
  for (const auto& [room, unused] : arrows) {
    for (const auto& source : sources_in(room)) {
      for (const auto& line : source.lines) {
        // Columns, not bytes: ⊙ is three bytes of UTF-8, and the hat of x̂ (0xCC …) takes no room.
        const auto columns = std::ranges::count_if(
            line, [](char c) { return (c & 0xC0) != 0x80 && c != '\xCC' && c != '\xCD'; });
        if (columns > 100) FAIL_CHECK(source.name << " has " << columns << " columns in: " << line);
      }
    }
  }
}

}  // namespace structure_test
