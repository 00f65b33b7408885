// # What the benchmarks share
//
// Machines drift, so nothing is measured alone: ours and theirs take turns in one process, and the
// medians of their turns are compared. Speeds are given as shares of what the CPU's multiply-add
// units can do at most, measured in the same run. Memory is measured in processes of their own.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace bench {

using Json = nlohmann::ordered_json;

// ---- options ----

struct Options {
  int threads = 1, turns = 15;
  bool apart = false;
  std::string json;
};

// Adds the options that all programs have.
void add_options(CLI::App& app, Options& options);

// Gives glassgrad its threads, and the peers theirs through the environment, which they read when
// they are loaded: so call it before.
void set_up(const Options& options);

// ---- time ----

double seconds();
double median(std::vector<double> times);

// Floating-point operations a second of one thread that does nothing but multiply and add, in
// registers. The best of many short runs: whatever disturbs one only makes it slower.
double measured_peak();

struct Contestant {
  std::string name;
  std::function<void()> run;
  std::function<void()> prepare = {};  // before each call, and not part of its time
};

// The median time of one call of each, in seconds. They take turns; a turn lasts some milliseconds.
std::vector<double> race(const std::vector<Contestant>& contestants, const Options& options);

// ---- memory ----

double resident_bytes();  // that this process has now, and the most it ever had
double peak_bytes();
long minor_faults();

// Runs a program, itself by its hidden options. Returns the seconds from its start to its first
// line, and the numbers in that line.
struct Answer {
  double seconds = 0;
  std::vector<double> numbers;
};
Answer run_child(const std::string& program, const std::vector<std::string>& arguments);
void answer_parent(const std::vector<double>& numbers);

// ---- results ----

std::string duration(double seconds);
std::string bytes(double count);
std::string share(double part);

// A row of a table: what was measured, then columns.
void print_row(const std::string& what, const std::vector<std::string>& cells);

// Measures the peak, prints what every run must tell, and keeps what --json shall write.
class Report {
 public:
  explicit Report(const Options& options);
  void peer(const std::string& name, const std::string& version);
  void add(Json row) { rows_.push_back(std::move(row)); }
  // Share of the peak of all threads.
  double share(double work, double seconds) const { return work / seconds / peak_; }
  void write() const;

 private:
  Options options_;
  double peak_;
  Json peers_ = Json::object(), rows_ = Json::array();
};

}  // namespace bench
