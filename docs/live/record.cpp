// # Writes what the library answers in the live pieces
//
//     docs_live OUT
//
// writes OUT/NAME.json for each piece.
#include <filesystem>
#include <fstream>

#include "docs/live/pieces.h"
#include "examples/common/program.h"

namespace {

void run(const std::vector<std::string>& arguments) {
  glass::check<glass::ShapeError>(arguments.size() == 1, "usage: docs_live OUT");
  std::filesystem::create_directories(arguments[0]);
  for (const live::Piece& piece : live::pieces()) {
    const std::string path = fmt::format("{}/{}.json", arguments[0], piece.name);
    std::ofstream out(path, std::ios::binary);
    out << live::recorded(piece).dump() << '\n' << std::flush;
    glass::check<glass::FileError>(out.good(), "cannot write '{}'", path);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("docs_live", [&] { run({argv + 1, argv + argc}); });
}
