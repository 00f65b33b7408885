#include "tests/benchmarks/bench.h"

#include <glassgrad.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace bench {

// ---- options ----

void add_options(CLI::App& app, Options& options) {
  app.add_option("--threads", options.threads, "Threads of ours and theirs")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  app.add_option("--turns", options.turns, "Turns whose median counts")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  app.add_flag("--apart", options.apart,
               "All turns of one, then all of the next: does alternating disturb anybody?");
  app.add_option("--json", options.json, "Write the results here")->type_name("FILE");
}

void set_up(const Options& options) {
  glass::set_num_threads(options.threads);
  // Settings for other programs would change the speed of the libraries that we compare with.
  for (const char* name : {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}) ::unsetenv(name);
  ::setenv("OMP_NUM_THREADS", std::to_string(options.threads).c_str(), 1);
}

// Idle threads of one library spin for a while, on a core that the next contestant needs: libgomp's
// and OpenBLAS's for up to 30 ms.
Rules rules_of(const Options& options) {
  Rules rules{.turns = options.turns, .apart = options.apart};
  if (options.threads > 1) {
    rules.before_turn = [](const Contestant&, int) {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
    };
    rules.turn_seconds = 0.05;  // after the pause the other cores take milliseconds to wake
  }
  return rules;
}

// ---- memory ----

namespace {

// The kernel's own count in this process. Not ru_maxrss: that one survives exec(), so that a child
// would answer with what its parent had.
double status_bytes(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field)) return 1024 * std::stod(line.substr(field.size() + 1));
  return 0;
}

}  // namespace

double resident_bytes() { return status_bytes("VmRSS"); }
double peak_bytes() { return status_bytes("VmHWM"); }

long minor_faults() {
  ::rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

Answer run_child(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("run_child: no pipe");
  ::posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addclose(&actions, ends[0]);
  ::posix_spawn_file_actions_addclose(&actions, ends[1]);

  const double begin = seconds();
  ::pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string line;
  for (char c = 0; error == 0 && ::read(ends[0], &c, 1) == 1 && c != '\n';) line += c;
  const double end = seconds();
  ::close(ends[0]);
  int status = 0;
  if (error != 0 || ::waitpid(child, &status, 0) != child || status != 0)
    throw std::runtime_error(fmt::format("{} failed: {}", program, line));

  Answer answer{end - begin, {}};
  std::istringstream words(line);
  for (double x = 0; words >> x;) answer.numbers.push_back(x);
  return answer;
}

void answer_parent(const std::vector<double>& numbers) {
  fmt::print("{}\n", fmt::join(numbers, " "));
  std::fflush(stdout);
}

// ---- results ----

namespace {

std::string three_digits(double x, const char* unit) {
  return fmt::format("{:.{}f} {}", x, x < 9.995 ? 2 : x < 99.95 ? 1 : 0, unit);
}

}  // namespace

std::string duration(double seconds) {
  if (seconds >= 1) return three_digits(seconds, "s");
  if (seconds >= 1e-3) return three_digits(1e3 * seconds, "ms");
  if (seconds >= 1e-6) return three_digits(1e6 * seconds, "µs");
  return three_digits(1e9 * seconds, "ns");
}

std::string bytes(double count) {
  return count >= 0x1p20 ? three_digits(count / 0x1p20, "MiB") : fmt::format("{:.0f} B", count);
}

std::string share(double part) { return fmt::format("{:.1f} %", 100 * part); }

void print_row(const std::string& what, const std::vector<std::string>& cells) {
  fmt::print("{:<26}", what);
  for (const std::string& cell : cells) fmt::print(" {:>10}", cell);
  fmt::print("\n");
  std::fflush(stdout);
}

Report::Report(const Options& options)
    : options_(options), peak_(measured_peak() * options.threads) {
  fmt::print("{} thread{}, peak {:.1f} GFLOP/s; medians of {} turns{}\n", options.threads,
             options.threads == 1 ? "" : "s", peak_ / 1e9, options.turns,
             options.apart ? ", one contestant after the other" : "");
}

void Report::peer(const std::string& name, const std::string& version) {
  fmt::print("  {}: {}\n", name, version);
  peers_[name] = version;
}

void Report::write() const {
  if (options_.json.empty()) return;
  const Json all = {{"threads", options_.threads},
                    {"turns", options_.turns},
                    {"peak", peak_},
                    {"peers", peers_},
                    {"rows", rows_}};
  std::ofstream file(options_.json);
  file << all.dump(2) << "\n";
  if (!file.flush()) throw std::runtime_error("cannot write " + options_.json);
}

}  // namespace bench
