// # Errors: three kinds of exceptions, and check()
//
// An error says which op complained, what it expected and what it found:
// `matmul: inner sizes must agree; got [8, 10, 512] @ [256, 64]`.
// Bad input throws an exception, which the caller can handle; it never aborts the program.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace glass {

// A shape, an index or an option does not fit.
struct ShapeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// The call comes at a wrong time: the graph was freed, a saved value was written in place since, or
// there is no gradient yet.
struct StateError : std::logic_error {
  using std::logic_error::logic_error;
};

// A file is missing, unreadable, truncated or not what it claims to be.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// check<ShapeError>(a == b, "op: sizes must agree; got {} and {}", a, b)
template <class Error, class... Args>
void check(bool ok, fmt::format_string<Args...> text, Args&&... args) {
  if (!ok) [[unlikely]]
    throw Error(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace glass
