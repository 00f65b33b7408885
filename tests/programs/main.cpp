// # Programs that nobody wrote
//
//     programs_dual --seconds 60 --seed 7        for a minute; the first program has seed 7
//     programs_dual --count 1000 --seed 7        1,000 of them
//     programs_dual --count 1 --seed 7 --show    prints each program that it checks
//
// Prints the first seed and how many programs were checked. If one is wrong, it is made smaller,
// printed as a test to paste, and the exit status is 1. Bad arguments are exit status 2.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <random>

#include "tests/programs/sweeps.h"

using namespace glass;
using namespace glass::programs;

namespace {

constexpr const char* usage =
    "usage: programs [--seconds S] [--count N] [--seed N] [--show] [--alone]\n"
    "  --seconds S  stop after S seconds (10)\n"
    "  --count N    stop after N programs\n"
    "  --seed N     the seed of the first program; the next one has the next seed (random)\n"
    "  --show       print each program\n"
    "  --alone      in float: without the comparison with programs_f64\n"
    "  --serve      answer what programs_f32 asks; it starts this by itself\n";

struct Options {
  double seconds = 10;
  std::uint64_t seed = std::random_device()();
  Index count = std::numeric_limits<Index>::max();
  bool show = false, alone = false, serve = false;
};

[[noreturn]] void refuse(const std::string& why) {
  fmt::print(stderr, "programs: {}\n{}", why, usage);
  std::exit(2);
}

double number_of(const std::string& name, const char* text) {
  if (!text) refuse(name + " needs a number");
  char* end = nullptr;
  const double number = std::strtod(text, &end);
  if (*end != '\0' || end == text || !(number >= 0 && number < 1e15))
    refuse(fmt::format("{} needs a number of at least 0, got '{}'", name, text));
  return number;
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      fmt::print("{}", usage);
      std::exit(0);
    }
    if (name == "--show") {
      options.show = true;
    } else if (name == "--alone") {
      options.alone = true;
    } else if (name == "--serve") {
      options.serve = true;
    } else if (name == "--seconds") {
      options.seconds = number_of(name, argv[++i]);
    } else if (name == "--seed") {
      options.seed = static_cast<std::uint64_t>(number_of(name, argv[++i]));
    } else if (name == "--count") {
      options.count = static_cast<Index>(number_of(name, argv[++i]));
    } else {
      refuse(fmt::format("unknown option '{}'", name));
    }
  }
  return options;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

volatile std::sig_atomic_t interrupted = 0;

// Makes a failing program smaller, for at most a minute, and prints it. Ctrl-C ends that sooner.
int report(const Program& program, const Fault& fault, Index count) {
  const double end = now() + 60;
  const Program smallest = shrink(
      program, [&](const Program& smaller) { return bool(check_program(smaller, fault.oracle)); },
      [&] { return !interrupted && now() < end; });
  const Fault same = check_program(smallest, fault.oracle);
  fmt::print("WRONG after {} programs, seed {}; {} ops shrunk to {}\n", count, program.seed,
             program.steps.size(), smallest.steps.size());
  fmt::print("{}: {}\n\n{}", same.oracle, same.text, print(smallest, same));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = options_of(argc, argv);
  if (options.serve) return serve_double();
  std::signal(SIGINT, [](int) { interrupted = 1; });
  // The process in double stands beside this one.
  if (is_float && !options.alone) {
    std::string path = argv[0];
    const std::size_t at = path.rfind("f32");
    if (at == std::string::npos) refuse("cannot find programs_f64; use --alone");
    start_double(path.replace(at, 3, "f64"));
  }
  // One program after the other.
  const double end = now() + options.seconds;
  Index count = 0, steps = 0, undecided = 0;
  for (; count < options.count && now() < end && !interrupted; ++count) {
    const Program program = generate(options.seed + static_cast<std::uint64_t>(count));
    steps += std::ssize(program.steps);
    if (options.show) fmt::print("{}\n", print(program, {"gradcheck", "as generated"}));
    const Fault fault = check_program(program);
    if (fault) return report(program, fault, count + 1);
    undecided += fault.undecided;
  }
  // What was done.
  fmt::print("seed {}: {} programs of {:.1f} ops in the mean, no difference", options.seed, count,
             static_cast<double>(steps) / static_cast<double>(std::max<Index>(count, 1)));
  if (is_float) fmt::print("; errors of up to {:.2f} of their bounds", used_of_bound());
  if (undecided > 0) fmt::print("; {} not decided", undecided);
  fmt::print("{}\n", interrupted ? "; interrupted" : "");
  return interrupted ? 130 : 0;
}
