// fails: a leaf's gradient arrives | The sum of a leaf must wait in leaves_. The sweep writes the gradients of the leaves that stand there, and of no others.
// also: two gradients that meet at a leaf add up
// also: two gradients that meet at the result of an op add up
// also: what is added to one gradient changes no other gradient
// also: a value used twice gets the sum of both gradients
// also: doubling twenty times gives 2²⁰ and sweeps every node once
// also: a gradient shares memory with no seed, no other gradient and no value
// says: got nan
const Tensor& gather(const NodePtr& node, Tensor g) {
  if (!node->is_leaf()) {
    expect_own(*node);
    node->sweeper.store(this, std::memory_order_relaxed);
  }
  if (node->pending) {
    Tensor sum = taken(node->pending);
    return node->pending.emplace(accumulate(std::move(sum), g));
  }
  if (!node->is_leaf()) {
    heap_.push_back(node);
    std::push_heap(heap_.begin(), heap_.end(), Older());
  }
  return node->pending.emplace(std::move(g));
}
