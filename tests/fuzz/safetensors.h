// # Any bytes as a checkpoint
//
// Refused with a FileError and the module as it was, bit for bit; or loaded, and then what is saved
// again and loaded again is the same.
#pragma once

#include <optional>

#include "nn/attention.h"
#include "nn/serialize.h"
#include "tests/fuzz/fuzz.h"

namespace glass::fuzz {

// ---- modules to load into ----

// Little enough for a few random bytes to fit.
struct Tiny {
  explicit Tiny(std::uint64_t seed) : stream(seed), x(uniform({2}, 0, 1, stream)) {}
  void each(auto&& f) { f("x", x), f("n", count), f("r", stream); }
  Rng stream;
  nn::Parameter x;
  Index count = 5;
};

// All that a module can hold: parameters of several shapes and a tied one, buffers without elements
// and without axes, streams, counters, and projections that PyTorch packs into one.
struct Small {
  explicit Small(std::uint64_t seed) : Small(Rng(seed)) {}
  explicit Small(Rng rng)
      : layer(2, 3, rng),
        attention(2, 1, rng),
        tied(Var(layer.weight)),
        statistics(uniform({1, 2, 1}, 0, 1, rng)) {}
  void each(auto&& f) {
    f("layer", layer), f("attention", attention), f("tied", tied);
    f("statistics", statistics), f("empty", empty), f("scalar", scalar);
    f("steps", steps), f("epoch", epoch), f("rate", rate);
  }
  nn::Linear layer;
  nn::CrossAttention attention;
  Var tied;
  Tensor statistics, empty = zeros({0, 3}), scalar = Tensor(5);
  Index steps = 3;
  int epoch = -4;
  double rate = 0.1;
};

// All of a module's state, bit for bit.
std::string bits(const auto& module) {
  const nn::State state = nn::state_of(module);
  std::string result;
  for (const auto& [name, x] : state.tensors) {
    const std::vector<Real> numbers = x.to_vector();
    result += name + std::string(reinterpret_cast<const char*>(numbers.data()),
                                 numbers.size() * sizeof(Real));
  }
  for (const auto& counter : state.counters) result += counter.name + "=" + counter.text + "\n";
  return result;
}

// ---- what must hold ----

// What loading a file gave, when it was not refused.
struct Loaded {
  std::string bits;
  nn::Metadata metadata;
  friend bool operator==(const Loaded&, const Loaded&) = default;
};

template <class Module>
std::optional<Loaded> load(const Folder& folder, nn::NamesOf names, bool strict) {
  const Module module(1);
  const std::string before = bits(module);
  nn::LoadReport report;
  try {
    report = nn::load_state(nn::state_of(module), folder / "file", {.strict = strict}, names);
  } catch (const FileError&) {
    expect(bits(module) == before, "a file was refused, and yet it changed the module");
    return {};
  }
  expect(!strict || (report.missing.empty() && report.unexpected.empty()),
         "strict loading took a file of other names");

  nn::save(module, folder / "once", report.metadata);
  const Module again(2);
  const nn::LoadReport second = nn::load(again, folder / "once");
  expect(bits(again) == bits(module), "what was saved is read back as something else");
  expect(second.metadata == report.metadata, "the metadata changed on its way through a file");
  nn::save(again, folder / "twice", second.metadata);
  expect(read(folder / "once") == read(folder / "twice"), "one module is saved as two files");
  return Loaded{bits(module), report.metadata};
}

// Does the file fit, strictly, under PyTorch's names or ours?
template <class Module>
bool fits(const Folder& folder, const nn::Metadata& metadata) {
  using enum nn::NamesOf;
  const auto ours = load<Module>(folder, glassgrad, true);
  const auto theirs = load<Module>(folder, torch, true);
  for (const auto& strict : {ours, theirs})
    expect(!strict || strict->metadata == metadata, "read_metadata and load disagree");
  // The module has no packed names: a file that has just its names has none either.
  expect(!ours || ours == theirs, "a file of our names is read differently as PyTorch's");
  expect(!ours || ours == load<Module>(folder, glassgrad, false), "strictness changed a number");
  if (!ours) load<Module>(folder, glassgrad, false);
  if (!theirs) load<Module>(folder, torch, false);
  return ours || theirs;
}

enum class Verdict { broken, misfit, fits };  // misfit: sound, but of another module

inline Verdict try_safetensors(const std::string& bytes) {
  static const Folder folder;
  write(folder / "file", bytes);
  nn::Metadata metadata;
  try {
    metadata = nn::read_metadata(folder / "file");
  } catch (const FileError&) {
    expect(!load<Tiny>(folder, nn::NamesOf::glassgrad, false), "a broken file was loaded");
    return Verdict::broken;
  }
  const bool tiny = fits<Tiny>(folder, metadata), small = fits<Small>(folder, metadata);
  return tiny || small ? Verdict::fits : Verdict::misfit;
}

}  // namespace glass::fuzz
