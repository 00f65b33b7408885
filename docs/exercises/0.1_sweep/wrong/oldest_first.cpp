// fails: a value used early and late waits for both of its users | The oldest waiting node has its turn first. Younger nodes that used its value may still owe it a part. Compare births the other way around.
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
