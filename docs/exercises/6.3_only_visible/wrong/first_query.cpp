// fails: a key that only the last query sees stays | Only the first query was asked whether it sees the key. A key stays if any query sees it.
static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
  if (!allowed) return x;
  const Tensor seen = sum(where(allowed->slice(2, 0, 1), 1, 0), {1, 2}, true);
  return where(seen.reshape(Shape{seen.size(0), seen.size(3), 1}), x, 0);
}
