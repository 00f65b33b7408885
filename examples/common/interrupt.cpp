#include "examples/common/interrupt.h"

#include <atomic>

namespace examples {

namespace {

// A handler can only reach what is global.
std::atomic<int> interrupted{0};  // the number of the first signal; 0 before
static_assert(std::atomic<int>::is_always_lock_free);

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
