// context = softmax(Q Kᵀ / √D) V
Var step_by_step(const Var& q, const Var& k, const Var& v, const std::optional<Tensor>& allowed,
                 Tensor& weights) const {
  throw StateError("not written yet");
}
