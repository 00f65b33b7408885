// # Picking a number, an order, an index of each row
//
// What a draw of random bits decides: which number below a bound, which order of n things, and
// which index of each row of logits.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "tensor/decisions.h"
#include "tensor/random.h"

namespace glass {

static_assert(std::uniform_random_bit_generator<Rng>);

// ---- numbers and orders ----

namespace {

// A number in 0 … bound - 1, from the numbers of a draw that begin at `position`, which moves on.
//
// The number is the remainder of 64 random bits. If 2⁶⁴ is no multiple of the bound, some
// remainders would come more often than others. So if the 64 bits are one of the lowest 2⁶⁴ mod
// bound numbers, the next 64 bits are taken instead: among the numbers that are left, every
// remainder is equally frequent.
std::uint64_t number_below(std::uint64_t bound, const Draw& draw, std::uint64_t& position) {
  const std::uint64_t surplus = (0 - bound) % bound;
  std::uint64_t x = draw.bits64(position++);
  while (x < surplus) x = draw.bits64(position++);
  return x % bound;
}

}  // namespace

Index Rng::below(Index n) {
  check<ShapeError>(n >= 1, "below: the bound must be at least 1; got {}", n);
  std::uint64_t position = 0;
  return static_cast<Index>(number_below(static_cast<std::uint64_t>(n), draw(), position));
}

// R. Durstenfeld, Random permutation (1964): the last place gets one of all numbers, the place
// before it one of those that are left, and so on.
std::vector<int> Rng::permutation(Index n) {
  check<ShapeError>(0 <= n && n <= std::numeric_limits<int>::max(),
                    "permutation: needs a count of at least 0 that fits an int; got {}", n);
  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const Draw numbers = draw();
  std::uint64_t position = 0;
  for (std::size_t left = order.size(); left > 1; --left)
    std::swap(order[left - 1],
              order[static_cast<std::size_t>(number_below(left, numbers, position))]);
  return order;
}

// ---- an index from each row ----

namespace {

// Index j with probability eˣʲ / Σ eˣ, where u is uniform in [0, 1): the first index at which the
// sum of the weights eˣ so far exceeds the share u of the whole sum. A weight of 0 does not raise
// the sum, so its index is never the first. There is such an index: u is at most 1 − 2⁻⁵³, so the
// share is less than the whole sum, rounding included. The weights are scaled so that the largest
// is 1.
std::ptrdiff_t index_at(double u, std::span<const Real> row, double largest) {
  using std::exp;
  std::vector<Constant> sums;
  Constant sum = 0;
  for (const Real& x : row) {
    sum += exp(constant_of(x) - largest);
    sums.push_back(sum);
  }
  return std::ranges::upper_bound(sums, u * sum) - sums.begin();
}

// The largest logit of row i. ShapeError if softmax of the row has no meaning.
double largest_of(std::span<const Real> row, std::size_t i, const Shape& shape) {
  double largest = -std::numeric_limits<double>::infinity();
  bool has_nan = false;
  for (const Real x : row) {
    has_nan |= std::isnan(static_cast<double>(x));
    largest = std::max(largest, static_cast<double>(x));
  }
  check<ShapeError>(!has_nan && std::isfinite(largest),
                    "categorical: row {} of logits {} needs a logit above -∞, and no NaN nor +∞", i,
                    shape);
  return largest;
}

}  // namespace

std::vector<int> categorical(const Tensor& logits, Rng& rng) {
  check<ShapeError>(logits.rank() >= 1, "categorical: needs logits [..., V]; got a single number");
  const Shape others = logits.shape().erase(logits.rank() - 1);
  const auto width = static_cast<std::size_t>(logits.size(-1));
  const std::vector<Real> numbers = logits.to_vector();
  const auto row = [&](std::size_t i) { return std::span(numbers).subspan(i * width, width); };
  // All rows are checked before the stream moves on.
  std::vector<double> largest;
  for (std::size_t i = 0; i < static_cast<std::size_t>(others.numel()); ++i)
    largest.push_back(largest_of(row(i), i, logits.shape()));

  const Draw draw = rng.draw();
  std::vector<int> indices;
  for (std::size_t i = 0; i < largest.size(); ++i)
    indices.push_back(named("categorical", [&] {
      return static_cast<int>(index_at(draw.uniform(i), row(i), largest[i]));
    }));
  return indices;
}

}  // namespace glass
