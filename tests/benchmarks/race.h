// # Compares speeds, with each other and with the CPU's peak
//
// The speed of a machine changes over time. So contestants take turns in one process, and the
// medians of their turns are compared. Speeds are shares of the CPU's peak, the most that its
// multiply-add units can do, measured in the same run.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace bench {

double seconds();  // of a clock that never goes back
double median(std::vector<double> times);

// Floating-point operations a second of one thread that only multiplies and adds, in registers. The
// best of many short runs counts, since a disturbance only makes a run slower.
double measured_peak();

struct Contestant {
  std::string name;
  std::function<void()> run;
  std::function<void()> prepare = {};  // before each call, and not part of its time
};

struct Rules {
  int turns = 15;
  double turn_seconds = 4e-3;  // as many calls as fit, at least one
  // For all turns of a contestant. A slower one takes fewer turns, at least one.
  double seconds = std::numeric_limits<double>::infinity();
  bool apart = false;  // all turns of one, then all of the next
  // Called before each turn, to show progress; turn 0 warms up.
  std::function<void(const Contestant&, int turn)> before_turn = [](const Contestant&, int) {};
};

// The median time of one call of each, in seconds.
std::vector<double> race(const std::vector<Contestant>& contestants, const Rules& rules = {});

}  // namespace bench
