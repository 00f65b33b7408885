// # Attention, drawn in the terminal
#pragma once

#include <string>

#include "examples/translate/text.h"

namespace translate {

// Where each target token looked: weights [T, S] as shades, one row a target token, one column a
// source token, the darker the more. Ends with a line break.
std::string draw_attention(const glass::Tensor& weights, const Sentence& source,
                           const Sentence& target);

}  // namespace translate
