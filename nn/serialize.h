// # Checkpoints
//
// A model is saved as one safetensors file: a header that names each tensor, its type, shape and
// place, then the numbers. Other programs read it, PyTorch's among them; ours reads theirs.
// Format: https://github.com/huggingface/safetensors
//
// The libraries of intervals save the two ends of each interval, as tensors `name.lo` and
// `name.hi` of doubles: the largest that is not above it and the smallest that is not below it.
// They load both kinds of files: a tensor `name` has points, and a pair of `name.lo` and `name.hi`
// is one tensor of intervals.
//
// A file is untrusted input. All of it is checked before anything of the module is changed.
//
//     save(model, path)                                         a module, or anything with each()
//     save(path, {{"model", model}, {"adam", adam}})            several of them in one file
//     read_tensors(path)                                        all tensors of a file, by name
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace glass::nn {

using Metadata = std::map<std::string, std::string>;

struct LoadReport {
  std::vector<std::string> missing;     // named by the module, not in the file; no random streams
  std::vector<std::string> unexpected;  // in the file, not named by the module; no streams of it
  Metadata metadata;                    // as it was saved
};

struct LoadOptions {
  bool strict = true;  // missing and unexpected names are errors
  // For load(path, parts): names that belong to no part in the list are no errors. The parts in the
  // list are compared strictly all the same.
  bool ignore_other_parts = false;
};

// ---- what a file holds of a module ----

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
  std::vector<std::string> parts;  // their names; empty: one module, to which every name belongs
};

void save_state(const State& state, const std::filesystem::path& path, const Metadata& metadata);
enum class NamesOf { glassgrad, torch };
LoadReport load_state(const State& state, const std::filesystem::path& path,
                      const LoadOptions& options, NamesOf names = NamesOf::glassgrad);

State::Counter counter_of(const std::string& name, Rng& rng);
State::Counter counter_of(const std::string& name, Index& value);
State::Counter counter_of(const std::string& name, int& value);
State::Counter counter_of(const std::string& name, double& value);

// Collects a State from one module or several: the parameters of all of them first, then their
// buffers and counters, each in the order of the walk.
class StateCollector {
 public:
  // The names begin with `name` and a dot, unless `name` is empty.
  void add(const std::string& name, const auto& module) {
    walk(name, module, [this](const std::string& member, auto& x) {
      using T = std::remove_cvref_t<decltype(x)>;
      if constexpr (std::same_as<T, Var>) parameters_.emplace_back(member, x);
      if constexpr (std::same_as<T, Tensor>) buffers_.emplace_back(member, x);
      if constexpr (requires { counter_of(member, x); })
        state_.counters.push_back(counter_of(member, x));
    });
  }

  State state() && {
    for (const auto& [name, parameter] : first_names(std::move(parameters_)))
      state_.tensors.emplace_back(name, parameter.value());
    state_.parameters = state_.tensors.size();
    for (auto& buffer : buffers_) state_.tensors.push_back(std::move(buffer));
    return std::move(state_);
  }

 private:
  State state_;
  NamedVars parameters_;
  std::vector<std::pair<std::string, Tensor>> buffers_;
};

State state_of(const auto& module) {
  StateCollector collector;
  collector.add("", module);
  return std::move(collector).state();
}

// ---- one module ----

// Any module but a path: save(path, {…}) and load(path, {…}) are the functions further down.
template <class T>
concept NotAPath = !std::convertible_to<const T&, std::filesystem::path>;

// Writes beside the file and renames: after a crash there is the old file or the new one, never
// half a file. A partial file, FILE.partial-…, may stay beside it. Devices, pipes and files in a
// folder that takes no new files are written directly. `metadata` is kept with the tensors.
// FileError if the file cannot be written, or could not be read back: if a name or the metadata is
// not UTF-8, or a name of the metadata begins with "state.", as the names of the module's counters
// do.
void save(const NotAPath auto& module, const std::filesystem::path& path,
          const Metadata& metadata = {}) {
  save_state(state_of(module), path, metadata);
}

