// # The program that draws the book's figures
//
//     docs_figures OUT [NAME]
//
// writes OUT/chapter-0/graph.svg and so on, all of them or the one named, and a JSON file with the
// numbers of each figure that has some.
#include <filesystem>
#include <fstream>

#include "docs/figures/kit.h"
#include "examples/common/program.h"

using namespace figures;
namespace fs = std::filesystem;
using glass::check;

namespace {

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << text << std::flush;
  check<glass::FileError>(out.good(), "cannot write '{}'", path.string());
}

// An error names the figure.
void draw(const Entry& entry, const fs::path& folder) {
  try {
    const Figure figure = entry.draw();
    const fs::path path = folder / entry.name;
    write(path.string() + ".svg", figure.svg(entry.name));
    if (const std::string table = figure.table(); !table.empty())
      write(path.string() + ".json", table);
  } catch (const glass::StateError& error) {
    throw glass::StateError(fmt::format("figure {}: {}", entry.name, error.what()));
  }
}

void run(const std::vector<std::string>& arguments) {
  check<glass::ShapeError>(arguments.size() == 1 || arguments.size() == 2, "usage: OUT [NAME]");
  std::size_t drawn = 0;
  for (const std::vector<Entry>& chapter : {chapter_0(), chapter_3(), chapter_6()})
    for (const Entry& entry : chapter) {
      if (arguments.size() == 2 && entry.name != arguments[1]) continue;
      draw(entry, arguments[0]);
      ++drawn;
    }
  check<glass::ShapeError>(drawn > 0 || arguments.size() == 1, "no figure has the name '{}'",
                           arguments.back());
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("docs_figures", [&] { run({argv + 1, argv + argc}); });
}
