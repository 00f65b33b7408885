// # Writing a file whole, or not at all
//
// Three ways lead to the target: a temporary file beside it that takes its name at the end; a
// temporary file elsewhere that is copied into it; or, for devices and pipes, writing directly.
// Only POSIX is used. Files are not locked: of two programs that write one file, the last one wins.
#include "nn/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "tensor/error.h"

namespace glass::nn {

namespace {

constexpr std::string_view six_letters = "XXXXXX";  // mkstemp puts random ones in their place
constexpr std::size_t longest_name = 200;           // a file system allows 255 bytes

// What the names of temporary files begin with; the process's number follows.
std::filesystem::path partial_prefix(const std::filesystem::path& target) {
  const std::string name = target.filename().string();
  return target.parent_path() / (name.substr(0, longest_name) + ".partial-");
}

// Creates a file of a new name beside the target, or gives -1 and errno. `name` becomes its name.
int create_beside(const std::filesystem::path& target, std::string& name) {
  name = fmt::format("{}{}-{}", partial_prefix(target).string(), ::getpid(), six_letters);
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) name.clear();
  return file;
}

// The open file descriptor that `path` names: /dev/stdout and the like, /dev/fd/N, or the file that
// our output goes to. If such a file were opened a second time, it would be written from its
// beginning, over what the program has printed.
std::optional<int> own_descriptor(const std::filesystem::path& path, const struct stat& status) {
  for (const int file : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat own {};
    const bool same =
        ::fstat(file, &own) == 0 && own.st_dev == status.st_dev && own.st_ino == status.st_ino;
    // A stream that was closed is /dev/null, opened for reading only.
    if (same && (::fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY) return file;
  }
  const std::string text = path.string();
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    int number = 0;
    if (!text.starts_with(folder)) continue;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + folder.size(), end, number);
    if (error == std::errc() && rest == end) return number;
  }
  return {};
}

// A target as it is before it is written.
struct Target {
  struct stat status {};
  int error = 0;  // errno of stat(); ENOENT for a file that is not there yet
  bool exists() const { return error == 0; }
  bool is_regular() const { return !exists() || S_ISREG(status.st_mode); }
};

// stat() follows links as the system does. So the file that /proc/self/fd/1 refers to is found even
// if it has no name.
Target look_at(const std::filesystem::path& path) {
  Target target;
  if (::stat(path.c_str(), &target.status) != 0) target.error = errno;
  return target;
}

// Why a target cannot be written, or 0.
int refusal(const std::filesystem::path& path, const Target& target) {
  if (path.empty()) return ENOENT;
  if (!target.exists()) return target.error == ENOENT ? 0 : target.error;
  if (S_ISDIR(target.status.st_mode)) return EISDIR;
  if (own_descriptor(path, target.status)) return 0;
  if (S_ISSOCK(target.status.st_mode)) return ENXIO;
  return ::access(path.c_str(), W_OK) == 0 ? 0 : errno;
}

[[noreturn]] void refuse(const std::filesystem::path& path, std::string_view who, int error) {
  if (path.empty())
    throw FileError(fmt::format("{}cannot write '': expected the name of a file", who));
  const std::string reason = error == EISDIR ? "it is a folder" : std::strerror(error);
  throw FileError(fmt::format("{}cannot write {}: {}", who, path.string(), reason));
}

}  // namespace

std::filesystem::path followed(const std::filesystem::path& path) {
  std::filesystem::path target = path;
  std::error_code error;
  for (int links = 0; std::filesystem::is_symlink(target, error); ++links) {
    if (links == 40) refuse(path, "", ELOOP);
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) refuse(path, "", error.value());
    target = target.parent_path() / next;
  }
  return target;
}

// ---- opening ----

OutputFile::OutputFile(const std::filesystem::path& path, std::string_view who, Mode mode)
    : path_(path), who_(who) {
  const Target target = look_at(path);
  if (const int error = refusal(path, target)) fail(error);
  is_regular_ = target.is_regular();
  const std::optional<int> own =
      target.exists() ? own_descriptor(path, target.status) : std::nullopt;
  if (own) {
    // Flush first: text that was printed earlier must stay before this text.
    std::fflush(*own == STDOUT_FILENO ? stdout : nullptr);
    is_regular_ = false;
    file_ = ::fcntl(*own, F_DUPFD_CLOEXEC, 3);
    if (file_ < 0) fail(errno);
    return;
  }
  target_ = is_regular_ ? followed(path) : path;
  if (mode == Mode::append)
    open_directly(O_APPEND | O_CREAT);
  else if (is_regular_)
    open_beside();
  else
    open_directly();
}

void OutputFile::open_beside() {
  file_ = create_beside(target_, partial_);
  if (file_ >= 0) return;
  const int reason = errno;
  if (!look_at(target_).exists()) fail(reason);
  // The folder takes no new files: the text is kept elsewhere until it is complete.
  std::error_code none;
  const auto elsewhere = std::filesystem::temp_directory_path(none) / target_.filename();
  file_ = none ? -1 : create_beside(elsewhere, partial_);
  if (file_ < 0) return open_directly();
  is_elsewhere_ = true;
}

