// # A line, fitted
//
// Points scattered around y = 3x − 1. Gradient descent fits a line to them: the slope and the
// offset start at 0, and each step changes them so that the mean squared error falls.
#include <glassgrad.h>

#include "examples/common/arguments.h"
#include "examples/common/program.h"

using namespace glass;

namespace {

void fit_a_line() {
  Rng rng(1);
  const Tensor x = uniform({100}, -1, 1, rng);              // [100]
  const Tensor y = 3 * x - 1 + normal({100}, 0, 0.1, rng);  // [100]
  const Var slope(0.0, true), offset(0.0, true);
  optim::Sgd sgd({slope, offset}, {.rate = 0.3});

  for (int step = 1; step <= 50; ++step) {
    const Var loss = mean(pow(slope * x + offset - y, 2));  // []
    sgd.zero_grad();
    loss.backward();
    sgd.step();
    if (step == 1 || step % 10 == 0)
      fmt::print("step {:2}  loss {:.4f}  y = {:.3f} x {:+.3f}\n", step, loss, slope,
                 offset.item());
  }
}

}  // namespace

int main(int argc, char** argv) {
  return examples::program("01_first_gradient", [&] {
    examples::expect_no_arguments("Fits a line to points, by gradient descent.", argc, argv);
    fit_a_line();
  });
}
