// # A safetensors file, open for reading
//
// (private to nn/) The constructor reads the header and checks it; then tensors are read one by
// one. Whether they fit a module is not this file's business.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "nn/header.h"

namespace glass::nn {

inline constexpr std::uint64_t largest_header = 100'000'000;  // in bytes
inline constexpr std::string_view counter_prefix = "state.";  // of counters among the metadata

// The types whose numbers become Reals: F16, BF16, F32, F64, and the whole numbers.
enum class NumberKind { floating, whole, unreadable };
NumberKind kind_of(std::string_view type);

class TensorFile {
 public:
  std::map<std::string, Entry> entries;
  Metadata metadata, counters;  // of the program that saved it, and of the module

  // All errors are FileErrors that begin with `who` and the path. FileError if the file cannot be
  // read, or is not sound.
  explicit TensorFile(const std::filesystem::path& path, std::string_view who = "load");

  // Joins the entries `name.lo` and `name.hi`, which intervals are saved as, to one entry `name`.
  // Only the libraries of intervals do: to others these are two tensors.
#ifdef GLASS_REAL_CERTIFIED
  void join_ends();
#endif

  // Gives PyTorch's entries our names: "attention.in_proj_weight" becomes three entries, and
  // "attention.q_proj_weight" becomes "attention.q_proj.weight".
  void unpack();

  // The numbers of an entry, as Reals. Its type is readable, and its sizes are those of `shape`.
  Tensor read(const std::string& name, const Shape& shape);

  template <class... Args>
  void expect(bool ok, fmt::format_string<Args...> text, Args&&... args) const {
    if (!ok)
      throw FileError(
          fmt::format("{}: {}: {}", who_, path_, fmt::format(text, std::forward<Args>(args)...)));
  }

 private:
  Tensor numbers_of(const std::string& name, const Entry& entry, const Shape& shape);
  void add(const std::string& name, const Entry& entry);
  void unpack_projections(const std::string& name, const std::string& owner,
                          const std::string& kind, const Entry& entry);

  std::map<std::string, Entry> upper_ends_;  // of the entries that were joined
  std::string who_, path_;
  std::ifstream file_;
  std::uint64_t data_begin_ = 0;
};

}  // namespace glass::nn
