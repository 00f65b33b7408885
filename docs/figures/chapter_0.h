// # What the runs and the figures of chapter 0 share
//
// Chapter 0 computes with the code of `examples/00_scalar.cpp` itself, not with a copy. That file
// is a program, so it is included here into the namespace `scalar`. Its `main` becomes
// `scalar::main`, an ordinary function that nobody calls. The standard headers come first, since
// they must stay outside of the namespace.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

namespace scalar {
#include "examples/00_scalar.cpp"

// Runs `work` in a process of its own, and tells whether that process came to its end. If `work`
// overflows the stack, only that process dies. Its stack has the usual 8 MB, and it leaves no core
// file.
template <class Work>
bool comes_to_its_end(Work work) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_file{0, 0};
    setrlimit(RLIMIT_CORE, &no_file);
    rlimit stack{};
    getrlimit(RLIMIT_STACK, &stack);
    stack.rlim_cur = 8 * 1024 * 1024;
    setrlimit(RLIMIT_STACK, &stack);
    work();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
}
}  // namespace scalar
