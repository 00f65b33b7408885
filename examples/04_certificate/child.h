// # Running the second program
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace certificate {

// The path of a program that lies beside this one.
std::filesystem::path beside_this_program(std::string_view name);

// Runs a program to its end, and gives each line of its standard output to `line`. While it runs,
// `stop` is asked: if it says yes, the program is ended, and Interrupted is thrown.
//
// FileError if the program cannot be started, and, with what it wrote on stderr, if its exit status
// is not 0.
void run_program(const std::filesystem::path& program, std::vector<std::string> arguments,
                 const std::function<void(const std::string&)>& line,
                 const std::function<bool()>& stop);

// A folder for files of this run; the destructor removes it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace certificate
