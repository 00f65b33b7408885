// fails: a value used twice gets the sum of both gradients | A node is paid for on every path that reaches it, and it pays on at once. When it is reached again, it pays its first part a second time. It must wait until its gradient is complete.
// also: a value used early and late waits for both of its users
// also: doubling forty times gives 2^40, and each node has one turn
// says: got 6
void backward() const {
  const auto pay = [](const auto& self, const std::shared_ptr<Node>& from) -> void {
    for (const auto& [parent, slope] : from->parents) {
      parent->grad += from->grad * slope;
      self(self, parent);
    }
  };
  node->grad = 1;
  pay(pay, node);
}
