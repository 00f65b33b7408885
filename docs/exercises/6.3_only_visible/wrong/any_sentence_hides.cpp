// fails: the padding of one sentence hides no word of another sentence | A key that is padding in one sentence is hidden in all sentences. Keep the axis of the batch apart.
static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
  if (!allowed) return x;
  const Tensor seen = where(sum(where(*allowed, 1, 0), {1, 2}, true), 1, 0);  // [B, 1, 1, S]
  const Tensor all = equal(sum(seen, {0}, true), seen.size(0));               // [1, 1, 1, S]
  return where(all.reshape(Shape{1, all.size(3), 1}), x, 0);
}
