// context = softmax(Q Kᵀ / √D) V, for all heads at once. `allowed` has 4 axes; 0 blocks.
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  Var scores = matmul(q, k.mT()) / std::sqrt(static_cast<double>(q.size(-1)));  // [B, H, T, S]
  if (allowed) {
    expect_mask_values("CrossAttention", *allowed);
    scores = where(*allowed, scores, -std::numeric_limits<double>::infinity());  // [B, H, T, S]
  }
  const Var probabilities = softmax(scores);  // [B, H, T, S]
  weights = probabilities.value();
  return matmul(dropout(probabilities), v);  // [B, H, T, D]
}
