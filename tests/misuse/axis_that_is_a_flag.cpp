// expect: deleted.*an axis is an integer; keep is the third argument
#include "glassgrad.h"

glass::Tensor kept(const glass::Tensor& x) { return mean(x, true); }
