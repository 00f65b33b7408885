// # Unicode, as much as a translator needs
//
// UTF-8, and which code points are capitals, spaces and marks. Deliberately not the whole standard:
// no normalisation, no mapping that changes a text's length, nothing that depends on a language.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace translate {

// Where the first byte stands that is not UTF-8 (RFC 3629: shortest form, no surrogates, at most
// U+10FFFF), if there is one.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// FileError where `text` is not UTF-8.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view codes);

// Lower case by Unicode's one-to-one mapping: Latin, modern Greek, Cyrillic and Armenian.
char32_t lower(char32_t code);
std::string lower_case(std::string_view text);

bool is_space(char32_t c);
bool is_mark(char32_t c);  // punctuation and symbols: a token of its own each

}  // namespace translate
