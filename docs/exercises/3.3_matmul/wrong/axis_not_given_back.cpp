// fails: gradcheck of a vector on the left: [4] @ [4, 2] | Where A or B is a vector, Y has lost an axis, and so has g. Give g this axis back before you multiply.
// also: gradcheck of a vector on the right: [3, 4] @ [4]
Var matmul(const Var& a, const Var& b) {
  return record("matmul", matmul(a.value(), b.value()),
                on(a, [b = b.value()](const Tensor& g) {
                  return matmul(g, b.rank() > 1 ? b.mT() : b);
                }),
                on(b, [a = a.value(), rank = b.rank()](const Tensor& g) {
                  if (a.rank() == 1 || rank > 2) return matmul(a.rank() > 1 ? a.mT() : a, g);
                  return matmul(tall(a).mT(), tall(g));
                }));
}
