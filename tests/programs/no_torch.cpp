// # Programs that are not compared with libtorch
#include "tests/programs/sweeps.h"

namespace glass::programs {

std::string agrees_with_torch(const Program&) { return ""; }
bool is_wanted(const Op&) { return true; }

}  // namespace glass::programs
