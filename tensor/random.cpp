// # Random numbers, streams of them, and tensors
//
// From the bottom up: single numbers of a draw; the streams of random.h and their replay; then
// uniform and normal, which fill a tensor. The mixing function is in philox.h, what picks numbers
// and orders in sampling.cpp, dropout in dropout.cpp.
//
// The numbers are good enough for simulation and training. They are deliberately not for
// cryptography: whoever knows the seed knows all of them.
#include "tensor/random.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <mutex>
#include <numbers>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace glass {

namespace {

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
  // Never destroyed: a static stream may be destroyed after all other objects.
  static All& instance = *std::make_unique<All>().release();
  return instance;
}

// A stream that is destroyed, in whichever thread, is removed from every Replay. Otherwise rewind()
// would write into memory that was freed.
Rng::~Rng() {
  Replay::All& all = Replay::all();
  if (all.count.load(std::memory_order_acquire) == 0) return;
  const std::lock_guard lock(all.mutex);
  for (Replay* replay : all.list) replay->seen_.erase(this);
}

// Each Replay of this thread notes the counter, unless it has noted this stream before.
Draw Rng::draw() {
  Replay::All& all = Replay::all();
  if (all.count.load(std::memory_order_acquire) > 0) {
    const std::lock_guard lock(all.mutex);
    for (Replay* replay : all.list)
      if (replay->thread_ == std::this_thread::get_id()) replay->seen_.try_emplace(this, draws_);
  }
  return {seed_, draws_++};
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
    // The point's distance from 0, and its direction; then its two coordinates.
    const double length = std::sqrt(-2 * std::log(1 - draw.uniform(position)));
    const double angle = 2 * std::numbers::pi * draw.uniform(position + 1);
    x.data()[i] = static_cast<Real>(mean + stddev * length * std::cos(angle));
    if (i + 1 < n) x.data()[i + 1] = static_cast<Real>(mean + stddev * length * std::sin(angle));
  }
  return x;
}

}  // namespace glass
