// # A trained translator at work
#pragma once

#include <iosfwd>

#include "examples/translate/translator.h"

namespace translate {

// Both functions write one line for each line that they read, so that line n of the output is
// always the translation of line n of the input. A line that cannot be translated (too long, or not
// UTF-8) gives an empty line, and a message on stderr that names it. Both functions return how many
// lines could not be translated.

// A translation for every line of the file, to `output` or, if that is empty, to stdout.
Index translate_file(const Translator& translator, const std::string& file,
                     const std::string& output, Search search);

// Reads lines until there are no more, and translates each at once. With `prompt`, a prompt is
// printed before each line, for a person who types. FileError if `out` cannot be written.
Index interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
               Search search);

}  // namespace translate
