// fails: gradcheck of [3, 4] @ [4, 2] | The gradient of B is Aᵀ g. Here it is gᵀ A, which is the transpose of it.
// also: gradcheck of square matrices, where every product fits
// also: gradcheck of a batch: [5, 3, 4] @ [5, 4, 2], and [5, 3, 4] @ [4, 2]
// also: gradcheck of a vector on the left: [4] @ [4, 2]
Var matmul(const Var& a, const Var& b) {
  const auto matrix = [row = a.rank() == 1, column = b.rank() == 1](Tensor g) {
    if (column) g = g.unsqueeze(-1);
    return row ? g.unsqueeze(-2) : g;
  };
  return record("matmul", matmul(a.value(), b.value()),
                on(a, [matrix, b = column_matrix(b.value())](
                          const Tensor& g) { return matmul(matrix(g), b.mT()); }),
                on(b, [matrix, a = row_matrix(a.value()), rank = b.rank()](const Tensor& g) {
                  if (rank > 2) return matmul(matrix(g).mT(), a);
                  const Tensor db = matmul(tall(matrix(g)).mT(), tall(a));
                  return rank == 1 ? db.squeeze(-1) : db;
                }));
}
