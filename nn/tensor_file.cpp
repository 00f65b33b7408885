// # From bytes to tensors
//
// A file is the header's length in 8 bytes, the header (nn/header.h), then the numbers of each
// tensor in turn, little-endian. Every type of at most 64 bits that has a number for each element
// becomes Reals here. Types of other programs for compressed weights (F8_E4M3, F4 and more) and
// complex numbers are not read.
#include "nn/tensor_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <vector>

namespace glass::nn {

// ---- types of numbers ----

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

// A sign, 5 bits of exponent, 10 bits of mantissa (IEEE 754 binary16).
struct Float16 {
  std::uint16_t bits;
};

// The upper half of a float: a sign, 8 bits of exponent, 7 bits of mantissa.
struct BFloat16 {
  std::uint16_t bits;
};

struct Truth {
  std::uint8_t byte;
};

// The exponent's largest pattern means ∞, or NaN if the mantissa is not 0. Its smallest pattern
// means a subnormal number: no leading 1, and the smallest exponent. A float has more bits of both,
// so nothing is rounded.
//     (−1)ˢ · 2ᵉ⁻¹⁵ · (1 + m / 2¹⁰)      e = 1 … 30
//     (−1)ˢ · 2⁻¹⁴ · m / 2¹⁰             e = 0
float to_float(Float16 x) {
  const int exponent = x.bits >> 10 & 31, mantissa = x.bits & 1023;
  float size = 0;
  if (exponent == 31) {
    size = mantissa == 0 ? std::numeric_limits<float>::infinity()
                         : std::numeric_limits<float>::quiet_NaN();
  } else {
    const int significand = exponent == 0 ? mantissa : 1024 + mantissa;
    size = std::ldexp(static_cast<float>(significand), std::max(exponent, 1) - 25);
  }
  return x.bits >> 15 ? -size : size;
}

float to_float(BFloat16 x) { return std::bit_cast<float>(std::uint32_t{x.bits} << 16); }

// A number of any type as a Real, rounded to the nearest one where it has more digits.
template <class T>
Real to_real(T x) {
  if constexpr (std::same_as<T, Truth>)
    return static_cast<Real>(x.byte == 0 ? 0 : 1);
  else if constexpr (std::is_arithmetic_v<T>)
    return static_cast<Real>(x);
  else
    return static_cast<Real>(to_float(x));
}

// `count` numbers of type T, which may lie at any address, become Reals.
template <class T>
void convert(const char* bytes, std::size_t count, Real* out) {
  for (std::size_t i = 0; i < count; ++i) {
    T x;
    std::memcpy(&x, bytes + i * sizeof(T), sizeof(T));
    out[i] = to_real(x);
  }
}

struct NumberType {
  NumberKind kind;
  std::size_t size;  // in bytes
  void (*convert)(const char* bytes, std::size_t count, Real* out);
};

template <class T>
constexpr NumberType number_type(NumberKind kind) {
  return {kind, sizeof(T), convert<T>};
}

// nullptr if numbers of this type do not become Reals.
const NumberType* number_type_of(std::string_view type) {
  using enum NumberKind;
  static const std::map<std::string_view, NumberType> types = {
      {"F16", number_type<Float16>(floating)},    {"BF16", number_type<BFloat16>(floating)},
      {"F32", number_type<float>(floating)},      {"F64", number_type<double>(floating)},
      {"I8", number_type<std::int8_t>(whole)},    {"I16", number_type<std::int16_t>(whole)},
      {"I32", number_type<std::int32_t>(whole)},  {"I64", number_type<std::int64_t>(whole)},
      {"U8", number_type<std::uint8_t>(whole)},   {"U16", number_type<std::uint16_t>(whole)},
      {"U32", number_type<std::uint32_t>(whole)}, {"U64", number_type<std::uint64_t>(whole)},
      {"BOOL", number_type<Truth>(whole)}};
  const auto found = types.find(type);
  return found == types.end() ? nullptr : &found->second;
}

}  // namespace

NumberKind kind_of(std::string_view type) {
  const NumberType* const found = number_type_of(type);
  return found ? found->kind : NumberKind::unreadable;
}

