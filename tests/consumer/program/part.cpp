// A plugin, or a shared library, that exports one function and hides the glassgrad inside it.
#include <glassgrad.h>

#define CONSUMER_ASKED
#include "tensor/tensor.h"

static_assert(consumers_own_tensor);

using namespace glass;

// The slope of x² at 3; 0 if an error of glassgrad cannot be caught by its type.
extern "C" [[gnu::visibility("default")]] double slope_at_3();

double slope_at_3() {
  const Var x(3, true);
  (x * x).backward();
  const Tensor row = zeros({2}), longer = zeros({3});
  try {
    static_cast<void>(row + longer);
  } catch (const ShapeError&) {
    return static_cast<double>(x.grad().item());
  }
  return 0;
}
