// # A trained translator at work
#pragma once

#include <iosfwd>

#include "examples/translate/translator.h"

namespace translate {

// Translations as they are written. Without `nbest`, a line for each text. With it, up to so many
// lines for each, the best first, with tabs between
//
//     the number of the text, the rank, the ln of the probability, the translation
//
// Texts are numbered from `first`, ranks from 1. The rank follows the score of the length penalty,
// so a longer translation may stand before a more probable one.
std::string lines_of(const Translator& translator, std::span<const std::string> texts,
                     Search search, Index nbest = 0, Index first = 1);

// Empties the lines that cannot be translated, and says on stderr which these are and why. Returns
// how many there were. `name` is the name of the file that the lines are from.
Index empty_faulty_lines(const Translator& translator, std::vector<std::string>& lines,
                         const std::string& name);

// Both functions write one line, or with `nbest` up to so many lines, for each line that they read.
// So without `nbest`, line n of the output is always the translation of line n of the input. A line
// that cannot be translated (too long, or not UTF-8) gives an empty line, and a message on stderr
// that names it. Both functions return how many lines could not be translated.

// A translation for every line of the file, to `output` or, if that is empty, to stdout.
Index translate_file(const Translator& translator, const std::string& file,
                     const std::string& output, Search search, Index nbest = 0);

// Reads lines until there are no more, and translates each at once. With `prompt`, a prompt is
// printed before each line, for a person who types. FileError if `out` cannot be written.
Index interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
               Search search, Index nbest = 0);

}  // namespace translate
