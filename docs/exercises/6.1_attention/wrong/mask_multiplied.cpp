// fails: masked rows still sum to 1, and blocked keys have weight 0 | The scores are multiplied by the mask, so a blocked score is 0. A score of 0 is a score like others: the key still gets a weight. The score of a blocked key is −∞.
// also: a query that sees no key gets weights 0, context 0 and gradient 0
// also: asking for the weights changes neither output nor gradients, with dropout on too
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  Var scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(q.size(-1)));  // [B, H, T, S]
  if (allowed) {
    expect_mask_values("CrossAttention", *allowed);
    scores = scores * *allowed;
  }
  const Var probabilities = softmax(scores);  // [B, H, T, S]
  weights = probabilities.value();
  return matmul(dropout(probabilities), v);  // [B, H, T, D]
}
