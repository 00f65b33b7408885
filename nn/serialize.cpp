#include "nn/serialize.h"

#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <type_traits>

#include "nn/header.h"

namespace glass::nn {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

namespace {

constexpr std::uint64_t largest_header = 100'000'000;
constexpr std::string_view counter_prefix = "state.";

// What a Real is in a file; dual numbers are saved by their values.
using Stored = std::conditional_t<std::same_as<Real, float>, float, double>;
constexpr const char* stored_type = sizeof(Stored) == 4 ? "F32" : "F64";

}  // namespace

// ---- counters ----

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
State::Counter number_counter(const std::string& name, T& value) {
  return {name, fmt::format("{}", value),
          [name, &value](const std::string& text) { value = parsed<T>(name, text); }};
}

}  // namespace

State::Counter counter_of(const std::string& name, Index& value) {
  return number_counter(name, value);
}
State::Counter counter_of(const std::string& name, int& value) {
  return number_counter(name, value);
}
State::Counter counter_of(const std::string& name, double& value) {
  return number_counter(name, value);
}

State::Counter counter_of(const std::string& name, Rng& rng) {
  const auto [seed, draws] = rng.state();
  return {name, fmt::format("{}:{}", seed, draws), [name, &rng](const std::string& text) {
            const std::size_t colon = text.find(':');
            check<FileError>(colon != std::string::npos,
                             "load: '{}' should hold seed:draws; got '{}'", name, text);
            rng.set_state({parsed<std::uint64_t>(name, std::string_view(text).substr(0, colon)),
                           parsed<std::uint64_t>(name, std::string_view(text).substr(colon + 1))});
          }};
}

// ---- saving ----

namespace {

// A file that is written under another name and takes its own only when all of it is on the disk.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path)
      : path_(followed(path)),
        partial_(path_.string() + ".XXXXXX"),
        file_(::mkstemp(partial_.data())) {
    if (file_ < 0) fail("cannot create a file beside it");
  }
  ~AtomicFile() {
    if (file_ >= 0) ::close(file_);
    if (!partial_.empty()) ::unlink(partial_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(file_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail("cannot write");
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  void commit() {
    // A new file gets the permissions that any new file would, an old one keeps its own.
    struct stat old {};
    const ::mode_t mask = ::umask(0);
    ::umask(mask);
    const ::mode_t mode = ::stat(path_.c_str(), &old) == 0 ? old.st_mode & 07777 : 0666 & ~mask;
    if (::fchmod(file_, mode) != 0 || ::fsync(file_) != 0) fail("cannot write");
    if (::close(std::exchange(file_, -1)) != 0) fail("cannot write");
    if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot replace the file");
    partial_.clear();
  }

 private:
  // What a link names, for the rename would replace the link itself.
  static std::filesystem::path followed(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_symlink(path, error)) return path;
    const std::filesystem::path target = std::filesystem::canonical(path, error);
    check<FileError>(!error, "save: {}: cannot follow the link: {}", path.string(),
                     error.message());
    return target;
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw FileError(fmt::format("save: {}: {}: {}", path_.string(), what, std::strerror(errno)));
  }
  std::filesystem::path path_;
  std::string partial_;
  int file_;
};

}  // namespace

void save_state(const State& state, const std::filesystem::path& path, const Metadata& metadata) {
  // A pipe or a device would be replaced too, so only a file is.
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  check<FileError>(!path.empty() && (type == std::filesystem::file_type::regular ||
                                     type == std::filesystem::file_type::not_found),
                   "save: '{}' is not the name of a file{}{}", path.string(), error ? ": " : "",
                   error ? error.message() : "");
  Metadata notes = metadata;
  for (const auto& counter : state.counters)
    notes[std::string(counter_prefix) + counter.name] = counter.text;
  std::vector<std::pair<std::string, Entry>> entries;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const std::uint64_t begin = offset;
    offset += static_cast<std::uint64_t>(tensor.numel()) * sizeof(Stored);
    const Shape& shape = tensor.shape();
    entries.push_back({name, {stored_type, {shape.begin(), shape.end()}, begin, offset}});
  }

