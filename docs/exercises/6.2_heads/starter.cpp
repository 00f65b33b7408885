// x [B, T, C] → [B, H, T, D]
Var split(const Var& x) const {
  throw StateError("not written yet");
}
