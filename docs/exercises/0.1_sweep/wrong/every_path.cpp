// fails: doubling forty times gives 2^40, and each node has one turn | The gradients are right, but every path is walked on its own, and there are 2⁴⁰ of them. A node must add up what reaches it, and then pay once.
void backward() const {
  std::vector<std::pair<std::shared_ptr<Node>, double>> paths{{node, 1.0}};
  while (!paths.empty()) {
    const auto [at, share] = paths.back();
    paths.pop_back();
    at->grad += share;
    for (const auto& [parent, slope] : at->parents) paths.emplace_back(parent, share * slope);
  }
}
