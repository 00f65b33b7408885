// Y = A B          dA = g Bᵀ       dB = Aᵀ g
// [..., M, K] @ [..., K, N] → [..., M, N]; a vector A is one row, a vector B is one column
Var matmul(const Var& a, const Var& b) {
  const bool row = a.rank() == 1, column = b.rank() == 1;
  // g with the axes that Y lost because A or B is a vector: [..., M, N]
  const auto matrix = [row, column](Tensor g) {
    if (column) g = g.unsqueeze(-1);
    return row ? g.unsqueeze(-2) : g;
  };
  return record("matmul", matmul(a.value(), b.value()),
                on(a,
                   [=, b = column_matrix(b.value())](const Tensor& g) {
                     const Tensor da = matmul(matrix(g), b.mT());  // [..., M, K]
                     return row ? da.squeeze(-2) : da;
                   }),
                on(b, [=, a = row_matrix(a.value()), rank = b.rank()](const Tensor& g) {
                  if (rank > 2) return matmul(a.mT(), matrix(g));           // [..., K, N]
                  const Tensor db = matmul(tall(a).mT(), tall(matrix(g)));  // [K, N]
                  return column ? db.squeeze(-1) : db;
                }));
}
