// Y = A B
// [..., M, K] @ [..., K, N] → [..., M, N]; a vector A is one row, a vector B is one column
Var matmul(const Var& a, const Var& b) {
  throw StateError("not written yet");
}
