// fails: gradcheck of a / b for two tensors of one shape | The gradient of a is g divided by b, not multiplied by b.
// also: gradcheck of a / b where an operand is transposed
// also: gradcheck of a / b where shapes broadcast
// says: a [3, 4]: 12 of 12
Var operator/(const Var& a, const Var& b) {
  const Tensor y = a.value() / b.value();
  return record("div", y, on(a, [b = b.value()](const Tensor& g) { return g * b; }),
                on(b, [b = b.value(), y](const Tensor& g) { return -(g * y / b); }));
}
