// # Files that a program reads and leaves behind
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

// FileError, with the reason, if the file cannot be written, or if the standard output goes to the
// same file. An empty path is no error. A program calls this before it trains, so that a misspelt
// folder does not cost minutes of training.
void expect_writable(const std::string& path);

// FileError, with the reason, if there is no file at `path` that can be read. An empty path is no
// error. The file is not opened: a pipe gives its content only once.
void expect_readable(const std::string& path);

// Writes the whole text or nothing: another program never reads half a file. Devices and pipes are
// written directly. FileError if the file cannot be written.
void write_file(const std::string& path, std::string_view text);

// An option that names a file, and the file's path; the path is empty if the option was not given.
struct NamedFile {
  std::string option, path;
};

// FileError if both paths lead to one file: by the same name, by another spelling of it, or by a
// link. Devices and pipes may be named twice.
void expect_distinct(const NamedFile& written, const NamedFile& other);

// FileError unless every file can be written, and all files are different.
void expect_writable(const std::vector<NamedFile>& outputs);

// One JSON object, with its members in the order in which they were added. NaN and infinity become
// null.
class Json {
 public:
  Json& add(std::string_view name, std::string_view text);
  Json& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
  Json& add(std::string_view name, bool value) { return put(name, value ? "true" : "false"); }
  Json& add(std::string_view name, std::integral auto value) {
    return put(name, std::to_string(value));
  }
  Json& add(std::string_view name, double value) { return put(name, number(value)); }
  Json& add(std::string_view name, const Json& object) { return put(name, object.text()); }
  std::string text() const { return "{" + members_ + "}"; }

 private:
  static std::string number(double value);
  Json& put(std::string_view name, std::string_view value);
  std::string members_;
};

}  // namespace examples
