// fails: exp has the value and the slope that trying gives, at ten points | The slope of eˣ is eˣ itself, the value of the result, and not x.
// also: an expression with both ops has the slopes that trying gives
Scalar exp(const Scalar& x) { return {std::exp(x.value()), {{x, x.value()}}}; }
Scalar operator/(const Scalar& a, const Scalar& b) {
  const double y = a.value() / b.value();
  return {y, {{a, 1 / b.value()}, {b, -y / b.value()}}};
}
