// fails: gradcheck of a / b for two tensors of one shape | The gradient of b takes a where it needs the quotient y = a/b: one division by b is missing.
// also: gradcheck of a / b where an operand is transposed
// also: gradcheck of a / b where shapes broadcast
// says: b [3, 4]: 12 of 12
Var operator/(const Var& a, const Var& b) {
  return record("div", a.value() / b.value(),
                on(a, [b = b.value()](const Tensor& g) { return g / b; }),
                on(b, [b = b.value(), a = a.value()](const Tensor& g) { return -(g * a / b); }));
}
