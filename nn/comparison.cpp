// # What is missing, what is too much, and what to do
//
// A load that fails lists all names at fault at once. Four mistakes are frequent and look alike, so
// the message says which one was made: the names lack a prefix, have a prefix too many, belong to
// other parts of the file, or are names of weights that are no longer tied.
#include "nn/comparison.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace glass::nn {

std::string in_file(const State::Counter& counter) {
  return std::string(counter_prefix) + counter.name;
}

bool is_within(std::string_view name, std::string_view part) {
  return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

std::string listed(std::string_view label, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("; {} {}", label, fmt::join(names, ", "));
}

// ---- the comparison ----

namespace {

// One module has every name.
bool is_of_the_parts(std::string_view name, const State& state) {
  return state.parts.empty() || std::ranges::any_of(state.parts, [&](const std::string& part) {
           return is_within(name, part);
         });
}

// Compares a tensor of the module with the file's, which has its name.
void compare_tensor(const std::string& name, const Tensor& tensor, bool is_parameter,
                    const Entry& entry, Comparison& found) {
  const NumberKind kind = kind_of(entry.type);
  if (kind == NumberKind::unreadable || (kind == NumberKind::whole && is_parameter))
    found.unreadable.push_back(fmt::format("{} ({})", name, entry.type));
  if (!std::ranges::equal(entry.sizes, tensor.shape()))
    found.misshapen.push_back(fmt::format("{} (expected {}, found [{}])", name, tensor.shape(),
                                          fmt::join(entry.sizes, ", ")));
}

void compare_tensors(const State& state, const TensorFile& file, Comparison& found) {
  std::set<std::string_view> unasked;
  for (const auto& [name, entry] : file.entries) unasked.insert(name);
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    const auto& [name, tensor] = state.tensors[i];
    check<StateError>(!tensor.is_expanded(), "load: '{}' is an expanded view; it cannot be written",
                      name);
    const auto entry = file.entries.find(name);
    if (entry == file.entries.end())
      found.missing.push_back(name);
    else
      compare_tensor(name, tensor, i < state.parameters, entry->second, found);
    unasked.erase(name);
  }
  for (const std::string_view name : unasked)
    (is_of_the_parts(name, state) ? found.unexpected : found.elsewhere).emplace_back(name);
}

// A count that only one side has is a fault. A random stream is one only if a whole part of the
// file was not asked for, or a stream that is a part of its own is not in the file. A stream is
// text with a colon, "seed:draws".
void compare_counters(const State& state, const TensorFile& file, Comparison& found) {
  std::map<std::string, std::string> unasked = file.counters;
  for (const State::Counter& counter : state.counters)
    if (unasked.erase(in_file(counter)) == 0 && !counter.may_be_missing &&
        !file.counters.contains(in_file(counter)))
      found.missing.push_back(in_file(counter));
  for (const auto& [name, text] : unasked)
    if (!is_of_the_parts(std::string_view(name).substr(counter_prefix.size()), state))
      found.elsewhere.push_back(name);
    else if (text.find(':') == std::string::npos)
      found.unexpected.push_back(name);
}

}  // namespace

Comparison compare(const State& state, const TensorFile& file) {
  Comparison found;
  compare_tensors(state, file, found);
  compare_counters(state, file, found);
  return found;
}

// ---- what to do ----

