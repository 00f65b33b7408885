// # Ctrl-C: finish the step, then stop
#pragma once

#include <csignal>
#include <utility>
#include <vector>

namespace examples {

// While this object lives, the first Ctrl-C, or the first of the given signals, only sets a flag.
// So a training can finish its step, and show or save what it learnt. A second signal ends the
// program at once. At most one such object may live at a time.
class [[nodiscard]] Interrupt {
 public:
  explicit Interrupt(const std::vector<int>& signals = {SIGINT});
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Whether a signal has come.
  bool operator()() const;

 private:
  std::vector<std::pair<int, void (*)(int)>> before_;  // the signals and their old handlers
};

// The exit status of a program that a signal ended: 128 plus the number of the signal that came
// first, as shells count. After Ctrl-C it is 130; it is 130, too, if no signal came.
int interrupted_exit();

}  // namespace examples
