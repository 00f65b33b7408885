// expect: deleted.*operator\+=.*in place is x\.add_\(y\); a new Tensor is x = x \+ y
#include "glassgrad.h"

void step(glass::Tensor w, const glass::Tensor& change) { w += change; }
