// # Attention, drawn in the terminal
//
// Half-block characters (▀ ▄ █) give each character cell two rows, so that a picture of a sentence
// is not higher than the sentence is long. If the terminal has colours, a weight is shown as a
// grey. Without colours, with NO_COLOR, or in a file, it is shown as the width of a block.
#pragma once

#include <functional>
#include <string>

#include "examples/translate/text.h"

namespace translate {

enum class Ink {
  blocks,     // none, one or two half blocks
  greys,      // the 24 greys of a terminal with 256 colours
  true_greys  // 24-bit colours
};

struct Terminal {
  Ink ink = Ink::blocks;
  Index columns = 100;  // a picture that would be wider is drawn half as wide
};

// What to draw with on the standard output, by what it is connected to and by the variables
// NO_COLOR, COLORTERM and TERM.
Terminal this_terminal();
Ink ink_for(bool is_terminal, const std::function<const char*(const char*)>& variable);

// Where each target token looked: weights [T, S], a row a target token, a column a source token.
// A line has two rows, so two tokens stand before it, the upper row's and the lower row's: the
// margin reads as the translation does. Ends with a line break.
std::string draw_attention(const glass::Tensor& weights, const Sentence& source,
                           const Sentence& target, Terminal terminal = this_terminal());

}  // namespace translate
