// # A module is a struct with a visitor
//
// A layer is a plain struct of parameters and smaller layers. One line names them:
//
//     void each(auto&& f) { f("up", up); f("down", down); }
//
// and names, counting, training mode, saving and loading all follow from that line. There is no
// base class and no registration. Copying a layer copies its parameters and its Buffers. A plain
// Tensor that each() names shares its numbers with that of the copy, as all copies of a Tensor do.
// A struct inside a function cannot have such an each(): C++ allows no templates there.
#pragma once

#include <algorithm>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "autograd/trace.h"

namespace glass::nn {

using glass::set_nan_check;

// ---- parameters ----

// Copies numbers into a leaf, and drops its gradient. A leaf that is an expanded view gets new
// memory first, with a number for each element.
inline void overwrite(const Var& leaf, const Tensor& numbers) {
  Node& node = *leaf.node();
  if (node.value.is_expanded()) node.value = node.value.clone();
  Tensor(node.value).copy_from(numbers);
  leaf.zero_grad();
}

// A leaf that is trained. Unlike a Var, which is a handle, a Parameter is a value: a copy has
// numbers of its own, and starts without a gradient. To share one on purpose (tied weights), assign
// a Var: `a.weight = Var(b.weight)`. A copy of a whole module shares nothing, not even within
// itself: tie it again.
//
// Assigning a Parameter or a Tensor copies its numbers into the leaf on the left, and drops the
// gradient of that leaf. Optimisers that hold the leaf go on moving it, and tied weights stay tied.
// So `net = best` restores a snapshot, together with its modes and random streams, and `layer.bias
// = zeros({n})` starts again from 0. The copy counts as a write, as copy_from() does. If the shapes
// differ, or a Parameter is no leaf that was made to be trained, the left one is bound to a new
// leaf instead: give it to a new optimiser. A Var that is assigned is bound as it is: a constant,
// such as a result of ops under NoGrad, would end the training of the Parameter.
//
// A frozen Parameter (nn/transfer.h) is a constant until it is unfrozen. A copy of it is frozen,
// too. Assigning changes numbers only: the leaf on the left stays frozen, or stays trained.
struct Parameter : Var {
  Parameter() = default;  // a constant 0, for a missing parameter
  explicit Parameter(Tensor initial) : Var(std::move(initial), true) {}
  Parameter(const Parameter& other) : Var(other.copied()) {}
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(const Parameter& other) {
    if (node().get() == other.node().get()) return *this;
    if (!is_kept_leaf() || !other.is_kept_leaf() || shape() != other.shape())
      return *this = Parameter(other);
    overwrite(*this, other.value());
    return *this;
  }
  // The same, but a new leaf is the one on the right, not a copy of it. A copy may throw.
  // NOLINTNEXTLINE(performance-noexcept-move-constructor)
  Parameter& operator=(Parameter&& other) {
    if (!is_kept_leaf() || !other.is_kept_leaf() || shape() != other.shape())
      Var::operator=(std::move(other));
    else if (node().get() != other.node().get())
      overwrite(*this, other.value());
    return *this;
  }
  Parameter& operator=(const Tensor& numbers) { return *this = Parameter(numbers.clone()); }
  Parameter& operator=(const Var& shared) {
    Var::operator=(shared);
    return *this;
  }
  ~Parameter() = default;

  // Parameters change in place: { Tensor w = p.value(); w.add_(-rate * p.grad()); }
  Parameter& operator+=(const Var&) = delete;  // in place: Tensor w = p.value(); w.add_(x)
  Parameter& operator-=(const Var&) = delete;  // in place: Tensor w = p.value(); w.add_(-x)
  Parameter& operator*=(const Var&) = delete;  // in place: Tensor w = p.value(); w.copy_from(w * x)
  Parameter& operator/=(const Var&) = delete;  // in place: Tensor w = p.value(); w.copy_from(w / x)

