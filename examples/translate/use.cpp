#include "examples/translate/use.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

namespace translate {

using glass::check;
using glass::FileError;

void translate_file(const Translator& translator, const std::string& file,
                    const std::string& output, Search search) {
  const std::vector<std::string> lines = read_lines(file);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    try {
      translator.expect_translatable(lines[i]);
    } catch (const glass::ShapeError& error) {
      throw FileError(fmt::format("{}: line {}: {}", file, i + 1, error.what()));
    }
  }
  const std::vector<std::string> results = translator.translate(lines, search);
  std::string text;
  for (const std::string& result : results) text += result + '\n';
  if (output.empty()) {
    fmt::print("{}", text);
    return;
  }
  std::ofstream out(output, std::ios::binary);
  out << text << std::flush;
  check<FileError>(out.good(), "cannot write {}: {}", output, std::strerror(errno));
}

void interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
              Search search) {
  const auto ask = [&] {
    if (prompt) fmt::print(out, "> ");
    std::fflush(out);
  };
  ask();
  for (std::string line; std::getline(in, line); ask()) {
    try {
      fmt::print(out, "{}\n", translator.translate(line, search));
    } catch (const std::exception& error) {  // the next line may be better
      fmt::print(stderr, "{}\n", error.what());
    }
  }
  if (prompt) fmt::print(out, "\n");
}

}  // namespace translate
