// expect: intervals need IEEE arithmetic: compile without -ffast-math
#define __FAST_MATH__ 1
#include "tensor/interval.h"

glass::Interval third() { return glass::Interval(1) / 3; }
