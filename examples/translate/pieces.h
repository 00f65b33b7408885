// # Text cut into pieces, and subwords joined again
//
// Byte-pair encoding joins characters only inside a piece: a word, a run of a script that writes no
// spaces, or one mark. So a subword never spans two words, nor a word and a comma.
//
// The cut loses nothing. A space belongs to the piece that it precedes, " dogs". So spaces come
// back where they were written, and only there. The first word of a sentence gets a space, too,
// which join() takes away: a word then has the same subwords wherever it stands.
#pragma once

#include <span>

#include "examples/translate/text.h"

namespace translate {

// A longer piece is cut there, because the time for cutting a piece into subwords grows with the
// square of its length.
inline constexpr std::size_t longest_piece = 200;  // characters

// The pieces of a text, which one after another are the text again: "two dogs." is "two", " dogs"
// and ".". FileError if `text` is not UTF-8.
Sentence pieces(std::string_view text);

// What tokenize(Unit::subwords, …) gives: the pieces of the text in lower case, with spaces for
// control characters, without the spaces at its ends, and with a space before its first piece,
// unless that is of a script without spaces.
Sentence normal_pieces(std::u32string_view codes);

// What join(Unit::subwords, …) gives: the text of subwords, without the first space. A model may
// write any bytes: what is not UTF-8 becomes U+FFFD, and a control character becomes a space, so
// that a translation is one line.
std::string join_subwords(const Sentence& subwords);

// Where words begin among subwords, as indices: 0, and the first subword of each further word. In
// scripts without spaces every subword counts as a word.
std::vector<Index> word_starts(const Sentence& subwords);

// Whether most letters and digits of the texts are of scripts that write no spaces.
bool is_mostly_unspaced(std::span<const std::string> texts);

// ---- bytes ----
// A character that an encoding does not know is spelled as its bytes in UTF-8, each a token of its
// own: <0x00> … <0xFF>. No piece contains such a token, since "<" is a mark and stands alone.

std::string byte_token(unsigned char byte);
bool is_byte_token(std::string_view token);

// The bytes of subwords, one after another; not always UTF-8.
std::string bytes_of(const Sentence& subwords);

}  // namespace translate
