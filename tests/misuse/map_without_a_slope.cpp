// expect: deleted.*map.*needs the derivative, too: map\(x, f, slope\)
#include "glassgrad.h"

glass::Var doubled(const glass::Var& x) {
  return map(x, [](glass::Real v) { return 2 * v; });
}
