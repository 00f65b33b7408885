// # Translating a file, and translating line by line
#include "examples/translate/use.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <optional>

#include "examples/common/files.h"
#include "examples/common/program.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

// Empties a line that cannot be translated, and says why on stderr. Returns whether it did.
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

std::string lines_of(const Translator& translator, std::span<const std::string> texts,
                     Search search, Index nbest, Index first) {
  std::string lines;
  Index number = first;
  for (const auto& candidates : translator.candidates(texts, std::max<Index>(nbest, 1), search)) {
    if (nbest == 0) lines += candidates.front().text + '\n';
    for (std::size_t i = 0; nbest > 0 && i < candidates.size(); ++i)
      lines += fmt::format("{}\t{}\t{:.4f}\t{}\n", number, i + 1, candidates[i].log_p,
                           candidates[i].text);
    ++number;
  }
  return lines;
}

Index empty_faulty_lines(const Translator& translator, std::vector<std::string>& lines,
                         const std::string& name) {
  Index faulty = 0;
  for (std::size_t i = 0; i < lines.size(); ++i)
    faulty += empty_if_faulty(translator, lines[i], fmt::format("{}: line {}", name, i + 1));
  return faulty;
}

Index translate_file(const Translator& translator, const std::string& file,
                     const std::string& output, Search search, Index nbest) {
  std::vector<std::string> lines = split_lines(read_text(file));
  const Index faulty = empty_faulty_lines(translator, lines, file);
  const std::string text = lines_of(translator, lines, search, nbest);
  if (output.empty()) {
    fmt::print("{}", text);
    return faulty;
  }
  examples::write_file(output, text);
  return faulty;
}

namespace {

// Sends what was printed to the reader, who may wait for it.
void flush(std::FILE* out) {
  const bool written = std::fflush(out) == 0;
  check<FileError>(written, "cannot write the translations: {}", std::strerror(errno));
}

// The next line, without its end; nothing if there are no more. A byte order mark at the very
// end of the input is no line, as in a file.
std::optional<std::string> read_line(std::istream& in, bool is_first) {
  std::string typed;
  if (!std::getline(in, typed)) return {};
  if (!in.eof()) typed += '\n';
  const std::vector<std::string> lines = split_lines(typed, is_first);
  if (lines.empty()) return {};
  return lines.front();
}

}  // namespace

Index interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
               Search search, Index nbest) {
  Index faulty = 0;
  for (Index number = 1;; ++number) {
    if (prompt) fmt::print(out, "> ");
    flush(out);
    // A faulty line becomes an empty one, and so does its translation.
    std::optional<std::string> line = read_line(in, number == 1);
    if (!line) break;
    faulty += empty_if_faulty(translator, *line, fmt::format("line {}", number));
    fmt::print(out, "{}", lines_of(translator, {&*line, 1}, search, nbest, number));
  }
  check<FileError>(&in != &std::cin || std::ferror(stdin) == 0,
                   "cannot read the standard input: {}", std::strerror(errno));
  if (prompt) fmt::print(out, "\n");
  return faulty;
}

}  // namespace translate
