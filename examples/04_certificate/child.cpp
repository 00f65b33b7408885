// # Running the second program: pipes, its end, its errors
#include "examples/04_certificate/child.h"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "examples/04_certificate/progress.h"
#include "tensor/error.h"

extern char** environ;

namespace certificate {

using glass::check;
using glass::FileError;

namespace fs = std::filesystem;

fs::path beside_this_program(std::string_view name) {
#ifdef __APPLE__
  std::array<char, 4096> own{};
  std::uint32_t size = own.size();
  const bool fits = ::_NSGetExecutablePath(own.data(), &size) == 0;
  const fs::path self = fits ? fs::path(own.data()) : fs::path();
#else
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
#endif
  return self.parent_path() / name;
}

namespace {

// Both ends of a pipe, which close themselves.
struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    check<FileError>(::pipe(ends) == 0, "cannot make a pipe: {}", std::strerror(errno));
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() { close_read(), close_write(); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_read() { close(read_end); }
  void close_write() { close(write_end); }
  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
};

// Starts the program with its standard output and its standard error in the pipes.
pid_t start(const fs::path& program, std::vector<std::string>& arguments, const Pipe& out,
            const Pipe& errors) {
  std::string name = program.string();
  std::vector<char*> argv = {name.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors.write_end, STDERR_FILENO);
  for (const int end : {out.read_end, errors.read_end, out.write_end, errors.write_end})
    ::posix_spawn_file_actions_addclose(&actions, end);
  pid_t child = 0;
  const int fault = ::posix_spawn(&child, name.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  check<FileError>(fault == 0,
                   "cannot run {}: {}; it is built together with certificate and lies beside it, "
                   "or --float-program names it",
                   name, std::strerror(fault));
  return child;
}

// Cuts whole lines off the text.
void take_lines(std::string& text, const std::function<void(const std::string&)>& line) {
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    line(text.substr(0, end));
    text.erase(0, end + 1);
  }
}

// Reads what is there. False at the end of the pipe.
bool read_some(int end, std::string& text) {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(end, buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

// Reads both pipes to their ends. Returns what came through the second one.
std::string listen(Pipe& out, Pipe& errors, const std::function<void(const std::string&)>& line,
                   const std::function<bool()>& stop) {
  std::string text, faults;
  while (out.read_end >= 0 || errors.read_end >= 0) {
    if (stop()) throw Interrupted();
    pollfd ends[] = {{out.read_end, POLLIN, 0}, {errors.read_end, POLLIN, 0}};
    ::poll(ends, 2, 200);
    if (ends[0].revents != 0 && !read_some(out.read_end, text)) out.close_read();
    if (ends[1].revents != 0 && !read_some(errors.read_end, faults)) errors.close_read();
    take_lines(text, line);
  }
  return faults;
}

// The program's exit status, or a text about its end.
int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

// What the program wrote on stderr, without its name in front and without the last line break.
std::string without_name(std::string text, const std::string& name) {
  while (text.ends_with('\n')) text.pop_back();
  return text.starts_with(name + ": ") ? text.substr(name.size() + 2) : text;
}

}  // namespace

void run_program(const fs::path& program, std::vector<std::string> arguments,
                 const std::function<void(const std::string&)>& line,
                 const std::function<bool()>& stop) {
  Pipe out, errors;
  const pid_t child = start(program, arguments, out, errors);
  out.close_write();
  errors.close_write();
  std::string faults;
  try {
    faults = listen(out, errors, line, stop);
  } catch (...) {
    ::kill(child, SIGTERM);
    wait_for(child);
    throw;
  }

  // The terminal sends Ctrl-C to both programs, and this one may hear of it later.
  const int status = wait_for(child);
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || stop())) throw Interrupted();
  const std::string name = program.filename().string();
  check<FileError>(!WIFSIGNALED(status), "{} was ended by signal {}", name,
                   WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  check<FileError>(WEXITSTATUS(status) == 0, "{}",
                   faults.empty()
                       ? fmt::format("{} ended with status {}", name, WEXITSTATUS(status))
                       : without_name(faults, name));
}

// ---- a folder ----

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "certificate.XXXXXX").string();
  check<FileError>(::mkdtemp(name.data()) != nullptr, "cannot make the folder {}: {}", name,
                   std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace certificate
