#include "nn/header.h"

#include <fmt/ranges.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace glass::nn {

namespace {

using Json = nlohmann::json;

constexpr const char* metadata_name = "__metadata__";

// In bytes; 0 where the format knows no such type.
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

// Tensors are named in the order in which their numbers lie.
std::string header_text(std::span<const std::pair<std::string, Entry>> entries,
                        const Metadata& metadata) {
  nlohmann::ordered_json header = {{metadata_name, metadata}};
  for (const auto& [name, entry] : entries) {
    nlohmann::ordered_json fields = {
        {"data_offsets", {entry.begin, entry.end}}, {"dtype", entry.type}, {"shape", entry.sizes}};
    check<FileError>(header.emplace(name, std::move(fields)).second,
                     "save: two tensors are called '{}'", name);
  }
  return header.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ---- reading ----

namespace {

// A header, read while it is parsed. It keeps the fields of each name and the numbers of the lists
// that the format has; what else a file nests or repeats takes no memory, and no more time than its
// length. (nlohmann's tree of such a file takes 70 times its size, or days.)
//
// Whatever the parser meets is a key, or a value, or the end of one: three functions do the work.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  Json said = Json::object();  // of each name: its fields

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

  // A name that stands twice would silently hide one of the two.
  bool key(std::string& text) override {
    if (depth_ > 2) return true;
    const auto [item, is_new] = (depth_ == 1 ? said : *fields_).emplace(text, Json::object());
    check<FileError>(is_new, "the header names '{}' twice", text);
    (depth_ == 1 ? name_ : field_) = text;
    (depth_ == 1 ? fields_ : value_) = &*item;
    return true;
  }

 private:
  // Any value; of an array or an object the beginning, still empty. Of the wrong kind it is kept
  // too, where it can only be missed later; what no key announced goes.
  bool take(Json value) {
    const bool is_note = name_ == metadata_name;
    check<FileError>(depth_ != 0 || value.is_object(), "the header is not a JSON object");
    check<FileError>(depth_ != 1 || !is_note || value.is_object(), "__metadata__ is not an object");
    check<FileError>(depth_ != 2 || !is_note || value.is_string(),
                     "__metadata__ '{}' is not a string", field_);
    check<FileError>(!list_ || value.is_number_unsigned(), "'{}' has {} that are not counts", name_,
                     field_);
    if (list_) {
      list_->push_back(std::move(value));
    } else if (Json* field = std::exchange(value_, nullptr)) {
      *field = std::move(value);
      if (field->is_array() && (field_ == "shape" || field_ == "data_offsets")) list_ = field;
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
  Json* fields_ = nullptr;  // of the name
  Json* value_ = nullptr;   // of the field whose value comes next
  Json* list_ = nullptr;    // that is being read
};

Entry entry_of(const std::string& name, const Json& said) {
  const Json shape = said.value("shape", Json()), dtype = said.value("dtype", Json()),
             offsets = said.value("data_offsets", Json());
  check<FileError>(shape.is_array(), "'{}' has no list of shape", name);
  check<FileError>(offsets.is_array(), "'{}' has no list of data_offsets", name);
  check<FileError>(dtype.is_string(), "'{}' has no dtype", name);
  const auto type = dtype.get<std::string>();
  check<FileError>(type_size(type) > 0, "'{}' has the unknown dtype {}", name, type);
  check<FileError>(offsets.size() == 2 && offsets[0] <= offsets[1],
                   "'{}' needs two data_offsets in order", name);
  Entry result{type, {}, offsets[0], offsets[1]};

  // The sizes must fill the bytes exactly; a product that overflows cannot.
  const auto sizes = shape.get<std::vector<std::uint64_t>>();
  std::uint64_t bytes = type_size(type);
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
  Header header{{}, reader.said.value(metadata_name, Metadata())};
  reader.said.erase(metadata_name);
  for (const auto& [name, said] : reader.said.items()) header.entries[name] = entry_of(name, said);
  expect_layout(header.entries, data_size);
  return header;
}

}  // namespace glass::nn
