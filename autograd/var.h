// # A value that remembers how it was made
//
// A Var is a handle to a Node. A node holds a Tensor. If an op made the node, it also holds a link
// to each node that the op took, its parents, and for each parent a function that turns the
// gradient of the result into the parent's gradient: the vector-Jacobian product (VJP). Calling ops
// builds this graph; `backward()` walks it from the newest node to the oldest.
//
// What threads may share:
//
// Leaves and layers: several threads may read them, call ops and backward() on them, and
// zero_grad(). The gradients add up in the order in which the threads finish, so the sum may round
// differently each time. Meanwhile no thread may read grad(), and none may write: neither into the
// value of a leaf, as an optimiser's step, load(), gradcheck() and an assignment to a Parameter do,
// nor the mode of a layer (nn::set_training).
//
// Graphs: the nodes that a thread records belong to that thread, until it hands over all of them.
// Two calls of backward() may not meet inside one graph: almost always that is a StateError.
//
// Random streams: only one thread may draw from an Rng. A layer that drops out has one, so it may
// be shared in eval mode only; to train in several threads, copy the model for each.
//
// Tensors: several threads may copy, view, read and drop Tensors of the same memory, and write to
// parts of it that do not overlap. No thread may read a number while another writes it, nor use a
// variable (a Tensor, a Var, an optimiser) while another assigns to it.
//
// The process: NoGrad holds for its own thread. set_num_threads() and set_nan_check() hold for all
// threads, and may be called at any time, as may live_bytes() and trim(). Ops of several threads
// run side by side, with the same bits as alone; one at a time has the pool (tensor/parallel.h).
// Files may be saved and loaded in several threads.
//
// A VJP is written in plain Tensor algebra, so it cannot record itself by accident. The price:
// there is no graph of the backward pass. Second derivatives come from the Dual build instead.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tensor/ops.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace glass {

class Node;
class Sweep;

// ---- the handle's reference counting ----

