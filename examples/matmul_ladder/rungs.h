// # The matmul ladder
//
// C = A·B in seven rungs, each with one idea more than the last. All compute the same: A is [m, k],
// B is [k, n], C is [m, n], rows lie in memory one after the other, any size may be 0, and the old
// numbers of C are overwritten. No rung vectorises unless its source says so: the compiler is told
// not to, since it would otherwise vectorise the simple rungs too.
//
// These are float matrices in rows and nothing else. The product of tensors, of any layout and in
// any kind of number, is the library's: `tensor/matmul.cpp`.
#pragma once

#include "tensor/real.h"

namespace ladder {

using glass::Index;

using Product = void(Index m, Index n, Index k, const float* a, const float* b, float* c);
Product naive;          // the definition
Product loop_order;     // what is used together lies together
Product register_tile;  // what is used again stays in registers
Product vector_tile;    // one instruction computes many numbers
Product blocked;        // what is used again soon stays in the caches, packed
Product threaded;       // every core takes rows of C

// `count` products, whose matrices lie one after the other: every core takes products.
void batched(Index count, Index m, Index n, Index k, const float* a, const float* b, float* c);

struct Rung {
  const char* name;
  Product* product;
  bool shared = false;  // among threads
};
inline constexpr Rung rungs[] = {{"1 naive", naive},
                                 {"2 loop order", loop_order},
                                 {"3 register tile", register_tile},
                                 {"4 vector tile", vector_tile},
                                 {"5 packed and blocked", blocked},
                                 {"6 threaded", threaded, true}};

}  // namespace ladder
