// # The figures of chapter 3: Reverse mode
#include "docs/figures/kit.h"

namespace figures {

// NOLINTNEXTLINE(readability-function-size): a table, one entry for each figure
std::vector<Entry> chapter_3() { return {}; }

}  // namespace figures
