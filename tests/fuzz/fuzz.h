// # The code that the fuzzers share
//
// A fuzzer gives random bytes to a reader of files. The reader must either throw an error that its
// documentation names, or return a result that keeps its promises. Anything else is a Finding.
// libFuzzer makes the bytes; the tests read the inputs that it found, from corpus/.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace glass::fuzz {

// No code catches it: it ends a fuzzer, and fails a test.
struct Finding : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Args>
void expect(bool ok, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) throw Finding(fmt::format(text, std::forward<Args>(args)...));
}

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), std::ssize(bytes));
}

// A temporary folder, in memory if the system has such a folder.
class Folder {
 public:
  Folder() {
    namespace fs = std::filesystem;
    const fs::path memory = "/dev/shm";
    const bool fast = fs::is_directory(memory) && ::access(memory.c_str(), W_OK) == 0;
    std::string name = ((fast ? memory : fs::temp_directory_path()) / "glassgrad.XXXXXX").string();
    expect(::mkdtemp(name.data()) != nullptr, "cannot make a folder {}", name);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The files of a corpus, in order of their names.
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& corpus) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(corpus))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace glass::fuzz
