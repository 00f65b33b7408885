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

// The median time of one call of each, in seconds. They take turns; a turn lasts some milliseconds.
inline std::vector<double> race(const std::vector<Contestant>& contestants, int turns = 15,
                                double turn_seconds = 4e-3) {
  std::vector<int> calls;
  for (const Contestant& c : contestants) {
    c.run();  // pages, caches, threads
    const double begin = seconds();
    int n = 0;
    do c.run(), ++n;
    while (seconds() - begin < turn_seconds);
    calls.push_back(n);
  }
  std::vector<std::vector<double>> times(contestants.size());
  for (int turn = 0; turn < turns; ++turn)
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      const double begin = seconds();
      for (int n = 0; n < calls[i]; ++n) contestants[i].run();
      times[i].push_back((seconds() - begin) / calls[i]);
    }
  std::vector<double> medians;
  for (auto& t : times) medians.push_back(median(std::move(t)));
  return medians;
}

}  // namespace bench
