// # Ctrl-C: the signal handler and its flag
#include "examples/common/interrupt.h"

#include <atomic>

namespace examples {

namespace {

// A signal handler gets no argument of ours, so the flag must be global.
std::atomic<int> interrupted{0};  // the number of the first signal; 0 before
static_assert(std::atomic<int>::is_always_lock_free);

// Notes the signal if it is the first. The next signal of this kind has its default effect, which
// is to end the program.
void interrupt(int signal) {
  int none = 0;
  interrupted.compare_exchange_strong(none, signal);
  std::signal(signal, SIG_DFL);
}

}  // namespace

Interrupt::Interrupt(const std::vector<int>& signals) {
  interrupted = 0;
  for (const int signal : signals) before_.emplace_back(signal, std::signal(signal, interrupt));
}

Interrupt::~Interrupt() {
  for (const auto& [signal, before] : before_)
    std::signal(signal, before == SIG_ERR ? SIG_DFL : before);
}

bool Interrupt::operator()() const { return interrupted != 0; }

int interrupted_exit() {
  const int signal = interrupted;
  return 128 + (signal == 0 ? SIGINT : signal);
}

}  // namespace examples
