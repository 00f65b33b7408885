// # What the benchmarks share
//
// Machines drift, so nothing is measured alone: ours and theirs take turns in one process, and the
// medians of their turns are compared. Speeds are given as shares of what the CPU's multiply-add
// units can do at most, measured in the same run.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace bench {

inline double seconds() {
  using clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Floating-point operations a second of one thread that does nothing but multiply and add, in
// registers. The best of many short runs: whatever disturbs one only makes it slower.
double measured_peak();

struct Contestant {
  std::string name;
  std::function<void()> run;
};

struct Race {
  int turns = 15;
  double turn_seconds = 4e-3;  // as many calls as fit, at least one
  // For all turns of a contestant. A slower one takes fewer turns, at least one.
  double seconds = std::numeric_limits<double>::infinity();
  // Called before each turn, of which number 0 is for warming up: so that nobody waits in the dark.
  std::function<void(const Contestant&, int turn)> before_turn = [](const Contestant&, int) {};
};

// The median time of one call of each, in seconds. They take turns.
inline std::vector<double> race(const std::vector<Contestant>& contestants,
                                const Race& rules = {}) {
  struct Course {
    int calls = 0, turns = 0;
    std::vector<double> times;
  };
  std::vector<Course> courses;
  for (const Contestant& c : contestants) {
    rules.before_turn(c, 0);
    double begin = seconds();
    c.run();  // pages, caches, threads
    double one = seconds() - begin;
    int calls = 1;
    if (one < rules.turn_seconds) {
      begin = seconds();
      calls = 0;
      do c.run(), ++calls;
      while (seconds() - begin < rules.turn_seconds);
      one = (seconds() - begin) / calls;
    }
    const double turns = std::clamp(rules.seconds / (one * calls), 1.0, double(rules.turns));
    courses.push_back({calls, static_cast<int>(turns), {}});
  }
  for (int turn = 0; turn < rules.turns; ++turn)
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      Course& course = courses[i];
      if (turn >= course.turns) continue;
      rules.before_turn(contestants[i], turn + 1);
      const double begin = seconds();
      for (int n = 0; n < course.calls; ++n) contestants[i].run();
      course.times.push_back((seconds() - begin) / course.calls);
    }
  std::vector<double> medians;
  for (Course& course : courses) medians.push_back(median(std::move(course.times)));
  return medians;
}

}  // namespace bench
