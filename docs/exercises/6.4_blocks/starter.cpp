// context = softmax(Q Kᵀ / √D) V of `keys` keys, which `read` returns in blocks.
// queries [T, D] → context [T, E]
Tensor attention_in_blocks(const Tensor& queries, Index keys, Index block, const Read& read) {
  throw StateError("not written yet");
}
