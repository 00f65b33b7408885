// # Any bytes as a checkpoint
//
// Refused with a FileError and the module as it was, bit for bit; or loaded, and then what is saved
// again and loaded again is the same. A list of parts loads what a module of these parts loads, and
// every tensor that load() reads is the tensor that read_tensors() reads.
#pragma once

#include <map>
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

// Two modules, that are also loaded as two parts of one file.
struct Two {
  explicit Two(std::uint64_t seed) : a(seed), b(seed + 1) {}
  void each(auto&& f) { f("a", a), f("b", b); }
  Tiny a, b;
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

// What loading the parts a and b gives, or only a; nothing if the file is refused.
inline std::optional<std::string> load_parts(const Folder& folder, bool both,
                                             nn::LoadOptions options) {
  Two two(1);
  const std::string before = bits(two);
  try {
    if (both)
      nn::load(folder / "file", {{"a", two.a}, {"b", two.b}}, options);
    else
      nn::load(folder / "file", {{"a", two.a}}, options);
  } catch (const FileError&) {
    expect(bits(two) == before, "a file was refused, and yet it changed a part");
    return {};
  }
  expect(both || bits(two.b) == bits(Two(1).b), "a part changed that was not to be loaded");
  return bits(two);
}

// A list of parts is as a module that names them. It is stricter with random streams of other
// parts, which a module ignores.
inline void try_parts(const Folder& folder) {
  const auto as_bits = [](const std::optional<Loaded>& loaded) {
    return loaded ? std::optional(loaded->bits) : std::nullopt;
  };
  const auto whole = as_bits(load<Two>(folder, nn::NamesOf::glassgrad, true));
  const auto loose = as_bits(load<Two>(folder, nn::NamesOf::glassgrad, false));
  const auto parts = load_parts(folder, true, {});
  expect(!parts || parts == whole, "a list of parts took a file that a module of them refuses");
  expect(load_parts(folder, true, {.strict = false}) == loose,
         "a list of parts and a module of them loaded different numbers");
  expect(!whole || load_parts(folder, true, {.ignore_other_parts = true}) == whole,
         "other parts were ignored, and the file no longer fits");

  // One part alone is strict within itself: nothing that a loose load would not read.
  const auto alone = load_parts(folder, false, {.ignore_other_parts = true});
  expect(!alone || alone == load_parts(folder, false, {.strict = false}),
         "one part is read differently alone");
  expect(!whole || alone, "a file that has all of both parts has not all of one");
}

// Every tensor of a sound file is read, or the file is refused for those that cannot be. Tensors
// that were read can be saved, and are then read as the same.
inline void try_tensors(const Folder& folder) {
  const std::map<std::string, Tensor> readable =
      nn::read_tensors(folder / "file", {.skip_unreadable = true});
  nn::State state;
  for (const auto& [name, x] : readable) state.tensors.emplace_back(name, x);
  const auto numbers_of = [](const std::map<std::string, Tensor>& tensors) {
    std::string result;
    for (const auto& [name, x] : tensors)
      result += fmt::format("{} {} ", name, x.shape()) + bits(std::vector<Tensor>{x});
    return result;
  };
  nn::save_state(state, folder / "tensors", {});
  expect(numbers_of(nn::read_tensors(folder / "tensors")) == numbers_of(readable),
         "tensors that were saved are read as others");
  try {
    expect(numbers_of(nn::read_tensors(folder / "file")) == numbers_of(readable),
           "some tensors were left out");
  } catch (const FileError& reason) {
    expect(std::string(reason.what()).find("; unreadable ") != std::string::npos,
           "a sound file was refused without a name: {}", reason.what());
  }
  // A buffer takes every type that read_tensors() does.
  const auto x = readable.find("x");
  if (x == readable.end()) return;
  const Tensor buffer = zeros(x->second.shape());
  nn::load(folder / "file", {{"x", buffer}}, {.strict = false});
  expect(bits(std::vector<Tensor>{buffer}) == bits(std::vector<Tensor>{x->second}),
         "load() and read_tensors() read different numbers");
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
    expect(!load_parts(folder, false, {.strict = false}), "a part of a broken file was loaded");
    try {
      nn::read_tensors(folder / "file", {.skip_unreadable = true});
    } catch (const FileError&) {
      return Verdict::broken;
    }
    throw Finding("the tensors of a broken file were read");
  }
  try_tensors(folder);
  try_parts(folder);
  const bool tiny = fits<Tiny>(folder, metadata), small = fits<Small>(folder, metadata);
  const bool two = fits<Two>(folder, metadata);
  return tiny || small || two ? Verdict::fits : Verdict::misfit;
}

}  // namespace glass::fuzz
