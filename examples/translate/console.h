// # What the terminal shows, and Ctrl-C
#pragma once

#include <chrono>
#include <string>

#include "examples/translate/training.h"

namespace translate {

// 75 → "1:15", 3,600 → "1:00:00".
std::string duration(double seconds);

// One line, on a terminal written over itself; elsewhere a new one appears every few seconds.
class LiveLine {
 public:
  void show(const Progress& progress);
  void end();

 private:
  bool terminal_ = is_terminal();
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_{};
  std::chrono::milliseconds pause_{2000};

  static bool is_terminal();
};

// While it lives, Ctrl-C (or being asked to end) is only noted; a second one ends the program at
// once.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  static bool met();
};

}  // namespace translate
