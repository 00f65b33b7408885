// Adds g to what has been gathered for the node, and returns the sum.
const Tensor& gather(const NodePtr& node, Tensor g) {
  if (node->is_leaf()) {
    throw StateError("not written yet: a gradient arrives at a leaf");
  }
  expect_own(*node);  // an error if another sweep works on this node
  node->sweeper.store(this, std::memory_order_relaxed);
  throw StateError("not written yet: a gradient arrives at the result of an op");
}
