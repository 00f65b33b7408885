// libFuzzer's side of safetensors.h.
#include "tests/fuzz/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

extern "C" {

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t capacity);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  glass::fuzz::try_safetensors({reinterpret_cast<const char*>(data), size});
  return 0;
}

// A file begins with the length of its header, and nearly every change would make this length
// wrong. So header and numbers are changed separately, and the length is corrected.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t capacity,
                                    unsigned seed) {
  std::uint64_t length = 0;
  constexpr std::size_t prefix = sizeof length;
  if (size < prefix || size >= capacity || seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, capacity);
  std::memcpy(&length, data, prefix);
  length = std::min<std::uint64_t>(length, size - prefix);
  const std::size_t begin = prefix + length, rest = size - begin;
  if (seed % 8 == 1) return begin + LLVMFuzzerMutate(data + begin, rest, capacity - begin);

  const std::vector<std::uint8_t> numbers(data + begin, data + size);
  length = LLVMFuzzerMutate(data + prefix, length, capacity - prefix - rest);
  std::memcpy(data, &length, prefix);
  std::copy(numbers.begin(), numbers.end(), data + prefix + length);
  return prefix + length + rest;
}

}  // extern "C"
