// fails: a chain of a million additions is swept and destroyed on a small stack | Each node is destroyed inside the destructor of the node before it: a million calls, one inside the other, and the stack overflows.
void NodePtr::drop() noexcept {
  if (node_->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const std::unique_ptr<Node> gone(node_);
}
