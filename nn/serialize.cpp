// # A module as a file, byte by byte
//
// The tensors of a module are the tensors of the file, which nn/tensor_file.h reads. A step count
// or the state of a random stream is no tensor: it is text in the metadata. No code is saved: the
// program that loads a file must build the module first.
#include "nn/serialize.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

#include "nn/comparison.h"
#include "nn/file.h"
#include "nn/header.h"
#include "nn/tensor_file.h"

namespace glass::nn {

namespace {

// What a Real is in a file; dual numbers are saved by their values.
using Stored = std::conditional_t<std::same_as<Real, float>, float, double>;
constexpr const char* stored_type = sizeof(Stored) == 4 ? "F32" : "F64";

// What a file has of a tensor: its numbers under its name; or of intervals two tensors, the lower
// ends under `name.lo` and the upper ends under `name.hi`.
struct Aspect {
  const char* suffix;
  Stored (*number)(Real);
};
#ifdef GLASS_REAL_CERTIFIED
constexpr std::array aspects{Aspect{".lo", [](Real x) { return x.v.below(); }},
                             Aspect{".hi", [](Real x) { return x.v.above(); }}};
#else
constexpr std::array aspects{Aspect{"", [](Real x) { return static_cast<Stored>(x); }}};
#endif

}  // namespace

// ---- counters ----
// Text that reads back as the same bits: fmt prints a double with as many digits as that takes.

namespace {

template <class T>
T parsed(const std::string& name, std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check<FileError>(error == std::errc() && end == text.data() + text.size(),
                   "load: '{}' should hold a number; got '{}'", name, text);
  return value;
}

template <class T>
State::Counter counted(const std::string& name, T& value) {
  return {name, fmt::format("{}", value),
          [name, &value](const std::string& text) { value = parsed<T>(name, text); }};
}

}  // namespace

State::Counter counter_of(const std::string& name, Index& value) { return counted(name, value); }
State::Counter counter_of(const std::string& name, int& value) { return counted(name, value); }
State::Counter counter_of(const std::string& name, double& value) { return counted(name, value); }

State::Counter counter_of(const std::string& name, Rng& rng) {
  // As text, and back: the seed, a colon, and the number of draws.
  const auto [seed, draws] = rng.state();
  return {name, fmt::format("{}:{}", seed, draws),
          [name, &rng](const std::string& text) {
            const std::size_t colon = text.find(':');
            check<FileError>(colon != std::string::npos,
                             "load: '{}' should hold seed:draws; got '{}'", name, text);
            rng.set_state({parsed<std::uint64_t>(name, std::string_view(text).substr(0, colon)),
                           parsed<std::uint64_t>(name, std::string_view(text).substr(colon + 1))});
          },
          true};
}

// ---- saving ----

namespace {

// The file's metadata: the caller's, and the module's counters under names of their own. The
// caller's names must not look like those of counters, or they could not be read back.
Metadata notes_of(const State& state, const Metadata& metadata) {
  Metadata notes = metadata;
  for (const auto& [name, text] : metadata)
    check<FileError>(!name.starts_with(counter_prefix),
                     "save: metadata '{}': names that begin with '{}' belong to the module", name,
                     counter_prefix);
  for (const auto& counter : state.counters)
    check<FileError>(notes.emplace(in_file(counter), counter.text).second,
                     "save: two counters are called '{}'", counter.name);
  return notes;
}

// An entry for each tensor; their numbers lie without gaps.
std::vector<std::pair<std::string, Entry>> entries_of(const State& state) {
  std::vector<std::pair<std::string, Entry>> entries;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const std::uint64_t size = static_cast<std::uint64_t>(tensor.numel()) * sizeof(Stored);
    const Shape& shape = tensor.shape();
    for (const Aspect& aspect : aspects) {
      const std::uint64_t begin = std::exchange(offset, offset + size);
      entries.push_back(
          {name + aspect.suffix, {stored_type, {shape.begin(), shape.end()}, begin, offset}});
    }
  }
  return entries;
}

void write_numbers(OutputFile& file, const Tensor& tensor) {
  for (const Aspect& aspect : aspects) {
    std::vector<Stored> numbers;
    for (const Real& x : tensor.to_vector()) numbers.push_back(aspect.number(x));
    file.write(numbers.data(), numbers.size() * sizeof(Stored));
  }
}

}  // namespace

