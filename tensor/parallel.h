// # Sharing a loop among threads
//
// `parallel_for` cuts 0 … count into chunks and runs them. Where it cuts depends on `count` and
// `grain` only, never on the number of threads, and no two chunks write the same element, so the
// results have the same bits however many threads there are.
#pragma once

#include <algorithm>

#include "tensor/real.h"

namespace glass {

// Calls f(begin, end) for consecutive ranges of at least `grain` elements (the last may be
// shorter). Serial: one range after another, in the caller's thread.
template <class F>
void parallel_for(Index count, Index grain, F&& f) {
  for (Index begin = 0; begin < count; begin += grain) f(begin, std::min(count, begin + grain));
}

}  // namespace glass
