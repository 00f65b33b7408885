// # What is missing, what is too much, and what to do
//
// A load that fails lists all names at fault at once. Three mistakes are frequent, and their lists
// of names look alike, so the message says which one was made: the names begin otherwise in the
// file, belong to other parts of the file, or are names of weights that are no longer tied.
#include "nn/comparison.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

namespace glass::nn {

using Names = std::vector<std::string>;

std::string in_file(const State::Counter& counter) {
  return std::string(counter_prefix) + counter.name;
}

bool is_within(std::string_view name, std::string_view part) {
  return name.starts_with(part) && (name.size() == part.size() || name[part.size()] == '.');
}

std::string listed(std::string_view label, const Names& names) {
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

// An interval is two entries of one shape. What is said if the file has only one of them.
std::string lone_end(const std::string& name, const TensorFile& file) {
  if (!encloses) return "";
  const bool has_lo = file.entries.contains(name + ".lo"),
             has_hi = file.entries.contains(name + ".hi");
  if (has_lo && has_hi) return " (its ends .lo and .hi differ in shape)";
  if (has_lo) return " (the file has its lower ends, .lo, but not .hi)";
  return has_hi ? " (the file has its upper ends, .hi, but not .lo)" : "";
}

// A name that the file does not have, or an interval of which it has only one end.
void note_absent(const std::string& name, const TensorFile& file, Comparison& found) {
  const std::string fault = lone_end(name, file);
  (fault.empty() ? found.missing : found.misshapen).push_back(name + fault);
}

// Erases a name; and those of the ends of an interval, which are named with it, if they are not
// joined.
void erase(const std::string& name, std::set<std::string_view>& names) {
  names.erase(name);
  if (encloses)
    for (const char* end : {".lo", ".hi"}) names.erase(name + end);
}

void compare_tensors(const State& state, const TensorFile& file, Comparison& found) {
  std::set<std::string_view> unasked;
  for (const auto& [name, entry] : file.entries) unasked.insert(name);
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    const auto& [name, tensor] = state.tensors[i];
    check<StateError>(!tensor.is_expanded(), "load: '{}' is an expanded view; it cannot be written",
                      name);
    const auto entry = file.entries.find(name);
    if (entry != file.entries.end())
      compare_tensor(name, tensor, i < state.parameters, entry->second, found);
    else
      note_absent(name, file, found);
    erase(name, unasked);
  }
  for (const std::string_view name : unasked)
    (is_of_the_parts(name, state) ? found.unexpected : found.elsewhere).emplace_back(name);
}

// A count that only one side has is a fault. A random stream is one only if a whole part of the
// file was not asked for, or a stream that is a part of its own is not in the file. A stream is
// text with a colon, "seed:draws".
void compare_counters(const State& state, const TensorFile& file, Comparison& found) {
  std::map<std::string, std::string> unasked = file.counters;
  for (const State::Counter& counter : state.counters) {
    const bool is_there = unasked.erase(in_file(counter)) > 0;
    if (!is_there && !counter.may_be_missing) found.missing.push_back(in_file(counter));
  }
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

LoadReport report_of(Comparison found, Metadata metadata) {
  for (std::string& name : found.elsewhere) found.unexpected.push_back(std::move(name));
  return {std::move(found.missing), std::move(found.unexpected), std::move(metadata)};
}

// ---- what to do ----

namespace {

// The twin of a missing parameter: another parameter of the module that has the same shape and is
// in the file; or nullptr. Also nullptr if `name` is a buffer, as an optimiser's running means are:
// only parameters can be tied.
const std::string* twin_of(const State& state, const std::string& name, const Names& missing) {
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
std::string ties_of(const State& state, const Names& missing) {
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

// The names of a part's tensors within the part; none if the file has one of them under its full
// name. A part without a name is the module.
Names missing_names(const std::string& part, const State& state, const TensorFile& file) {
  const std::size_t own = part.empty() ? 0 : part.size() + 1;
  Names names;
  for (const auto& [name, tensor] : state.tensors) {
    if (!part.empty() && !name.starts_with(part + '.')) continue;
    if (file.entries.contains(name)) return {};
    names.push_back(name.substr(own));
  }
  return names;
}

// Does the file have all names after this beginning, which is "" or ends with a dot?
bool has_all(const TensorFile& file, const std::string& beginning, const Names& names) {
  if (!beginning.empty() && beginning.back() != '.') return false;
  for (const std::string& name : names)
    if (!file.entries.contains(beginning + name)) return false;
  return true;
}

// How the names of a part's tensors begin in the file instead, if it has all of them.
std::optional<std::string> beginning_in_file(const std::string& part, const State& state,
                                             const TensorFile& file) {
  const Names names = missing_names(part, state, file);
  if (names.empty()) return {};
  for (const auto& [name, entry] : file.entries) {
    const bool is_asked_for = !state.parts.empty() && is_of_the_parts(name, state);
    if (!name.ends_with(names.front()) || is_asked_for) continue;
    const std::string beginning = name.substr(0, name.size() - names.front().size());
    if (has_all(file, beginning, names)) return beginning;
  }
  return {};
}

// What to do if the file has the tensors of a part, or of the module, under other names; or "".
std::string way_to_names(const std::string& part, const State& state, const TensorFile& file) {
  const std::optional<std::string> beginning = beginning_in_file(part, state, file);
  if (!beginning) return "";
  if (beginning->empty())
    return fmt::format(
        "; the file has the tensors of part '{0}' under names without '{0}.': load(module, path) "
        "reads such a file",
        part);
  const std::string_view found = std::string_view(*beginning).substr(0, beginning->size() - 1);
  if (part.empty())
    return fmt::format(
        "; the file has these tensors under names that begin with '{0}.': load(path, "
        "{{{{\"{0}\", module}}}}, {{.ignore_other_parts = true}}) reads them",
        found);
  return fmt::format("; the file has the tensors of part '{}' as part '{}'", part, found);
}

// What to do about missing and unexpected names; or "" if no frequent mistake explains them.
std::string way_out(const Comparison& found, const State& state, const TensorFile& file) {
  for (const std::string& part : state.parts.empty() ? Names{""} : state.parts)
    if (const std::string way = way_to_names(part, state, file); !way.empty()) return way;
  if (!found.unexpected.empty()) return "";
  if (found.missing.empty() && !found.elsewhere.empty())
    return "; the file has other parts, too: {.ignore_other_parts = true} reads these alone";
  return ties_of(state, found.missing);
}

}  // namespace

std::string faults_of(const Comparison& found, const State& state, const TensorFile& file,
                      const LoadOptions& options) {
  Names unexpected = found.unexpected;
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
