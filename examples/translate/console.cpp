#include "examples/translate/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>

namespace translate {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);  // a second one does not wait
}

}  // namespace

Interrupts::Interrupts() {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, interrupt);
}
Interrupts::~Interrupts() {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
}
bool Interrupts::met() { return interrupted; }

std::string duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

bool LiveLine::is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

void LiveLine::show(const Progress& p) {
  const auto now = std::chrono::steady_clock::now();
  const bool last = p.step == p.steps;
  if (!last && p.step != 1 && now - shown_ < (terminal_ ? std::chrono::milliseconds(100) : pause_))
    return;
  shown_ = now;
  // Lines become rarer as a long run goes on.
  if (p.step > 1) pause_ = std::min(pause_ * 5 / 4, std::chrono::milliseconds(60000));
  fmt::print("{}step {}/{}  loss {:.4f}  {:.0f} tokens/s  {} left{}", terminal_ ? "\r" : "", p.step,
             p.steps, p.loss, p.tokens_per_second, duration(p.seconds_left),
             terminal_ ? "\033[K" : "\n");
  open_ = terminal_;
  std::fflush(stdout);
}

void LiveLine::end() {
  if (std::exchange(open_, false)) fmt::print("\n");
}

}  // namespace translate
