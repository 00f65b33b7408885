// fails: a value used twice gets the sum of both gradients | A node that is used twice is in the queue twice, and here it pays its whole gradient twice. Remove all its copies before it pays.
// also: a value used early and late waits for both of its users
// also: doubling forty times gives 2^40, and each node has one turn
// says: got 8
void backward() const {
  const auto older = [](const auto& a, const auto& b) { return a->birth < b->birth; };
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(older)>
      waiting(older);
  node->grad = 1;
  waiting.push(node);
  while (!waiting.empty()) {
    const auto newest = waiting.top();
    waiting.pop();
    for (const auto& [parent, slope] : newest->parents) {
      parent->grad += newest->grad * slope;
      waiting.push(parent);
    }
  }
}
