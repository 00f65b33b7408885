// fails: a / b has the value and the slopes that trying gives, at ten points | The slope along b has the wrong sign. If a and b are positive and b grows, a/b shrinks.
// also: x / x has slope 0
// also: an expression with both ops has the slopes that trying gives
Scalar exp(const Scalar& x) {
  const double y = std::exp(x.value());
  return {y, {{x, y}}};
}
Scalar operator/(const Scalar& a, const Scalar& b) {
  const double y = a.value() / b.value();
  return {y, {{a, 1 / b.value()}, {b, y / b.value()}}};
}
