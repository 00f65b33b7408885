// # Quoting what somebody typed
#pragma once

#include <string>
#include <string_view>

namespace examples {

// The first `most` bytes of `text`, and "…" if the text is longer: an error message stays readable
// whatever the input was. No code point of UTF-8 is cut in two. Each control character becomes a
// space, so that the message stays on one line.
std::string shortened(std::string_view text, std::size_t most = 60);

}  // namespace examples
