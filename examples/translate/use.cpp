#include "examples/translate/use.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "examples/common/files.h"
#include "examples/common/program.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

// A line that cannot be translated becomes empty, and a message says why. Whether it was so.
bool empty_if_faulty(const Translator& translator, std::string& line, const std::string& name) {
  std::string fault;
  try {
    translator.expect_translatable(line);
    return false;
  } catch (const FileError& error) {  // not UTF-8
    fault = error.what();
  } catch (const glass::ShapeError& error) {  // too long
    fault = error.what();
  }
  line.clear();
  examples::complain(name, fault);
  return true;
}

}  // namespace

Index translate_file(const Translator& translator, const std::string& file,
                     const std::string& output, Search search) {
  std::vector<std::string> lines = split_lines(read_text(file));
  Index faulty = 0;
  for (std::size_t i = 0; i < lines.size(); ++i)
    faulty += empty_if_faulty(translator, lines[i], fmt::format("{}: line {}", file, i + 1));

  const std::vector<std::string> results = translator.translate(lines, search);
  std::string text;
  for (const std::string& result : results) text += result + '\n';
  if (output.empty()) {
    fmt::print("{}", text);
    return faulty;
  }
  examples::write_file(output, text);
  return faulty;
}

Index interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
               Search search) {
  const auto ask = [&] {
    if (prompt) fmt::print(out, "> ");
    const bool written = std::fflush(out) == 0;
    check<FileError>(written, "cannot write the translations: {}", std::strerror(errno));
  };
  ask();
  Index count = 0, faulty = 0;
  for (std::string typed; std::getline(in, typed); ask()) {
    if (!in.eof()) typed += '\n';
    const std::vector<std::string> lines = split_lines(typed, count == 0);
    if (lines.empty()) break;  // a byte order mark at the very end is no line, as in a file
    std::string line = lines.front();
    faulty += empty_if_faulty(translator, line, fmt::format("line {}", ++count));
    fmt::print(out, "{}\n", translator.translate(line, search));
  }
  check<FileError>(&in != &std::cin || std::ferror(stdin) == 0,
                   "cannot read the standard input: {}", std::strerror(errno));
  if (prompt) fmt::print(out, "\n");
  return faulty;
}

}  // namespace translate
