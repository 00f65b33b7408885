// # Xavier and Kaiming: the spread that a shape asks for
//
// Each rule gives a variance. Uniform and normally distributed weights of the same variance do the
// same for a layer: a sum of many products feels only the variance.
#include "nn/init.h"

#include <string_view>

namespace glass::nn {

namespace {

// How many inputs an output of the weight [out, in, …] is made from, and how many outputs an input
// goes to. The axes behind the first two are places, as in a convolution: each counts once more.
struct Fans {
  double in, out;
};

Fans fans_of(std::string_view op, const Shape& shape) {
  check<ShapeError>(shape.rank() >= 2, "{}: needs a shape [out, in, …]; got {}", op, shape);
  double places = 1;
  for (Index axis = 2; axis < shape.rank(); ++axis) places *= static_cast<double>(shape[axis]);
  return {static_cast<double>(shape[1]) * places, static_cast<double>(shape[0]) * places};
}

// A fan of 0 belongs to a weight without elements, which may start with any variance.
double xavier_variance(std::string_view op, const Shape& shape, double gain) {
  const Fans fans = fans_of(op, shape);
  check<ShapeError>(gain >= 0 && std::isfinite(gain),
                    "{}: gain must be a finite number of at least 0; got {}", op, gain);
  return gain * gain * 2 / std::max(fans.in + fans.out, 1.0);
}

double kaiming_variance(std::string_view op, const Shape& shape, const KaimingOptions& options) {
  const Fans fans = fans_of(op, shape);
  check<ShapeError>(std::isfinite(options.slope), "{}: slope must be a finite number; got {}", op,
                    options.slope);
  const double fan = options.fan == Fan::in ? fans.in : fans.out;
  return 2 / (1 + options.slope * options.slope) / std::max(fan, 1.0);
}

// U(−b, b) has the variance b² / 3.
Tensor uniform_of(double variance, Shape shape, Rng& rng) {
  const double bound = std::sqrt(3 * variance);
  return uniform(shape, -bound, bound, rng);
}

}  // namespace

Tensor xavier_uniform(Shape shape, Rng& rng, double gain) {
  return uniform_of(xavier_variance("xavier_uniform", shape, gain), shape, rng);
}

Tensor xavier_normal(Shape shape, Rng& rng, double gain) {
  return normal(shape, 0, std::sqrt(xavier_variance("xavier_normal", shape, gain)), rng);
}

Tensor kaiming_uniform(Shape shape, Rng& rng, KaimingOptions options) {
  return uniform_of(kaiming_variance("kaiming_uniform", shape, options), shape, rng);
}

Tensor kaiming_normal(Shape shape, Rng& rng, KaimingOptions options) {
  return normal(shape, 0, std::sqrt(kaiming_variance("kaiming_normal", shape, options)), rng);
}

}  // namespace glass::nn
