// # The reverse sweep
//
// A node may run its VJPs once every node that used its value has run its own: only then is its
// gradient complete. Whatever uses a value is made after it. So of all nodes that have a gradient
// waiting, the sweep takes the newest first. Birth numbers and a heap are all that this needs;
// nothing recurses.
#include <algorithm>
#include <mutex>

#include "autograd/trace.h"
#include "tensor/decisions.h"

namespace glass {

namespace {

// Held while gradients of leaves change, which several threads may want at once.
constinit SpinLock gradients;

}  // namespace

void Var::zero_grad() const {
  check<StateError>(
      node_->is_leaf(),
      "zero_grad: only leaves keep a gradient; this value was made by '{}'. To change a "
      "leaf in place, write Tensor w = leaf.value(); w.add_(...)",
      node_->name);
  const std::lock_guard lock(gradients);
  node_->grad.reset();
}

class Sweep {
 public:
  explicit Sweep(BackwardOptions o) : options(o) {}
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  // After an error no node may keep the part of a gradient that was gathered so far.
  ~Sweep() {
    for (const NodePtr& node : heap_) leave(*node);
    if (current_.get()) leave(*current_);
  }

  void run(const NodePtr& root, const Tensor& seed) {
    gather(root, seed);
    while (!heap_.empty()) {
      if (options.observer) options.observer->next(heap_);
      pull(take_newest());
    }
    if (options.observer) options.observer->next({});
    write_leaves();
  }

  // The gradient of the node whose VJPs are running.
  const Tensor& pulled() const { return *pulled_; }

  // Adds g to what has been gathered for the node, and returns the sum.
  const Tensor& gather(const NodePtr& node, Tensor g) {
    if (node->is_leaf()) return gather_leaf(node, std::move(g));
    expect_own(*node);
    if (node->pending) return add(node->pending, g);
    // push_back may throw, so it precedes the gradient: the destructor finds every node that has
    // one.
    heap_.push_back(node);
    node->sweeper.store(this, std::memory_order_relaxed);
    node->pending = std::move(g);
    std::push_heap(heap_.begin(), heap_.end(), Older());
    return *node->pending;
  }

  const BackwardOptions options;
  const bool nan_check = settings().nan_check;  // looked up once: a sweep delivers often

 private:
  NodePtr take_newest() {
    std::pop_heap(heap_.begin(), heap_.end(), Older());
    NodePtr newest = std::move(heap_.back());
    heap_.pop_back();
    return newest;
  }

  // Runs the VJPs of a node whose gradient is complete. `current_` lets the destructor find the
  // node if a VJP throws.
  void pull(NodePtr node) {
    current_ = std::move(node);
    const Tensor g = taken(current_->pending);
    expect_intact(*current_);
    pulled_ = &g;
    named(current_->name, [&] { current_->pull(g, *this); });
    if (options.observer) options.observer->pulled();
    if (!options.retain_graph) current_->release();
    leave(*current_);
    current_ = NodePtr();
  }

  // All has gone well: now the leaves get their gradients.
  void write_leaves() {
    const std::lock_guard lock(gradients);
    for (auto& [leaf, pending] : leaves_) prepare(*leaf, pending);
    for (auto& [leaf, pending] : leaves_) commit(*leaf, pending);
  }

  // The result of an op belongs to one sweep at a time. The other sweep may run in another thread,
  // or a VJP may have started it. Two threads that enter at the very same moment are not noticed.
  void expect_own(const Node& node) const {
    const Sweep* const other = node.sweeper.load(std::memory_order_acquire);
    check<StateError>(!other || other == this,
                      "backward: another backward() is at work on '{}'. Threads may share leaves, "
                      "but each needs a graph of its own",
                      node.name);
  }
  static void leave(Node& node) {
    node.pending.reset();
    node.sweeper.store(nullptr, std::memory_order_release);
  }

  // The gradient of a leaf stays in `leaves_` until the end of the sweep. The leaf remembers its
  // index there. If the sweep of another thread has overwritten the index since, this sweep adds a
  // second entry for the same leaf.
  const Tensor& gather_leaf(const NodePtr& leaf, Tensor g) {
    const std::size_t place = leaf->place.load(std::memory_order_relaxed);
    if (place < leaves_.size() && leaves_[place].node.get() == leaf.get())
      return add(leaves_[place].pending, g);
    leaf->place.store(static_cast<std::uint32_t>(leaves_.size()), std::memory_order_relaxed);
    return *leaves_.emplace_back(LeafSum{leaf, std::move(g)}).pending;
  }

