#include "tensor/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

#include "tensor/loops.h"
#include "tensor/ops.h"

namespace glass {

namespace {

// Blocks are mixed side by side, word by word, so that the compiler makes vectors of them.
constexpr Index abreast = 16;
template <std::size_t N>
using Words = std::array<std::array<std::uint32_t, N>, 4>;

// Ten rounds: each multiplies two of the four words by constants, and lets the high halves, mixed
// with the key, change places with the low ones.
template <std::size_t N>
Words<N> philox(const Draw& draw, std::uint64_t position) {
  Words<N> x;
  for (std::size_t i = 0; i < N; ++i) {
    x[0][i] = static_cast<std::uint32_t>(position + i);
    x[1][i] = static_cast<std::uint32_t>((position + i) >> 32);
    x[2][i] = static_cast<std::uint32_t>(draw.number);
    x[3][i] = static_cast<std::uint32_t>(draw.number >> 32);
  }
  auto k0 = static_cast<std::uint32_t>(draw.seed);
  auto k1 = static_cast<std::uint32_t>(draw.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < N; ++i) {
      const std::uint64_t a = std::uint64_t{0xD2511F53} * x[0][i];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57} * x[2][i];
      x[0][i] = static_cast<std::uint32_t>(b >> 32) ^ x[1][i] ^ k0;
      x[2][i] = static_cast<std::uint32_t>(a >> 32) ^ x[3][i] ^ k1;
      x[1][i] = static_cast<std::uint32_t>(b);
      x[3][i] = static_cast<std::uint32_t>(a);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return x;
}

// The i-th 64 bits: each block has two.
template <std::size_t N>
std::uint64_t pair_of(const Words<N>& words, Index i) {
  const auto block = static_cast<std::size_t>(i / 2), half = static_cast<std::size_t>(i % 2 * 2);
  return words[half][block] | std::uint64_t{words[half + 1][block]} << 32;
}

// The first 53 of 64 bits, as a number in [0, 1).
double fraction(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace

std::array<std::uint32_t, 4> Draw::bits(std::uint64_t position) const {
  const auto words = philox<1>(*this, position);
  return {words[0][0], words[1][0], words[2][0], words[3][0]};
}

std::uint64_t Draw::bits64(std::uint64_t i) const {
  return pair_of(philox<1>(*this, i / 2), static_cast<Index>(i % 2));
}

double Draw::uniform(std::uint64_t i) const { return fraction(bits64(i)); }

// ---- streams and their replay ----

// A stream that dies inside a replayed function must not be rewound after its death.
Rng::~Rng() {
  for (Replay* replay = Replay::current(); replay; replay = replay->outer_)
    std::erase_if(replay->seen_, [this](const auto& entry) { return entry.first == this; });
}

Draw Rng::draw() {
  for (Replay* replay = Replay::current(); replay; replay = replay->outer_) {
    const auto known = [this](const auto& entry) { return entry.first == this; };
    if (std::none_of(replay->seen_.begin(), replay->seen_.end(), known))
      replay->seen_.emplace_back(this, draws_);
  }
  return {seed_, draws_++};
}

Index Rng::below(Index n) {
  check<ShapeError>(n >= 1, "below: the bound must be at least 1; got {}", n);
  // Numbers above the largest multiple of n would favour the small remainders: draw again.
  const auto bound = static_cast<std::uint64_t>(n);
  const std::uint64_t surplus = (0 - bound) % bound;
  const Draw numbers = draw();
  for (std::uint64_t i = 0;; ++i)
    if (const std::uint64_t x = numbers.bits64(i); x >= surplus)
      return static_cast<Index>(x % bound);
}

Rng Rng::split() { return Rng(draw().bits64(0)); }

Replay*& Replay::current() {
  thread_local Replay* replay = nullptr;
  return replay;
}

Replay::Replay() : outer_(std::exchange(current(), this)) {}
Replay::~Replay() { current() = outer_; }

void Replay::rewind() {
  for (const auto& [rng, draws] : seen_) rng->draws_ = draws;
}

// ---- tensors of random numbers ----

Tensor uniform(Shape shape, double lo, double hi, Rng& rng) {
  check<ShapeError>(lo <= hi, "uniform: needs lo ≤ hi; got {} and {}", lo, hi);
  Tensor x = empty(shape);
  const Draw draw = rng.draw();
  constexpr Index together = 2 * abreast;
  parallel_for(x.numel(), 128 * together, [&, out = x.data()](Index begin, Index end) {
    for (Index i = begin; i < end; i += together) {
      const auto words = philox<abreast>(draw, static_cast<std::uint64_t>(i / 2));
      for (Index j = 0; j < std::min(together, end - i); ++j) {
        const auto number = static_cast<Real>(lo + (hi - lo) * fraction(pair_of(words, j)));
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
  check<ShapeError>(stddev >= 0, "normal: needs stddev ≥ 0; got {}", stddev);
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
        std::bit_cast<std::array<std::uint8_t, width>>(philox<abreast>(*this, group * abreast));
    for (std::size_t i = 0; i < width; ++i) factors[i] = bytes[i] < whole ? Real(0) : kept;
    const auto* const end = bytes.data() + width;
    for (const auto* i = bytes.data(); i != end; ++i) {
      i = static_cast<const std::uint8_t*>(
          std::memchr(i, whole, static_cast<std::size_t>(end - i)));
      if (!i) break;
      const auto element = static_cast<std::size_t>(i - bytes.data());
      if (bits(std::uint64_t{1} << 63 | (group * width + element))[0] < rest)
        factors[element] = Real(0);
    }
    const Index part = std::min(count, static_cast<Index>(width - skip));
    std::copy_n(factors.data() + skip, part, out);
    first += static_cast<std::uint64_t>(part);
    out += part;
    count -= part;
  }
}

Tensor dropout(const Tensor& x, double p, const Draw& draw) {
  check<ShapeError>(0 <= p && p < 1, "dropout: p must lie in [0, 1); got {}", p);
  const Tensor dense = x.contiguous();
  Tensor y = empty(x.shape());
  parallel_for(x.numel(), heavy_grain, [&, in = dense.data(), out = y.data()](Index at, Index end) {
    draw.dropout(static_cast<std::uint64_t>(at), end - at, p, out + at);
    for (; at < end; ++at) out[at] *= in[at];
  });
  return y;
}

Tensor dropout(const Tensor& x, double p, Rng& rng) {
  return p == 0 ? x : dropout(x, p, rng.draw());
}

}  // namespace glass
