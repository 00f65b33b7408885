// # Checkpoints
//
// A model is saved as one safetensors file: a header that names each tensor, its type, shape and
// place, then the numbers. Other programs read it, PyTorch's among them; ours reads theirs.
// Format: https://github.com/huggingface/safetensors
//
// A file is untrusted input. All of it is checked before anything of the module is changed.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"

namespace glass::nn {

using Metadata = std::map<std::string, std::string>;

struct LoadReport {
  std::vector<std::string> missing;     // named by the module, not in the file; no random streams
  std::vector<std::string> unexpected;  // in the file, not named by the module
  Metadata metadata;                    // as it was saved
};

struct LoadOptions {
  bool strict = true;  // missing and unexpected names are errors
};

// What a module names, flattened: parameters and buffers as tensors, streams and counters as text.
// A tied parameter appears once.
struct State {
  struct Counter {
    std::string name, text;
    std::function<void(const std::string&)> set;  // FileError if the text is not valid
    bool may_be_missing = false;                  // a random stream, which bare weights lack
  };
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::size_t parameters = 0;  // the first so many tensors are parameters, the others buffers
  std::vector<Counter> counters;
};

void save_state(const State& state, const std::filesystem::path& path, const Metadata& metadata);
enum class NamesOf { glassgrad, torch };
LoadReport load_state(const State& state, const std::filesystem::path& path,
                      const LoadOptions& options, NamesOf names = NamesOf::glassgrad);

State::Counter counter_of(const std::string& name, Rng& rng);
State::Counter counter_of(const std::string& name, Index& value);
State::Counter counter_of(const std::string& name, int& value);
State::Counter counter_of(const std::string& name, double& value);

// The parameters first, then the buffers and the counters in the order of the walk.
State state_of(const auto& module) {
  State state;
  for (const auto& [name, parameter] : named_parameters(module))
    state.tensors.emplace_back(name, parameter.value());
  state.parameters = state.tensors.size();
  walk("", module, [&](const std::string& name, auto& x) {
    using T = std::remove_cvref_t<decltype(x)>;
    if constexpr (std::same_as<T, Tensor>) state.tensors.emplace_back(name, x);
    if constexpr (requires { counter_of(name, x); }) state.counters.push_back(counter_of(name, x));
  });
  return state;
}

// Writes beside the file and renames: after a crash there is the old file or the new one, never
// half a file. A partial file, FILE.partial-…, may stay beside it. Devices, pipes and files in a
// folder that takes no new files are written directly. `metadata` is kept with the tensors.
// FileError if the file cannot be written, or could not be read back: if a name or the metadata is
// not UTF-8, or a name of the metadata begins with "state.", as the names of the module's counters
// do.
void save(const auto& module, const std::filesystem::path& path, const Metadata& metadata = {}) {
  save_state(state_of(module), path, metadata);
}

// Numbers saved as F32 or F64 become Reals. FileError, with the module untouched, if the file is
// not sound or, in strict mode, does not name just what the module names, counters too. Random
// streams may be missing, and then stay as they are: other programs write bare weights. A shape
// that differs is always an error. All names at fault are listed at once.
LoadReport load(const auto& module, const std::filesystem::path& path, LoadOptions options = {}) {
  return load_state(state_of(module), path, options);
}

// The same for a file with PyTorch's names. They are the same as ours, with one exception:
// nn.MultiheadAttention packs the weights and biases of its three projections, query first, as
// `in_proj_weight` [3C, C] and `in_proj_bias` [3C]. If keys or values have a width of their own,
// the weights are `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.
LoadReport load_torch(const auto& module, const std::filesystem::path& path,
                      LoadOptions options = {}) {
  return load_state(state_of(module), path, options, NamesOf::torch);
}

// The metadata alone: what a program needs before it can build the module.
Metadata read_metadata(const std::filesystem::path& path);

}  // namespace glass::nn
