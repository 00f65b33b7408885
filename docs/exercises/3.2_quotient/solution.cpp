// y = a / b        da = g / b      db = −g ⊙ y / b
Var operator/(const Var& a, const Var& b) {
  const Tensor y = a.value() / b.value();
  return record("div", y,  //
                on(a, [b = b.value()](const Tensor& g) { return g / b; }),
                on(b, [b = b.value(), y](const Tensor& g) { return -(g * y / b); }));
}
