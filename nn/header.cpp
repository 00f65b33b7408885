#include "nn/header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

namespace glass::nn {

namespace {

using Json = nlohmann::json;

constexpr std::string_view metadata_name = "__metadata__";

std::uint64_t type_size(std::string_view type) {
  if (type == "F64" || type == "I64" || type == "U64") return 8;
  if (type == "F32" || type == "I32" || type == "U32") return 4;
  if (type == "F16" || type == "BF16" || type == "I16" || type == "U16") return 2;
  if (type == "I8" || type == "U8" || type == "BOOL" || type == "F8_E4M3" || type == "F8_E5M2")
    return 1;
  return 0;
}

}  // namespace

// ---- writing ----

namespace {

// Text as JSON writes it.
std::string json_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string header_text(std::span<const std::pair<std::string, Entry>> entries,
                        const Metadata& metadata) {
  std::vector<std::string> notes;
  for (const auto& [name, note] : metadata)
    notes.push_back(fmt::format("{}:{}", json_text(name), json_text(note)));
  std::string text = fmt::format("{{{}:{{{}}}", json_text(metadata_name), fmt::join(notes, ","));
  std::unordered_set<std::string> names = {std::string(metadata_name)};
  for (const auto& [name, entry] : entries) {
    check<FileError>(names.insert(name).second, "save: two tensors are called '{}'", name);
    text +=
        fmt::format(R"(,{}:{{"data_offsets":[{},{}],"dtype":"{}","shape":[{}]}})", json_text(name),
                    entry.begin, entry.end, entry.type, fmt::join(entry.sizes, ","));
  }
  return text + '}';
}

// ---- reading ----

namespace {

// What a header says of one tensor; what it does not say, or not in the right kind, is missing.
struct Description {
  std::optional<std::string> dtype;
  std::optional<std::vector<std::uint64_t>> shape, data_offsets;
};

// A header, read while it is parsed. Nothing is kept but what the format names, and nothing is
// asked twice: whatever else a file nests or repeats takes no memory, and no more time than its
// length. (nlohmann's tree of such a file takes 70 times its size, or days.)
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  std::map<std::string, Description> tensors;  // and one of the metadata's name, if there are any
  Metadata metadata;

  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override {
    check<FileError>(depth_ > 0, "the header is not a JSON object");
    check<FileError>(depth_ > 1 || !in_metadata(), "__metadata__ is not an object");
    open();
    if (depth_ == 3 && field_ == "shape") list_ = &tensors[name_].shape.emplace();
    if (depth_ == 3 && field_ == "data_offsets") list_ = &tensors[name_].data_offsets.emplace();
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  // A name that stands twice would silently hide one of the two.
  bool key(std::string& text) override {
    if (depth_ > 2) return true;
    (depth_ == 1 ? name_ : field_) = text;
    const bool is_new =
        depth_ == 1 ? tensors.try_emplace(text).second : fields_.insert(text).second;
    check<FileError>(is_new, "the header names '{}' twice", text);
    return true;
  }

  bool string(std::string& text) override {
    if (depth_ != 2) return other();
    if (in_metadata()) metadata[field_] = text;
    if (!in_metadata() && field_ == "dtype") tensors[name_].dtype = text;
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    if (!list_) return other();
    list_->push_back(number);
    return true;
  }
  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(std::int64_t) override { return other(); }
  bool number_float(double, const std::string&) override { return other(); }
  bool binary(Json::binary_t&) override { return other(); }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  bool in_metadata() const { return name_ == metadata_name; }

  // Anything that the place does not ask for.
  bool other() const {
    check<FileError>(depth_ > 0, "the header is not a JSON object");
    check<FileError>(depth_ > 1 || !in_metadata(), "__metadata__ is not an object");
    check<FileError>(!in_metadata(), "__metadata__ '{}' is not a string", field_);
    check<FileError>(!list_, "'{}' has {} that are not counts", name_, field_);
    return true;
  }

  bool open() {
    if (depth_ > 1) other();
    if (++depth_ == 2) fields_.clear(), field_.clear();
    return true;
  }
  bool close() {
    --depth_;
    list_ = nullptr;
    return true;
  }

  std::size_t depth_ = 0;  // 1: names, 2: their fields, 3: lists of numbers
  std::string name_, field_;
  std::unordered_set<std::string> fields_;
  std::vector<std::uint64_t>* list_ = nullptr;  // the list that is being read
};

Entry entry_of(const std::string& name, const Description& tensor) {
  check<FileError>(tensor.shape.has_value(), "'{}' has no list of shape", name);
  check<FileError>(tensor.data_offsets.has_value(), "'{}' has no list of data_offsets", name);
  check<FileError>(tensor.dtype.has_value(), "'{}' has no dtype", name);
  Entry result;
  const auto &sizes = *tensor.shape, &offsets = *tensor.data_offsets;
  result.type = *tensor.dtype;
  check<FileError>(type_size(result.type) > 0, "'{}' has the unknown dtype {}", name, result.type);
  check<FileError>(offsets.size() == 2 && offsets[0] <= offsets[1],
                   "'{}' needs two data_offsets in order", name);
  result.begin = offsets[0];
  result.end = offsets[1];

  // The sizes must fill the bytes exactly; a product that overflows cannot.
  std::uint64_t bytes = type_size(result.type);
  bool overflow = false;
  for (const std::uint64_t size : sizes) {
    overflow |= __builtin_mul_overflow(bytes, size, &bytes) ||
                size > static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
    result.sizes.push_back(static_cast<Index>(size));
  }
  check<FileError>(!overflow && bytes == result.end - result.begin,
                   "'{}' of shape [{}] does not fill its {} bytes", name, fmt::join(sizes, ", "),
                   result.end - result.begin);
  return result;
}

// Tensors lie one after the other, without holes, and end where the file ends.
void expect_layout(const std::map<std::string, Entry>& entries, std::uint64_t size) {
  std::vector<std::pair<std::uint64_t, const std::string*>> order;
  for (const auto& [name, e] : entries) order.emplace_back(e.begin, &name);
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    return std::pair(a.first, entries.at(*a.second).end) <
           std::pair(b.first, entries.at(*b.second).end);
  });
  std::uint64_t at = 0;
  for (const auto& [begin, name] : order) {
    check<FileError>(begin == at, "'{}' begins at byte {} of the data, where {} was expected",
                     *name, begin, at);
    at = entries.at(*name).end;
  }
  check<FileError>(
      at == size, "truncated, or too long: the tensors take {} bytes, the file holds {}", at, size);
}

}  // namespace

Header parse_header(const std::string& text, std::uint64_t data_size) {
  HeaderReader reader;
  // The parser takes a NUL for the end of the text.
  check<FileError>(Json::sax_parse(text, &reader) && text.find('\0') == std::string::npos,
                   "the header is not valid JSON");
  reader.tensors.erase(std::string(metadata_name));
  Header header{{}, std::move(reader.metadata)};
  for (const auto& [name, tensor] : reader.tensors) header.entries[name] = entry_of(name, tensor);
  expect_layout(header.entries, data_size);
  return header;
}

}  // namespace glass::nn
