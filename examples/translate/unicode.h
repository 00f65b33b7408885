// # Unicode, as much as a translator needs
//
// UTF-8, lower case, and which code points are spaces and marks. The tables are those of the
// Unicode Character Database, in unicode_tables.h. Deliberately not the whole standard: no
// normalisation, and nothing that depends on a language (Turkish would write ı for I).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace translate {

// The index of the first byte that is not UTF-8 (RFC 3629: shortest form, no surrogates, at most
// U+10FFFF); nothing if all are.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// FileError if `text` is not UTF-8.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view codes);

// The small letter of a capital or title-case letter, by Unicode's one-to-one mapping; any other
// code point is its own. İ (U+0130) gives i, and Σ gives σ.
char32_t lower(char32_t code);

// A whole text in lower case, by Unicode's full mapping (The Unicode Standard 14.0, section 3.13),
// as Python's str.lower() does it. It differs from lower() in two letters: İ becomes i followed by
// U+0307 (a dot above), and Σ becomes ς at the end of a word.
std::u32string lower_case(std::u32string_view codes);
std::string lower_case(std::string_view text);  // FileError where `text` is not UTF-8

// What Python's str.isspace() and str.split() take for a space. U+200B, U+FEFF and most control
// characters are none.
bool is_white_space(char32_t c);

// What separates our tokens, and is part of none: white space, and also control characters and
// what is invisible: U+200B (zero-width space), U+202A … U+202E and U+2066 … U+2069 (directions of
// writing), and U+FEFF (byte order mark).
bool is_space(char32_t c);

// Punctuation and symbols, that is the general categories P and S: a token of its own each. So is
// everything in the blocks of pictographs, U+1F000 … U+1FAFF, to which every version adds some.
bool is_mark(char32_t c);

// Letters, digits and signs of scripts that write no spaces between words: Han, Hiragana, Katakana,
// Bopomofo, Thai, Lao, Khmer, Myanmar, Tibetan, Javanese and some smaller ones. Hangul is none:
// Korean writes spaces.
bool is_unspaced(char32_t c);

// How many columns of a terminal the code point takes: 2 where it is wide (Chinese, Japanese,
// Korean, pictographs), 0 where it is drawn on the character before it, 1 otherwise.
int columns_of(char32_t c);
int columns_of(std::string_view text);  // the sum; FileError where `text` is not UTF-8

}  // namespace translate