void save_state(const State& state, const std::filesystem::path& path, const Metadata& metadata) {
  // The header, padded with spaces so that the numbers begin at a multiple of 8.
  const Metadata notes = notes_of(state, metadata);
  std::string text = header_text(entries_of(state), notes);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(text.size());
  check<FileError>(length <= largest_header,
                   "save: names and metadata must fit {} bytes; they take {}", largest_header,
                   length);

  // If anything throws from here on, the partial file is removed and the old file stays.
  OutputFile file(path, "save: ");
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const auto& [name, tensor] : state.tensors) write_numbers(file, tensor);
  file.commit();
}

// ---- parts ----

namespace {

// All parts as one State. StateError unless their names differ, and none lies within another one:
// "a.b" within "a" could give two tensors one name.
State state_of_parts(std::string_view who, auto parts) {
  StateCollector collector;
  std::vector<std::string> names;
  for (const Part& part : parts) {
    check<StateError>(!part.name().empty(), "{}: a part needs a name; got ''", who);
    for (const std::string& other : names) {
      check<StateError>(part.name() != other, "{}: two parts are called '{}'", who, other);
      check<StateError>(!is_within(part.name(), other) && !is_within(other, part.name()),
                        "{}: part names must not begin with another part's; got '{}' and '{}'", who,
                        other, part.name());
    }
    names.push_back(part.name());
    part.add_to(collector);
  }
  State state = std::move(collector).state();
  // Bare weights lack random streams, but no file lacks a stream that is a part of its own.
  for (State::Counter& counter : state.counters)
    if (std::ranges::find(names, counter.name) != names.end()) counter.may_be_missing = false;
  state.parts = std::move(names);
  return state;
}

}  // namespace

void save(const std::filesystem::path& path, std::initializer_list<Part> parts,
          const Metadata& metadata) {
  save_state(state_of_parts("save", parts), path, metadata);
}

LoadReport load(const std::filesystem::path& path, std::initializer_list<LoadedPart> parts,
                LoadOptions options) {
  return load_state(state_of_parts("load", parts), path, options);
}

// ---- loading ----

namespace {

// Sets the module's counters. If one text is not valid, all counters get their old values back.
void set_counters(const State& state, const TensorFile& file) {
  try {
    for (const State::Counter& counter : state.counters) {
      const auto saved = file.counters.find(in_file(counter));
      if (saved != file.counters.end()) counter.set(saved->second);
    }
  } catch (...) {
    for (const State::Counter& counter : state.counters) counter.set(counter.text);
    throw;
  }
}

}  // namespace

LoadReport load_state(const State& state, const std::filesystem::path& path,
                      const LoadOptions& options, NamesOf names) {
  TensorFile file(path);
  if (names == NamesOf::torch) file.unpack();

  // First everything is compared …
  const Comparison found = compare(state, file);
  const std::string faults = faults_of(found, state, file, options);
  const char* const whole = state.parts.empty() ? "the module" : "the parts";
  file.expect(faults.empty(), "does not fit {}{}", whole, faults);

  // … then everything is read …
  std::vector<std::pair<Tensor, Tensor>> loaded;
  for (const auto& [name, tensor] : state.tensors)
    if (file.entries.contains(name)) loaded.emplace_back(tensor, file.read(name, tensor.shape()));
  LoadReport report = report_of(found, file.metadata);

  // … and only then is the module changed.
  set_counters(state, file);
  for (auto& [tensor, numbers] : loaded) tensor.copy_from(numbers);
  return report;
}

// ---- without a module ----

std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path, ReadOptions options) {
  TensorFile file(path, "read_tensors");
  // First the tensors that cannot be read are found …
  std::vector<std::string> unreadable;
  std::vector<std::string> names;
  for (const auto& [name, entry] : file.entries) {
    const std::size_t rank = entry.sizes.size();
    if (kind_of(entry.type) == NumberKind::unreadable)
      unreadable.push_back(fmt::format("{} ({})", name, entry.type));
    else if (rank > max_rank)
      unreadable.push_back(fmt::format("{} ({} axes, more than {})", name, rank, max_rank));
    else
      names.push_back(name);
  }
  file.expect(unreadable.empty() || options.skip_unreadable,
              "the numbers of some tensors cannot be read{}; {{.skip_unreadable = true}} reads "
              "the other {}",
              listed("unreadable", unreadable), names.size());

  // … then the others are read.
  std::map<std::string, Tensor> tensors;
  for (const std::string& name : names)
    tensors.emplace(name,
                    file.read(name, Shape(std::span<const Index>(file.entries.at(name).sizes))));
  return tensors;
}

Metadata read_metadata(const std::filesystem::path& path) {
  return TensorFile(path, "read_metadata").metadata;
}

}  // namespace glass::nn
