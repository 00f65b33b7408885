// # Float against double
//
// Two libraries cannot be in one program. So programs_f32 starts programs_f64 and sends it each
// program as a line; programs_f64 answers with every number of the result and of the gradients, and
// with how far a float may be from it.
//
// The bound is sampled: roundings.cpp says how.
#include <fmt/ostream.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <sstream>

#include "tests/programs/sweeps.h"

namespace glass::programs {

namespace {

constexpr double unit_of_float = 0x1p-24;

// ---- the process in double ----

// The numbers, and how far floats may be from them. Empty if the program is not usable in double.
std::string answer(const Program& program) {
  if (!unusable(program).empty() || !broken(program).empty()) return "";
  const std::vector<double> exact = numbers_of(sweep(program));
  const std::vector<double> bounds = sampled(program, unit_of_float);
  std::string line;
  for (std::size_t j = 0; j < exact.size(); ++j)
    line += fmt::format("{} {} ", exact[j], bounds[j] + 1e-30);
  return line;
}

}  // namespace

int serve_double() {
  std::signal(SIGINT, SIG_IGN);  // the float process ends this one
  for (std::string line; std::getline(std::cin, line);)
    std::cout << answer(from_line(line)) << std::endl;
  return 0;
}

// ---- the process in float ----

namespace {

// The process in double, at the other ends of two pipes.
struct Server {
  std::FILE* to = nullptr;
  std::FILE* from = nullptr;
};
Server server;
double used = 0;  // of a bound

std::string ask(const std::string& line) {
  std::fputs((line + '\n').c_str(), server.to);
  std::fflush(server.to);
  std::string reply;
  for (int c = std::fgetc(server.from); c != '\n'; c = std::fgetc(server.from)) {
    check<FileError>(c != EOF, "programs: the process in double has ended");
    reply += static_cast<char>(c);
  }
  return reply;
}

}  // namespace

void start_double(const std::string& path) {
  int to[2], from[2];
  check<FileError>(access(path.c_str(), X_OK) == 0, "programs: there is no {}", path);
  check<FileError>(pipe(to) == 0 && pipe(from) == 0, "programs: no pipe");
  std::signal(SIGPIPE, SIG_IGN);
  if (fork() == 0) {
    dup2(to[0], 0);
    dup2(from[1], 1);
    for (const int end : {to[0], to[1], from[0], from[1]}) close(end);
    execl(path.c_str(), path.c_str(), "--serve", nullptr);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  server = {fdopen(to[1], "w"), fdopen(from[0], "r")};
}

double used_of_bound() { return used; }

// Norms inside layers may multiply the roundings of floats until nothing is left.
std::string agrees_with_double(const Program& program) {
  if (!is_float || !server.to || program.at_kinks || hides_norms(program)) return "";
  const std::string reply = ask(to_line(program));
  if (reply.empty()) return "";
  std::istringstream in(reply);
  const auto next = [&] {  // also inf and subnormal numbers, which a stream refuses
    std::string word;
    return in >> word ? std::strtod(word.c_str(), nullptr)
                      : std::numeric_limits<double>::quiet_NaN();
  };
  const std::vector<double> floats = numbers_of(sweep(program));
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const double exact = next(), bound = next();
    const double error = std::abs(floats[i] - exact);
    if (std::abs(exact) > 1e30) continue;
    used = std::max(used, error / bound);
    if (!(error <= bound))
      return fmt::format(
          "number {} of the result and the gradients is {} in float and {} in double"
          ", bound {:.2g}",
          i, floats[i], exact, bound);
  }
  return "";
}

}  // namespace glass::programs
