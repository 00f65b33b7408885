// # Dropout: elements are set to 0 at random, the others are scaled up
//
// An element is dropped with probability p. One random byte decides for nearly all elements: it is
// compared with ⌊256 p⌋. A smaller byte drops, a larger byte keeps. The one in 256 that ties gets
// 32 more bits, which are compared with the fraction of 256 p: so p is exact to 40 bits. The bytes
// are the words of the blocks from position 0 on, in the order of philox_blocks; the 32 more bits
// are word 0 of block 2⁶³ + element, which is far from all positions that give bytes.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "tensor/decisions.h"
#include "tensor/loops.h"
#include "tensor/ops.h"
#include "tensor/philox.h"

namespace glass {

namespace {

constexpr Index per_group = 16 * abreast;  // bytes in the words of `abreast` blocks
using Bytes = std::array<std::uint8_t, per_group>;

// 256 p in its two parts, and the factor of an element that is kept.
struct Rate {
  explicit Rate(double p)
      : whole(static_cast<std::uint8_t>(p * 256)),
        rest(static_cast<std::uint32_t>((p * 256 - whole) * 0x1p32)),
        kept(static_cast<Real>(1 / (1 - Constant(p)))) {}
  std::uint8_t whole;  // ⌊256 p⌋
  std::uint32_t rest;  // ⌊2³² · fraction of 256 p⌋
  Real kept;           // 1/(1 − p)
};

// Ties: of the elements whose byte is `whole`, drops those whose 32 more bits are below `rest`.
void decide_ties(const Draw& draw, const Rate& rate, const Bytes& bytes, std::uint64_t first,
                 Real* factors) {
  constexpr std::uint64_t far = std::uint64_t{1} << 63;
  const auto* byte = bytes.data();
  const auto* const end = byte + bytes.size();
  while (byte != end) {
    // One in 256 ties, so a group has one on average: memchr finds it faster than a loop would.
    const void* tie = std::memchr(byte, rate.whole, static_cast<std::size_t>(end - byte));
    if (!tie) return;
    byte = static_cast<const std::uint8_t*>(tie);
    const auto i = static_cast<std::size_t>(byte - bytes.data());
    if (draw.bits(far | (first + i))[0] < rate.rest) factors[i] = Real(0);
    ++byte;
  }
}

// The factors of a whole group: elements group · per_group … (group + 1) · per_group − 1.
void factors_of_group(const Draw& draw, const Rate& rate, std::uint64_t group, Real* factors) {
  const auto bytes = std::bit_cast<Bytes>(philox_blocks(draw, group * abreast));
  // Copies, since the compiler must assume that `factors` overlaps `rate`.
  const std::uint8_t whole = rate.whole;
  const Real kept = rate.kept;
  for (std::size_t i = 0; i < per_group; ++i) factors[i] = bytes[i] < whole ? Real(0) : kept;
  decide_ties(draw, rate, bytes, group * per_group, factors);
}

}  // namespace

void Draw::dropout(std::uint64_t first, Index count, double p, Real* out) const {
  const Rate rate(p);
  while (count > 0) {
    const std::uint64_t group = first / per_group, skip = first % per_group;
    const Index part = std::min(count, static_cast<Index>(per_group - skip));
    // The first and the last group may be needed only in part: then that part is copied.
    if (part == per_group) {
      factors_of_group(*this, rate, group, out);
    } else {
      std::array<Real, per_group> factors;
      factors_of_group(*this, rate, group, factors.data());
      std::copy_n(factors.data() + skip, part, out);
    }
    first += static_cast<std::uint64_t>(part);
    out += part;
    count -= part;
  }
}

Tensor dropout(const Tensor& x, double p, const Draw& draw, bool rectified) {
  check<ShapeError>(0 <= p && p < 1, "dropout: p must lie in [0, 1); got {}", p);
  const Tensor dense = x.contiguous();
  Tensor y = empty(x.shape());
  parallel_for(x.numel(), heavy_grain, [&](Index begin, Index end) {
    const Real* const in = dense.data() + begin;
    Real* const out = y.data() + begin;
    // First the factors, in the place of the result; then their products with x.
    draw.dropout(static_cast<std::uint64_t>(begin), end - begin, p, out);
    for (Index i = 0; i < end - begin; ++i) out[i] *= rectified ? larger(Real(0), in[i]) : in[i];
  });
  return y;
}

Tensor dropout(const Tensor& x, double p, Rng& rng) {
  return p == 0 ? x : dropout(x, p, rng.draw());
}

}  // namespace glass
