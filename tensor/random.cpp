// # Random numbers, streams of them, and tensors
//
// From the bottom up: the mixing function Philox, for several positions at once; the streams of
// random.h and their replay; then uniform, normal and dropout, which fill a tensor.
//
// The numbers are good enough for simulation and training. They are deliberately not for
// cryptography: whoever knows the seed knows all of them.
#include "tensor/random.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <numbers>
#include <vector>

#include "tensor/loops.h"
#include "tensor/ops.h"
#include "tensor/simd.h"

namespace glass {

namespace {

// ---- Philox ----
//
// A block of random bits is four words of 32 bits. A CPU multiplies words of 32 bits, and gives all
// 64 bits of the product, in lanes of 64 bits: so each word is in the lower half of such a lane.

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
// the lower halves of its four W; the upper halves are noise, which nobody reads.
//
// Ten rounds mix a block. Each multiplies two of the four words by constants. The high halves of
// both products, mixed with the other two words and the key, change places with the low halves. A
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

constexpr Index abreast = 16;  // blocks that are made at once
using Words = std::array<std::array<std::uint32_t, abreast>, 4>;

// The blocks at `position` … position + 15: words[w][i] is word w of block i.
Words philox_blocks(const Draw& draw, std::uint64_t position) {
  // Consecutive positions in the lanes of each Wide.
  constexpr std::size_t wide = sizeof(Wide) / sizeof(position);
  std::array<Wide, abreast / wide> positions;
  for (Wide& x : positions)
    for (std::size_t i = 0; i < wide; ++i) x[i] = position++;
  const auto blocks = philox(draw, positions);
  // The lower half of each lane.
  Words words;
  for (std::size_t b = 0; b < blocks.size(); ++b)
    for (std::size_t word = 0; word < 4; ++word)
      for (std::size_t i = 0; i < wide; ++i)
        words[word][b * wide + i] = static_cast<std::uint32_t>(blocks[b][word][i]);
  return words;
}

// The first 53 of 64 bits, as a number in [0, 1).
double fraction(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace

std::array<std::uint32_t, 4> Draw::bits(std::uint64_t position) const {
  const auto x = philox(*this, std::array{position})[0];
  std::array<std::uint32_t, 4> words;
  std::copy_n(x.data(), 4, words.data());
  return words;
}

std::uint64_t Draw::bits64(std::uint64_t i) const {
  return std::bit_cast<std::array<std::uint64_t, 2>>(bits(i / 2))[i % 2];
}

double Draw::uniform(std::uint64_t i) const { return fraction(bits64(i)); }

// ---- streams and their replay ----

// Every Replay that is alive, in any thread. Mostly there is none: then `count` is 0, and a draw
// takes no lock.
struct Replay::All {
  std::atomic<int> count{0};
  std::mutex mutex;
  std::vector<Replay*> list;
};
Replay::All& Replay::all() {
  // Never destroyed: a static stream may end after everything else.
  static All& instance = *std::make_unique<All>().release();
  return instance;
}

// Every Replay forgets a stream that ends, whichever thread it ends in: rewind() would write into
// memory that was freed.
Rng::~Rng() {
  Replay::All& all = Replay::all();
  if (all.count.load(std::memory_order_acquire) == 0) return;
  const std::lock_guard lock(all.mutex);
  for (Replay* replay : all.list) replay->seen_.erase(this);
}

Draw Rng::draw() {
  Replay::All& all = Replay::all();
  if (all.count.load(std::memory_order_acquire) > 0) {
    const std::lock_guard lock(all.mutex);
    for (Replay* replay : all.list)
      if (replay->thread_ == std::this_thread::get_id()) replay->seen_.try_emplace(this, draws_);
  }
  return {seed_, draws_++};
}

Index Rng::below(Index n) {
  check<ShapeError>(n >= 1, "below: the bound must be at least 1; got {}", n);
  // The number is the remainder of 64 random bits. If 2⁶⁴ is no multiple of n, some remainders
  // would come more often than others. So if the 64 bits are one of the lowest 2⁶⁴ mod n numbers,
  // they are drawn again: among the numbers that are left, every remainder is equally frequent.
  const auto bound = static_cast<std::uint64_t>(n);
  const std::uint64_t surplus = (0 - bound) % bound;
  const Draw numbers = draw();
  std::uint64_t position = 0;
  std::uint64_t x = numbers.bits64(position);
  while (x < surplus) x = numbers.bits64(++position);
  return static_cast<Index>(x % bound);
}

Rng Rng::split() { return Rng(draw().bits64(0)); }

Replay::Replay() : thread_(std::this_thread::get_id()) {
  const std::lock_guard lock(all().mutex);
  all().list.push_back(this);
  ++all().count;
}
Replay::~Replay() {
  const std::lock_guard lock(all().mutex);
  std::erase(all().list, this);
  --all().count;
}

void Replay::rewind() {
  const std::lock_guard lock(all().mutex);
  for (const auto& [rng, draws] : seen_) rng->draws_ = draws;
}

// ---- tensors of random numbers ----

namespace {

constexpr Index per_words = 2 * abreast;  // numbers of 64 bits in the words of `abreast` blocks

// Number j of the words: block j / 2 holds two, each of two words.
std::uint64_t bits64_of(const Words& words, Index j) {
  const auto block = static_cast<std::size_t>(j / 2), half = static_cast<std::size_t>(j % 2);
  const std::uint64_t high = words[2 * half + 1][block];
  return high << 32 | words[2 * half][block];
}

// A uniform number in [lo, hi), from 64 random bits.
Real between(double lo, double hi, std::uint64_t bits) {
  const auto number = static_cast<Real>(lo + (hi - lo) * fraction(bits));
  // Rounding may reach hi, which the range excludes.
  return number < static_cast<Real>(hi) ? number : static_cast<Real>(lo);
}

}  // namespace

Tensor uniform(Shape shape, double lo, double hi, Rng& rng) {
  check<ShapeError>(lo <= hi && std::isfinite(lo) && std::isfinite(hi),
                    "uniform: needs finite numbers lo ≤ hi; got {} and {}", lo, hi);
  Tensor x = empty(shape);
  const Draw draw = rng.draw();
  // A chunk is a multiple of what the words of one call hold, so that it begins with a whole call.
  parallel_for(x.numel(), 128 * per_words, [&, out = x.data()](Index begin, Index end) {
    for (Index i = begin; i < end; i += per_words) {
      const Words words = philox_blocks(draw, static_cast<std::uint64_t>(i / 2));
      const Index count = std::min(per_words, end - i);
      for (Index j = 0; j < count; ++j) out[i + j] = between(lo, hi, bits64_of(words, j));
    }
  });
  return x;
}

// Box and Muller (1958): two uniform numbers give a random point of the plane, by its direction and
// its distance from 0. Its two coordinates are independent and normally distributed.
Tensor normal(Shape shape, double mean, double stddev, Rng& rng) {
  check<ShapeError>(stddev >= 0 && std::isfinite(stddev) && std::isfinite(mean),
                    "normal: needs a finite mean and a finite stddev ≥ 0; got {} and {}", mean,
                    stddev);
  Tensor x = empty(shape);
  const Draw draw = rng.draw();
  const Index n = x.numel();
  for (Index i = 0; i < n; i += 2) {
    const auto position = static_cast<std::uint64_t>(i);
    const double length = std::sqrt(-2 * std::log(1 - draw.uniform(position)));
    const double angle = 2 * std::numbers::pi * draw.uniform(position + 1);
    x.data()[i] = static_cast<Real>(mean + stddev * length * std::cos(angle));
    if (i + 1 < n) x.data()[i + 1] = static_cast<Real>(mean + stddev * length * std::sin(angle));
  }
  return x;
}

// ---- dropout ----
//
// An element is dropped with probability p. One random byte decides for nearly all elements: it is
// compared with ⌊256 p⌋. A smaller byte drops, a larger byte keeps. The one in 256 that ties gets
// 32 more bits, which are compared with the fraction of 256 p: so p is exact to 40 bits. The bytes
// are the words of the blocks from position 0 on, in the order of philox_blocks; the 32 more bits
// are word 0 of block 2⁶³ + element, which is far from all positions that give bytes.

namespace {

constexpr Index per_group = 16 * abreast;  // bytes in the words of `abreast` blocks
using Bytes = std::array<std::uint8_t, per_group>;

// p in these two parts, and what an element that is kept is multiplied by.
struct Rate {
  explicit Rate(double p)
      : whole(static_cast<std::uint8_t>(p * 256)),
        rest(static_cast<std::uint32_t>((p * 256 - whole) * 0x1p32)),
        kept(static_cast<Real>(1 / (1 - p))) {}
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
    // Of the first and the last group perhaps only a part is wanted; it is copied.
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
    for (Index i = 0; i < end - begin; ++i)
      out[i] *= rectified && in[i] <= Real(0) ? Real(0) : in[i];
  });
  return y;
}

Tensor dropout(const Tensor& x, double p, Rng& rng) {
  return p == 0 ? x : dropout(x, p, rng.draw());
}

}  // namespace glass
