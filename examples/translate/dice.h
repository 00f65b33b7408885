// # Random choices
#pragma once

#include <cstddef>

#include "glassgrad.h"

namespace translate {

// An entry of a table or a text, each as likely as any other.
template <class Table>
const auto& pick(const Table& table, glass::Rng& rng) {
  return table[static_cast<std::size_t>(rng.below(std::ssize(table)))];
}

// An entry for which the condition holds; there must be one.
template <class Table, class Condition>
const auto& pick_where(const Table& table, glass::Rng& rng, Condition condition) {
  for (;;)
    if (const auto& entry = pick(table, rng); condition(entry)) return entry;
}

// True once in n times, on average.
inline bool one_in(glass::Index n, glass::Rng& rng) { return rng.below(n) == 0; }

}  // namespace translate
