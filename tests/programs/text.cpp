// # A program as a line of numbers
#include <sstream>

#include "tests/programs/program.h"

namespace glass::programs {

// The numbers are written as floats, so that a process that computes in double has the same leaves
// as one that computes in float.
std::string to_line(const Program& p) {
  std::string line = fmt::format("{} {:d} {:d} {}", p.seed, p.at_kinks, p.huge, p.leaves.size());
  for (const Leaf& leaf : p.leaves) {
    line += fmt::format(" {} {} {} {:d}", leaf.shape.rank(),
                        fmt::join(leaf.shape.begin(), leaf.shape.end(), " "),
                        static_cast<int>(leaf.layout), leaf.trained);
    for (const double v : leaf.values) line += fmt::format(" {}", static_cast<float>(v));
  }
  // The steps.
  line += fmt::format(" {}", p.steps.size());
  for (const Step& step : p.steps)
    line += fmt::format(" {} {} {} {} {} {:d}", step.op, step.operands.size(),
                        fmt::join(step.operands, " "), step.args.size(), fmt::join(step.args, " "),
                        step.no_grad);
  return line;
}

namespace {

template <class T>
T next(std::istream& in) {
  T value{};
  check<FileError>(static_cast<bool>(in >> value), "programs: a line of a program ends too early");
  return value;
}

template <class T>
std::vector<T> list(std::istream& in, Index count) {
  std::vector<T> values;
  for (Index i = 0; i < count; ++i) values.push_back(next<T>(in));
  return values;
}

}  // namespace

Program from_line(const std::string& line) {
  std::istringstream in(line);
  Program p;
  p.seed = next<std::uint64_t>(in);
  p.at_kinks = next<int>(in) != 0;
  p.huge = next<int>(in) != 0;
  for (Index i = next<Index>(in); i > 0; --i) {
    Leaf leaf;
    leaf.shape = Shape(std::span<const Index>(list<Index>(in, next<Index>(in))));
    leaf.layout = static_cast<Layout>(next<int>(in));
    leaf.trained = next<int>(in) != 0;
    leaf.values = list<double>(in, leaf.shape.numel());
    p.leaves.push_back(std::move(leaf));
  }
  // The steps.
  for (Index i = next<Index>(in); i > 0; --i) {
    Step step;
    step.op = next<std::size_t>(in);
    step.operands = list<Operand>(in, next<Index>(in));
    step.args = list<Index>(in, next<Index>(in));
    step.no_grad = next<int>(in) != 0;
    p.steps.push_back(std::move(step));
  }
  return p;
}

}  // namespace glass::programs
