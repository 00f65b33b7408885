// x [B, T, C] → [B, H, T, D]
Var split(const Var& x) const {
  const Index width = x.size(2) / heads;                                        // D
  return x.reshape(Shape{x.size(0), x.size(1), heads, width}).transpose(1, 2);  // [B, H, T, D]
}
