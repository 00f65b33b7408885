// # A hash: many bytes as one number
//
// FNV-1a of 64 bits. It tells apart texts, or weights, that differ by accident; it is no protection
// against anybody who wants two things to have one hash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "glassgrad.h"

namespace translate {

class Hash {
 public:
  void add_bytes(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  // A text, and a mark of its end: the byte 0xFF, which UTF-8 does not have.
  void add(std::string_view text) {
    add_bytes(text);
    add_bytes("\xFF");
  }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325;
};

}  // namespace translate
