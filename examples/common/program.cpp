#include "examples/common/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

#include "examples/common/quote.h"

namespace examples {

namespace {

constexpr int reader_gone_exit = 141;

// A file opened later must not get the number of a standard stream that was closed: what is printed
// would go into it. /dev/null takes the number, opened so that using the stream is an error.
void occupy_standard_streams() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0)
      (void)::open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

bool reader_has_gone() {
  struct pollfd out {
    STDOUT_FILENO, POLLOUT, 0
  };
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

// What went wrong: what to print, and errno where it was the system.
struct Fault {
  std::string text;
  int reason = 0;
};

Fault fault_of(const std::function<int()>& run, int& status) {
  try {
    status = run();
    return {};
  } catch (const Done&) {
    status = 0;
    return {};
  } catch (const CLI::ParseError& error) {
    return {fmt::format("{}; see --help", error.what())};
  } catch (const std::bad_alloc&) {
    return {"not enough memory"};
  } catch (const std::system_error& error) {
    return {error.what(), error.code().value()};
  } catch (const std::exception& error) {
    return {error.what()};
  }
}

}  // namespace

void complain(std::string_view name, std::string_view fault) {
  const std::string line = fmt::format("{}: {}\n", shortened(name, 200), shortened(fault, 500));
  (void)std::fputs(line.c_str(), stderr);
}

void flush(std::FILE* out) {
  if (std::fflush(out) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot write the output");
}

int program(std::string_view name, const std::function<int()>& run) {
  occupy_standard_streams();
  // A write to a reader that has gone, or beyond the largest file, fails instead, and its error is
  // handled here.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  int status = 2;
  Fault fault = fault_of(run, status);

  const bool was_lost = std::ferror(stdout) != 0;
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (was_lost || !flushed) {
    if (reader_has_gone()) return reader_gone_exit;
    if (!flushed && fault.reason == 0) fault.reason = errno;
    if (fault.text.empty() || fault.reason != 0)
      fault.text =
          fmt::format("cannot write the standard output{}",
                      fault.reason == 0 ? "" : fmt::format(": {}", std::strerror(fault.reason)));
  }
  if (fault.text.empty()) return status;
  complain(name, fault.text);
  return 2;
}

}  // namespace examples
