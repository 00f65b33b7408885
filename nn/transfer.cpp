// # Freezing and copying, parameter by parameter
//
// Everything is checked before the first parameter changes.
#include "nn/transfer.h"

#include <map>
#include <unordered_set>

#include "nn/comparison.h"

namespace glass::nn {

// ---- freezing ----

void freeze_leaves(const NamedVars& variables) {
  for (const auto& [name, variable] : variables)
    check<StateError>(
        variable.node()->is_leaf(),
        "freeze: '{}' of shape {} must be a leaf, but it was made by '{}'; freeze the "
        "leaves that it was made from, or assign detach() of it",
        name, variable.shape(), variable.node()->name);
  for (const auto& [name, variable] : variables) {
    Node& leaf = *variable.node();
    if (!leaf.requires_grad) continue;
    leaf.requires_grad = false;
    leaf.frozen = true;
    variable.zero_grad();
  }
}

void unfreeze_leaves(const NamedVars& variables) {
  for (const auto& [name, variable] : variables)
    if (std::exchange(variable.node()->frozen, false)) variable.node()->requires_grad = true;
}

// ---- copying ----

namespace {

// The parameters of `from` that are not copied under any of their names.
std::vector<std::string> left_over(const NamedVars& from, const NamedVars& to,
                                   const std::unordered_set<const Node*>& copied) {
  std::vector<std::string> names;
  for (const auto& [name, source] : first_names(from)) {
    if (copied.contains(source.node().get())) continue;
    const bool tied = std::ranges::find(to, name, &NamedVars::value_type::first) != to.end();
    names.push_back(name + (tied ? " (tied to another parameter in the target)" : ""));
  }
  return names;
}

// ShapeError, which lists all names at fault.
void expect_same_names(const NamedVars& from, const NamedVars& to) {
  const std::map<std::string, Var> sources(from.begin(), from.end());
  std::vector<std::string> missing, misshapen;
  std::unordered_set<const Node*> copied;
  for (const auto& [name, leaf] : first_names(to)) {
    const auto source = sources.find(name);
    if (source == sources.end()) {
      missing.push_back(name);
      continue;
    }
    copied.insert(source->second.node().get());
    if (source->second.shape() != leaf.shape())
      misshapen.push_back(
          fmt::format("{} (expected {}, found {})", name, leaf.shape(), source->second.shape()));
  }
  const std::string faults = listed("missing", missing) +
                             listed("unexpected", left_over(from, to, copied)) +
                             listed("misshapen", misshapen);
  check<ShapeError>(faults.empty(),
                    "copy_parameters: both modules must name the same parameters, of the same "
                    "shapes{}",
                    faults);
}

}  // namespace

void copy_leaves(const NamedVars& from, const NamedVars& to) {
  // First everything is checked …
  for (const auto& [name, leaf] : to)
    check<StateError>(leaf.node()->is_leaf(),
                      "copy_parameters: '{}' of shape {} must be a leaf, but it was made by '{}'",
                      name, leaf.shape(), leaf.node()->name);
  expect_same_names(from, to);

  // … then all numbers are read, since the modules may share memory …
  std::map<std::string, std::pair<const Node*, Tensor>> sources;
  for (const auto& [name, source] : from)
    sources.try_emplace(name, source.node().get(), source.value().clone());

  // … and only then is a leaf changed. A leaf that both modules share stays as it is.
  for (const auto& [name, leaf] : first_names(to)) {
    const auto& [source, numbers] = sources.at(name);
    if (source != leaf.node().get()) overwrite(leaf, numbers);
  }
}

}  // namespace glass::nn