// Shares a Node. When its last handle is destroyed, the node joins a queue of nodes to be destroyed
// (var.cpp). A plain destructor would recurse, since a node destroys the handles of its parents: a
// chain of a million nodes would need a million nested calls.
class NodePtr {
 public:
  NodePtr() = default;
  explicit NodePtr(std::unique_ptr<Node> node) : node_(node.release()) {}  // takes the first count
  NodePtr(const NodePtr& other) noexcept;
  NodePtr(NodePtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodePtr& operator=(NodePtr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodePtr() {
    if (node_) drop();
  }
  Node* get() const { return node_; }
  Node* operator->() const { return node_; }
  Node& operator*() const { return *node_; }

 private:
  void drop() noexcept;
  Node* node_ = nullptr;
};

// ---- Node ----

// A link to a parent; its storage's version, and whether it required a gradient, when the link was
// made.
struct Edge {
  NodePtr node;
  std::uint32_t version = 0;
  bool wanted = false;
  Edge() = default;
  explicit Edge(const NodePtr& parent);
  // Whether the parent gets a gradient. A leaf that was frozen when the op ran was a constant for
  // the op, so the VJP may have saved nothing for it; a leaf that is frozen now takes no gradient.
  bool wants_grad() const;
};

class Node {
 public:
  Node(std::string_view op, Tensor output, bool wants_grad);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  // What this was made from; empty for a leaf, and once the graph has been freed.
  virtual std::span<const Edge> parents() const { return {}; }
  virtual bool is_leaf() const { return true; }
  // Hands every parent that requires a gradient its share of g, the gradient of this value.
  virtual void pull(const Tensor& /*g*/, Sweep& /*sweep*/) {}
  // Drops the VJPs, the Tensors that they saved, and the links to the parents.
  virtual void release() {}

  std::string_view name;
  Tensor value;
  std::optional<Tensor> grad;  // of a leaf, for its owner

  // Of an op: the part of its gradient that a sweep has gathered so far, and which sweep that is.
  std::optional<Tensor> pending;
  std::atomic<Sweep*> sweeper{};
  std::uint64_t birth;  // later nodes have larger numbers: parents precede results
  // Of a leaf: the index of its entry in the last sweep that reached it. Several threads may sweep
  // into one leaf at once, so each sweep has a sum of its own.
  std::atomic<std::uint32_t> place{0};
  std::uint32_t version;  // of the output's storage when it was made
  bool requires_grad;
  bool frozen = false;  // a leaf that was trained, and is a constant until nn::unfreeze()
  bool freed = false;

 private:
  friend class NodePtr;
  std::atomic<std::int32_t> owners_{1};
  Node* next_dying_ = nullptr;
};

inline NodePtr::NodePtr(const NodePtr& other) noexcept : node_(other.node_) {
  if (node_) node_->owners_.fetch_add(1, std::memory_order_relaxed);
}
inline Edge::Edge(const NodePtr& parent)
    : node(parent), version(parent->value.storage().version()), wanted(parent->requires_grad) {}
inline bool Edge::wants_grad() const { return wanted && node->requires_grad; }

// ---- Var ----

struct BackwardOptions {
  bool retain_graph = false;  // keep saved tensors, for another backward through the same graph
  struct SweepObserver* observer = nullptr;  // is told of each step (trace.h)
};

class Var {
 public:
  // Constants: they require no gradient.
  Var() : Var(Tensor()) {}
  Var(Number auto value) : Var(Tensor(value)) {}
  Var(Tensor value) : Var(std::move(value), false) {}
  // A leaf: with requires_grad, backward() adds its gradient here.
  Var(Tensor value, bool requires_grad);

  // To write in place: Tensor w = v.value(); w.copy_from(…). A temporary Var gives the Tensor by
  // value.
  const Tensor& value() const& { return node_->value; }
  Tensor value() && { return node_->value; }
  bool requires_grad() const { return node_->requires_grad; }

  // The gradient that backward() left in a leaf: the sum over all calls since zero_grad().
  // StateError if there is none, or if this is no leaf.
  bool has_grad() const { return node_->grad.has_value(); }
  const Tensor& grad() const&;
  Tensor grad() && { return std::as_const(*this).grad(); }
  void zero_grad() const;

  // Adds to the gradient of every leaf that this value was made from. Without a seed the value must
  // hold one element. StateError, before any leaf changes, if nothing was recorded, if the graph
  // was freed by an earlier call, or if a value it needs was written in place since.
  void backward(BackwardOptions options = {}) const;
  void backward(const Tensor& seed, BackwardOptions options = {}) const;

  // The same value as a constant: gradients stop here.
  Var detach() const { return Var(value()); }

  Shape shape() const { return value().shape(); }
  Index rank() const { return value().rank(); }
  Index size(Axis axis) const { return value().size(axis); }
  Index numel() const { return value().numel(); }
  Real item() const { return value().item(); }

  Var transpose(Axis a, Axis b) const;
  Var mT() const;
  Var permute(std::vector<Index> axes) const;
  Var reshape(Shape shape) const;
  Var slice(Axis axis, Index begin, Index end, Index step = 1) const;
  Var slice(Axis axis, Index begin) const;  // from begin to the end
  Var select(Axis axis, Index i) const;
  Var expand(Shape shape) const;
  Var squeeze(Axis axis) const;
  Var unsqueeze(Axis axis) const;

  friend Var operator+(const Var& a, const Var& b);
  friend Var operator-(const Var& a, const Var& b);
  friend Var operator*(const Var& a, const Var& b);
  friend Var operator/(const Var& a, const Var& b);
  friend Var operator-(const Var& x);
  // Comparisons give a mask, a Tensor of 0 and 1: a step has no gradient.
  friend Tensor operator<(const Var& a, const Var& b) { return a.value() < b.value(); }
  friend Tensor operator<=(const Var& a, const Var& b) { return a.value() <= b.value(); }
  friend Tensor operator>(const Var& a, const Var& b) { return a.value() > b.value(); }
  friend Tensor operator>=(const Var& a, const Var& b) { return a.value() >= b.value(); }
  friend bool operator==(const Var& a, const Var& b) = delete;  // write equal(a, b)

  friend std::ostream& operator<<(std::ostream& out, const Var& x);  // prints the value

  // `x += y` makes x a name for x + y; no number changes in place.
  Var& operator+=(const Var& other) { return *this = *this + other; }
  Var& operator-=(const Var& other) { return *this = *this - other; }
  Var& operator*=(const Var& other) { return *this = *this * other; }
  Var& operator/=(const Var& other) { return *this = *this / other; }

  // For the sweep, the tracer and the checker.
  explicit Var(NodePtr node) : node_(std::move(node)) {}
  const NodePtr& node() const { return node_; }

 private:
  NodePtr node_;
};

// While a NoGrad lives, this thread records nothing.
class [[nodiscard]] NoGrad {
 public:
  NoGrad() { ++depth(); }
  ~NoGrad() { --depth(); }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  static bool active() { return depth() > 0; }

 private:
  static int& depth();
};

// Adds g to the gradient that the sweep has gathered for a parent, unless the parent requires no
// gradient. If the parent was broadcast, g is first summed to the parent's shape.
void deliver(Sweep& sweep, const Node& from, const Edge& to, Tensor g);

// ---- record: how ops join the graph ----
//
// Multiplication, followed from the call to the gradient. The op calls record() with its name, its
// value, and a parent with its VJP for each operand:
//
//     record("mul", a.value() * b.value(),
//            on(a, [b = b.value()](const Tensor& g) { return g * b; }),   // da = g ⊙ b
//            on(b, [a = a.value()](const Tensor& g) { return g * a; }));  // db = g ⊙ a
//
// 1. on(a, f) makes a ParentVjp: a pointer to the parent, and the function f. Nothing is allocated.
// 2. record() asks recording(): does a parent require a gradient, and does no NoGrad live? If the
//    answer is no, the value becomes a constant, and both functions are dropped.
// 3. Otherwise record() allocates one OpNode. It holds the name, the value, an Edge to the node of
//    a, an Edge to the node of b, and both functions.
// 4. backward() comes to this node with g, the gradient of its value, and calls pull(g). That is
//        deliver(sweep, node, edge to a, g * b);
//        deliver(sweep, node, edge to b, g * a);
//    deliver() sums its last argument over the axes that were broadcast, and adds it to the
//    gradient that the sweep has gathered for the parent.
// 5. Then release() drops the functions, with the Tensors that they saved, and the edges.
//
// There are three more ways to name parents: together(f, a, b), where one function gives all
// gradients; guard(mask), a Tensor without a gradient; and Parent, for the ops of users.

// An op's name, which is kept as a view and therefore must be a literal.
struct OpName {
  consteval OpName(const char* literal) : text(literal) {}
  std::string_view text;
};

// One parent, or N parents, and their VJP: g ↦ the parent's gradient, or an array of N gradients.
// g may be shared and must not be written to. A VJP captures Tensors, never a Var: a Var would keep
// its own graph alive. What the VJP captures is what the op saves for backward.
template <class Vjp, std::size_t N = 1>
struct ParentVjp {
  std::array<const Var*, N> parents;
  Vjp vjp;
};
template <class Vjp>
ParentVjp<Vjp> on(const Var& parent, Vjp vjp) {
  return {{&parent}, std::move(vjp)};
}
// Parents whose gradients share work: one VJP gives a std::array of all their gradients.
template <class Vjp, class... Vars>
ParentVjp<Vjp, sizeof...(Vars)> together(Vjp vjp, const Vars&... parents) {
  return {{&parents...}, std::move(vjp)};
}
// A Tensor of the caller's that gets no gradient, but that a VJP reads again, such as a mask. It
// becomes a constant parent, so that the sweep notices if it was written to in between.
struct NoVjp {};
inline ParentVjp<NoVjp> guard(const Var& saved) { return {{&saved}, {}}; }

// The NaN watch (trace.cpp). StateError if `value` holds a NaN and no parent holds one, or if a
// gradient holds a NaN and neither g nor any value that the op knows holds one.
void watch_nan(std::string_view op, const Tensor& value, std::span<const Var* const> parents);
void watch_nan(const Node& op, const Tensor& g, const Edge& parent, const Tensor& gradient);

// Whether this op joins the graph. If it does not, its value is a constant.
inline bool recording(std::string_view op, const Tensor& value,
                      std::span<const Var* const> parents) {
  if (settings().nan_check.load(std::memory_order_relaxed)) [[unlikely]]
    watch_nan(op, value, parents);
  bool wanted = false;
  for (const Var* parent : parents) wanted |= parent->requires_grad();
  return wanted && !NoGrad::active();
}

// The node of an op, in one allocation: the VJPs are members. Each VJP is a function that gives one
// gradient, a function that gives a list of gradients, or a NoVjp. `Edges` is an array or a vector.
template <class Edges, class... Vjps>
class OpNode : public Node {
 public:
  OpNode(std::string_view op, Tensor output, Edges&& edges, Vjps&&... vjps)
      : Node(op, std::move(output), true),
        edges_(std::move(edges)),
        vjps_(std::in_place, std::move(vjps)...) {}
  std::span<const Edge> parents() const override {
    return freed ? std::span<const Edge>() : std::span<const Edge>(edges_);
  }
  bool is_leaf() const override { return false; }

  // Runs the VJPs in the order of the parents. `edge` is that of the next parent.
  void pull(const Tensor& g, Sweep& sweep) override {
    auto edge = edges_.begin();
    std::apply([&](auto&... vjp) { (run(vjp, g, sweep, edge), ...); }, *vjps_);
  }

  void release() override {
    freed = true;
    vjps_.reset();
    edges_ = {};
  }

 private:
  using NextEdge = typename Edges::iterator;

  void run(NoVjp&, const Tensor&, Sweep&, NextEdge& edge) { ++edge; }

  template <class Vjp>
  void run(Vjp& vjp, const Tensor& g, Sweep& sweep, NextEdge& edge) {
    if constexpr (std::convertible_to<decltype(vjp(g)), Tensor>) {
      // One gradient, computed only if the parent requires it.
      if (edge->wants_grad()) deliver(sweep, *this, *edge, vjp(g));
      ++edge;
    } else {
      deliver_all(vjp(g), sweep, edge);
    }
  }

  // A list of gradients, one per parent that is not a guard.
  void deliver_all(auto gradients, Sweep& sweep, NextEdge& edge) {
    constexpr std::size_t guards = (std::same_as<Vjps, NoVjp> + ... + std::size_t{0});
    check<ShapeError>(std::size(gradients) + guards == std::size(edges_),
                      "backward: the VJP of '{}' gave {} gradients for {} parents", name,
                      std::size(gradients), std::size(edges_) - guards);
    for (Tensor& gradient : gradients) deliver(sweep, *this, *edge++, std::move(gradient));
  }

  Edges edges_;
  std::optional<std::tuple<Vjps...>> vjps_;
};

// The record() of the library's own ops. NoGrad and requires_grad are looked at before anything is
// allocated.
template <class... Vjps, std::size_t... N>
Var record(OpName op, Tensor value, ParentVjp<Vjps, N>... links) {
  const auto join = [&](auto*... parents) {
    if (!recording(op.text, value, std::array{parents...})) return Var(std::move(value));
    return Var(NodePtr(std::make_unique<OpNode<std::array<Edge, sizeof...(parents)>, Vjps...>>(
        op.text, std::move(value), std::array{Edge(parents->node())...}, std::move(links.vjp)...)));
  };
  return std::apply(join, std::tuple_cat(links.parents...));
}

// For users' own ops: one VJP per parent, or one VJP for all parents. The name is copied.
struct Parent {
  Var var;
  std::function<Tensor(const Tensor& g)> vjp;
};
Var record(std::string_view name, Tensor value, std::vector<Parent> parents);
Var record(std::string_view name, Tensor value, std::vector<Var> parents,
           std::function<std::vector<Tensor>(const Tensor& g)> vjp);

// The NaN watch: from now on the op, or the VJP, that makes a NaN out of numbers throws a
// StateError that names it, its shapes, and the nearest parameters upstream. `names` says what the
// parameters are called, as nn::named_parameters(model) does; the Vars in it are held until the
// watch is set again.
void set_nan_check(bool on, std::vector<std::pair<std::string, Var>> names = {});

}  // namespace glass

// A Var prints as its value, and so does a Parameter, which is a Var.
template <std::derived_from<glass::Var> T>
struct fmt::formatter<T, char> : fmt::formatter<glass::Tensor> {
  fmt::appender format(const glass::Var& x, fmt::format_context& context) const {
    return fmt::formatter<glass::Tensor>::format(x.value(), context);
  }
};
