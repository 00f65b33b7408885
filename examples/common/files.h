// # Files that a program reads and leaves behind
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

// FileError, with the reason, if `path` could not be written, or is a file that the standard output
// goes to; nothing if it is empty. To be asked first: minutes of training are not to be lost to a
// misspelt folder.
void expect_writable(const std::string& path);

// FileError, with the reason, if there is no file at `path` that could be read; nothing if it is
// empty. It is not opened, since a pipe gives what it holds only once.
void expect_readable(const std::string& path);

// The whole text or nothing: another reader never sees half a file. Devices and pipes are written
// as they are. FileError if it cannot be.
void write_file(const std::string& path, std::string_view text);

// A file, or nothing if `path` is empty, and the option that names it.
struct NamedFile {
  std::string option, path;
};

// FileError if both are one file: by the same name, another spelling of it, or a link. Devices and
// pipes may be named twice.
void expect_distinct(const NamedFile& written, const NamedFile& other);

// FileError unless each of them could be written, and no two are one file.
void expect_writable(const std::vector<NamedFile>& outputs);

// One JSON object, its members in the order of their coming. What is no number becomes null.
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
