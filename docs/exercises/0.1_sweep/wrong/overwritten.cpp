// fails: a value used twice gets the sum of both gradients | The second gradient that reaches a node replaces the first one. Gradients that meet must be added.
// also: a value used early and late waits for both of its users
// also: doubling forty times gives 2^40, and each node has one turn
// also: a chain of 100,000 additions is swept on a small stack
// says: got 1
void backward() const {
  const auto older = [](const auto& a, const auto& b) { return a->birth < b->birth; };
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(older)>
      waiting(older);
  node->grad = 1;
  waiting.push(node);
  while (!waiting.empty()) {
    const auto newest = waiting.top();
    while (!waiting.empty() && waiting.top() == newest) waiting.pop();
    for (const auto& [parent, slope] : newest->parents) {
      parent->grad = newest->grad * slope;
      waiting.push(parent);
    }
  }
}
