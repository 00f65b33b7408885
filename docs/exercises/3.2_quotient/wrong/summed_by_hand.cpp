// fails: gradcheck of a / b where shapes broadcast | The VJP sums over the wrong axes. Where shapes broadcast, return the larger gradient: the sweep sums it to the shape of the parent.
Var operator/(const Var& a, const Var& b) {
  const Tensor y = a.value() / b.value();
  return record("div", y, on(a, [b = b.value()](const Tensor& g) { return g / b; }),
                on(b, [b = b.value(), y](const Tensor& g) {
                  const Tensor db = -(g * y / b);
                  return db.shape() == b.shape() ? db : sum(db, {-1});
                }));
}
