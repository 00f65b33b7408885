// # A program as a test that can be pasted
#include <algorithm>

#include "tests/programs/program.h"

namespace glass::programs {

namespace {

std::string name_of(Operand operand) {
  return fmt::format("{}{}", is_leaf(operand) ? "x" : "y", index_of(operand));
}

// The names of the operands from `first` on.
std::string names_from(const Step& step, std::size_t first) {
  std::string names;
  for (std::size_t i = first; i < step.operands.size(); ++i)
    names += (i > first ? ", " : "") + name_of(step.operands[i]);
  return names;
}

// The op's text with operands ($), lists of operands (&), arguments (#), quarters (%) and the rest
// of the arguments (@).
std::string call_of(const Step& step, const Args& args) {
  const std::string& text = ops()[step.op].text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
    const std::size_t number = digit ? static_cast<std::size_t>(text[i + 1] - '0') : 0;
    if (digit && text[i] == '$')
      out += name_of(step.operands[number]);
    else if (digit && text[i] == '&')
      out += names_from(step, number);
    else if (digit && text[i] == '#')
      out += fmt::format("{}", args[number]);
    else if (digit && text[i] == '%')
      out += fmt::format("{}", static_cast<double>(args[number]) / 4);
    else if (digit && text[i] == '@')
      out += fmt::format(
          "{}", fmt::join(args.begin() + static_cast<std::ptrdiff_t>(number), args.end(), ", "));
    else {
      out += text[i];
      continue;
    }
    ++i;
  }
  return out;
}

// The leaf, with its numbers in row-major order.
std::string line_of(const Leaf& leaf, std::size_t i) {
  constexpr const char* names[] = {"contiguous", "offset", "transposed", "stepped", "expanded"};
  std::string value = fmt::format("Tensor({{{}}}, std::vector<Real>{{{}}})",
                                  fmt::join(leaf.shape.begin(), leaf.shape.end(), ", "),
                                  fmt::join(leaf.values, ", "));
  if (leaf.layout != Layout::contiguous)
    value = fmt::format("placed({}, Layout::{})", value, names[static_cast<int>(leaf.layout)]);
  return fmt::format("  const Var x{}({}, {});\n", i, value, leaf.trained);
}

// The step as a line. An op that draws has a stream of its own, as in run_step().
std::string line_of(const Program& program, std::size_t i, std::string call) {
  std::string lines;
  if (const std::size_t at = call.rfind("rng"); at != std::string::npos) {
    call.replace(at, 3, fmt::format("rng{}", i));
    lines = fmt::format("    Rng rng{}({}u);\n", i, program.seed);
  }
  if (!program.steps[i].no_grad) return lines + fmt::format("    const Var y{} = {};\n", i, call);
  return lines + fmt::format("    const Var y{} = [&] {{\n      const NoGrad off;\n", i) +
         fmt::format("      return Var({});\n    }}();\n", call);
}

// What the test demands of f: a gradient that is right, or that nothing is wrong in the way that
// the comment says.
std::string demand_of(const Program& program, const Run& values, bool of_gradient) {
  if (!of_gradient) return "  const Var y = f();\n  y.backward(seed_for(y.value()));\n";
  std::vector<std::string> leaves;
  bool swept = true;  // if the sweep throws, which may be the fault, the check names every leaf
  try {
    values.result().backward(seed_for(values.result().value()));
  } catch (const std::exception&) {
    swept = false;
  }
  for (std::size_t i = 0; i < program.leaves.size(); ++i)
    if (program.leaves[i].trained && (!swept || values.leaves[i].has_grad()))
      leaves.push_back(fmt::format("{{\"x{0}\", x{0}}}", i));
  return fmt::format(
      "  const GradcheckReport report = gradcheck(f, {{{}}});\n"
      "  INFO(report.text);\n  CHECK(report.ok);\n",
      fmt::join(leaves, ", "));
}

}  // namespace

std::string print(const Program& program, const Fault& fault) {
  std::string out = fmt::format("// {}: {}\nTEST_CASE(\"program {}\") {{\n", fault.oracle,
                                fault.text.substr(0, fault.text.find('\n')), program.seed);
  for (std::size_t i = 0; i < program.leaves.size(); ++i) out += line_of(program.leaves[i], i);
  out += "  const auto f = [&] {\n";
  // The program runs once more: the shapes decide what its arguments are.
  Run so_far{make_leaves(program), {}};
  bool cut = false;
  bool complete = true;  // unless a step throws, which is then the last one
  for (std::size_t i = 0; i < program.steps.size() && complete; ++i) {
    const Step& step = program.steps[i];
    const Vars x = operands_of(so_far, step);
    out += line_of(program, i, call_of(step, legal_args(ops()[step.op], x, step.args)));
    cut |= is_cut(step);
    try {
      so_far.steps.push_back(run_step(program, step, x));
    } catch (const std::exception&) {
      complete = false;
    }
  }
  out += fmt::format("    return y{};\n  }};\n", program.steps.size() - 1);
  const bool of_gradient =
      !cut && complete && !program.at_kinks &&
      (fault.oracle == "gradcheck" || fault.oracle.starts_with("forward mode"));
  return out + demand_of(program, so_far, of_gradient) + "}\n";
}

}  // namespace glass::programs
