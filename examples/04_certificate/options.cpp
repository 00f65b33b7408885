// # Reading the command line of certificate
#include "examples/04_certificate/options.h"

#include <CLI/CLI.hpp>

#include "examples/common/arguments.h"
#include "examples/common/bounds.h"

namespace certificate {

using examples::WholeNumber;
using examples::within;

Options parse_options(int argc, char** argv) {
  Options o;
  CLI::App app(
      "Float's true digits: encloses every entry of the gradient of a model in an interval, and "
      "says how many digits of float's gradient are right.\n\n"
      "  certificate                                     a model of 246,080 parameters, before and "
      "after\n"
      "                                                  1,000 steps of training\n"
      "  certificate --dim 8 --heads 2 --layers 1 --hidden 16 --steps 100\n"
      "  certificate --directions 100 --entries 20 --page digits.html\n"
      "  certificate --model copy.safetensors --batch 2  a model of translate --task copy --save "
      "copy.safetensors\n\n"
      "The batch is small, and dropout is 0. Exit status: 0 if the gradient is enclosed, 1 if it "
      "is "
      "refuted or undecided, 2 after an error.");
  // The model and the batch, then what is checked, then files.
  add_task_options(app, o.task);
  within(app.add_option("--directions", o.checks.directions,
                        "Random directions along which forward mode checks the sweep")
             ->capture_default_str()
             ->group("Checks"),
         WholeNumber{0, 1'000'000});
  within(app.add_option("--entries", o.checks.entries,
                        "Random entries of the gradient that forward mode encloses one by one")
             ->capture_default_str()
             ->group("Checks"),
         WholeNumber{0, 1'000'000});
  app.add_option("--page", o.page, "Write a web page with all of it")
      ->type_name("FILE")
      ->group("Files");
  app.add_option("--float-program", o.float_program,
                 "The program that computes in float, certificate_float; beside this one if not "
                 "given")
      ->type_name("FILE")
      ->group("Files");
  examples::parse(app, argc, argv);
  check_task(app, o.task);
  o.checks.seed = o.task.seed;
  return o;
}

}  // namespace certificate
