// # The reverse sweep
//
// A node may run its VJPs once every node that used its value has done so. Whatever uses a value is
// made after it: so the sweep takes, of all nodes that have a gradient waiting, the newest first.
// Birth numbers and a heap are all it needs; nothing recurses.
#include <algorithm>

#include "autograd/trace.h"

namespace glass {

class Sweep {
 public:
  explicit Sweep(BackwardOptions o) : options(o) {}
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  // After an error nothing half gathered may stay behind.
  ~Sweep() {
    for (const NodePtr& node : heap_) node->pending.reset();
    for (const NodePtr& leaf : leaves_) leaf->pending.reset();
  }

  void run(const NodePtr& root, const Tensor& seed) {
    gather(root, seed);
    while (!heap_.empty()) {
      if (options.observer) options.observer->next(heap_);
      std::pop_heap(heap_.begin(), heap_.end(), older);
      const NodePtr node = std::move(heap_.back());
      heap_.pop_back();
      const Tensor g = taken(node->pending);
      expect_intact(*node);
      pulled_ = &g;
      node->pull(g, *this);
      if (options.observer) options.observer->pulled();
      if (!options.retain_graph) node->release();
    }
    if (options.observer) options.observer->next({});
    for (const NodePtr& leaf : leaves_) prepare(*leaf);
    for (const NodePtr& leaf : leaves_) commit(*leaf);
  }

  // The gradient of the node whose VJPs are running.
  const Tensor& pulled() const { return *pulled_; }

  void gather(const NodePtr& node, Tensor g) {
    if (node->pending) {
      // Taken out first: accumulate may then see that nobody else holds it.
      Tensor sum = taken(node->pending);
      node->pending = accumulate(std::move(sum), g);
      return;
    }
    // Noted first, which may fail: what is not noted would never be cleared.
    const bool is_leaf = node->is_leaf();
    (is_leaf ? leaves_ : heap_).push_back(node);
    node->pending = std::move(g);
    if (!is_leaf) std::push_heap(heap_.begin(), heap_.end(), older);
  }

  const BackwardOptions options;
  const bool nan_check = settings().nan_check;  // looked up once: a sweep delivers often

 private:
  static bool older(const NodePtr& a, const NodePtr& b) { return a->birth < b->birth; }
  static Tensor taken(std::optional<Tensor>& held) {
    Tensor g = std::move(*held);
    held.reset();
    return g;
  }

  // A VJP computes with values saved when its op ran. They are as they were if nothing has been
  // written in place since.
  static void expect_intact(const Node& node) {
    check<StateError>(!node.freed,
                      "backward: the graph through '{}' was freed by an earlier backward(); pass "
                      "{{.retain_graph = true}} to that call to sweep it again",
                      node.name);
    bool intact = node.value.storage().version() == node.version;
    for (const Edge& edge : node.parents())
      intact &= edge.node->value.storage().version() == edge.version;
    check<StateError>(intact,
                      "backward: a value that '{}' took or gave was written in place since; write "
                      "after backward(), or into a clone()",
                      node.name);
  }

  // Asks for all the memory that commit() needs, so that no leaf changes unless all can. A gradient
  // that is added to, now or later, must be in memory that nobody else holds.
  static void prepare(Node& leaf) {
    std::optional<Tensor>& kept = leaf.grad ? leaf.grad : leaf.pending;
    if (!kept->owns_memory()) kept = kept->clone();
  }

  static void commit(Node& leaf) {
    Tensor g = taken(leaf.pending);
    leaf.grad = leaf.grad ? accumulate(taken(leaf.grad), g) : std::move(g);
  }

  const Tensor* pulled_ = nullptr;
  std::vector<NodePtr> heap_;    // interior nodes with a gradient waiting, the newest on top
  std::vector<NodePtr> leaves_;  // written only when all has gone well
};

void deliver(Sweep& sweep, const Node& from, const Edge& to, Tensor g) {
  if (!to.node->requires_grad) return;
  const Shape& shape = to.node->value.shape();
  const bool same = g.shape() == shape;
  check<ShapeError>(same || broadcasts_to(shape, g.shape()),
                    "backward: the VJP of '{}' gave a gradient of shape {} for a value of shape {}",
                    from.name, g.shape(), shape);
  if (sweep.options.observer) sweep.options.observer->gave(to, g);
  sweep.gather(to.node, same ? std::move(g) : sum_to(g, shape));
  if (sweep.nan_check) [[unlikely]]
    watch_nan(from, sweep.pulled(), to, *to.node->pending);
}

void Var::backward(BackwardOptions options) const {
  check<StateError>(numel() == 1,
                    "backward: the value must hold one element, or a seed of its shape be given; "
                    "got shape {}",
                    shape());
  backward(ones(shape()), options);
}

void Var::backward(const Tensor& seed, BackwardOptions options) const {
  check<StateError>(requires_grad(),
                    "backward: nothing to differentiate; no leaf behind this value requires a "
                    "gradient, or it was computed under NoGrad");
  check<ShapeError>(seed.shape() == shape(),
                    "backward: the seed must have the value's shape {}; got {}", shape(),
                    seed.shape());
  Sweep(options).run(node_, seed);
}

}  // namespace glass