// The old content is not cut off before commit(), so a failure before the first write changes
// nothing.
void OutputFile::open_directly(int flags) {
  file_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, 0666);
  if (file_ < 0) fail(errno);
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

// ---- writing ----

// The system may write only a part, or be interrupted before it writes anything.
void OutputFile::write(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(file_, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(errno);
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

void OutputFile::commit() {
  if (!partial_.empty()) replace();
  if (is_regular_ && file_ >= 0) {  // written directly: cut off the rest of the old file
    const ::off_t size = ::lseek(file_, 0, SEEK_CUR);
    struct stat now {};
    if (size < 0 || ::fstat(file_, &now) != 0) fail(errno);
    if (now.st_size > size && ::ftruncate(file_, size) != 0) fail(errno);
    if (::fsync(file_) != 0 && errno != EINVAL) fail(errno);  // EINVAL: not on a disk
  }
  if (file_ >= 0 && ::close(std::exchange(file_, -1)) != 0) fail(errno);
}

namespace {

// The permissions that a new file does not get. The system tells the mask only when it is changed,
// so it is 0 for a moment. Without the lock, a second thread that saves in this moment would read
// 0, and set the mask of the whole process to 0 for good.
::mode_t creation_mask() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const ::mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

}  // namespace

// The temporary file takes the target's name. A new file gets the permissions that any new file
// would, an old one keeps its own.
void OutputFile::replace() {
  const Target old = look_at(target_);
  const ::mode_t mode = old.exists() ? old.status.st_mode & 07777 : 0666 & ~creation_mask();
  if (is_elsewhere_) return copy_into_target();
  if (::fchmod(file_, mode) != 0 || ::fsync(file_) != 0) fail(errno);
  if (::rename(partial_.c_str(), target_.c_str()) != 0) {
    // The folder takes new files, but does not let this one be replaced: it is a mount point, or
    // another user's in a folder like /tmp.
    const int reason = errno;
    if ((reason != EBUSY && reason != EPERM && reason != EACCES) || !old.exists()) fail(reason);
    return copy_into_target();
  }
  partial_.clear();
  if (::close(std::exchange(file_, -1)) != 0) fail(errno);
}

void OutputFile::copy_into_target() {
  const struct Source {
    ~Source() { ::close(file); }
    int file;
  } source{std::exchange(file_, -1)};
  open_directly();
  // Reserve the space first: if the disk is full, the old file is not changed.
  struct stat whole {};
  if (::fstat(source.file, &whole) != 0) fail(errno);
  const int refused = whole.st_size > 0 ? ::posix_fallocate(file_, 0, whole.st_size) : 0;
  if (refused == ENOSPC || refused == EFBIG) fail(refused);
  std::array<char, 65536> buffer;
  ::off_t at = 0;
  ssize_t n = 0;
  for (; (n = ::pread(source.file, buffer.data(), buffer.size(), at)) > 0; at += n)
    write(buffer.data(), static_cast<std::size_t>(n));
  if (n < 0) fail(errno);
  ::unlink(std::exchange(partial_, "").c_str());
}

void OutputFile::fail(int error) const { refuse(path_, who_, error); }

// ---- asking, and cleaning up ----

void expect_writable(const std::filesystem::path& path, std::string_view who) {
  const Target target = look_at(path);
  if (const int error = refusal(path, target)) refuse(path, who, error);
  if (target.exists()) return;
  std::string name;
  const int file = create_beside(followed(path), name);
  if (file < 0) refuse(path, who, errno);
  ::close(file);
  ::unlink(name.c_str());
}

namespace {

// Whether `rest`, the part of a name after the prefix, is of our form "1234-Ab12Cd", and the
// process 1234 has ended. Files of other programs and of running processes are not removed.
bool is_left_behind(std::string_view rest) {
  int process = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), process);
  const std::string_view letters(end, static_cast<std::size_t>(rest.data() + rest.size() - end));
  return error == std::errc() && process > 0 && letters.starts_with('-') &&
         letters.size() == six_letters.size() + 1 && ::kill(process, 0) != 0 && errno == ESRCH;
}

}  // namespace

void remove_partial_files(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path target = followed(path), prefix = partial_prefix(target);
  if (target.filename().string().size() > longest_name) return;  // the prefix is ambiguous
  const std::string beginning = prefix.filename().string();
  const std::filesystem::path folder = prefix.has_parent_path() ? prefix.parent_path() : ".";
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(beginning) && entry.is_regular_file(error) &&
        is_left_behind(std::string_view(name).substr(beginning.size())))
      found.push_back(entry.path());
  }
  for (const auto& partial : found) std::filesystem::remove(partial, error);
}

}  // namespace glass::nn
