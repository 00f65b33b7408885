#include "examples/common/files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tensor/error.h"

namespace examples {

using glass::check;
using glass::FileError;

namespace {

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

}  // namespace

void expect_writable(const std::string& path) {
  if (path.empty()) return;
  check<FileError>(!std::filesystem::is_directory(path), "cannot write {}: it is a folder", path);
  const std::string probe = path + ".probe";
  errno = 0;
  const bool writable = std::ofstream(probe).good();
  const int reason = errno;
  std::error_code ignored;
  std::filesystem::remove(probe, ignored);
  check<FileError>(writable, "cannot write {}: {}", path, std::strerror(reason));
}

void write_file(const std::string& path, std::string_view text) {
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary);
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  const bool written = file && !error;
  if (!written) std::filesystem::remove(partial, error);
  check<FileError>(written, "cannot write {}", path);
}

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
