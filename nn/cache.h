// # A cache of keys and values for decoding
//
// The key and the value of a position do not change once they are computed. While a target is
// written token after token, the keys and values of the source, and of the target tokens written so
// far, are kept here. So each step projects only its new tokens. Training does not use this file.
//
// B batch, S source length, n target positions so far, T new ones, C width
#pragma once

#include <optional>

#include "autograd/ops.h"

namespace glass::nn {

// The projected keys and values of S positions, not yet split among heads: [B, S, C] each.
struct KeysValues {
  Var keys, values;
};

// The keys and values that one decoder layer attends to. Copies share the memory.
struct Past {
  KeysValues source;                  // [B, S, C]
  std::optional<Tensor> source_mask;  // [B, 1, 1, S], where sentences are to be dropped
  KeysValues written = {};            // [B, n, C]
  Index room = 0;                     // how many positions the memory of `written` holds

  // Adds the next T positions to the n written ones: [B, n + T, C]. The first call keeps its
  // argument as it is. Later calls copy numbers into memory that is already there. Copying records
  // no op, so none of the keys and values may require a gradient. Memory at least doubles when it
  // is full.
  const KeysValues& write(const KeysValues& next) {
    if (written.keys.rank() == 0) return written = next;
    check<StateError>(!next.keys.requires_grad() && !written.keys.requires_grad(),
                      "Past: what is added later gets no gradient; decode under NoGrad");
    const Index n = written.keys.size(1), all = n + next.keys.size(1);
    const bool full = all > room;
    if (full) room = n + all;
    // Keys, then values: into larger memory if need be, then the new positions behind the old.
    for (Var KeysValues::*const part : {&KeysValues::keys, &KeysValues::values}) {
      Tensor x = (written.*part).value();                        // [B, n, C]
      if (full) x = cat({x, empty(x.shape().with(1, all))}, 1);  // [B, room, C]
      x = x.view(x.shape().with(1, all), x.strides());           // [B, n + T, C]
      x.slice(1, n, all).copy_from((next.*part).value());        // [B, T, C]
      written.*part = x;
    }
    return written;
  }

  // Entry b leaves the batch. The last entry moves into its place.
  void drop(Index b) {
    const auto without_b = [b](const Tensor& x) {
      x.select(0, b).copy_from(x.select(0, -1));
      return x.slice(0, 0, -1);
    };
    for (Var* x : {&source.keys, &source.values, &written.keys, &written.values})
      if (x->rank() > 0) *x = without_b(x->value());  // rank 0: nothing has been written yet
    if (source_mask) *source_mask = without_b(*source_mask);
  }
};

}  // namespace glass::nn
