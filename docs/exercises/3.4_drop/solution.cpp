void NodePtr::drop() noexcept {
  if (node_->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;  // others hold it
  thread_local Node* dying = nullptr;
  thread_local bool burying = false;
  node_->next_dying_ = std::exchange(dying, node_);
  if (burying) return;
  burying = true;
  while (dying) {
    Node* const node = std::exchange(dying, dying->next_dying_);
    const std::unique_ptr<Node> gone(node);  // its destructor drops its parents: they join the list
  }
  burying = false;
}
