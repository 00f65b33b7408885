#include "examples/common/interrupt.h"

#include <atomic>

namespace examples {

namespace {

// A handler can only reach what is global.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

Interrupt::Interrupt(const std::vector<int>& signals) {
  interrupted = false;
  for (const int signal : signals) before_.emplace_back(signal, std::signal(signal, interrupt));
}

Interrupt::~Interrupt() {
  for (const auto& [signal, before] : before_)
    std::signal(signal, before == SIG_ERR ? SIG_DFL : before);
}

bool Interrupt::operator()() const { return interrupted; }

}  // namespace examples
