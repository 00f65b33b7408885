// fails: a value used early and late waits for both of its users | A node has its turn while a newer node that uses its value is still waiting, so a part of its gradient is missing. The waiting node with the largest birth comes first.
// says: got
void backward() const {
  const auto newer = [](const auto& a, const auto& b) { return a->birth > b->birth; };
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(newer)>
      waiting(newer);
  node->grad = 1;
  waiting.push(node);
  while (!waiting.empty()) {
    const auto oldest = waiting.top();
    while (!waiting.empty() && waiting.top() == oldest) waiting.pop();
    for (const auto& [parent, slope] : oldest->parents) {
      parent->grad += oldest->grad * slope;
      waiting.push(parent);
    }
  }
}
