// # Writing and reading the header
//
// A header is untrusted JSON: it may nest deeply, repeat names, or have wrong offsets. It is read
// token by token, not as a tree, so that a hostile file takes little memory and time. The numbers
// of the tensors are not read here.
#include "nn/header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <unordered_set>
#include <variant>

namespace glass::nn {

namespace {

using Json = nlohmann::json;

constexpr const char* metadata_name = "__metadata__";

// Bits of one element; 0 for a type that is not in this list.
std::uint64_t type_bits(std::string_view type) {
  static const std::map<std::string_view, std::uint64_t> bits = {
      {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},        {"F32", 32},
      {"I32", 32},    {"U32", 32},    {"F16", 16},    {"BF16", 16},       {"I16", 16},
      {"U16", 16},    {"I8", 8},      {"U8", 8},      {"BOOL", 8},        {"F8_E4M3", 8},
      {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
      {"F4", 4},      {"F6_E3M2", 6}};
  const auto found = bits.find(type);
  return found == bits.end() ? 0 : found->second;
}

}  // namespace

// ---- writing ----

namespace {

// Text as JSON writes it. FileError if it is not UTF-8, since a reader would refuse the whole file.
// No tree of the whole header: nlohmann's trees allocate when they are destroyed, which ends the
// program where memory has run out.
std::string json_text(std::string_view text) {
  const Json json(text);
  try {
    return json.dump();
  } catch (const Json::type_error&) {
    const std::string shown = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    throw FileError(fmt::format("save: names and metadata must be UTF-8; got {}", shown));
  }
}

}  // namespace

std::string header_text(std::span<const std::pair<std::string, Entry>> entries,
                        const Metadata& metadata) {
  // The metadata, then an entry for each tensor.
  std::vector<std::string> notes;
  for (const auto& [name, note] : metadata)
    notes.push_back(fmt::format("{}:{}", json_text(name), json_text(note)));
  std::string text = fmt::format("{{{}:{{{}}}", json_text(metadata_name), fmt::join(notes, ","));
  std::unordered_set<std::string> names;
  for (const auto& [name, entry] : entries) {
    check<FileError>(name != metadata_name,
                     "save: no tensor may be called '{}': the file format keeps this name for "
                     "metadata",
                     name);
    check<FileError>(names.insert(name).second, "save: two tensors are called '{}'", name);
    text +=
        fmt::format(R"(,{}:{{"data_offsets":[{},{}],"dtype":"{}","shape":[{}]}})", json_text(name),
                    entry.begin, entry.end, entry.type, fmt::join(entry.sizes, ","));
  }
  return text + '}';
}

// ---- reading ----

namespace {

using Counts = std::vector<std::uint64_t>;
using Field = std::variant<std::monostate, std::string, Counts>;  // empty: not read

// A header, read while it is parsed. It keeps the names of fields, texts, and the lists that the
// format has. Other nested or repeated values are skipped: they take no memory, and time in
// proportion to the file's length. (nlohmann's tree of such a file takes 70 times its size, or
// days.)
//
// The parser reports a key, a value, or the end of a list or object: three functions do the work.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  std::map<std::string, std::map<std::string, Field>> said;  // the fields of each name

  bool start_object(std::size_t) override { return take(Json::object()) && ++depth_; }
  bool start_array(std::size_t) override { return take(Json::array()) && ++depth_; }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool string(std::string& text) override { return take(std::move(text)); }
  bool number_unsigned(std::uint64_t number) override { return take(number); }
  bool number_integer(std::int64_t number) override { return take(number); }
  bool number_float(double number, const std::string&) override { return take(number); }
  bool boolean(bool truth) override { return take(truth); }
  bool null() override { return take(nullptr); }
  bool binary(Json::binary_t&) override { return take(nullptr); }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

  // FileError if a name occurs twice: one of the two would be ignored without a message.
  bool key(std::string& text) override {
    const auto add = [&](auto& map, std::string& last) {
      const auto [place, is_new] = map.try_emplace(last = text);
      check<FileError>(is_new, "the header names '{}' twice", text);
      return &place->second;
    };
    if (depth_ == 1) fields_ = add(said, name_);
    if (depth_ == 2) value_ = add(*fields_, field_);
    return true;
  }

