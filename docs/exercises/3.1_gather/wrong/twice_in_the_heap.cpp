// fails: two gradients that meet at the result of an op add up | A node that gets two gradients is put into the heap twice, and so it is swept twice. Put it in with its first gradient only.
// also: a value used twice gets the sum of both gradients
// also: doubling twenty times gives 2²⁰ and sweeps every node once
const Tensor& gather(const NodePtr& node, Tensor g) {
  const auto add = [&g](std::optional<Tensor>& pending) -> const Tensor& {
    Tensor sum = taken(pending);
    return pending.emplace(accumulate(std::move(sum), g));
  };
  if (node->is_leaf()) {
    for (LeafSum& entry : leaves_)
      if (entry.node.get() == node.get()) return add(entry.pending);
    return *leaves_.emplace_back(LeafSum{node, std::move(g)}).pending;
  }
  expect_own(*node);
  node->sweeper.store(this, std::memory_order_relaxed);
  heap_.push_back(node);
  std::push_heap(heap_.begin(), heap_.end(), Older());
  if (node->pending) return add(node->pending);
  return node->pending.emplace(std::move(g));
}
