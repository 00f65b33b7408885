// # Ctrl-C, politely
#pragma once

#include <csignal>
#include <utility>
#include <vector>

namespace examples {

// While it lives, the first Ctrl-C, or the first of other signals, only sets a flag, so that the
// step is finished and what was learnt is shown or saved; a second one does not wait. One at a
// time.
class [[nodiscard]] Interrupt {
 public:
  explicit Interrupt(const std::vector<int>& signals = {SIGINT});
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Whether it came.
  bool operator()() const;

 private:
  std::vector<std::pair<int, void (*)(int)>> before_;  // what they did
};

// What a program returns that ended because of it: 128 and the number of the signal, as shells do.
inline constexpr int interrupted_exit = 130;

}  // namespace examples
