// # The code that the benchmarks share
//
// Options, tables, and the measurement of memory, which runs in separate processes.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/benchmarks/race.h"

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

// Sets the number of threads of glassgrad, and of the other libraries through the environment. They
// read the environment when they are loaded, so call this first.
void set_up(const Options& options);

// The rules of a race by these options.
Rules rules_of(const Options& options);

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

// A row of a table: its name, then its columns.
void print_row(const std::string& what, const std::vector<std::string>& cells);

// Measures the peak, prints the facts of the run, and collects the results for --json.
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
