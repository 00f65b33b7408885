// # certificate
//
// How many digits of a float gradient are right? This program encloses every entry of the gradient
// in an interval that holds the true number, and compares float's numbers with it: with fused and
// with plain attention, before a training and after it.
//
// What is proved: an entry lies in its enclosure, if the VJPs are right. Where forward mode was run
// as well, the truth lies in its enclosure, where the forward rules hold; and VJPs that give
// another number are refuted. What is not proved: anything about float's kernels at other inputs,
// and that the compiler, the C library and the CPU are right.
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "examples/04_certificate/child.h"
#include "examples/04_certificate/options.h"
#include "examples/04_certificate/page_data.h"
#include "examples/04_certificate/progress.h"
#include "examples/04_certificate/show.h"
#include "examples/common/files.h"
#include "examples/common/interrupt.h"
#include "examples/common/program.h"
#include "tensor/parallel.h"

namespace certificate {

namespace {

namespace fs = std::filesystem;

// Shows how far the training of the second program is, from its lines "step 12 1000 0.5301".
void show_training(Phase& phase, const std::string& line) {
  std::istringstream words(line);
  std::string first, loss;
  Index step = 0, steps = 0;
  if (words >> first >> step >> steps >> loss && first == "step")
    phase.show(step, steps, "loss " + loss);
}

// The files that the second program leaves in the folder: one for each state of the model.
std::vector<fs::path> float_states(const Options& o, const fs::path& folder,
                                   const examples::Interrupt& stop) {
  const fs::path program = o.float_program.empty() ? beside_this_program("certificate_float")
                                                   : fs::path(o.float_program);
  std::vector<std::string> arguments = arguments_of(o.task);
  arguments.insert(arguments.end(), {"--output", folder.string()});
  Phase phase(o.task.model.empty() && o.task.steps > 0 ? "training in float"
                                                       : "gradients in float");
  run_program(
      program, arguments, [&](const std::string& line) { show_training(phase, line); },
      [&] { return stop(); });
  std::vector<fs::path> files;
  for (int state = 0; fs::exists(state_file(folder, state)); ++state)
    files.push_back(state_file(folder, state));
  glass::check<glass::FileError>(!files.empty(), "{} wrote no gradient", program.string());
  return files;
}

void show_subject(const Result& result) {
  fmt::print("{}\n{}\n", model_text(result), batch_text(result.question));
  std::string_view pairs = result.question.pairs;
  while (!pairs.empty()) {
    const std::size_t end = std::min(pairs.find('\n'), pairs.size());
    fmt::print("  {}\n", pairs.substr(0, end));
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
  }
}

// Examines the states one after the other, and shows each as soon as it is known.
std::vector<Result> examine_all(const std::vector<fs::path>& files, const Options& o,
                                const examples::Interrupt& stop) {
  std::vector<Result> results;
  for (const fs::path& file : files) {
    results.push_back(examine(file, o.checks, [&] { return stop(); }));
    if (results.size() == 1) show_subject(results.front());
    show(results.back());
    examples::flush();
    if (stop()) break;
  }
  return results;
}

// What cannot be read or written is refused at once, not after minutes of work.
void prepare(const Options& o) {
  if (o.task.threads > 0) glass::set_num_threads(o.task.threads);
  examples::expect_writable(o.page);
  examples::expect_readable(o.task.model);
  examples::expect_distinct({"--page", o.page}, {"--model", o.task.model});
}

// What all states say together: the table, the page, and the exit status.
int finish(const std::vector<Result>& results, const Options& o) {
  show_change(results);
  if (!o.page.empty()) {
    page::write(o.page, page_of(results));
    fmt::print("\nwrote {}: open it in a browser\n", o.page);
  }
  const bool all_enclosed = std::ranges::all_of(
      results, [](const Result& r) { return r.undecided.empty() && !r.refuted(); });
  return all_enclosed ? 0 : 1;
}

int run(int argc, char** argv) {
  const Options o = parse_options(argc, argv);
  prepare(o);
  const examples::Interrupt stop;
  std::vector<Result> results;
  try {
    const TemporaryFolder folder;
    results = examine_all(float_states(o, folder.path(), stop), o, stop);
  } catch (const Interrupted&) {
    return examples::interrupted_exit();
  }
  const int status = finish(results, o);
  return stop() ? examples::interrupted_exit() : status;
}

}  // namespace

}  // namespace certificate

int main(int argc, char** argv) {
  return examples::program("certificate", [&] { return certificate::run(argc, argv); });
}
