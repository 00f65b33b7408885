// # Files that a program reads and leaves behind: checks, writing, JSON
#include "examples/common/files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "nn/file.h"
#include "tensor/error.h"

namespace examples {

using glass::check;
using glass::FileError;

namespace {

// A JSON string: quotes, backslashes and control characters are escaped.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Whether the path names a regular file that the standard output or the standard error goes to.
// Paths that name the stream itself, such as /dev/stdout, are allowed.
bool is_standard_stream(const std::string& path) {
  struct stat file {
  }, stream{};
  if (path.starts_with("/dev/") || path.starts_with("/proc/")) return false;
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return false;
  for (const int number : {STDOUT_FILENO, STDERR_FILENO})
    if (::fstat(number, &stream) == 0 && stream.st_dev == file.st_dev &&
        stream.st_ino == file.st_ino)
      return true;
  return false;
}

}  // namespace

void expect_writable(const std::string& path) {
  if (path.empty()) return;
  check<FileError>(!is_standard_stream(path),
                   "cannot write {}: what the program prints goes there, too", path);
  glass::nn::expect_writable(path);
}

void expect_readable(const std::string& path) {
  if (path.empty()) return;
  check<FileError>(!std::filesystem::is_directory(path), "cannot read {}: it is a folder", path);
  check<FileError>(::access(path.c_str(), R_OK) == 0, "cannot read {}: {}", path,
                   std::strerror(errno));
}

void write_file(const std::string& path, std::string_view text) {
  glass::nn::OutputFile file(path);
  file.write(text);
  file.commit();
}

// ---- different files ----

namespace {

namespace fs = std::filesystem;

// The path with all links followed, also where the last link leads to a file that does not exist
// yet.
fs::path resolved(const fs::path& path) {
  std::error_code ignored;
  const fs::path absolute = fs::absolute(glass::nn::followed(path), ignored);
  fs::path result = fs::weakly_canonical(absolute, ignored);
  if (result.empty()) result = absolute.lexically_normal();
  return result.has_filename() ? result : result.parent_path();  // "a/" is "a"
}

// Whether both paths lead to one regular file or folder. Files that exist are compared by the
// system; of the others the resolved paths are compared. Two devices or pipes are never one file.
bool are_one_file(const std::string& a, const std::string& b) {
  std::error_code error;
  const fs::file_status status = fs::status(a, error);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) return false;
  if (fs::exists(status) && fs::exists(b, error)) return fs::equivalent(a, b, error);
  return resolved(a) == resolved(b);
}

}  // namespace

void expect_distinct(const NamedFile& written, const NamedFile& other) {
  if (written.path.empty() || other.path.empty()) return;
  check<FileError>(!are_one_file(written.path, other.path),
                   "{} and {} must name different files; got {} and {}", written.option,
                   other.option, written.path, other.path);
}

void expect_writable(const std::vector<NamedFile>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) expect_distinct(outputs[j], outputs[i]);
    expect_writable(outputs[i].path);
  }
}

// ---- JSON ----

Json& Json::add(std::string_view name, std::string_view text) { return put(name, quoted(text)); }

std::string Json::number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

Json& Json::put(std::string_view name, std::string_view value) {
  if (!members_.empty()) members_ += ", ";
  members_ += quoted(name);
  members_ += ": ";
  members_ += value;
  return *this;
}

}  // namespace examples
