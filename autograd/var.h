// # A value that remembers how it was made
//
// A Var is a handle to a Node: a Tensor, and, where an op made it from others, links to those and
// one function for each that carries a gradient back, its vector-Jacobian product (VJP). Calling
// ops builds this graph; `backward()` walks it from the newest node to the oldest.
//
// Threads: several threads may use the same leaves at once, call ops on them, backward() and
// zero_grad(); gradients of all of them add up. What each thread records is its own: a backward()
// that meets another one inside a graph is a StateError. While other threads do so, nobody may
// write into a leaf's value (an optimiser's step does), read its grad(), or draw from one random
// stream (a layer that drops out has one).
//
// A VJP is written in plain Tensor algebra, so it cannot record itself by accident. The price:
// there is no graph of the backward pass. Second derivatives come from the Dual build instead.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
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

// Shares a Node. The last handle to go hands the node to a queue of the dying (var.cpp), because
// a node's own handles go with it: a chain of a million would otherwise die a million calls deep.
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

// A link to a parent, and its storage's version when the link was made.
struct Edge {
  NodePtr node;
  std::uint32_t version = 0;
  Edge() = default;
  explicit Edge(const NodePtr& parent);
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
  // Drops the VJPs, what they saved, and the links.
  virtual void release() {}

  std::string_view name;
  Tensor value;
  std::optional<Tensor> grad;  // of a leaf, for its owner

  // Of an op: what a sweep has gathered for it so far, and which sweep that is.
  std::optional<Tensor> pending;
  std::atomic<Sweep*> sweeper{};
  // Of a leaf: where the last sweep that came by keeps what it gathers, for sweeps of several
  // threads may be at a leaf.
  std::atomic<std::uint32_t> place{0};
  std::uint64_t birth;    // later nodes have larger numbers: a topological order for free
  std::uint32_t version;  // of the output's storage when it was made
  bool requires_grad;
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
    : node(parent), version(parent->value.storage().version()) {}

// ---- Var ----

struct BackwardOptions {
  bool retain_graph = false;  // keep saved tensors, for another backward through the same graph
  struct SweepObserver* observer = nullptr;  // sees it go by (trace.h)
};

class Var {
 public:
  // Constants: no gradient is ever asked for.
  Var() : Var(Tensor()) {}
  Var(Number auto value) : Var(Tensor(value)) {}
  Var(Tensor value) : Var(std::move(value), false) {}
  // A leaf: with requires_grad, backward() leaves its gradient here.
  Var(Tensor value, bool requires_grad);

  // In place: Tensor w = v.value(); w.copy_from(…). A temporary Var gives the Tensor by value.
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
  Var select(Axis axis, Index i) const;
  Var expand(Shape shape) const;
  Var squeeze(Axis axis) const;
  Var unsqueeze(Axis axis) const;

