// # Quoting what somebody typed: cutting it to a length
#include "examples/common/quote.h"

namespace examples {

std::string shortened(std::string_view text, std::size_t most) {
  std::size_t length = text.size();
  if (length > most) {
    length = most;
    // A byte 10xxxxxx continues a code point, which began at most three bytes before. So the cut
    // moves to the beginning of that code point.
    const auto inside = [&](std::size_t at) {
      return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
    };
    for (int i = 0; i < 3 && length > 0 && inside(length); ++i) --length;
  }
  std::string result(text.substr(0, length));
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return length < text.size() ? result + "…" : result;
}

}  // namespace examples