  // Padded with spaces, so that the numbers begin at a multiple of 8.
  std::string text = header_text(entries, notes);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<std::uint64_t>(text.size());
  AtomicFile file(path);
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const auto& [name, tensor] : state.tensors) {
    std::vector<Stored> numbers;
    for (const Real x : tensor.to_vector()) numbers.push_back(static_cast<Stored>(x));
    file.write(numbers.data(), numbers.size() * sizeof(Stored));
  }
  file.commit();
}

// ---- loading ----

namespace {

// A file whose header has been read and found sound.
struct Checkpoint {
  std::map<std::string, Entry> entries;
  Metadata metadata;
  std::ifstream file;
  std::uint64_t data_begin = 0;
};

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {}

  Checkpoint open() {
    Checkpoint result;
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(path_, error);
    expect(!error, "{}", error.message());
    result.file.open(path_, std::ios::binary);
    expect(result.file.is_open(), "cannot be opened");

    std::uint64_t length = 0;
    expect(size >= sizeof length, "truncated: {} bytes, less than the header's length takes", size);
    result.file.read(reinterpret_cast<char*>(&length), sizeof length);
    expect(length <= largest_header && length <= size - sizeof length,
           "not a safetensors file, or truncated: the header should be {} bytes, the file is {}",
           length, size);
    std::string text(length, '\0');
    result.file.read(text.data(), static_cast<std::streamsize>(length));
    expect(result.file.good(), "the header cannot be read");

    try {
      Header header = parse_header(text, size - sizeof length - length);
      result.entries = std::move(header.entries);
      result.metadata = std::move(header.metadata);
    } catch (const FileError& error) {
      expect(false, "{}", error.what());
    }
    result.data_begin = sizeof length + length;
    return result;
  }

  // Three projections that lie in one matrix are three entries: rows lie one after the other.
  std::map<std::string, Entry> unpacked(const std::map<std::string, Entry>& entries) const {
    std::map<std::string, Entry> result;
    const auto add = [&](const std::string& name, const Entry& entry) {
      expect(result.emplace(name, entry).second, "'{}' is there twice, packed and alone", name);
    };
    for (const auto& [name, entry] : entries) {
      const std::size_t own = name.rfind('.') + 1;  // npos + 1 is 0
      const std::string owner = name.substr(0, own), last = name.substr(own);
      if (last == "in_proj_weight" || last == "in_proj_bias") {
        expect(!entry.sizes.empty() && entry.sizes[0] % 3 == 0,
               "'{}' of shape [{}] does not hold three projections", name,
               fmt::join(entry.sizes, ", "));
        Entry part = entry;
        part.sizes[0] /= 3;
        part.end = part.begin;
        for (const char letter : {'q', 'k', 'v'}) {
          part.begin = std::exchange(part.end, part.end + (entry.end - entry.begin) / 3);
          add(fmt::format("{}{}_proj.{}", owner, letter, last.substr(8)), part);
        }
      } else if (last == "q_proj_weight" || last == "k_proj_weight" || last == "v_proj_weight") {
        add(owner + last.substr(0, 6) + ".weight", entry);
      } else {
        add(name, entry);
      }
    }
    return result;
  }

  template <class... Args>
  void expect(bool ok, fmt::format_string<Args...> text, Args&&... args) const {
    if (!ok)
      throw FileError(fmt::format("load: {}: {}", path_.string(),
                                  fmt::format(text, std::forward<Args>(args)...)));
  }

 private:
  std::filesystem::path path_;
};

template <class T>
std::vector<Real> read_numbers(Checkpoint& checkpoint, const Entry& entry) {
  std::vector<T> numbers((entry.end - entry.begin) / sizeof(T));
  checkpoint.file.seekg(static_cast<std::streamoff>(checkpoint.data_begin + entry.begin));
  checkpoint.file.read(reinterpret_cast<char*>(numbers.data()),
                       static_cast<std::streamsize>(entry.end - entry.begin));
  std::vector<Real> result;
  result.reserve(numbers.size());
  for (const T x : numbers) result.push_back(static_cast<Real>(x));
  return result;
}

