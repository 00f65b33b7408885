#include "examples/common/interrupt.h"

#include <atomic>
#include <csignal>

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

Interrupt::Interrupt() {
  interrupted = false;
  before_ = std::signal(SIGINT, interrupt);
}

Interrupt::~Interrupt() { std::signal(SIGINT, before_ == SIG_ERR ? SIG_DFL : before_); }

bool Interrupt::operator()() const { return interrupted; }

}  // namespace examples