 private:
  // Whether assigning writes into this leaf. False for a moved-from Parameter: it has no node until
  // a value is assigned.
  bool is_kept_leaf() const {
    return node().get() && node()->is_leaf() && (requires_grad() || node()->frozen);
  }
  Var copied() const {
    if (!node().get()) return Var();
    Var copy(value().clone(), requires_grad() || node()->frozen);
    copy.node()->requires_grad = requires_grad();
    copy.node()->frozen = node()->frozen;
    return copy;
  }
};

// Numbers that a module keeps and saves, but does not train, such as running means. A Buffer is a
// value, as a Parameter is: a copy of the module has numbers of its own. Copies of a plain Tensor
// share their numbers. To write: `mean.copy_from(…)`, or `mean = 0.9 * mean + …`.
struct Buffer : Tensor {
  Buffer() = default;
  explicit Buffer(const Tensor& initial) : Tensor(initial.clone()) {}
  Buffer(const Buffer& other) : Tensor(other.clone()) {}
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(const Buffer& other) {
    Tensor::operator=(other.clone());
    return *this;
  }
  Buffer& operator=(Buffer&&) noexcept = default;
  Buffer& operator=(const Tensor& numbers) {
    Tensor::operator=(numbers.clone());
    return *this;
  }
  ~Buffer() = default;
};

// ---- the walk ----

template <class T>
concept Module = requires(T& module) {
  module.each([](std::string_view, const auto&) {});
};

// What a walk shows of a Parameter or a Var, and of a Buffer or a Tensor.
template <class T>
using NamedAs = std::conditional_t<std::derived_from<T, Var>, Var, Tensor>;

// Whether T is a value that each() may name: neither a Var nor a module.
template <class T>
concept PlainState = std::same_as<T, Tensor> || std::same_as<T, Rng> || std::same_as<T, Index> ||
    std::same_as<T, int> || std::same_as<T, double>;

// "block" and "weight" give "block.weight". The outermost module has no name.
inline std::string joined(const std::string& name, std::string_view part) {
  return name.empty() ? std::string(part) : fmt::format("{}.{}", name, part);
}

// Calls f(name, x) for a module, for all members that its each() names, and so on for their
// members, in order. x is a module, or
//
// - Var or Parameter: trained
// - Buffer or Tensor: saved but not trained
//   (copies of the module share a Var or a Tensor; a Parameter or a Buffer they copy)
// - Rng, Index, int or double: state, such as a random stream or a step count
//
// Names are joined with dots; the items of a vector are called 0, 1, ….
template <class T, class F>
void walk(const std::string& name, const T& constant, F&& f) {
  T& member = const_cast<T&>(constant);  // each() is not const, and need not be: it only names
  if constexpr (Module<T>) {
    f(name, member);
    member.each([&](std::string_view part, const auto& x) { walk(joined(name, part), x, f); });
  } else if constexpr (std::ranges::range<T>) {
    Index i = 0;
    for (auto& item : member) walk(joined(name, std::to_string(i++)), item, f);
  } else if constexpr (requires { member.has_value(); }) {
    if (member) walk(name, *member, f);
  } else if constexpr (std::derived_from<T, Var> || std::derived_from<T, Tensor>) {
    f(name, static_cast<NamedAs<T>&>(member));
  } else {
    static_assert(!std::is_class_v<T> || PlainState<T>,
                  "each() is missing: a module needs a member function that names its parts, "
                  "void each(auto&& f) { f(\"name\", member); … }");
    static_assert(PlainState<T>,
                  "each() may name Vars, Tensors, an Rng, an Index, int or double, modules, and "
                  "vectors or optionals of these");
    f(name, member);
  }
}

// ---- from the walk: parameters, counts, modes ----

using NamedVars = std::vector<std::pair<std::string, Var>>;

// Every Var under each of its names: tied weights have several.
NamedVars names_and_parameters(const auto& module) {
  NamedVars found;
  walk("", module, [&](const std::string& name, auto& x) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(x)>, Var>) found.emplace_back(name, x);
  });
  return found;
}

// Of these, every Var once, under its first name.
inline NamedVars first_names(NamedVars named) {
  std::unordered_set<const Node*> seen;
  std::erase_if(named,
                [&](const auto& one) { return !seen.insert(one.second.node().get()).second; });
  return named;
}

// Every Var once, under its first name: tied weights are one parameter.
NamedVars named_parameters(const auto& module) { return first_names(names_and_parameters(module)); }

// Handles to the same: `p -= x` on one would make it a name for another value, and train nothing.
// To write a step by hand: Tensor w = p.value(); w.add_(-rate * p.grad());
std::vector<Var> parameters(const auto& module) {
  std::vector<Var> found;
  for (const auto& [name, parameter] : named_parameters(module)) found.push_back(parameter);
  return found;
}

// How many numbers are trained. Frozen parameters do not count, nor do constants, such as the bias
// of a Linear that has none.
Index count_parameters(const auto& module) {
  Index count = 0;
  for (const Var& parameter : parameters(module))
    if (parameter.requires_grad()) count += parameter.numel();
  return count;
}

// Sets `training` wherever a module has it: dropout acts in training only.
void set_training(const auto& module, bool training) {
  walk("", module, [training](const std::string&, auto& x) {
    if constexpr (requires { x.training = training; }) x.training = training;
  });
}

// StateError if the loss reaches trained leaves that the module does not name: a member forgotten
// in each() would be neither trained nor saved. The message lists the shapes of all such leaves.
// Call it before backward(), which frees the graph.
void check_parameters(const Var& loss, const auto& module) {
  check<StateError>(!loss.node()->freed,
                    "check_parameters: the graph was freed by backward(); call it before");
  std::unordered_set<const Node*> named;
  for (const Var& parameter : parameters(module)) named.insert(parameter.node().get());
  std::string forgotten;
  std::vector<NodePtr> nodes = nodes_of(loss);
  std::ranges::reverse(nodes);  // the oldest first
  for (const NodePtr& node : nodes)
    if (node->is_leaf() && node->requires_grad && !named.contains(node.get()))
      forgotten += fmt::format("{}{}", forgotten.empty() ? "" : ", ", node->value.shape());
  check<StateError>(
      forgotten.empty(),
      "check_parameters: name all parameters in the module's each(); the loss depends "
      "on some that it does not name, of shape {}. The each() of a derived struct "
      "hides that of its base: call Base::each(f) in it",
      forgotten);
}

}  // namespace glass::nn
