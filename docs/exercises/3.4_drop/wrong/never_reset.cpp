// fails: a second graph gives its memory back too | After the first graph this thread believes for ever that it is in the loop. Set the flag back when the list is empty.
// also: a graph gives its memory back when its last handle is gone
// also: a graph is destroyed by its own thread, also while another thread destroys one
// also: a chain of a million additions is swept and destroyed on a small stack
// also: a graph made in one thread is swept and destroyed in another
// says: dropped: 80 bytes are still in use
void NodePtr::drop() noexcept {
  if (node_->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  thread_local Node* dying = nullptr;
  thread_local bool burying = false;
  node_->next_dying_ = std::exchange(dying, node_);
  if (std::exchange(burying, true)) return;
  while (dying) std::unique_ptr<Node>(std::exchange(dying, dying->next_dying_));
}
