// # Shapes that fit together
//
// For each family of ops: other operands that fit the first one, and the rule that says whether any
// operands fit. The rules are written from the documentation of the ops; they call no op. If an op
// throws a ShapeError for operands that fit, or none for operands that do not, one of both is
// wrong.
#pragma once

#include <algorithm>

#include "tests/programs/program.h"

namespace glass::programs {

// ---- rules ----

// The shape of a and b together, aligned at the last axis; false if they do not broadcast.
inline bool broadcast(const Shape& a, const Shape& b) {
  for (Index i = 1; i <= std::min(a.rank(), b.rank()); ++i)
    if (a[-i] != b[-i] && a[-i] != 1 && b[-i] != 1) return false;
  return true;
}
// Whether x stretches to y, which does not stretch.
inline bool stretches_to(const Shape& x, const Shape& y) {
  if (x.rank() > y.rank()) return false;
  for (Index i = 1; i <= x.rank(); ++i)
    if (x[-i] != y[-i] && x[-i] != 1) return false;
  return true;
}
inline bool all_alike(const Shapes& x) {
  return std::ranges::all_of(x, [&](const Shape& y) { return y == x[0]; });
}

// ---- shapes that broadcast, and equal shapes ----

// x with some sizes made 1, or stretched from 1, and some axes in front left out.
inline Shape broadcasting_with(const Shape& x, const Pick& pick) {
  Shape y = x;
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (pick(3) == 0) y = y.with(axis, x[axis] == 1 ? 1 + pick(3) : 1);
  while (y.rank() > 0 && pick(3) == 0) y = y.erase(0);
  return y;
}
inline const Others broadcasting{
    [](const Shape& x, const Pick& pick) { return Shapes{broadcasting_with(x, pick)}; },
    [](const Shapes& x) { return broadcast(x[0], x[1]); }};

// Of where(): the other choice, and a mask; all three broadcast.
inline const Others choice_and_mask{
    [](const Shape& x, const Pick& pick) {
      return Shapes{broadcasting_with(x, pick), broadcasting_with(x, pick)};
    },
    [](const Shapes& x) {
      return broadcast(x[0], x[1]) && broadcast(x[0], x[2]) && broadcast(x[1], x[2]);
    }};

inline const Others alike{[](const Shape& x, const Pick&) { return Shapes{x}; }, all_alike};
// Of functions that are not the library's, and might broadcast.
inline const Others alike_here{alike.make, all_alike, false};
// Of cat() along axis 0.
inline const Others longer{
    [](const Shape& x, const Pick& pick) { return Shapes{x.with(0, x[0] + pick(3))}; },
    [](const Shapes& x) {
      return x[0].rank() == x[1].rank() && x[0].with(0, 0) == x[1].with(0, 0);
    }};

// ---- rows and matrices ----

// Of layer_norm: a weight and a shift for each column.
inline const Others row_and_row{
    [](const Shape& x, const Pick&) {
      return Shapes{Shape{x[-1]}, Shape{x[-1]}};
    },
    [](const Shapes& x) { return x[1] == Shape{x[0][-1]} && x[2] == x[1]; }};

// [..., M, K] @ [..., K, N]: a vector, a matrix, or a batch of matrices.
inline const Others right_factor{
    [](const Shape& x, const Pick& pick) {
      const Index k = x[-1], kind = pick(4);
      if (kind == 0) return Shapes{Shape{k}};
      if (kind == 1 || x.rank() < 3) return Shapes{Shape{k, pick(5)}};
      Shape y = x.with(-2, k).with(-1, 1 + pick(4));
      for (Index axis = 0; axis + 2 < y.rank(); ++axis)
        if (pick(3) == 0) y = y.with(axis, 1);
      return Shapes{y};
    },
    [](const Shapes& x) {
      const Shape &a = x[0], &b = x[1];
      if (a.rank() < 1 || b.rank() < 1) return false;
      const bool batched = a.rank() > 2 && b.rank() > 2;
      if (batched && !broadcast(a.erase(-1).erase(-1), b.erase(-1).erase(-1))) return false;
      return a[-1] == (b.rank() == 1 ? b[0] : b[-2]);
    }};

// Of linear: weights [out, in] and a shift [out].
inline const Others weights{[](const Shape& x, const Pick& pick) {
                              const Index out = pick(5);
                              return Shapes{Shape{out, x[-1]}, Shape{out}};
                            },
                            [](const Shapes& x) {
                              return x[1].rank() == 2 && x[1][1] == x[0][-1] &&
                                     x[2] == Shape{x[1][0]};
                            }};

// ---- attention ----

// k [B, H, S, D] and v [B, H, S, E] for q [B, H, T, D]. Sometimes there is no key.
inline Shapes keys_of(const Shape& q, const Pick& pick) {
  const Index S = q[2] > 1000 ? 3 : pick(9) == 0 ? 0 : 1 + pick(5), E = 1 + pick(4);
  const Index many = q[2] == 5 ? 2500 : S;
  return {q.with(2, many), q.with(2, many).with(3, E)};
}
inline bool are_keys(const Shapes& x) {
  const Shape &q = x[0], &k = x[1], &v = x[2];
  return q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && k.with(2, q[2]) == q &&
         v.with(3, k[3]) == k;
}
inline const Others keys{keys_of, are_keys};

// A mask of 2, 3 or 4 axes, of which any may have size 1.
inline const Others keys_and_mask{[](const Shape& q, const Pick& pick) {
                                    Shapes list = keys_of(q, pick);
                                    Shape mask{q[0], q[1], q[2], list[0][2]};
                                    const Index kind = pick(4);
                                    if (kind == 0) mask = Shape{mask[2], mask[3]};
                                    if (kind == 1) mask = Shape{mask[0], mask[2], mask[3]};
                                    for (Index axis = 0; axis < mask.rank(); ++axis)
                                      if (pick(4) == 0) mask = mask.with(axis, 1);
                                    list.push_back(mask);
                                    return list;
                                  },
                                  [](const Shapes& x) {
                                    if (!are_keys(x) || x[3].rank() < 2 || x[3].rank() > 4)
                                      return false;
                                    const Shape scores{x[0][0], x[0][1], x[0][2], x[1][2]};
                                    return stretches_to(x[3].rank() == 3 ? x[3].insert(1, 1) : x[3],
                                                        scores);
                                  }};

}  // namespace glass::programs
