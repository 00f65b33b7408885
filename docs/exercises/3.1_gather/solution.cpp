// Adds g to what has been gathered for the node, and returns the sum.
const Tensor& gather(const NodePtr& node, Tensor g) {
  const auto add = [&g](std::optional<Tensor>& pending) -> const Tensor& {
    Tensor sum = taken(pending);  // moved out first, so that accumulate may use its memory
    return pending.emplace(accumulate(std::move(sum), g));
  };
  if (node->is_leaf()) {
    for (LeafSum& entry : leaves_)
      if (entry.node.get() == node.get()) return add(entry.pending);
    return *leaves_.emplace_back(LeafSum{node, std::move(g)}).pending;
  }
  expect_own(*node);  // an error if another sweep works on this node
  node->sweeper.store(this, std::memory_order_relaxed);
  if (node->pending) return add(node->pending);
  heap_.push_back(node);
  std::push_heap(heap_.begin(), heap_.end(), Older());
  node->pending = std::move(g);
  return *node->pending;
}
