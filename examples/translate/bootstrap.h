// # The bootstrap: how far a score would move with other sentences
//
// A score of a thousand sentences depends on which thousand they are. The bootstrap draws a
// thousand sentences from them at random, some several times and some never, and scores these.
// Repeated a thousand times, this shows how much the score varies from sample to sample.
// P. Koehn, Statistical Significance Tests for Machine Translation Evaluation (2004)
//
// The intervals and p are computed as sacreBLEU computes them, from other random numbers: their
// first digit agrees with sacreBLEU's, later ones need not.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "glassgrad.h"

namespace translate {

using glass::Index;

// What a score is computed from: counts of every sentence, and the score of added counts.
struct Statistics {
  Index width = 1;                                     // counts of one sentence
  std::vector<long> counts;                            // [sentences, width], row-major
  std::function<double(std::span<const long>)> score;  // of the sum over sentences

  Index sentences() const { return std::ssize(counts) / width; }
  std::vector<long> sum() const;  // over all sentences
  double of_all() const { return score(sum()); }
};

inline constexpr Index bootstrap_resamples = 1000;
inline constexpr std::uint64_t bootstrap_seed = 1;

// The scores of the resamples. Statistics of equally many sentences are resampled alike, so that
// two systems, or two scores of one system, can be compared resample by resample.
std::vector<double> resample(const Statistics& statistics, Index resamples = bootstrap_resamples,
                             std::uint64_t seed = bootstrap_seed);

// Of the resamples' scores: their mean, and between which two lie the middle 95 %. A fortieth of
// the scores, rounded down, is below `low`, and as many are above `high`.
struct Interval {
  double mean = 0, low = 0, high = 0;
  double half_width() const { return (high - low) / 2; }
};
Interval interval_of(std::vector<double> scores);

// Two systems on the same sentences.
struct Comparison {
  double difference = 0;   // the score of the system less that of the baseline
  Interval interval = {};  // of the difference
  // How probable a difference of this size, of either sign, is if the systems are equally good.
  double p = 1;
  double better = 0;  // share of resamples in which the system scores higher than the baseline
};
// ShapeError unless both have the same number of sentences.
Comparison compare(const Statistics& system, const Statistics& baseline);

}  // namespace translate
