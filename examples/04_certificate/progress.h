// # How far the work is
//
// On a terminal one live line on stderr shows the phase, what is done of it, and the time left. In
// a file a line appears every ten seconds, so a short run leaves none.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include "examples/common/terminal.h"

namespace certificate {

// Thrown where the user pressed Ctrl-C and what is done so far is of no use.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

class Phase {
 public:
  explicit Phase(std::string name);
  ~Phase();
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;

  // `done` of `all` is done; `all` may be 0 if nobody knows. `note` is shown as well.
  void show(std::int64_t done, std::int64_t all, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  std::string name_;
  examples::LiveLine line_;
  bool terminal_;
  Clock::time_point begin_, shown_;
};

}  // namespace certificate
