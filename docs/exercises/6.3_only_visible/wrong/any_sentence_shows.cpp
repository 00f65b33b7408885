// fails: padding of NaN leaves the output finite, if the last key is a word in another sentence | A key is kept if a query of any sentence sees it. The mask was summed over the batch too: keep that axis.
// also: what nobody may see leaves no trace in output or gradients, be it NaN or infinite
static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
  if (!allowed) return x;
  const Tensor seen = sum(where(*allowed, 1, 0), {0, 1, 2}, true);  // [1, 1, 1, S]
  return where(seen.reshape(Shape{1, seen.size(3), 1}), x, 0);
}
