#include "tests/benchmarks/race.h"

#include <algorithm>
#include <chrono>

namespace bench {

double seconds() {
  using clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

namespace {

// The mean time of some calls.
double timed(const Contestant& c, int calls) {
  if (!c.prepare) {
    const double begin = seconds();
    for (int n = 0; n < calls; ++n) c.run();
    return (seconds() - begin) / calls;
  }
  double time = 0;
  for (int n = 0; n < calls; ++n) {
    c.prepare();
    const double begin = seconds();
    c.run();
    time += seconds() - begin;
  }
  return time / calls;
}

struct Course {
  int calls = 1, turns = 1;
  std::vector<double> times;
};

Course warm_up(const Contestant& c, const Rules& rules) {
  rules.before_turn(c, 0);
  Course course;
  double time = timed(c, 1);  // pages, caches, threads
  // One call may be too short for the clock.
  for (; time * course.calls < rules.turn_seconds / 2; time = timed(c, course.calls))
    course.calls *= 2;
  course.calls = std::max(1, static_cast<int>(rules.turn_seconds / time));
  const double most = static_cast<double>(rules.turns);
  course.turns = static_cast<int>(std::clamp(rules.seconds / (time * course.calls), 1.0, most));
  return course;
}

}  // namespace

std::vector<double> race(const std::vector<Contestant>& contestants, const Rules& rules) {
  std::vector<Course> courses;
  for (const Contestant& c : contestants) courses.push_back(warm_up(c, rules));
  const auto take = [&](int turn, std::size_t i) {
    if (turn >= courses[i].turns) return;
    rules.before_turn(contestants[i], turn + 1);
    courses[i].times.push_back(timed(contestants[i], courses[i].calls));
  };
  const int all = static_cast<int>(contestants.size());
  for (int step = 0; step < rules.turns * all; ++step)
    rules.apart ? take(step % rules.turns, static_cast<std::size_t>(step / rules.turns))
                : take(step / all, static_cast<std::size_t>(step % all));
  std::vector<double> medians;
  for (Course& course : courses) medians.push_back(median(std::move(course.times)));
  return medians;
}

}  // namespace bench
