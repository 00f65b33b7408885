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

// What a program returns that ended because of the signal that came first: 128 and its number, as
// shells do. That is 130 after Ctrl-C, which stands for any other reason too.
int interrupted_exit();

}  // namespace examples
