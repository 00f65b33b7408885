// # UTF-8, lower case, and the look-up in the tables
#include "examples/translate/unicode.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "examples/translate/unicode_tables.h"
#include "examples/translate/unicode_widths.h"
#include "glassgrad.h"

namespace translate {

using glass::check;
using glass::FileError;

namespace {

// ---- UTF-8 ----

// Takes one code point off the front of `text`. If the front is not UTF-8, it takes nothing and
// returns nothing.
std::optional<char32_t> next_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0  // a continuation, or an overlong form
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;  // beyond U+10FFFF
  if (length == 0 || text.size() < length) return {};

  // The lead byte has the first bits, each byte 10xxxxxx after it six more.
  char32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte & 0x3Fu);
  }

  // Some code points are not allowed, and none may be written longer than needed.
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = 0xD800 <= code && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  text.remove_prefix(length);
  return code;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string codes;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view at = rest;
    const auto code = next_code_point(rest);
    check<FileError>(code.has_value(), "tokenize: expected UTF-8; got byte 0x{:02x} at byte {}",
                     static_cast<unsigned char>(at.front()), text.size() - at.size() + 1);
    codes += *code;
  }
  return codes;
}

std::string encode_utf8(std::u32string_view codes) {
  std::string text;
  for (const char32_t code : codes) {
    // Writes the lead byte with the highest bits, then six bits a byte; `shift` is how many follow.
    const auto add = [&](char32_t lead, int shift) {
      text += static_cast<char>(lead | (code >> shift));
      while (shift > 0) text += static_cast<char>(0x80 | ((code >> (shift -= 6)) & 0x3F));
    };
    if (code < 0x80)
      add(0, 0);
    else if (code < 0x800)
      add(0xC0, 6);
    else if (code < 0x10000)
      add(0xE0, 12);
    else
      add(0xF0, 18);
  }
  return text;
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();)
    if (!next_code_point(rest)) return text.size() - rest.size();
  return {};
}

// ---- tables of code points ----

namespace {

// Whether one of the ranges, which are in order, holds `code`.
bool holds(std::span<const tables::Range> ranges, char32_t code) {
  const auto after = std::ranges::upper_bound(ranges, code, {}, &tables::Range::first);
  return after != ranges.begin() && code <= std::prev(after)->last;
}

// Whether the first code point from `begin` on that is not ignorable is a cased letter.
bool meets_cased(auto begin, auto end) {
  const auto ignorable = [](char32_t c) { return holds(tables::case_ignorable, c); };
  const auto found = std::find_if_not(begin, end, ignorable);
  return found != end && holds(tables::cased, *found);
}

// The standard's condition Final_Sigma: a cased letter stands before it, and none after it.
bool is_final_sigma(std::u32string_view codes, std::size_t at) {
  const std::u32string_view before = codes.substr(0, at), after = codes.substr(at + 1);
  return meets_cased(before.rbegin(), before.rend()) && !meets_cased(after.begin(), after.end());
}

}  // namespace

char32_t lower(char32_t code) {
  const std::span<const tables::CaseRange> capitals = tables::capitals;
  const auto after = std::ranges::upper_bound(capitals, code, {}, &tables::CaseRange::first);
  if (after == capitals.begin()) return code;
  const auto& [first, last, step, offset] = *std::prev(after);
  const bool capital = code <= last && (code - first) % static_cast<char32_t>(step) == 0;
  return capital ? static_cast<char32_t>(static_cast<int>(code) + offset) : code;
}

// ---- lower case, spaces and marks ----

std::u32string lower_case(std::u32string_view codes) {
  std::u32string result;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    // Two letters do not follow the one-to-one mapping.
    if (codes[i] == U'İ') {
      result += U"i\u0307";
    } else if (codes[i] == U'Σ' && is_final_sigma(codes, i)) {
      result += U'ς';
    } else {
      result += lower(codes[i]);
    }
  }
  return result;
}

std::string lower_case(std::string_view text) { return encode_utf8(lower_case(decode_utf8(text))); }

bool is_white_space(char32_t c) { return holds(tables::spaces, c); }

bool is_space(char32_t c) {
  const bool control = c < 0x20 || (0x7F <= c && c < 0xA0);
  const bool direction = (0x202A <= c && c <= 0x202E) || (0x2066 <= c && c <= 0x2069);
  return control || direction || c == 0x200B || c == 0xFEFF || is_white_space(c);
}

bool is_mark(char32_t c) {
  // Every version of Unicode adds pictographs, so their whole blocks count.
  const bool pictograph = 0x1F000 <= c && c <= 0x1FAFF;
  return pictograph || holds(tables::marks, c);
}

// ---- scripts without spaces, and columns ----

bool is_unspaced(char32_t c) {
  // The blocks of these scripts, by the names of the standard.
  static constexpr tables::Range blocks[] = {
      {0x0E00, 0x0FFF},    // Thai, Lao, Tibetan
      {0x1000, 0x109F},    // Myanmar
      {0x1780, 0x17FF},    // Khmer
      {0x1950, 0x19FF},    // Tai Le, New Tai Lue, Khmer Symbols
      {0x1A20, 0x1AAF},    // Tai Tham
      {0x1B00, 0x1B7F},    // Balinese
      {0x2E80, 0x2FDF},    // radicals of Han
      {0x3005, 0x3007},    // 々〆〇
      {0x3040, 0x312F},    // Hiragana, Katakana, Bopomofo
      {0x31A0, 0x31BF},    // Bopomofo Extended
      {0x31F0, 0x31FF},    // Katakana Phonetic Extensions
      {0x3400, 0x4DBF},    // Han, Extension A
      {0x4E00, 0x9FFF},    // Han
      {0xA980, 0xA9FF},    // Javanese, Myanmar Extended-B
      {0xAA60, 0xAA7F},    // Myanmar Extended-A
      {0xF900, 0xFAFF},    // Han, compatibility
      {0xFF66, 0xFF9F},    // halfwidth Katakana
      {0x1AFF0, 0x1B16F},  // Kana, extended and supplement
      {0x20000, 0x3FFFF},  // Han, the other extensions
  };
  return holds(blocks, c) && !is_mark(c) && !is_space(c);
}

int columns_of(char32_t c) {
  if (holds(tables::zero_width, c)) return 0;
  return holds(tables::wide, c) ? 2 : 1;
}

int columns_of(std::string_view text) {
  int columns = 0;
  for (const char32_t c : decode_utf8(text)) columns += columns_of(c);
  return columns;
}

}  // namespace translate
