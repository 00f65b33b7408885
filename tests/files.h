// # Helpers for the tests of safetensors files
//
// Files as strings of bytes, and all of a module's state as one string.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "nn/serialize.h"
#include "tests/folder.h"

namespace glass::files {

// ---- the format ----

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  std::string result(numbers.size() * sizeof(T), '\0');
  if (!numbers.empty()) std::memcpy(result.data(), numbers.data(), result.size());
  return result;
}

template <class T>
std::string bytes_of(std::initializer_list<T> numbers) {
  return bytes_of(std::vector<T>(numbers));
}

// A safetensors file as the format has it: the header's length, the header, the data.
inline std::string file_of(const std::string& header, const std::string& data) {
  return bytes_of<std::uint64_t>({header.size()}) + header + data;
}

inline std::string header_of(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  return bytes.substr(8, length);
}

// ---- a module ----

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

}  // namespace glass::files
