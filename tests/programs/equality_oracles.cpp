// # The same program in another way
//
// Other layouts, other ops, other numbers of threads, other values in memory, another precision.
#include "tests/programs/sweeps.h"
#include "tests/threads.h"

namespace glass::programs {

namespace {

// The layout of a leaf must not matter.
std::string layouts_agree(const Program& program) {
  if (is_float) return "";  // float is compared with double
  const Run values = run(program);
  const double tolerance = 1e-11 * (program.huge ? largest(values) : 1);
  return difference(program, swept(values), sweep(program, true), tolerance);
}

// Ops that have a second form, in that form. At a kink both may choose another gradient.
std::string plain_forms_agree(const Program& program) {
  if (is_float || program.at_kinks || program.huge) return "";
  const Run plain = run(program, make_leaves(program), {.plain = true});
  return difference(program, sweep(program), swept(plain), 1e-10);
}

std::string threads_agree(const Program& program) {
  if (!is_long(program)) return "";
  const auto with_threads = [&](int count) {
    const oracle::Threads threads(count);
    return sweep(program);
  };
  const Swept alone = with_threads(1);
  for (const int count : {2, 3, 7}) {
    const std::string wrong = difference(with_threads(count), alone, 0);
    if (!wrong.empty()) return fmt::format("{} threads: {}", count, wrong);
  }
  return "";
}

}  // namespace

std::vector<Oracle> equality_oracles() {
  return {
      {"contiguous copies and views differ", layouts_agree},
      {"an op and its composition differ", plain_forms_agree},
      {"float and double differ", agrees_with_double},
      {"libtorch differs", agrees_with_torch},
      {"threads", threads_agree},
  };
}

}  // namespace glass::programs