bool is_expanded(const Tensor& x) {
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (x.size(axis) > 1 && x.stride(axis) == 0) return true;
  return false;
}

// "label a, b, c" for an error message, or nothing.
std::string listed(std::string_view label, const std::vector<std::string>& names) {
  return names.empty() ? "" : fmt::format("; {} {}", label, fmt::join(names, ", "));
}

}  // namespace

LoadReport load_state(const State& state, const std::filesystem::path& path,
                      const LoadOptions& options, NamesOf names) {
  Reader reader(path);
  Checkpoint checkpoint = reader.open();
  if (names == NamesOf::torch) checkpoint.entries = reader.unpacked(checkpoint.entries);
  LoadReport report;
  report.metadata = checkpoint.metadata;

  // First everything is compared …
  std::vector<std::string> misshapen;
  std::unordered_set<std::string> wanted;
  for (const auto& [name, tensor] : state.tensors) {
    wanted.insert(name);
    check<StateError>(!is_expanded(tensor), "load: '{}' is an expanded view; it cannot be written",
                      name);
    const auto found = checkpoint.entries.find(name);
    if (found == checkpoint.entries.end()) {
      report.missing.push_back(name);
      continue;
    }
    const Entry& entry = found->second;
    reader.expect(entry.type == "F32" || entry.type == "F64",
                  "'{}' is {}; only F32 and F64 can be loaded", name, entry.type);
    if (!std::equal(entry.sizes.begin(), entry.sizes.end(), tensor.shape().begin(),
                    tensor.shape().end()))
      misshapen.push_back(fmt::format("{} (expected {}, found [{}])", name, tensor.shape(),
                                      fmt::join(entry.sizes, ", ")));
  }
  for (const auto& [name, entry] : checkpoint.entries)
    if (!wanted.contains(name)) report.unexpected.push_back(name);
  const bool names_fit = !options.strict || (report.missing.empty() && report.unexpected.empty());
  reader.expect(
      names_fit && misshapen.empty(), "does not fit the module{}{}{}",
      listed("missing", options.strict ? report.missing : std::vector<std::string>()),
      listed("unexpected", options.strict ? report.unexpected : std::vector<std::string>()),
      listed("misshapen", misshapen));

  // … then everything is read …
  std::vector<std::pair<Tensor, Tensor>> loaded;
  for (const auto& [name, tensor] : state.tensors) {
    const auto found = checkpoint.entries.find(name);
    if (found == checkpoint.entries.end()) continue;
    std::vector<Real> numbers = found->second.type == "F32"
                                    ? read_numbers<float>(checkpoint, found->second)
                                    : read_numbers<double>(checkpoint, found->second);
    reader.expect(checkpoint.file.good(), "'{}' cannot be read", name);
    loaded.emplace_back(tensor, Tensor(tensor.shape(), std::move(numbers)));
  }

  // … and only then is the module changed. A counter that makes no sense is put back.
  std::size_t done = 0;
  try {
    for (; done < state.counters.size(); ++done) {
      const State::Counter& counter = state.counters[done];
      const auto saved = checkpoint.metadata.find(std::string(counter_prefix) + counter.name);
      if (saved != checkpoint.metadata.end()) counter.set(saved->second);
    }
  } catch (...) {
    for (std::size_t i = 0; i < done; ++i) state.counters[i].set(state.counters[i].text);
    throw;
  }
  for (auto& [tensor, numbers] : loaded) tensor.copy_from(numbers);
  std::erase_if(report.metadata,
                [](const auto& note) { return note.first.starts_with(counter_prefix); });
  return report;
}

Metadata read_metadata(const std::filesystem::path& path) {
  Metadata metadata = Reader(path).open().metadata;
  std::erase_if(metadata, [](const auto& note) { return note.first.starts_with(counter_prefix); });
  return metadata;
}

}  // namespace glass::nn
