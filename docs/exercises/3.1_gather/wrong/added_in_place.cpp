// fails: what is added to one gradient changes no other gradient | The sum is written into memory that other gradients share. accumulate writes there only if nobody else holds the memory.
// also: two gradients that meet at a leaf add up
// says: b must get 1, got 4
const Tensor& gather(const NodePtr& node, Tensor g) {
  const auto add = [&g](std::optional<Tensor>& pending) -> const Tensor& {
    pending->copy_from(*pending + g);
    return *pending;
  };
  if (node->is_leaf()) {
    for (LeafSum& entry : leaves_)
      if (entry.node.get() == node.get()) return add(entry.pending);
    return *leaves_.emplace_back(LeafSum{node, std::move(g)}).pending;
  }
  expect_own(*node);
  node->sweeper.store(this, std::memory_order_relaxed);
  if (node->pending) return add(node->pending);
  heap_.push_back(node);
  std::push_heap(heap_.begin(), heap_.end(), Older());
  return node->pending.emplace(std::move(g));
}
