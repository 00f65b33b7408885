// fails: x / x has slope 0 | Where a and b are the same number, one of the two slopes is lost. The list needs both pairs, also then: backward adds them.
Scalar exp(const Scalar& x) {
  const double y = std::exp(x.value());
  return {y, {{x, y}}};
}
Scalar operator/(const Scalar& a, const Scalar& b) {
  const double y = a.value() / b.value();
  if (a.node == b.node) return {y, {{a, 1 / b.value()}}};
  return {y, {{a, 1 / b.value()}, {b, -y / b.value()}}};
}
