// fails: masked rows still sum to 1, and blocked keys have weight 0 | The mask comes after the softmax, so the weights of a row no longer sum to 1. Block the scores instead.
// also: asking for the weights changes neither output nor gradients, with dropout on too
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  Var scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(q.size(-1)));
  if (allowed) expect_mask_values("CrossAttention", *allowed);
  Var probabilities = softmax(scores);
  if (allowed) probabilities = where(*allowed, probabilities, 0);
  weights = probabilities.value();
  return matmul(dropout(probabilities), v);
}
