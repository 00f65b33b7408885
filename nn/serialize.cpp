// # A module as a file, byte by byte
//
// A file is the header's length in 8 bytes, the header (nn/header.h), then the numbers of each
// tensor in turn. A step count or the state of a random stream is no tensor: it is text in the
// metadata. No code is saved: the program that loads a file must build the module first.
#include "nn/serialize.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <type_traits>

#include "nn/file.h"
#include "nn/header.h"

namespace glass::nn {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

namespace {

constexpr std::uint64_t largest_header = 100'000'000;
constexpr std::string_view counter_prefix = "state.";

// What a Real is in a file; dual numbers are saved by their values.
using Stored = std::conditional_t<std::same_as<Real, float>, float, double>;
constexpr const char* stored_type = sizeof(Stored) == 4 ? "F32" : "F64";

std::string in_file(const State::Counter& counter) {
  return std::string(counter_prefix) + counter.name;
}

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
    const std::uint64_t begin = std::exchange(offset, offset + size);
    const Shape& shape = tensor.shape();
    entries.push_back({name, {stored_type, {shape.begin(), shape.end()}, begin, offset}});
  }
  return entries;
}

void write_numbers(OutputFile& file, const Tensor& tensor) {
  std::vector<Stored> numbers;
  for (const Real x : tensor.to_vector()) numbers.push_back(static_cast<Stored>(x));
  file.write(numbers.data(), numbers.size() * sizeof(Stored));
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

// ---- loading ----

namespace {

// A file whose header has been read and found sound.
class Checkpoint {
 public:
  std::map<std::string, Entry> entries;
  Metadata metadata, counters;  // of the program that saved it, and of the module

  explicit Checkpoint(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path, error);
    expect(!error, "{}", error.message());
    file_.open(path, std::ios::binary);
    expect(file_.is_open(), "cannot be opened");

    // The length says how much is allocated, so it is compared with the file's size first.
    std::uint64_t length = 0;
    expect(size >= sizeof length, "truncated: {} bytes, less than the header's length takes", size);
    file_.read(reinterpret_cast<char*>(&length), sizeof length);
    expect(length <= largest_header && length <= size - sizeof length,
           "not a safetensors file, or truncated: the header should be {} bytes, the file is {}",
           length, size);
    std::string text(static_cast<std::size_t>(length), '\0');
    file_.read(text.data(), static_cast<std::streamsize>(length));
    expect(file_.good(), "the header cannot be read");
    data_begin_ = sizeof length + length;

    try {
      Header header = parse_header(text, size - data_begin_);
      entries = std::move(header.entries);
      for (const auto& [name, note] : header.metadata)
        (name.starts_with(counter_prefix) ? counters : metadata)[name] = note;
    } catch (const FileError& reason) {
      expect(false, "{}", reason.what());
    }
  }

  // Gives PyTorch's entries our names: "attention.in_proj_weight" becomes three entries, and
  // "attention.q_proj_weight" becomes "attention.q_proj.weight".
  void unpack() {
    const auto packed = std::exchange(entries, {});
    for (const auto& [name, entry] : packed) {
      const std::size_t own = name.rfind('.') + 1;  // npos + 1 is 0
      const std::string owner = name.substr(0, own), last = name.substr(own);
      if (last == "in_proj_weight" || last == "in_proj_bias") {
        unpack_projections(name, owner, last.substr(8), entry);
      } else if (last == "q_proj_weight" || last == "k_proj_weight" || last == "v_proj_weight") {
        add(owner + last.substr(0, 6) + ".weight", entry);
      } else {
        add(name, entry);
      }
    }
  }

  // The numbers of an entry that has this shape; Reals, whatever they are in the file.
  Tensor read(const std::string& name, const Shape& shape) {
    const Entry& entry = entries.at(name);
    auto numbers = entry.type == "F32" ? numbers_of<float>(entry) : numbers_of<double>(entry);
    expect(file_.good(), "'{}' cannot be read", name);
    return {shape, std::move(numbers)};
  }

  template <class... Args>
  void expect(bool ok, fmt::format_string<Args...> text, Args&&... args) const {
    if (!ok)
      throw FileError(
          fmt::format("load: {}: {}", path_, fmt::format(text, std::forward<Args>(args)...)));
  }

 private:
  void add(const std::string& name, const Entry& entry) {
    expect(entries.emplace(name, entry).second, "'{}' is there twice, packed and alone", name);
  }

  // Three projections that are stacked in one matrix, the query's rows first, become three entries.
  // `kind` is "weight" or "bias".
  void unpack_projections(const std::string& name, const std::string& owner,
                          const std::string& kind, const Entry& entry) {
    expect(!entry.sizes.empty() && entry.sizes[0] % 3 == 0,
           "'{}' of shape [{}] does not hold three projections", name,
           fmt::join(entry.sizes, ", "));
    Entry part = entry;
    part.sizes[0] /= 3;
    part.end = part.begin;
    for (const char letter : {'q', 'k', 'v'}) {
      part.begin = std::exchange(part.end, part.end + (entry.end - entry.begin) / 3);
      add(fmt::format("{}{}_proj.{}", owner, letter, kind), part);
    }
  }

  template <class T>
  std::vector<Real> numbers_of(const Entry& entry) {
    std::vector<T> numbers(static_cast<std::size_t>((entry.end - entry.begin) / sizeof(T)));
    file_.seekg(static_cast<std::streamoff>(data_begin_ + entry.begin));
    file_.read(reinterpret_cast<char*>(numbers.data()),
               static_cast<std::streamsize>(entry.end - entry.begin));
    return std::vector<Real>(numbers.begin(), numbers.end());
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t data_begin_ = 0;
};

// "; label a, b, c" for an error message, or nothing.
std::string listed(std::string_view label, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("; {} {}", label, fmt::join(names, ", "));
}

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

// How the names in a file differ from the names of a module.
struct Comparison {
  std::vector<std::string> missing, unexpected, misshapen;
  std::string way_out;  // what to do if untied weights may be the reason
};

// Compares the names, types and shapes of the tensors.
Comparison compare_tensors(const State& state, const Checkpoint& file) {
  Comparison found;
  for (const auto& [name, tensor] : state.tensors) {
    // Is the tensor in the file, with a type that can be read, and with the same shape?
    check<StateError>(!tensor.is_expanded(), "load: '{}' is an expanded view; it cannot be written",
                      name);
    if (!file.entries.contains(name)) {
      found.missing.push_back(name);
      continue;
    }
    const Entry& entry = file.entries.at(name);
    file.expect(entry.type == "F32" || entry.type == "F64",
                "'{}' is {}; only F32 and F64 can be loaded", name, entry.type);
    if (!std::ranges::equal(entry.sizes, tensor.shape()))
      found.misshapen.push_back(fmt::format("{} (expected {}, found [{}])", name, tensor.shape(),
                                            fmt::join(entry.sizes, ", ")));
  }
  // The names in the file that the module does not have.
  std::map<std::string, Entry> unasked = file.entries;
  for (const auto& [name, tensor] : state.tensors) unasked.erase(name);
  for (const auto& [name, entry] : unasked) found.unexpected.push_back(name);
  return found;
}

// Compares the tensors, and the names of the counters. Ties explain missing tensors, not missing
// counters.
Comparison compare(const State& state, const Checkpoint& file) {
  Comparison found = compare_tensors(state, file);
  if (found.unexpected.empty()) found.way_out = ties_of(state, found.missing);
  for (const State::Counter& counter : state.counters)
    if (!counter.may_be_missing && !file.counters.contains(in_file(counter)))
      found.missing.push_back(in_file(counter));
  return found;
}

// Sets the module's counters. If one text is not valid, all counters get their old values back.
void set_counters(const State& state, const Checkpoint& file) {
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
  Checkpoint file(path);
  if (names == NamesOf::torch) file.unpack();

  // First everything is compared …
  const Comparison found = compare(state, file);
  std::string faults = listed("misshapen", found.misshapen);
  if (options.strict)
    faults = listed("missing", found.missing) + listed("unexpected", found.unexpected) + faults +
             found.way_out;
  file.expect(faults.empty(), "does not fit the module{}", faults);

  // … then everything is read …
  std::vector<std::pair<Tensor, Tensor>> loaded;
  for (const auto& [name, tensor] : state.tensors)
    if (file.entries.contains(name)) loaded.emplace_back(tensor, file.read(name, tensor.shape()));
  LoadReport report{found.missing, found.unexpected, file.metadata};

  // … and only then is the module changed.
  set_counters(state, file);
  for (auto& [tensor, numbers] : loaded) tensor.copy_from(numbers);
  return report;
}

Metadata read_metadata(const std::filesystem::path& path) { return Checkpoint(path).metadata; }

}  // namespace glass::nn
