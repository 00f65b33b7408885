// fails: a query that sees no key gets weights 0, context 0 and gradient 0 | A blocked score is a large negative number. If a query sees no key, all its scores are this number, and softmax gives all keys the same weight. Only −∞ is no key at all.
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  Var scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(q.size(-1)));
  if (allowed) expect_mask_values("CrossAttention", *allowed);
  if (allowed) scores = where(*allowed, scores, -1e9);
  const Var probabilities = softmax(scores);
  weights = probabilities.value();
  return matmul(dropout(probabilities), v);
}
