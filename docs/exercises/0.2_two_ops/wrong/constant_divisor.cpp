// fails: a / b has the value and the slopes that trying gives, at ten points | The result depends on b too, but b gets no slope: it was taken for a constant.
// also: x / x has slope 0
// also: an expression with both ops has the slopes that trying gives
// says: got 0.000000
Scalar exp(const Scalar& x) {
  const double y = std::exp(x.value());
  return {y, {{x, y}}};
}
Scalar operator/(const Scalar& a, const Scalar& b) { return a * Scalar(1 / b.value()); }
