// # Is what the library did with a program right?
//
// The list of all oracles, those that find most first.
#include "tests/programs/sweeps.h"

namespace glass::programs {

namespace {

const std::vector<Oracle>& oracles() {
  static const std::vector<Oracle> list = [] {
    std::vector<Oracle> all{{"a legal step fails", broken}};
    for (const auto part : {derivative_oracles, equality_oracles, promise_oracles})
      for (Oracle& oracle : part()) all.push_back(std::move(oracle));
    return all;
  }();
  return list;
}

}  // namespace

Fault check_program(const Program& program, const std::string& only) {
  Fault last;
  for (const Oracle& oracle : oracles()) {
    if (!only.empty() && only != oracle.name) continue;
    try {
      std::string text = oracle.fault(program);
      if (!text.empty()) return {oracle.name, std::move(text)};
    } catch (const std::exception& error) {
      if (!is_undecided(error)) return {oracle.name, fmt::format("threw: {}", error.what())};
      last.undecided = true;
    }
  }
  return last;
}

}  // namespace glass::programs
