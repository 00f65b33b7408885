// # One writer for every file
//
// (private to nn/ and the examples) The writer of save() and of the example programs. A file is
// written under a name of its own beside the target and takes the target's name when it is
// complete, so that a reader finds the old file or the new one. A target that cannot be replaced in
// that way is written directly: a device, a pipe, the program's own output, and a file in a folder
// that takes no new files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace glass::nn {

class OutputFile {
 public:
  // `whole` replaces the file's content. `append` writes after it, and creates the file if there is
  // none.
  enum class Mode { whole, append };

  // The constructor, write() and commit() throw a FileError "<who>cannot write <path>: <reason>".
  // Until commit() a file that is replaced keeps its content.
  explicit OutputFile(const std::filesystem::path& path, std::string_view who = "",
                      Mode mode = Mode::whole);
  // Without a commit() the temporary file is removed.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail(int error) const;
  void open_beside();
  void open_directly(int flags = 0);
  void replace();
  void copy_into_target();

  std::filesystem::path path_;    // as the caller named it
  std::filesystem::path target_;  // the same with links followed
  std::string who_;
  std::string partial_;  // the temporary file's name; empty when the target is written directly
  int file_ = -1;
  bool is_regular_ = true;     // or not there yet
  bool is_elsewhere_ = false;  // the temporary file does not lie beside the target
};

// FileError, with the reason, if an OutputFile could not write `path`. Checks the target and its
// folder, changes neither, and leaves no file.
void expect_writable(const std::filesystem::path& path, std::string_view who = "");

// The file that `path` names: symbolic links are followed, also to a file that is not there yet.
// FileError if they go round in a circle.
std::filesystem::path followed(const std::filesystem::path& path);

// Removes the temporary files that killed programs left beside `path`: FILE.partial-PROCESS-…,
// where no such process runs any more.
void remove_partial_files(const std::filesystem::path& path);

}  // namespace glass::nn
