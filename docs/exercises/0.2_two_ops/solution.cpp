// The slope of the exponential is the exponential itself.
Scalar exp(const Scalar& x) {
  const double y = std::exp(x.value());
  return {y, {{x, y}}};
}

Scalar operator/(const Scalar& a, const Scalar& b) {
  const double y = a.value() / b.value();
  return {y, {{a, 1 / b.value()}, {b, -y / b.value()}}};
}
