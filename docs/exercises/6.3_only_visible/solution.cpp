// x [B, S, C] → [B, S, C], where keys that no query of their sentence may see are 0
static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
  if (!allowed) return x;
  const Tensor seen = sum(where(*allowed, 1, 0), {1, 2}, true);            // [B, 1, 1, S]
  return where(seen.reshape(Shape{seen.size(0), seen.size(3), 1}), x, 0);  // [B, S, C]
}
