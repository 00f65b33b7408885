// # Keys and values that stay
//
// The key and the value of a position do not change once they are made. While a target is written
// token after token, those of the source and of what was written before are kept here, so that each
// step projects its new tokens alone.
//
// B batch, S source length, n target positions so far, T new ones, C width
#pragma once

#include <optional>

#include "autograd/var.h"

namespace glass::nn {

// Of positions that may be attended to, projected but not yet split among heads: [B, S, C] each.
struct KeysValues {
  Var keys, values;
};

// What one layer of a decoder looks back at.
struct Past {
  KeysValues source;                       // [B, S, C]
  std::optional<Tensor> source_mask;       // [B, 1, 1, S] if sentences are to be dropped
  std::optional<KeysValues> written = {};  // [B, n, C]

  // All that is written, the next positions included: [B, n + T, C]. The first ones are kept as
  // they are, gradient and all, so that training runs through here too.
  const KeysValues& write(const KeysValues& next) {
    if (!written) return written.emplace(next);
    check<StateError>(!next.keys.requires_grad() && !written->keys.requires_grad(),
                      "Past: what is added later gets no gradient; decode under NoGrad");
    written->keys = append(written->keys.value(), next.keys.value());
    written->values = append(written->values.value(), next.values.value());
    return *written;
  }

  // Entry b leaves the batch. The last one moves into its place.
  void drop(Index b) {
    for (Var* x : {&source.keys, &source.values, &written->keys, &written->values})
      *x = without(x->value(), b);
    if (source_mask) *source_mask = without(*source_mask, b);
  }

 private:
  static Tensor without(const Tensor& x, Index b) {
    x.select(0, b).copy_from(x.select(0, -1));
    return x.slice(0, 0, -1);
  }

  // In x's own memory, if there is room behind each row, else in memory with room for twice as many.
  static Tensor append(const Tensor& x, const Tensor& next) {
    const Index n = x.size(1), all = n + next.size(1);
    const Shape shape = x.shape().with(1, all);
    const bool fits = all * x.stride(1) <= x.stride(0);
    const Tensor y =
        fits ? x.view(shape, x.strides()) : empty(shape.with(1, 2 * all)).slice(1, 0, all);
    if (!fits) y.slice(1, 0, n).copy_from(x);
    y.slice(1, n, all).copy_from(next);
    return y;
  }
};

}  // namespace glass::nn
