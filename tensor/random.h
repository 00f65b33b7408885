// # Random numbers that are a function of their position
//
// Philox is a keyed mixing function: (seed, draw number, position) → 128 random bits. Nothing is
// carried from one number to the next, so any of them can be made alone, by any thread, in any
// order, and made again: dropout's backward pass draws its mask a second time instead of saving it.
//
// Source: J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), Philox 4×32-10.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace glass {

// One draw of a stream: an unlimited array of random numbers. Each is computed from its position.
struct Draw {
  std::uint64_t seed;
  std::uint64_t number;

  std::array<std::uint32_t, 4> bits(std::uint64_t position) const;
  std::uint64_t bits64(std::uint64_t i) const;  // half a block each
  double uniform(std::uint64_t i) const;        // in [0, 1), 53 bits
  // What dropout multiplies elements first … first + count - 1 by: 0 with probability p, else
  // 1/(1 − p). An element's number depends on its position alone.
  void dropout(std::uint64_t first, Index count, double p, Real* out) const;
};

// A stream of draws. A copy repeats the numbers of the original.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : seed_(seed) {}
  Rng(const Rng&) = default;
  Rng& operator=(const Rng&) = default;
  ~Rng();

  // The next draw; the stream moves on by one, whatever the draw is used for.
  Draw draw();

  // A number in 0 … n - 1, each equally likely. ShapeError unless n ≥ 1.
  Index below(Index n);

  // A number in [0, 1).
  double uniform() { return draw().uniform(0); }

  // The numbers 0 … n - 1 in a random order, every order equally likely: permutation(rows) shuffles
  // the examples of an epoch. One draw, whatever n is; the same numbers in all builds. ShapeError
  // unless n is at least 0 and fits an int.
  std::vector<int> permutation(Index n);

  // What the standard library asks of a source of random bits, so that std::shuffle(first, last,
  // rng) and the distributions of <random> take an Rng. What they make of the bits is theirs: the
  // order that std::shuffle gives depends on the standard library. That of permutation() does not.
  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return draw().bits64(0); }

  // A new stream, unrelated to this one's further draws.
  Rng split();

  // The whole state, for a checkpoint: the seed and how many draws were taken.
  std::pair<std::uint64_t, std::uint64_t> state() const { return {seed_, draws_}; }
  void set_state(std::pair<std::uint64_t, std::uint64_t> state) { std::tie(seed_, draws_) = state; }

 private:
  friend class Replay;
  std::uint64_t seed_;
  std::uint64_t draws_ = 0;
};

// While a Replay exists, it notes the counter of every stream at the stream's first draw in this
// thread. rewind() sets each stream back to the counter that was noted: the same function, called
// again, sees the same numbers. A stream may be destroyed meanwhile, in any thread.
class [[nodiscard]] Replay {
 public:
  Replay();
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  void rewind();

 private:
  friend class Rng;
  struct All;
  static All& all();
  std::map<Rng*, std::uint64_t> seen_;  // each stream, and its counter at its first draw
  std::thread::id thread_;
};

// Uniform in [lo, hi), or normally distributed. The f32 and f64 builds draw the same numbers, but
// for rounding. ShapeError unless lo ≤ hi, or stddev ≥ 0, and all are finite.
Tensor uniform(Shape shape, double lo, double hi, Rng& rng);
Tensor normal(Shape shape, double mean, double stddev, Rng& rng);

// An index for each row of the last axis, in row-major order of the other axes: index j with
// probability softmax(row)[j]. So categorical(logits / 0.8, rng) draws the next tokens of a text; a
// temperature of less than 1 prefers the likely ones. All is computed in double, from one draw for
// all rows. An index whose logit is −∞ is never drawn. ShapeError, which names the row, if a row
// has no logit above −∞, or holds a NaN or +∞. Without rows the result is empty.
std::vector<int> categorical(const Tensor& logits, Rng& rng);

// x with a share p of its elements set to zero and the rest scaled by 1/(1 − p), so that the mean
// stays. p = 0 returns x itself, and draws nothing. ShapeError unless 0 ≤ p < 1.
Tensor dropout(const Tensor& x, double p, Rng& rng);
// The same with a draw that was made before: which elements become 0 depends only on the draw and
// on p. `rectified`: of max(x, 0).
Tensor dropout(const Tensor& x, double p, const Draw& draw, bool rectified = false);

}  // namespace glass
