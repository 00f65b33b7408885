// # The learning rate over time
//
// A rate that starts small, while the optimiser's running means are not yet accurate, and ends
// small, so that the weights settle. Steps are counted from 1; write the result to `options.rate`.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/error.h"
#include "tensor/real.h"

namespace glass::optim {

struct ScheduleOptions {
  double rate = 1e-3;  // the largest, at least 0
  Index warmup = 0;    // steps over which the rate rises from 0; at most `total`, if that is given
  Index total = 0;     // steps in all; warmup_cosine needs it
};

// Rises to `rate` over the warm-up, then stays. ShapeError, as from the other two schedules, if an
// option lies outside its range.
inline double constant(Index step, ScheduleOptions o = {}) {
  check<ShapeError>(step >= 1, "schedule: steps are counted from 1; got {}", step);
  check<ShapeError>(o.rate >= 0 && std::isfinite(o.rate),
                    "schedule: rate must be a finite number of at least 0; got {}", o.rate);
  check<ShapeError>(o.warmup >= 0 && o.total >= 0,
                    "schedule: warmup and total must not be negative; got {} and {}", o.warmup,
                    o.total);
  check<ShapeError>(o.total == 0 || o.warmup <= o.total,
                    "schedule: warmup must not be longer than total; got {} and {} steps", o.warmup,
                    o.total);
  // During the warm-up the rate grows in proportion to the step.
  return step >= o.warmup ? o.rate
                          : o.rate * static_cast<double>(step) / static_cast<double>(o.warmup);
}

// Rises, then falls to 0 at step `total` along half a cosine.   I. Loshchilov, F. Hutter (2017)
inline double warmup_cosine(Index step, ScheduleOptions o = {}) {
  check<ShapeError>(o.total >= 1, "schedule: warmup_cosine needs .total ≥ 1; got {}", o.total);
  const double risen = constant(step, o);
  if (step <= o.warmup) return risen;
  if (step >= o.total) return 0;
  const double done =
      static_cast<double>(step - o.warmup) / static_cast<double>(o.total - o.warmup);
  return risen * 0.5 * (1 + std::cos(std::numbers::pi * done));
}

// Rises, then falls as 1/√step.   A. Vaswani et al. (2017), section 5.3
inline double warmup_inverse_sqrt(Index step, ScheduleOptions o = {}) {
  const double start = static_cast<double>(std::max<Index>(o.warmup, 1));
  return constant(step, o) * std::min(1.0, std::sqrt(start / static_cast<double>(step)));
}

}  // namespace glass::optim
