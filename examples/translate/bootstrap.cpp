// # The bootstrap: resampling, intervals, two systems
#include "examples/translate/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace translate {

namespace {

// Adds the counts of sentence i.
void add(const Statistics& statistics, Index i, std::vector<long>& total) {
  const auto row = statistics.counts.begin() + i * statistics.width;
  std::transform(total.begin(), total.end(), row, total.begin(), std::plus());
}

double mean(const std::vector<double>& numbers) {
  const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
  return sum / std::max(static_cast<double>(numbers.size()), 1.0);
}

}  // namespace

std::vector<long> Statistics::sum() const {
  std::vector<long> total(static_cast<std::size_t>(width));
  for (Index i = 0; i < sentences(); ++i) add(*this, i, total);
  return total;
}

std::vector<double> resample(const Statistics& statistics, Index resamples, std::uint64_t seed) {
  glass::Rng rng(seed);
  const Index n = statistics.sentences();
  std::vector<double> scores;
  for (Index r = 0; r < resamples; ++r) {
    std::vector<long> sum(static_cast<std::size_t>(statistics.width));
    for (Index i = 0; i < n; ++i) add(statistics, rng.below(n), sum);
    scores.push_back(statistics.score(sum));
  }
  return scores;
}

Interval interval_of(std::vector<double> scores) {
  if (scores.empty()) return {};
  std::ranges::sort(scores);
  const std::size_t outside = scores.size() / 40;
  return {mean(scores), scores[outside], scores[scores.size() - 1 - outside]};
}

Comparison compare(const Statistics& system, const Statistics& baseline) {
  glass::check<glass::ShapeError>(system.sentences() == baseline.sentences(),
                                  "compare: as many sentences of both systems; got {} and {}",
                                  system.sentences(), baseline.sentences());
  Comparison result{.difference = system.of_all() - baseline.of_all()};
  const std::vector<double> scores = resample(system), others = resample(baseline);

  // The differences of the resamples, with and without their signs.
  std::vector<double> differences, sizes;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    differences.push_back(scores[i] - others[i]);
    sizes.push_back(std::abs(differences.back()));
    result.better += scores[i] > others[i] ? 1 : 0;
  }
  result.better /= static_cast<double>(scores.size());
  result.interval = interval_of(differences);

  // The same scores in all resamples: nothing tells the systems apart.
  if (std::ranges::count(sizes, 0.0) == std::ssize(sizes)) return result;

  // If the systems were equally good, sizes would vary about 0 as they now vary about their mean.
  // One is added to both counts, so that p is never 0.
  const double centre = mean(sizes), size = std::abs(result.difference);
  const auto beyond = std::ranges::count_if(sizes, [&](double s) { return s - centre > size; });
  result.p = static_cast<double>(beyond + 1) / static_cast<double>(sizes.size() + 1);
  return result;
}

}  // namespace translate
