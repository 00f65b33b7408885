void NodePtr::drop() noexcept {
  if (node_->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;  // others hold it
  // Not written yet: nobody holds node_ now, and it is never destroyed.
}
