// # How far a float is from the exact value
#pragma once

#include <algorithm>
#include <cmath>

namespace glass::oracle {

// In units of the last place of the float nearest to `exact`. Infinite if only one of the two is a
// NaN, or if they are different infinities.
inline double ulps(float y, double exact) {
  const auto nearest = static_cast<float>(exact);
  if (std::isnan(y) || std::isnan(exact)) return std::isnan(y) == std::isnan(exact) ? 0 : 1e9;
  if (std::isinf(y) || std::isinf(nearest)) return y == nearest ? 0 : 1e9;
  const int exponent = nearest == 0 ? -200 : std::ilogb(nearest);
  return std::abs(y - exact) / std::ldexp(1.0, std::max(exponent - 23, -149));
}

}  // namespace glass::oracle
