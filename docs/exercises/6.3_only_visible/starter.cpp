// x [B, S, C] → [B, S, C], where keys that no query of their sentence may see are 0
static Var only_visible(const Var& x, const std::optional<Tensor>& allowed) {
  throw StateError("not written yet");
}
