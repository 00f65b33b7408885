// fails: padding of NaN leaves the output finite, if the last key is padding in every sentence | The keys are multiplied by 0, and 0 · NaN is NaN. Choose with where instead.
// also: padding of NaN leaves the output finite, if the last key is a word in another sentence
// also: what nobody may see leaves no trace in output or gradients, be it NaN or infinite
static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
  if (!allowed) return x;
  const Tensor seen = where(sum(where(*allowed, 1, 0), {1, 2}, true), 1, 0);
  return x * seen.reshape(Shape{seen.size(0), seen.size(3), 1});
}
