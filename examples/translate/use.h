// # A trained translator at work
#pragma once

#include <iosfwd>

#include "examples/translate/translator.h"

namespace translate {

// Both write one line for each line that they read, so that line n of the output is always the
// translation of line n of the input. A line that cannot be translated (too long, not UTF-8) gives
// an empty line, and a message on stderr that names it. Both return how many such lines there were.

// A translation for every line of the file, to `output` or, if that is empty, to stdout.
Index translate_file(const Translator& translator, const std::string& file,
                     const std::string& output, Search search);

// Reads lines until there are no more, and answers each at once. The prompt is shown where a person
// is likely to type. FileError if `out` cannot be written.
Index interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
               Search search);

}  // namespace translate
