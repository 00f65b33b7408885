// # Nodes: creation, destruction, and the ops of users
//
// The graph itself is in var.h. This file has the functions that need no template. The sweep is in
// backward.cpp.
#include "autograd/var.h"

#include <ostream>

namespace glass {

// ---- nodes ----

namespace {

// Relaxed order suffices: a node must only be born later than its parents, and the thread that
// makes it has seen its parents made.
std::atomic<std::uint64_t> births{0};

}  // namespace

Node::Node(std::string_view op, Tensor output, bool wants_grad)
    : name(op),
      value(std::move(output)),
      birth(births.fetch_add(1, std::memory_order_relaxed)),
      version(value.storage().version()),
      requires_grad(wants_grad) {}

// Destroying a node destroys its handles of its parents, and each of them may be the last handle of
// a parent. Such a parent is not destroyed at once, within the call: it joins the list `dying`, and
// the first call in this thread destroys all nodes of the list in a loop.
void NodePtr::drop() noexcept {
  if (node_->owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  thread_local Node* dying = nullptr;
  thread_local bool burying = false;
  node_->next_dying_ = std::exchange(dying, node_);
  if (std::exchange(burying, true)) return;
  while (dying) std::unique_ptr<Node>(std::exchange(dying, dying->next_dying_));
  burying = false;
}

// ---- Var ----

Var::Var(Tensor value, bool requires_grad)
    : node_(std::make_unique<Node>(requires_grad ? "leaf" : "constant", std::move(value),
                                   requires_grad)) {}

const Tensor& Var::grad() const& {
  check<StateError>(node_->is_leaf(),
                    "grad: only leaves keep a gradient; this value was made by '{}'. To change a "
                    "leaf in place, write Tensor w = leaf.value(); w.add_(...)",
                    node_->name);
  check<StateError>(has_grad(),
                    "grad: no gradient yet; call backward() on a value made from this "
                    "one, and make it with requires_grad = true");
  return *node_->grad;
}

std::ostream& operator<<(std::ostream& out, const Var& x) { return out << x.value(); }

// parallel_for hands this on to its threads, so that they record nothing either.
int& NoGrad::depth() { return inherited().no_grad; }

// ---- record ----

namespace {

using Joint = std::function<std::vector<Tensor>(const Tensor&)>;

// Keeps a copy of the op's name; a Node has only a view of it.
struct UserNode final : OpNode<std::vector<Edge>, Joint> {
  UserNode(std::string_view op, Tensor output, std::vector<Edge> edges, Joint vjp)
      : OpNode({}, std::move(output), std::move(edges), std::move(vjp)), own_name(op) {
    name = own_name;
  }
  std::string own_name;
};

}  // namespace

// One VJP for all parents.
Var record(std::string_view name, Tensor value, std::vector<Var> parents, Joint vjp) {
  std::vector<const Var*> vars;
  std::vector<Edge> edges;
  for (const Var& parent : parents) {
    vars.push_back(&parent);
    edges.emplace_back(parent.node());
  }
  if (!recording(name, value, vars)) return Var(std::move(value));
  return Var(NodePtr(
      std::make_unique<UserNode>(name, std::move(value), std::move(edges), std::move(vjp))));
}

// One VJP per parent: they are joined into one function that returns all gradients. A parent that
// requires no gradient gets a Tensor of 0 as a placeholder, which deliver() ignores.
Var record(std::string_view name, Tensor value, std::vector<Parent> parents) {
  std::vector<Var> vars;
  // The joint VJP captures the functions, but no Var: a Var would keep a parent's node alive, with
  // all nodes behind it, as long as the function lives.
  std::vector<std::function<Tensor(const Tensor&)>> vjps;
  for (Parent& parent : parents) {
    vars.push_back(parent.var);
    vjps.push_back(parent.var.requires_grad() ? std::move(parent.vjp) : nullptr);
  }
  return record(name, std::move(value), std::move(vars), [vjps = std::move(vjps)](const Tensor& g) {
    std::vector<Tensor> grads;
    for (const auto& vjp : vjps) grads.push_back(vjp ? vjp(g) : Tensor());
    return grads;
  });
}

}  // namespace glass
