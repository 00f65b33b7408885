// # How a program ends: errors, and an output that cannot be written
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

// A program may be started with a closed standard stream. A file that is opened later would get the
// stream's number, and what is printed would go into the file. So /dev/null takes the number. It is
// opened for reading where the stream is for writing, and the other way round, so that using the
// stream is an error.
void occupy_standard_streams() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0)
      (void)::open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// Whether the standard output is a pipe whose other end was closed.
bool reader_has_gone() {
  struct pollfd out {
    STDOUT_FILENO, POLLOUT, 0
  };
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

// What went wrong: the message, empty if nothing did, and errno if the system reported the error.
struct Fault {
  std::string text;
  int reason = 0;
};

// Runs the program, and turns every exception into a fault.
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
  // Without these two lines, a write to a reader that has gone, or beyond the largest file size,
  // would end the program by a signal. With them the write fails, and the error is handled below.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  int status = 2;
  Fault fault = fault_of(run, status);

  // What was printed must have arrived: an output that cannot be written is an error of its own.
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