 private:
  // Takes any value. Of an array or an object only the beginning arrives here, as an empty one.
  bool take(Json value) {
    // Check that the format has such a value here.
    const bool is_note = name_ == metadata_name;
    check<FileError>(depth_ != 0 || value.is_object(), "the header is not a JSON object");
    check<FileError>(depth_ != 1 || !is_note || value.is_object(), "__metadata__ is not an object");
    check<FileError>(depth_ != 2 || !is_note || value.is_string(),
                     "__metadata__ '{}' is not a string", field_);
    check<FileError>(!list_ || value.is_number_unsigned(), "'{}' has {} that are not counts", name_,
                     field_);
    // Keep the value if it belongs to a list or a field of the format.
    if (list_) {
      list_->push_back(value);
    } else if (Field* field = std::exchange(value_, nullptr)) {
      if (value.is_string()) *field = std::move(value.get_ref<std::string&>());
      if (value.is_array() && (field_ == "shape" || field_ == "data_offsets"))
        list_ = &field->emplace<Counts>();
    }
    return true;
  }

  bool close() {
    --depth_;
    list_ = nullptr;
    return true;
  }

  std::size_t depth_ = 0;  // 1: names, 2: their fields, 3: lists of numbers
  std::string name_, field_;
  std::map<std::string, Field>* fields_ = nullptr;  // of the present name
  Field* value_ = nullptr;                          // the field whose value comes next
  Counts* list_ = nullptr;                          // the list that is being read
};

Entry entry_of(const std::string& name, std::map<std::string, Field>& said) {
  const auto* shape = std::get_if<Counts>(&said["shape"]);
  const auto* offsets = std::get_if<Counts>(&said["data_offsets"]);
  const auto* dtype = std::get_if<std::string>(&said["dtype"]);
  check<FileError>(shape, "'{}' has no list of shape", name);
  check<FileError>(offsets, "'{}' has no list of data_offsets", name);
  check<FileError>(dtype, "'{}' has no dtype", name);
  check<FileError>(offsets->size() == 2 && offsets->front() <= offsets->back(),
                   "'{}' needs two data_offsets in order", name);
  Entry result{*dtype, {}, offsets->front(), offsets->back()};

  // The sizes must have a product that fits an Index. If one of them is 0, the others must: code
  // that walks over the tensor multiplies them.
  std::uint64_t product = 1;
  bool overflow = false;
  for (const std::uint64_t size : *shape) {
    overflow |= __builtin_mul_overflow(product, std::max<std::uint64_t>(size, 1), &product);
    result.sizes.push_back(static_cast<Index>(size));
  }
  overflow |= product > static_cast<std::uint64_t>(std::numeric_limits<Index>::max());

  // The elements must fill the bytes exactly. If the type is not known, this cannot be checked: the
  // tensor is refused when it is read.
  if (std::ranges::find(*shape, 0) != shape->end()) product = 0;
  std::uint64_t bits = type_bits(*dtype);
  const bool known = bits > 0;
  overflow |= __builtin_mul_overflow(bits, product, &bits);
  const bool fits = bits % 8 == 0 && bits / 8 == result.end - result.begin;
  check<FileError>(!known || (!overflow && fits), "'{}' of shape [{}] does not fill its {} bytes",
                   name, fmt::join(*shape, ", "), result.end - result.begin);
  return result;
}

// FileError unless the tensors lie one after the other, without holes, up to the end of the file.
// So no byte is read twice, and none is hidden. An empty tensor comes before the tensor that begins
// at the same byte.
void expect_layout(const std::map<std::string, Entry>& entries, std::uint64_t size) {
  // Sort by begin, then by end; each tensor must begin where the one before ends.
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::string_view>> order;
  for (const auto& [name, entry] : entries) order.emplace(entry.begin, entry.end, name);
  std::uint64_t at = 0;
  for (const auto& [begin, end, name] : order) {
    check<FileError>(begin == at, "'{}' begins at byte {} of the data, where {} was expected", name,
                     begin, at);
    at = end;
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
  Header header;
  for (auto& [name, field] : reader.said[metadata_name])
    header.metadata[name] = std::get<std::string>(field);
  reader.said.erase(metadata_name);
  for (auto& [name, fields] : reader.said) header.entries[name] = entry_of(name, fields);
  expect_layout(header.entries, data_size);
  return header;
}

}  // namespace glass::nn