// FileError, with the module untouched, if the file is not sound or, in strict mode, does not name
// just what the module names, counters too. Random streams may be missing, and then stay as they
// are, or unexpected: other programs write bare weights. A shape that differs is always an error.
// All names at fault are listed at once.
//
// Parameters are read from F16, BF16, F32 and F64. The first two are exact; F64 is rounded to the
// nearest Real. Buffers (the Tensors that each() names) are read from whole numbers too: I8, I16,
// I32, I64, U8, U16, U32, U64 and BOOL, where any byte but 0 is 1. A whole number beyond 2²⁴, or
// beyond 2⁵³ in the build with double, is rounded to the nearest Real. Any other type is an error,
// strict or not. Whole numbers are also an error for a parameter: such weights are quantised, and
// mean nothing without their scale, which has another name.
LoadReport load(const NotAPath auto& module, const std::filesystem::path& path,
                LoadOptions options = {}) {
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

// ---- several modules in one file ----

// A name, and what walk() takes: a module, an optimiser, a vector, a Var, a Tensor, an Rng, an
// Index, an int or a double. It refers to its module, so it is written where it is used, in the
// braces of save().
class Part {
 public:
  template <class T>
  Part(std::string name, const T& module)
      : name_(std::move(name)),
        add_([&module](const std::string& prefix, StateCollector& to) { to.add(prefix, module); }) {
  }
  const std::string& name() const { return name_; }
  void add_to(StateCollector& collector) const { add_(name_, collector); }

 private:
  std::string name_;
  std::function<void(const std::string& prefix, StateCollector&)> add_;
};

// A Part in the braces of load(), which writes to it.
class LoadedPart : public Part {
 public:
  template <class T>
  LoadedPart(std::string name, T&& module) : Part(std::move(name), module) {
    using Value = std::remove_cvref_t<T>;
    constexpr bool is_variable =
        std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>;
    static_assert(is_variable || !PlainState<Value> || std::same_as<Value, Tensor>,
                  "load() writes to the parts in its list: a number or an Rng must be a variable "
                  "that is not const");
  }
};

// Saves several modules, optimisers or single values in one file:
//
//     save(path, {{"model", model}, {"adam", adam}, {"step", step}, {"rng", rng}});
//
// Their names in the file begin with the part's: "model.up.weight", "adam.mean.0", "step". A struct
// whose each() names the same members gives the same file, byte for byte. Also weights that are
// tied across parts are saved once, under their first name. StateError if a part has no name, or
// two have one name, or one name lies within another, as "a.b" in "a". Otherwise as save() above.
void save(const std::filesystem::path& path, std::initializer_list<Part> parts,
          const Metadata& metadata = {});

// Reads several modules from one file, all or none: if any of them does not fit, nothing changes.
// In strict mode the file has to hold these parts and no others. To read only some of its parts,
// and these completely, as for using a model after its training:
//
//     load(path, {{"model", model}}, {.ignore_other_parts = true});
//
// {.strict = false} reads this file too, but it also accepts a model of which some weights are
// missing: the report lists them. An Rng that is a part of its own must be in the file. Otherwise
// as load() above.
LoadReport load(const std::filesystem::path& path, std::initializer_list<LoadedPart> parts,
                LoadOptions options = {});

// ---- without a module ----

struct ReadOptions {
  bool skip_unreadable = false;  // leave out the tensors that cannot be read, instead of an error
};

// Every tensor of a file under its name: of any shape of up to 8 axes, scalars and empty tensors
// too, and of any type that load() reads, whole numbers too. FileError if the file is not sound, or
// holds a tensor of another type (F8_E4M3, F4, C64, …) or of more axes; the message lists all of
// them. The names are those of the file: PyTorch's packed projections stay packed.
std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path,
                                           ReadOptions options = {});

// The metadata alone: what a program needs before it can build the module.
Metadata read_metadata(const std::filesystem::path& path);

}  // namespace glass::nn