  static const Tensor& add(std::optional<Tensor>& pending, const Tensor& g) {
    // Moved out first, so that accumulate sees a Tensor that nobody else holds and adds in place.
    Tensor sum = taken(pending);
    return pending.emplace(accumulate(std::move(sum), g));
  }

  struct Older {
    bool operator()(const NodePtr& a, const NodePtr& b) const { return a->birth < b->birth; }
  };
  static Tensor taken(std::optional<Tensor>& held) {
    Tensor g = std::move(*held);
    held.reset();
    return g;
  }

  // A VJP computes with values that were saved when its op ran. They are unchanged if no storage's
  // version has risen since.
  static void expect_intact(const Node& node) {
    check<StateError>(
        !node.freed,
        "backward: the graph through '{}' was freed by an earlier backward(); pass "
        "{{.retain_graph = true}} to that call to sweep it again, or detach() what is "
        "carried from one window of a long sequence to the next",
        node.name);
    // The value of the node, and those of its parents.
    bool intact = node.value.storage().version() == node.version;
    for (const Edge& edge : node.parents())
      intact &= edge.node->value.storage().version() == edge.version;
    check<StateError>(intact,
                      "backward: a value that '{}' took or gave was written in place since; write "
                      "after backward(), or into a clone()",
                      node.name);
  }

  // Allocates all the memory that commit() needs, so that either all leaves change or none. A
  // gradient that is added to, now or later, must be in memory that nobody else holds.
  static void prepare(Node& leaf, std::optional<Tensor>& pending) {
    std::optional<Tensor>& kept = leaf.grad ? leaf.grad : pending;
    if (!kept->owns_memory()) kept = kept->clone();
  }

  static void commit(Node& leaf, std::optional<Tensor>& pending) {
    Tensor g = taken(pending);
    leaf.grad = leaf.grad ? accumulate(taken(leaf.grad), g) : std::move(g);
  }

  NodePtr current_;  // the node whose VJPs are running
  const Tensor* pulled_ = nullptr;
  std::vector<NodePtr> heap_;  // interior nodes with a gradient waiting, the newest on top
  struct LeafSum {
    NodePtr node;
    std::optional<Tensor> pending;
  };
  std::vector<LeafSum> leaves_;  // what write_leaves() adds at the end
};

// What a VJP gave for a parent: its shape is checked, it is summed to the parent's shape, and added
// to the parent's gradient.
void deliver(Sweep& sweep, const Node& from, const Edge& to, Tensor g) {
  if (!to.wants_grad()) return;
  const Shape& shape = to.node->value.shape();
  const bool same = g.shape() == shape;
  check<ShapeError>(same || broadcasts_to(shape, g.shape()),
                    "backward: the VJP of '{}' gave a gradient of shape {} for a value of shape {}",
                    from.name, g.shape(), shape);
  if (sweep.options.observer) sweep.options.observer->gave(to, g);
  const Tensor& sum = sweep.gather(to.node, same ? std::move(g) : sum_to(g, shape));
  if (sweep.nan_check) [[unlikely]]
    watch_nan(from, sweep.pulled(), to, sum);
}

// Without a seed, the value is a scalar L, and the seed is dL/dL = 1.
void Var::backward(BackwardOptions options) const {
  check<StateError>(numel() == 1,
                    "backward: the value must hold one element, or a seed of its shape be given; "
                    "got shape {}",
                    shape());
  backward(ones(shape()), options);
}

void Var::backward(const Tensor& seed, BackwardOptions options) const {
  check<StateError>(
      requires_grad(),
      "backward: nothing to differentiate; no leaf behind this value requires a "
      "gradient, or it was computed under NoGrad. (There w -= ... makes a constant; to "
      "change a leaf in place, write Tensor w = leaf.value(); w.add_(...))");
  check<ShapeError>(seed.shape() == shape(),
                    "backward: the seed must have the value's shape {}; got {}", shape(),
                    seed.shape());
  Sweep(options).run(node_, seed);
}

}  // namespace glass
