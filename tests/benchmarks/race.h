// # Who is faster, and how near to the limit
//
// Machines drift, so nothing is measured alone: contestants take turns in one process, and the
// medians of their turns are compared. Speeds are given as shares of what the CPU's multiply-add
// units can do at most, measured in the same run.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace bench {

double seconds();  // of a clock that never goes back
double median(std::vector<double> times);

// Floating-point operations a second of one thread that does nothing but multiply and add, in
// registers. The best of many short runs: whatever disturbs one only makes it slower.
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
  // Called before each turn, of which number 0 is for warming up: so that nobody waits in the dark.
  std::function<void(const Contestant&, int turn)> before_turn = [](const Contestant&, int) {};
};

// The median time of one call of each, in seconds.
std::vector<double> race(const std::vector<Contestant>& contestants, const Rules& rules = {});

}  // namespace bench
