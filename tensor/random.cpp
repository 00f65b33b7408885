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

// Blocks of four words of 32 bits, each in the lower half of a W; the upper halves are noise. Ten
// rounds: each multiplies two of the four words by constants, and lets the high halves, mixed with
// the key, change places with the low ones. Every step waits for the last one, so blocks go side by
// side.
template <class W, std::size_t N>
auto philox(const Draw& draw, const std::array<W, N>& positions) {
  std::array<std::array<W, 4>, N> blocks;
  for (std::size_t i = 0; i < N; ++i)
    blocks[i] = {positions[i], positions[i] >> 32, W{} + draw.number, W{} + (draw.number >> 32)};
  auto k0 = static_cast<std::uint32_t>(draw.seed), k1 = static_cast<std::uint32_t>(draw.seed >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
    for (auto& x : blocks) {
      const W a = low_product(x[0], 0xD2511F53), b = low_product(x[2], 0xCD9E8D57);
      x = {(b >> 32) ^ x[1] ^ std::uint64_t{k0}, b, (a >> 32) ^ x[3] ^ std::uint64_t{k1}, a};
    }
  return blocks;
}

// The blocks from `position` on, word by word.
constexpr Index abreast = 16;
auto philox_blocks(const Draw& draw, std::uint64_t position) {
  constexpr std::size_t wide = sizeof(Wide) / sizeof(position);
  std::array<Wide, abreast / wide> positions;
  for (Wide& x : positions)
    for (std::size_t i = 0; i < wide; ++i) x[i] = position++;
  const auto blocks = philox(draw, positions);
  std::array<std::array<std::uint32_t, abreast>, 4> words;
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

// Every Replay that lives, in any thread. Mostly there is none, and nobody waits for the lock.
struct Replay::All {
  std::atomic<int> count{0};
  std::mutex mutex;
  std::vector<Replay*> list;
};
Replay::All& Replay::all() {
  static All& instance =
      *std::make_unique<All>().release();  // never destroyed: a stream may be last
  return instance;
}

// A stream that ends must not be rewound afterwards, whichever thread it ends in.
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
  // The smallest 2⁶⁴ mod n numbers would favour the small remainders: draw again.
  const auto bound = static_cast<std::uint64_t>(n);
  const std::uint64_t surplus = (0 - bound) % bound;
  const Draw numbers = draw();
  for (std::uint64_t i = 0;; ++i)
    if (const std::uint64_t x = numbers.bits64(i); x >= surplus)
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

Tensor uniform(Shape shape, double lo, double hi, Rng& rng) {
  check<ShapeError>(lo <= hi && std::isfinite(lo) && std::isfinite(hi),
                    "uniform: needs finite numbers lo ≤ hi; got {} and {}", lo, hi);
  Tensor x = empty(shape);
  const Draw draw = rng.draw();
  constexpr Index together = 2 * abreast;
  parallel_for(x.numel(), 128 * together, [&, out = x.data()](Index begin, Index end) {
    for (Index i = begin; i < end; i += together) {
      const auto words = philox_blocks(draw, static_cast<std::uint64_t>(i / 2));
      for (Index j = 0; j < std::min(together, end - i); ++j) {
        const auto block = static_cast<std::size_t>(j / 2), half = static_cast<std::size_t>(j % 2);
        const std::uint64_t high = words[2 * half + 1][block];
        const double share = fraction(high << 32 | words[2 * half][block]);
        const auto number = static_cast<Real>(lo + (hi - lo) * share);
        // Rounding may reach hi, which the range excludes.
        out[i + j] = number < static_cast<Real>(hi) ? number : static_cast<Real>(lo);
      }
    }
  });
  return x;
}

// Box and Muller: two uniform numbers give a random direction and length in the plane, whose two
// coordinates are independent and normal.
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

// A random byte decides: below the first 8 bits of p drops, above keeps. One in 256 is equal; then
// 32 bits of a stream further on, one block an element, are compared with the rest of p.
void Draw::dropout(std::uint64_t first, Index count, double p, Real* out) const {
  constexpr Index width = 16 * abreast;  // the bytes of so many blocks
  const double scaled = p * 256;
  const auto whole = static_cast<std::uint8_t>(scaled);
  const auto rest = static_cast<std::uint32_t>((scaled - whole) * 0x1p32);
  const auto kept = static_cast<Real>(1 / (1 - p));
  std::array<Real, width> factors;
  while (count > 0) {
    const std::uint64_t group = first / width, skip = first % width;
    const auto bytes =
        std::bit_cast<std::array<std::uint8_t, width>>(philox_blocks(*this, group * abreast));
    Real* const to = skip == 0 && count >= width ? out : factors.data();
    for (std::size_t i = 0; i < width; ++i) to[i] = bytes[i] < whole ? Real(0) : kept;
    for (const auto* i = bytes.data(); i != bytes.end(); ++i) {
      i = static_cast<const std::uint8_t*>(
          std::memchr(i, whole, static_cast<std::size_t>(bytes.end() - i)));
      if (!i) break;
      const auto element = static_cast<std::size_t>(i - bytes.data());
      if (bits(std::uint64_t{1} << 63 | (group * width + element))[0] < rest) to[element] = Real(0);
    }
    const Index part = std::min(count, static_cast<Index>(width - skip));
    if (to != out) std::copy_n(factors.data() + skip, part, out);
    first += static_cast<std::uint64_t>(part);
    out += part;
    count -= part;
  }
}

Tensor dropout(const Tensor& x, double p, const Draw& draw, bool rectified) {
  check<ShapeError>(0 <= p && p < 1, "dropout: p must lie in [0, 1); got {}", p);
  const Tensor dense = x.contiguous();
  Tensor y = empty(x.shape());
  parallel_for(x.numel(), heavy_grain, [&, in = dense.data(), out = y.data()](Index at, Index end) {
    draw.dropout(static_cast<std::uint64_t>(at), end - at, p, out + at);
    for (; at < end; ++at) out[at] *= rectified && in[at] <= Real(0) ? Real(0) : in[at];
  });
  return y;
}

Tensor dropout(const Tensor& x, double p, Rng& rng) {
  return p == 0 ? x : dropout(x, p, rng.draw());
}

}  // namespace glass
