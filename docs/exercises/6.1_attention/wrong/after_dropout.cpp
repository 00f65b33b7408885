// fails: returned weights are those before dropout: rows sum to 1 | The weights are handed out after dropout. Then some are 0, the others are scaled up, and a row no longer sums to 1.
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  Var scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(q.size(-1)));
  if (allowed) expect_mask_values("CrossAttention", *allowed);
  if (allowed) scores = where(*allowed, scores, -std::numeric_limits<double>::infinity());
  const Var dropped = dropout(softmax(scores));
  weights = dropped.value();
  return matmul(dropped, v);
}
