// # Philox, the mixing function of the random numbers, for several positions at once
//
// (private to tensor/) random.h says what it is for, and names its source.
//
// A block of random bits is four words of 32 bits. A CPU multiplies words of 32 bits, and gives all
// 64 bits of the product, in lanes of 64 bits: so each word is in the lower half of such a lane.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <numeric>

#include "tensor/random.h"

namespace glass {

#ifdef __AVX2__
using Wide [[gnu::vector_size(32)]] = std::uint64_t;
#else
using Wide [[gnu::vector_size(16)]] = std::uint64_t;
#endif

// The product of the lower half of each lane and a constant of 32 bits. What the upper half of a
// lane holds does not count.
template <class W>
W low_product(W x, std::uint64_t constant) {
  return (x & 0xFFFFFFFF) * constant;
}
#if defined(__AVX2__) && !defined(__clang__)
// AVX2 has one instruction for it. GCC does not find it in the code above, and takes eight.
inline Wide low_product(Wide x, std::uint64_t constant) {
  using Halves [[gnu::vector_size(32)]] = int;
  const auto c = reinterpret_cast<Halves>(Wide{} + constant);
  return reinterpret_cast<Wide>(__builtin_ia32_pmuludq256(reinterpret_cast<Halves>(x), c));
}
#endif

// One block for each of N positions; W is one position, or a Wide of four. A block's words are in
// the lower halves of its four W; the upper halves are noise, which is never read.
//
// Ten rounds mix a block. Each multiplies two of the four words by constants. The high halves of
// both products, mixed with the other two words and the key, are exchanged with the low halves. A
// round must wait for the round before it, so the N blocks are mixed side by side: the CPU works on
// the second block while it waits for the first.
template <class W, std::size_t N>
auto philox(const Draw& draw, const std::array<W, N>& positions) {
  // What is mixed: the position in the first two words, the number of the draw in the others.
  std::array<std::array<W, 4>, N> blocks;
  for (std::size_t i = 0; i < N; ++i)
    blocks[i] = {positions[i], positions[i] >> 32, W{} + draw.number, W{} + (draw.number >> 32)};
  // The key is the seed; both halves change from round to round.
  auto k0 = static_cast<std::uint32_t>(draw.seed);
  auto k1 = static_cast<std::uint32_t>(draw.seed >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    for (auto& x : blocks) {
      const W a = low_product(x[0], 0xD2511F53), b = low_product(x[2], 0xCD9E8D57);
      x = {(b >> 32) ^ x[1] ^ std::uint64_t{k0}, b, (a >> 32) ^ x[3] ^ std::uint64_t{k1}, a};
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return blocks;
}

inline constexpr Index abreast = 16;  // blocks that are made at once
using Words = std::array<std::array<std::uint32_t, abreast>, 4>;

// The blocks at `position` … position + 15: words[w][i] is word w of block i.
inline Words philox_blocks(const Draw& draw, std::uint64_t position) {
  std::array<std::uint64_t, abreast> positions;
  std::iota(positions.begin(), positions.end(), position);
  // The same memory, as a few Wides of consecutive positions.
  constexpr std::size_t wide = sizeof(Wide) / sizeof(position);
  const auto blocks = philox(draw, std::bit_cast<std::array<Wide, abreast / wide>>(positions));
  // The lower half of each lane.
  Words words;
  for (std::size_t b = 0; b < blocks.size(); ++b)
    for (std::size_t word = 0; word < 4; ++word)
      for (std::size_t i = 0; i < wide; ++i)
        words[word][b * wide + i] = static_cast<std::uint32_t>(blocks[b][word][i]);
  return words;
}

}  // namespace glass
