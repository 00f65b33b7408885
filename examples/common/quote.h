// # Quoting what somebody typed
#pragma once

#include <string>
#include <string_view>

namespace examples {

// At most `most` bytes of `text`, and "…" if there are more; for an error message, which must stay
// readable whatever the input was. No code point of UTF-8 is cut in two, and each control character
// becomes a space, so that a message stays on one line.
std::string shortened(std::string_view text, std::size_t most = 60);

}  // namespace examples