  friend Var operator+(const Var& a, const Var& b);
  friend Var operator-(const Var& a, const Var& b);
  friend Var operator*(const Var& a, const Var& b);
  friend Var operator/(const Var& a, const Var& b);
  friend Var operator-(const Var& x);
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

// Adds g to what the sweep has gathered for a parent, unless that wants none. The sweep alone
// undoes broadcasting.
void deliver(Sweep& sweep, const Node& from, const Edge& to, Tensor g);

// ---- record: how ops join the graph ----

// An op's name, which is kept as a view and therefore must be a literal.
struct OpName {
  consteval OpName(const char* literal) : text(literal) {}
  std::string_view text;
};

// A parent and its VJP, g ↦ the parent's gradient; g may be shared and must not be written to. A
// VJP captures Tensors, never a Var: that would be a cycle. What it captures is what the op saves.
template <class Vjp, std::size_t N = 1>
struct On {
  std::array<const Var*, N> vars;
  Vjp vjp;
};
template <class Vjp>
On<Vjp> on(const Var& var, Vjp vjp) {
  return {{&var}, std::move(vjp)};
}
// Parents whose gradients share work: one VJP gives a std::array of them all.
template <class Vjp, class... Vars>
On<Vjp, sizeof...(Vars)> together(Vjp vjp, const Vars&... vars) {
  return {{&vars...}, std::move(vjp)};
}
// A Tensor of the caller's that gets no gradient, but that a VJP reads again, such as a mask. It is
// a constant parent, so that the sweep notices a write into it.
struct NoVjp {};
inline On<NoVjp> guard(const Var& saved) { return {{&saved}, {}}; }

// The NaN watch (trace.cpp): StateError if `value` holds a NaN that no parent held, or if a
// gradient does that neither g held nor any value that the op knows.
void watch_nan(std::string_view op, const Tensor& value, std::span<const Var* const> parents);
void watch_nan(const Node& op, const Tensor& g, const Edge& parent, const Tensor& gradient);

// Does this op join the graph? Else its value is a constant.
inline bool recording(std::string_view op, const Tensor& value,
                      std::span<const Var* const> parents) {
  if (settings().nan_check.load(std::memory_order_relaxed)) [[unlikely]]
    watch_nan(op, value, parents);
  bool wanted = false;
  for (const Var* parent : parents) wanted |= parent->requires_grad();
  return wanted && !NoGrad::active();
}

// What an op made, in one allocation: the closures are members. There is one VJP a parent, or one
// that gives a list of gradients, for all of them. `Edges` is an array or a vector.
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
  void pull(const Tensor& g, Sweep& sweep) override {
    constexpr std::size_t guards = (std::same_as<Vjps, NoVjp> + ... + std::size_t{0});
    auto edge = edges_.begin();
    const auto run = [&](auto& vjp) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(vjp)>, NoVjp>) {
        ++edge;
      } else if constexpr (std::convertible_to<decltype(vjp(g)), Tensor>) {
        if (edge->node->requires_grad) deliver(sweep, *this, *edge, vjp(g));
        ++edge;
      } else {
        auto grads = vjp(g);
        check<ShapeError>(std::size(grads) + guards == std::size(edges_),
                          "backward: the VJP of '{}' gave {} gradients for {} parents", name,
                          std::size(grads), std::size(edges_) - guards);
        for (Tensor& gradient : grads) deliver(sweep, *this, *edge++, std::move(gradient));
      }
    };
    std::apply([&](auto&... vjp) { (run(vjp), ...); }, *vjps_);
  }
  void release() override {
    freed = true;
    vjps_.reset();
    edges_ = {};
  }

 private:
  Edges edges_;
  std::optional<std::tuple<Vjps...>> vjps_;
};

// Ops of the library call this one. NoGrad and requires_grad are looked at before anything is
// allocated; without need of a gradient the closures just go.
template <class... Vjps, std::size_t... N>
Var record(OpName op, Tensor value, On<Vjps, N>... links) {
  const auto join = [&](auto*... parents) {
    if (!recording(op.text, value, std::array{parents...})) return Var(std::move(value));
    return Var(NodePtr(std::make_unique<OpNode<std::array<Edge, sizeof...(parents)>, Vjps...>>(
        op.text, std::move(value), std::array{Edge(parents->node())...}, std::move(links.vjp)...)));
  };
  return std::apply(join, std::tuple_cat(links.vars...));
}

// For users' own ops: one VJP a parent, or one for all of them. The name is copied.
struct Parent {
  Var var;
  std::function<Tensor(const Tensor& g)> vjp;
};
Var record(std::string_view name, Tensor value, std::vector<Parent> parents);
Var record(std::string_view name, Tensor value, std::vector<Var> parents,
           std::function<std::vector<Tensor>(const Tensor& g)> vjp);

// The NaN watch: from now on the op, or the VJP, that makes a NaN out of numbers throws a
// StateError that names it, its shapes, and the nearest parameters upstream. They go by the names
// given, as nn::named_parameters(model) gives them; those are held until the watch is set anew.
void set_nan_check(bool on, std::vector<std::pair<std::string, Var>> names = {});

}  // namespace glass

// A Var prints as its value.
template <>
struct fmt::formatter<glass::Var> : fmt::formatter<glass::Tensor> {
  fmt::appender format(const glass::Var& x, fmt::format_context& context) const {
    return fmt::formatter<glass::Tensor>::format(x.value(), context);
  }
};