// ---- the file ----

TensorFile::TensorFile(const std::filesystem::path& path, std::string_view who)
    : who_(who), path_(path.string()) {
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
#ifdef GLASS_REAL_CERTIFIED
  join_ends();
#endif
}

// The pair is joined where its lower ends are met. What is no pair stays what it is.
#ifdef GLASS_REAL_CERTIFIED
void TensorFile::join_ends() {
  const auto all = std::exchange(entries, {});
  for (const auto& [name, entry] : all) {
    const auto other = [&](const char* mine, const char* its) {
      if (!name.ends_with(mine)) return all.end();
      return all.find(name.substr(0, name.size() - 3) + its);
    };
    const auto hi = other(".lo", ".hi"), lo = other(".hi", ".lo");
    const auto fits = [&, &sizes = entry.sizes](auto end) {
      return end != all.end() && end->second.sizes == sizes &&
             kind_of(end->second.type) == NumberKind::floating;
    };
    const bool readable = kind_of(entry.type) == NumberKind::floating;
    // The upper ends are joined where their lower ends are met.
    if (readable && fits(lo)) continue;
    if (readable && fits(hi)) {
      const std::string joined = name.substr(0, name.size() - 3);
      expect(!all.contains(joined), "'{}' is there twice, as numbers and as intervals", joined);
      entries.emplace(joined, entry);
      upper_ends_.emplace(joined, hi->second);
    } else {
      entries.emplace(name, entry);
    }
  }
}
#endif

Tensor TensorFile::read(const std::string& name, const Shape& shape) {
  Tensor numbers = numbers_of(name, entries.at(name), shape);
  // An interval from its two ends.
#ifdef GLASS_REAL_CERTIFIED
  if (const auto found = upper_ends_.find(name); found != upper_ends_.end()) {
    const Tensor upper = numbers_of(name, found->second, shape);
    for (Index i = 0; i < numbers.numel(); ++i) {
      const Interval lo = numbers.data()[i].v, hi = upper.data()[i].v;
      expect(lo.lo <= hi.hi || (isnan(lo) && isnan(hi)),
             "'{}' holds no interval at element {}: its ends are {} and {}", name, i, lo, hi);
      numbers.data()[i] = Real(Interval(lo.lo, hi.hi));
    }
  }
#endif
  return numbers;
}

Tensor TensorFile::numbers_of(const std::string& name, const Entry& entry, const Shape& shape) {
  const NumberType& type = *number_type_of(entry.type);
  Tensor result = zeros(shape);
  Real* out = result.data();
  // Block by block, so that the numbers are not twice in memory.
  constexpr std::size_t block = 1 << 16;
  std::vector<char> bytes(block);
  file_.seekg(static_cast<std::streamoff>(data_begin_ + entry.begin));
  for (std::uint64_t at = entry.begin; at < entry.end; at += block) {
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(block, entry.end - at));
    file_.read(bytes.data(), static_cast<std::streamsize>(size));
    expect(file_.good(), "'{}' cannot be read", name);
    type.convert(bytes.data(), size / type.size, out);
    out += size / type.size;
  }
  return result;
}

// ---- PyTorch's names ----

void TensorFile::unpack() {
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

void TensorFile::add(const std::string& name, const Entry& entry) {
  expect(entries.emplace(name, entry).second, "'{}' is there twice, packed and alone", name);
}

// Three projections that are stacked in one matrix, the query's rows first, become three entries.
// `kind` is "weight" or "bias".
void TensorFile::unpack_projections(const std::string& name, const std::string& owner,
                                    const std::string& kind, const Entry& entry) {
  expect(!entry.sizes.empty() && entry.sizes[0] % 3 == 0,
         "'{}' of shape [{}] does not hold three projections", name, fmt::join(entry.sizes, ", "));
  Entry part = entry;
  part.sizes[0] /= 3;
  part.end = part.begin;
  for (const char letter : {'q', 'k', 'v'}) {
    part.begin = std::exchange(part.end, part.end + (entry.end - entry.begin) / 3);
    add(fmt::format("{}{}_proj.{}", owner, letter, kind), part);
  }
}

}  // namespace glass::nn
