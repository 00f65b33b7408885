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

// Sends what was printed on its way. A std::system_error where that fails, as fmt::print throws.
void flush(std::FILE* out = stdout);

// Writes "name: fault" on stderr, as one line that is not too long. Where stderr cannot be written
// nobody can be told, and the program goes on.
void complain(std::string_view name, std::string_view fault);

// Thrown by what has done all that the program was asked for, --help for instance.
struct Done {};

// Runs the program `name`, and returns its exit status:
//   what `run` returns, or 0 where it returns nothing;
//   2 after an error, which is told in one line on stderr; a standard output that cannot be
//     written, on a full disk for instance, is such an error;
//   141 where the reader of the standard output has gone, as `head` does: nothing is said, since
//     nobody is to blame. (128 and the number of SIGPIPE, as shells count.)
int program(std::string_view name, const std::function<int()>& run);

int program(std::string_view name,
            const std::invocable auto& run) requires std::same_as<decltype(run()), void> {
  return program(name, std::function<int()>([&run] {
                   run();
                   return 0;
                 }));
}

}  // namespace examples
