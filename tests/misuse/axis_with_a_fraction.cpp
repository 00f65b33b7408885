// expect: deleted.*Axis.*the larger of two numbers is maximum\(a, b\)
#include "glassgrad.h"

glass::Var hinge(const glass::Var& scores) { return mean(max(1 - scores, 0.0)); }