namespace {

// The twin of a missing parameter: another parameter of the module that has the same shape and is
// in the file; or nullptr. Also nullptr if `name` is a buffer, as an optimiser's running means are:
// only parameters can be tied.
const std::string* twin_of(const State& state, const std::string& name,
                           const std::vector<std::string>& missing) {
  const auto end = state.tensors.begin() + static_cast<std::ptrdiff_t>(state.parameters);
  const auto lost = std::find_if(state.tensors.begin(), end,
                                 [&](const auto& tensor) { return tensor.first == name; });
  const auto twin = std::find_if(state.tensors.begin(), end, [&](const auto& tensor) {
    return lost != end && tensor.second.shape() == lost->second.shape() &&
           std::ranges::find(missing, tensor.first) == missing.end();
  });
  return twin == end ? nullptr : &twin->first;
}

// What to do if the names are missing because weights are no longer tied; or "". A file of a model
// with tied weights names the shared weight once. A module whose weights are not tied, a copy for
// instance, asks for both names. Then each missing parameter has a twin in the file.
std::string ties_of(const State& state, const std::vector<std::string>& missing) {
  std::string pairs;
  for (const std::string& name : missing) {
    const std::string* const twin = twin_of(state, name, missing);
    if (!twin) return "";
    pairs += fmt::format("{}{} with {}", pairs.empty() ? "" : ", ", name, *twin);
  }
  if (pairs.empty()) return "";
  return fmt::format(
      "; if the saved model had tied weights ({}, say), tie the module's before loading: a copy "
      "loses its ties, and the model's tie() restores them",
      pairs);
}

// Does the file have all tensors that are missing in `part`, without the part's name before theirs?
bool is_bare(const std::string& part, const State& state, const TensorFile& file) {
  bool some = false, all = true;
  for (const auto& [name, tensor] : state.tensors)
    if (name.starts_with(part + '.') && !file.entries.contains(name)) {
      some = true;
      all &= file.entries.contains(name.substr(part.size() + 1));
    }
  return some && all;
}

// A name that the file has before the names of all missing tensors; or "".
std::string prefix_of(const State& state, const TensorFile& file) {
  std::vector<std::string> missing;
  for (const auto& [name, tensor] : state.tensors)
    if (!file.entries.contains(name)) missing.push_back('.' + name);
  if (missing.empty()) return "";
  for (const auto& [name, entry] : file.entries) {
    if (!name.ends_with(missing.front())) continue;
    const std::string prefix = name.substr(0, name.size() - missing.front().size());
    const auto is_there = [&, &entries = file.entries](const std::string& rest) {
      return entries.contains(prefix + rest);
    };
    if (std::ranges::all_of(missing, is_there)) return prefix;
  }
  return "";
}

// What to do about missing and unexpected names; or "" if no frequent mistake explains them.
std::string way_out(const Comparison& found, const State& state, const TensorFile& file) {
  for (const std::string& part : state.parts)
    if (is_bare(part, state, file))
      return fmt::format(
          "; the file has the tensors of part '{}' under names without '{}.': load(module, path) "
          "reads such a file",
          part, part);
  const std::string prefix = state.parts.empty() ? prefix_of(state, file) : "";
  if (!prefix.empty())
    return fmt::format(
        "; the file has these tensors under names that begin with '{}.': load(path, {{{{\"{}\", "
        "module}}}}, {{.ignore_other_parts = true}}) reads them",
        prefix, prefix);
  if (!found.unexpected.empty()) return "";
  if (found.missing.empty() && !found.elsewhere.empty())
    return "; the file has other parts, too: {.ignore_other_parts = true} reads these alone";
  return ties_of(state, found.missing);
}

}  // namespace

std::string faults_of(const Comparison& found, const State& state, const TensorFile& file,
                      const LoadOptions& options) {
  std::vector<std::string> unexpected = found.unexpected;
  if (!options.ignore_other_parts)
    unexpected.insert(unexpected.end(), found.elsewhere.begin(), found.elsewhere.end());
  // A shape or a type that does not fit is a fault in any mode.
  std::string always = listed("misshapen", found.misshapen);
  if (!found.unreadable.empty())
    always += listed("of an unreadable type", found.unreadable) +
              "; parameters are read from F16, BF16, F32 and F64, buffers from whole numbers too";
  if (!options.strict) return always;
  const std::string names = listed("missing", found.missing) + listed("unexpected", unexpected);
  return names + always + (names.empty() ? "" : way_out(found, state, file));
}

}  // namespace glass::nn
