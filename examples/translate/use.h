// # A trained translator at work
#pragma once

#include <iosfwd>

#include "examples/translate/translator.h"

namespace translate {

// A translation for every line of the file, to `output` or, if that is empty, to the terminal.
// FileError with the line where one cannot be translated; nothing is written then.
void translate_file(const Translator& translator, const std::string& file,
                    const std::string& output, Search search);

// Reads lines until there are no more, and answers each with its translation, or with what is wrong
// with it. The prompt is shown where a person is likely to type.
void interact(const Translator& translator, std::istream& in, std::FILE* out, bool prompt,
              Search search);

}  // namespace translate
