// fails: a graph is destroyed by its own thread, also while another thread destroys one | All threads share one list and one flag. While one thread is in the loop, the nodes of another thread only join the list; and two threads that change the list at once would break it. Make both thread_local.
void NodePtr::drop() noexcept {
  if (node_->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  static Node* dying = nullptr;
  static bool burying = false;
  node_->next_dying_ = std::exchange(dying, node_);
  if (std::exchange(burying, true)) return;
  while (dying) std::unique_ptr<Node>(std::exchange(dying, dying->next_dying_));
  burying = false;
}
