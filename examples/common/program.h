// # How a program ends
//
// Every example runs inside program(), which turns whatever goes wrong into one line on stderr and
// an exit status, and checks that what was printed has arrived.
#pragma once

#include <concepts>
#include <cstdio>
#include <functional>
#include <string_view>

namespace examples {

// Writes out what was printed and is still in the buffer. Throws std::system_error if that
// fails, as fmt::print does.
void flush(std::FILE* out = stdout);

// Writes "name: fault" on stderr, as one line that is not too long. If stderr cannot be written,
// the message is lost and the program goes on.
void complain(std::string_view name, std::string_view fault);

// Thrown if the program has nothing left to do, for instance after --help.
struct Done {};

// Runs the program `name`, and returns its exit status:
//   what `run` returns, or 0 if it returns nothing;
//   2 after an error, which is told in one line on stderr; a standard output that cannot be
//     written, on a full disk for instance, is such an error;
//   141 if the reader of the standard output has gone, as `head` does. That is no error, so
//     nothing is printed. (141 is 128 plus the number of SIGPIPE, as shells count.)
int program(std::string_view name, const std::function<int()>& run);

int program(std::string_view name,
            const std::invocable auto& run) requires std::same_as<decltype(run()), void> {
  return program(name, std::function<int()>([&run] {
                   run();
                   return 0;
                 }));
}

}  // namespace examples
