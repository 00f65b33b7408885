// A node is newer than its parents. So when the newest waiting node has its turn, all nodes that
// used its value have had theirs, and its gradient is complete.
void backward() const {
  const auto older = [](const auto& a, const auto& b) { return a->birth < b->birth; };
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(older)>
      waiting(older);
  node->grad = 1;
  waiting.push(node);
  while (!waiting.empty()) {
    const auto newest = waiting.top();
    while (!waiting.empty() && waiting.top() == newest) waiting.pop();  // one turn for each node
    for (const auto& [parent, slope] : newest->parents) {
      parent->grad += newest->grad * slope;
      waiting.push(parent);
    }
  }
}
