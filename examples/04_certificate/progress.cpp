// # How far the work is: the line on stderr
#include "examples/04_certificate/progress.h"

#include <fmt/format.h>

namespace certificate {

Phase::Phase(std::string name)
    : name_(std::move(name)),
      line_(stderr),
      terminal_(examples::is_terminal(stderr)),
      begin_(Clock::now()),
      shown_(begin_) {
  if (terminal_) line_.show(name_ + " …");
}

Phase::~Phase() {
  try {
    line_.erase();
  } catch (const std::exception&) {
    // A terminal that has gone shows nothing.
  }
}

void Phase::show(std::int64_t done, std::int64_t all, const std::string& note) {
  const auto now = Clock::now();
  const std::chrono::milliseconds pause(terminal_ ? 100 : 10'000);
  if (now - shown_ < pause) return;
  shown_ = now;

  // The time left, if every part takes as long as the parts before.
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  std::string text = name_;
  if (all > 0) text += fmt::format("  {}/{}", done, all);
  if (!note.empty()) text += "  " + note;
  if (done > 0 && all >= done) {
    const double left = seconds / static_cast<double>(done) * static_cast<double>(all - done);
    text += fmt::format("  {} left", examples::duration(left));
  } else {
    text += fmt::format("  {} so far", examples::duration(seconds));
  }
  if (terminal_) return line_.show(text);
  fmt::print(stderr, "{}\n", text);
}

}  // namespace certificate
