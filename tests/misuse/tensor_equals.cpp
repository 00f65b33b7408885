// expect: deleted.*operator==.*write equal\(a, b\)
#include "glassgrad.h"

bool same(const glass::Tensor& a, const glass::Tensor& b) { return a == b; }
