// fails: a mask that is no mask of ours is an error, whether the weights are asked for or not | The numbers in the mask are not checked. A mask of another convention then gives wrong weights, and no error. Call expect_mask_values first.
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  Var scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(q.size(-1)));  // [B, H, T, S]
  if (allowed) {
    scores = where(*allowed, scores, -std::numeric_limits<double>::infinity());  // [B, H, T, S]
  }
  const Var probabilities = softmax(scores);  // [B, H, T, S]
  weights = probabilities.value();
  return matmul(dropout(probabilities), v);  // [B, H, T, D]
}
