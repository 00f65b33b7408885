// # The header of a safetensors file
//
// (private to nn/) JSON that names each tensor, its type, shape and place among the numbers.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/serialize.h"

namespace glass::nn {

struct Entry {
  std::string type;
  std::vector<Index> sizes;
  std::uint64_t begin = 0, end = 0;  // in bytes, from where the numbers begin
};

struct Header {
  std::map<std::string, Entry> entries;
  Metadata metadata;
};

// FileError if two tensors have one name.
std::string header_text(std::span<const std::pair<std::string, Entry>> entries,
                        const Metadata& metadata);

// FileError, with the reason, unless the tensors lie one after the other in `data_size` bytes, and
// each has as many bytes as its type and shape need.
Header parse_header(const std::string& text, std::uint64_t data_size);

}  // namespace glass::nn
